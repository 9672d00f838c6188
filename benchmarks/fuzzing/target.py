"""What a fuzzer feeds: a reader that may answer, or refuse with a `ForetuneError`, and nothing else."""

import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from foretune.data.errors import ForetuneError

OUTPUTS: Final = Path(__file__).parents[2] / "tests" / "history" / "readers" / "outputs"
Seeds = Callable[[], list[bytes]]


@dataclass(frozen=True)
class Target:
    """One reader: `read` is given the path of a file with the fuzzer's bytes, called `file`.

    `seeds` are real small inputs, from which the fuzzer starts.
    """

    name: str
    file: str
    read: Callable[[Path], object]
    seeds: Seeds

    def feed(self, data: bytes) -> bool:
        """Whether the reader took the bytes; False where it refused them. Any other error passes through."""
        with _folder() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            (folder / self.file).write_bytes(data)
            try:
                self.read(folder / self.file)
            except ForetuneError:
                return False
        return True


def outputs(*patterns: str) -> Seeds:
    """The seeds that lie in the tests: small results really made by other tools."""
    return lambda: [path.read_bytes() for pattern in patterns for path in sorted(OUTPUTS.glob(pattern))]


def in_folder(name: str, folder: Path, read: Callable[[Path], object]) -> Target:
    """A target whose reader takes a folder of files, of which the fuzzer rewrites one.

    Its bytes begin with the line that names the file; `read` is given a copy of the folder.
    """
    files = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]

    def read_copy(path: Path) -> object:
        head, _, content = path.read_bytes().partition(b"\n")
        if (chosen := head.decode(errors="replace")) not in files:
            return None
        copy = path.parent / "copy"
        shutil.copytree(folder, copy)
        (copy / chosen).write_bytes(content)
        return read(copy)

    return Target(name, "bytes", read_copy, lambda: [_told(folder, file) for file in files])


def _told(folder: Path, file: str) -> bytes:
    return file.encode() + b"\n" + (folder / file).read_bytes()


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="foretune-fuzz-") as name:
        yield Path(name)
