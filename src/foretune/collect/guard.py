"""A child process in which one call can be given a time limit and be killed: libsvm heeds no signal."""

import multiprocessing as mp
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from types import ModuleType
from typing import Any, Final

import cloudpickle

from foretune.data.errors import ForetuneError

TIMED_OUT: Final = "timed out after"
DIED: Final = "the fit's process died"


STARTING: Final = threading.Lock()  # one child at a time, as each start changes the process for a moment


class CallFailedError(Exception):
    """The guarded call raised, ran out of time, or its process died; the message says which.

    No user sees it: the sweep turns it into the reason of a failed trial.
    """


class Guard:
    """Runs calls in one child process, kept from call to call; a new one takes the place of a killed one.

    >>> guard = Guard()
    >>> guard.run(divmod, 7, 2, timeout=60)
    (3, 1)
    >>> guard.close()
    """

    def __init__(self) -> None:
        self._child: mp.process.BaseProcess | None = None
        self._pipe: Connection | None = None
        self._turn = threading.Lock()  # one call at a time, whatever thread it comes from

    def run(
        self,
        call: Callable[..., Any],
        *args: Any,
        timeout: float | None = None,
        prepare: Callable[..., None] | None = None,
    ) -> Any:
        """The call's result; `CallFailedError` where it raises, dies, or takes over `timeout` seconds.

        A new child's start, what it must import for the call, and `prepare(*args)`, which the child runs
        before the call, are not of these seconds. Raises `ForetuneError` where no child can be started.
        """
        try:
            message = cloudpickle.dumps((prepare, call, args))
        except Exception as error:  # whatever a user's own class makes of being sent
            raise CallFailedError(
                f"it cannot be sent to a process ({type(error).__name__}: {error})"
            ) from None
        with self._turn:
            return self._answered(message, timeout)

    def _answered(self, message: bytes, timeout: float | None) -> Any:
        if not self._is_ready():
            self._start()
        try:
            return self._asked(message, timeout)
        except (EOFError, OSError):
            raise CallFailedError(f"{DIED} ({_cause(self._kill())})") from None
        except CallFailedError:
            raise
        except BaseException:  # interrupted while it waits: the next call must not get this one's answer
            self._kill()
            raise

    def _asked(self, message: bytes, timeout: float | None) -> Any:
        assert self._pipe is not None
        self._pipe.send_bytes(message)
        self._received(None)  # that all is prepared
        return self._received(timeout)

    def _received(self, timeout: float | None) -> Any:
        assert self._pipe is not None
        if not self._pipe.poll(timeout):
            self._kill()
            raise CallFailedError(f"{TIMED_OUT} {timeout:g} s")
        worked, result = self._pipe.recv()
        if not worked:
            raise CallFailedError(result)
        return result

    def close(self) -> None:
        """Ends the child."""
        self._kill()

    def _is_ready(self) -> bool:
        """Whether a child waits for a call; one that died has closed its end, which reads as an answer."""
        return self._child is not None and self._pipe is not None and not self._pipe.poll(0)

    def _start(self) -> None:
        """Starts a child, and waits until it has come up; `ForetuneError` where it does not."""
        self._kill()
        if mp.current_process().daemon:
            raise ForetuneError(
                "a process to fit models in cannot be started by a daemonic process, such as a worker of "
                "multiprocessing.Pool: call from another one."
            )
        context = mp.get_context("spawn")
        pipe, theirs = context.Pipe()
        child = context.Process(target=_serve, args=(theirs, os.getpid()), daemon=True)
        with STARTING, _without_main():
            child.start()
        theirs.close()
        self._child, self._pipe = child, pipe
        try:
            pipe.recv_bytes()
        except (EOFError, OSError):
            raise ForetuneError(
                f"a process to fit models in cannot be started ({_cause(self._kill())}): mend what it "
                "printed, and start again."
            ) from None
        except BaseException:  # interrupted while it waits
            self._kill()
            raise

    def _kill(self) -> int | None:
        child, pipe, self._child, self._pipe = self._child, self._pipe, None, None
        if child is None or pipe is None:
            return None
        child.join(timeout=0.2)
        if child.is_alive():
            child.kill()
            child.join()
        code = child.exitcode
        child.close()
        pipe.close()
        return code


def may_end_otherwise(reason: str, timeout: float | None) -> bool:
    """Whether a call that failed for this reason may end well: in a new process, or with more time.

    >>> may_end_otherwise("timed out after 4 s", 4.0), may_end_otherwise("timed out after 4 s", None)
    (False, True)
    """
    timed_out = re.fullmatch(rf"{TIMED_OUT} ([\d.]+(?:e[+-]\d+)?) s", reason)
    if timed_out is None:
        return reason.startswith(DIED)
    return timeout is None or float(f"{timeout:g}") > float(timed_out[1])


@contextmanager
def _without_main() -> Iterator[None]:
    """Keeps a new child from running the caller's script again, which may have no `__name__` guard.

    The child needs nothing of it, as what is defined there travels by value; but what the script of a child
    process defines, `__mp_main__`, travels by name.
    """
    main = sys.modules["__main__"]
    if main.__name__ == "__main__":
        sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _cause(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"killed by {signal.Signals(-exit_code).name}, often for want of memory"
    return f"exit code {exit_code}"


def _serve(pipe: Connection, parent: int) -> None:
    """Answers calls until the pipe closes; ends at once when the parent is gone.

    Calls travel by cloudpickle, so that a family defined in a notebook arrives too; the pipe's other end is
    our own parent process, never a file.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with(parent)
    pipe.send_bytes(b"")  # it has come up
    while True:
        try:
            for answer in _answers(pipe.recv_bytes()):
                pipe.send_bytes(answer)
        except (EOFError, OSError):  # the caller is gone
            return


def _answers(message: bytes) -> Iterator[bytes]:
    """That all is prepared, and then the call's result; what is raised ends them."""
    try:
        prepare, call, args = cloudpickle.loads(message)
        if prepare is not None:
            prepare(*args)
        yield cloudpickle.dumps((True, None))
        yield cloudpickle.dumps((True, call(*args)))
    except Exception as error:  # whatever an estimator raises is the trial's reason
        reason = f"{type(error).__name__}: {error}".strip().split("\n")[0][:500]
        yield cloudpickle.dumps((False, reason))


def end_with(parent: int) -> None:
    """Ends this process within a second of its parent's death, so that a killed sweep leaves none behind."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
