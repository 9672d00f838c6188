"""One thread for BLAS while small systems are solved: several take longer to wake and meet than to work."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from threadpoolctl import ThreadpoolController


class OneThread:
    """Limits BLAS to one thread for as long as any thread of this process is inside `limited`.

    >>> from foretune.learners.threads import ONE_THREAD
    >>> with ONE_THREAD.limited():
    ...     pass
    """

    def __init__(self) -> None:
        self._lock, self._inside = Lock(), 0
        self._controller: ThreadpoolController | None = None
        self._limit: Any = None

    @contextmanager
    def limited(self) -> Iterator[None]:
        """The limit ends with the last of those inside, so that none of them keeps what another had set."""
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._controller = self._controller or ThreadpoolController()
                self._limit = self._controller.limit(limits=1, user_api="blas")
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    self._limit.restore_original_limits()


ONE_THREAD = OneThread()
