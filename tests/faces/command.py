"""The command line as a shell would run it."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from foretune.faces import cli


class Run(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Foretune = Callable[..., Run]


def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Foretune:
    """What runs `foretune` with the words it is given."""

    def run(*words: object) -> Run:
        monkeypatch.setattr("sys.argv", ["foretune", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        return Run(int(end.value.code or 0), *capsys.readouterr())

    return run
