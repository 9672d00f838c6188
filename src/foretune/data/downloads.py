"""Files fetched once from the network: bounded, kept in the cache folder, checked at each use."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import file_digest
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path, PurePosixPath
from typing import IO, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from foretune.data.cache_folder import cache_folder
from foretune.data.errors import DatasetError

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are there and those expected in all, None where the server does not say."""

LARGEST_BYTES: Final = 2**31
TIMEOUT_SECONDS: Final = 30.0  # without a byte
QUIET_SECONDS = 2.0  # progress is told only of downloads that take longer
CHUNK_BYTES: Final = 2**18
SCHEMES: Final = ("http", "https")
LONGEST_NAME: Final = 200  # characters of a file or folder; file systems take 255 bytes
FORBIDDEN: Final = frozenset('\\:*?"<>|\0')  # in no name that every file system takes
ABSENT: Final = (401, 404)  # a hub may say "log in" of what is not there, to keep private names secret


@dataclass(frozen=True)
class Remote:
    """A file at `url`, kept at `place` in the cache folder (parts split by "/"), at most `limit` bytes.

    `sha256` is what its digest must be, in hex, where the hub says so.
    """

    url: str
    place: str
    limit: int = LARGEST_BYTES
    sha256: str | None = None

    @property
    def path(self) -> Path:
        """Where the file is kept; `DatasetError` for a place outside the cache folder."""
        parts = PurePosixPath(self.place).parts
        odd = any(part in ("..", "/") or len(part) > LONGEST_NAME or FORBIDDEN & {*part} for part in parts)
        if not parts or odd:
            raise DatasetError(f"{self.url} would be kept at {self.place!r}, which is no place in the cache.")
        return cache_folder().joinpath(*parts)


def offline() -> bool:
    """Whether $FORETUNE_OFFLINE forbids the network."""
    return os.environ.get("FORETUNE_OFFLINE", "").lower() not in ("", "0", "false", "no", "off")


def fetch(
    remote: Remote,
    *,
    absent: str | None = None,
    by_hand: str | None = None,
    on_progress: Progress | None = None,
) -> Path:
    """The file's path in the cache folder, fetched if it is not there; one put there by hand serves as well.

    Raises `DatasetError`: with the text `absent` where the server has no such file, with what to put where
    (`by_hand`, else the file itself) where it cannot be had, and where it is larger than the limit, cut
    short, or no longer what its checksum says.
    """
    path = remote.path
    if path.is_file():
        _check(path, remote)
        return path
    by_hand = by_hand or f"fetch {remote.url} and put it at {path}"
    if offline():
        raise DatasetError(f"{remote.url} is not in the cache, and FORETUNE_OFFLINE is set: {by_hand}.")
    try:
        if urlsplit(remote.url).scheme not in SCHEMES:
            raise DatasetError(f"{remote.url} is not fetched: only http and https addresses are.")
        _download(remote, path, on_progress)
    except DatasetError:
        raise
    except HTTPError as error:
        error.close()
        if absent is not None and error.code in ABSENT:
            raise DatasetError(absent) from None
        raise DatasetError(f"{remote.url} answered {error.code} {error.reason}: {by_hand}.") from None
    except (URLError, HTTPException, ValueError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise DatasetError(f"{remote.url} cannot be reached ({reason}): {by_hand}.") from None
    except OSError as error:
        raise DatasetError(
            f"{path} cannot be written ({error.strerror}): make room, or set FORETUNE_CACHE to a folder."
        ) from None
    return path


def _check(path: Path, remote: Remote) -> None:
    """Compares the file with its checksum; that of one put there by hand is recorded at its first use."""
    found, wanted = _digest(path), remote.sha256 or _recorded(path)
    if wanted is None:
        _record(path, found)
    elif found != wanted:
        raise DatasetError(
            f"{path} is not what it was: its SHA-256 is {found}, not {wanted}. Delete it and "
            f"{_record_of(path).name}, and it is fetched again."
        )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _record_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _recorded(path: Path) -> str | None:
    try:
        return next(iter(_record_of(path).read_text(encoding="utf-8").split()), None)
    except (OSError, ValueError):
        return None


def _record(path: Path, digest: str) -> None:
    """One line as sha256sum writes it; where it cannot be written the file still serves."""
    with suppress(OSError):
        _record_of(path).write_text(f"{digest}  {path.name}\n", encoding="utf-8")


def _download(remote: Remote, path: Path, on_progress: Progress | None) -> None:
    """The whole file or nothing: it gets its name when all of it is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part{os.getpid()}")
    try:
        request = Request(remote.url, headers={"User-Agent": "foretune"})  # noqa: S310 - `fetch` looked at it
        with _opener().open(request, None, TIMEOUT_SECONDS) as answer, part.open("wb") as file:
            _copy(answer, file, remote, on_progress)
        digest = _digest(part)
        if remote.sha256 not in (None, digest):
            raise DatasetError(
                f"{remote.url} is damaged: its SHA-256 is {digest}, the hub says {remote.sha256}: try again."
            )
        part.replace(path)
        _record(path, digest)
    finally:
        part.unlink(missing_ok=True)


def _copy(answer: HTTPResponse, file: IO[bytes], remote: Remote, on_progress: Progress | None) -> None:
    length = answer.headers.get("Content-Length")
    total = int(length) if length is not None and length.isdecimal() else None
    _check_limit(total or 0, remote)
    started, done = time.monotonic(), 0
    while chunk := answer.read(CHUNK_BYTES):
        done += len(chunk)
        _check_limit(done, remote)
        file.write(chunk)
        if on_progress is not None and time.monotonic() - started >= QUIET_SECONDS:
            on_progress(done, total)
    if total is not None and done < total:
        raise DatasetError(f"{remote.url} was cut short: {done} of {total} bytes came: try again.")


def _check_limit(size: int, remote: Remote) -> None:
    if size > remote.limit:
        raise DatasetError(
            f"{remote.url} is larger than {remote.limit / 2**20:.0f} MiB, the most that is fetched: "
            f"fetch it yourself and put it at {remote.path}, or take a smaller part of it."
        )


class _Redirects(HTTPRedirectHandler):
    """Follows redirects to http and https only, and never from https to http."""

    def redirect_request(  # noqa: PLR0917 - as urllib has it
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        scheme = urlsplit(newurl).scheme
        if scheme not in SCHEMES or (scheme == "http" and req.type == "https"):
            raise URLError(f"it leads to {newurl}, which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> OpenerDirector:
    """Opens http and https, and neither files nor anything else, wherever a redirect leads."""
    opener = OpenerDirector()
    for handler in (
        ProxyHandler(),
        HTTPHandler(),
        HTTPSHandler(),
        _Redirects(),
        HTTPDefaultErrorHandler(),
        HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener
