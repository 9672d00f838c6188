"""What OpenML's server answers, asked through openml-python, and kept in foretune's cache folder.

Of openml-python the transport, its errors and its settings serve (server, API key). Its own caches are not
used, as they are pickles.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from xml.parsers.expat import ExpatError

import pandas as pd

from foretune.data.cache_folder import cache_folder
from foretune.data.downloads import offline
from foretune.data.errors import DatasetError, MissingExtraError
from foretune.data.records import digest

RETRIES = 2  # tries of a request; openml-python itself would try five times, for ten seconds and more
PAGE: Final = 1000  # entries of a list that are asked for at once
MOST_CHARACTERS: Final = 2**27  # of an answer
LISTS: Final = (
    "oml:run",
    "oml:evaluation",
    "oml:setup",
    "oml:parameter",
    "oml:quality",
    "oml:dataset",
    "oml:input",
)

Answer = Mapping[str, Any]
"""An XML answer as nested mappings; its names begin with "oml:"."""


def ask(endpoint: str, *, is_final: Callable[[Answer], bool] = lambda _: True) -> Answer | None:
    """The server's answer at an endpoint such as "data/61"; None where it says that there is nothing.

    An answer is asked for once and kept, if it `is_final`. Raises `DatasetError` where the server cannot be
    reached, refuses, or answers something other than XML, and `MissingExtraError` without openml-python.
    """
    openml = package()
    path = kept_at(endpoint)
    if path.is_file():
        return _parsed(path.read_text(encoding="utf-8"), f"{path} is damaged: delete it and try again")
    by_hand = f"fetch {address_of(endpoint)} and put it at {path}"
    if offline():
        raise DatasetError(
            f"{endpoint} of OpenML is not in the cache, and FORETUNE_OFFLINE is set: {by_hand}."
        )
    text = _asked(openml, endpoint, by_hand)
    if text is None:
        return None
    answer = _parsed(text, f"OpenML's answer to {endpoint} is no XML: try again later")
    if is_final(answer):
        _keep(path, text)
    return answer


def pages(endpoint: str, outer: str, inner: str, *, limit: int) -> Iterator[Answer]:
    """The first entries of a list, at most `limit`, in the server's order.

    Full pages are kept, so that a list that was cut short goes on where it was; the last is asked for anew.
    """
    for offset in range(0, limit, PAGE):
        answer = ask(
            f"{endpoint}/limit/{PAGE}/offset/{offset}",
            is_final=lambda answer: len(entries(answer, outer, inner)) == PAGE,
        )
        found = entries(answer, outer, inner) if answer is not None else []
        yield from found[: limit - offset]
        if len(found) < PAGE:
            return


def entries(answer: Answer, outer: str, inner: str) -> list[Answer]:
    """The entries of a list within an answer; none where it holds no such list."""
    around = answer.get(outer)
    found = around.get(inner) if isinstance(around, Mapping) else None
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def address_of(endpoint: str) -> str:
    """The full address of an endpoint."""
    return f"{package().config.server.rstrip('/')}/{endpoint}"


def kept_at(endpoint: str) -> Path:
    """Where the answer of an endpoint is kept."""
    return server_folder() / endpoint.partition("/")[0] / f"{digest(endpoint)[:16]}.xml"


def server_folder() -> Path:
    """What is kept of the server that openml-python is set to."""
    host = urlsplit(str(package().config.server)).netloc
    return cache_folder() / "openml" / host.replace(":", "_")


def read_arff(path: Path) -> pd.DataFrame:
    """The table of an ARFF file, sparse ones too; nominal columns are categories, their values texts."""
    package()  # brings liac-arff along
    import arff  # noqa: PLC0415

    try:
        with path.open(encoding="utf-8") as file:
            content = arff.load(file, return_type=arff.DENSE if not _is_sparse(path) else arff.LOD)
    except (arff.ArffException, ValueError, OSError) as error:
        raise DatasetError(
            f"{path} cannot be read as ARFF ({str(error)[:120]}): delete it and try again."
        ) from None
    names = [name for name, _ in content["attributes"]]
    return _typed(pd.DataFrame(_rows(content), columns=names), dict(content["attributes"]))


def _rows(content: Mapping[str, Any]) -> list[list[Any]]:
    """The rows in full; what a sparse row leaves out is 0, or a nominal attribute's first value."""
    blank = [kind[0] if isinstance(kind, list) else 0.0 for _, kind in content["attributes"]]
    if not content["data"] or not isinstance(content["data"][0], dict):
        return list(content["data"])
    return [[row.get(place, one) for place, one in enumerate(blank)] for row in content["data"]]


def _is_sparse(path: Path) -> bool:
    with path.open(encoding="utf-8") as file:
        after = (line.strip() for line in file)
        for line in after:
            if line.lower() == "@data":
                return next((one for one in after if one and not one.startswith("%")), "").startswith("{")
    return False


def _typed(table: pd.DataFrame, kinds: Mapping[str, Any]) -> pd.DataFrame:
    for name, kind in kinds.items():
        if isinstance(kind, list):
            table[name] = pd.Categorical(table[name], categories=list(dict.fromkeys(kind)))
        elif kind in ("NUMERIC", "REAL", "INTEGER"):
            table[name] = table[name].astype("float64")
    return table


def package() -> Any:
    """The package; it makes its folders when it is first imported, in our cache where the user has none."""
    if "openml" not in sys.modules:
        with _own_folders():
            try:
                import openml  # noqa: F401, PLC0415
            except ImportError as error:
                raise MissingExtraError(
                    "OpenML needs a package that is not installed: pip install 'foretune[openml]'."
                ) from error
    return sys.modules["openml"]


@contextmanager
def _own_folders() -> Iterator[None]:
    """While this lasts, openml-python makes no folder in the user's home; settings made there still count."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    ours = {"OPENML_CACHE_DIR": str(cache_folder() / "openml" / "client")}
    if not (home / "openml").is_dir():
        ours["XDG_CONFIG_HOME"] = str(cache_folder() / "openml" / "settings")
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update({name: value for name, value in ours.items() if name[0] == "X" or before[name] is None})
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _asked(openml: Any, endpoint: str, by_hand: str) -> str | None:
    """The answer's text; None where the server says that there is nothing."""
    before = openml.config.connection_n_retries
    openml.config.connection_n_retries = RETRIES
    try:
        text = str(openml._api_calls._perform_api_call(endpoint, "get"))
    except openml.exceptions.OpenMLServerNoResult:
        return None
    except openml.exceptions.OpenMLServerException as error:
        raise DatasetError(f"OpenML refuses {endpoint}: {error.message} (code {error.code}).") from None
    except (
        openml.exceptions.PyOpenMLError,
        OSError,
        ValueError,
        LookupError,
        TypeError,
        ExpatError,
    ) as error:
        # A page that is no answer of OpenML's makes openml-python stumble in many ways.
        line = next(iter(str(error).splitlines()), "")[:120] or type(error).__name__
        raise DatasetError(f"{address_of(endpoint)} cannot be reached ({line}): {by_hand}.") from None
    finally:
        openml.config.connection_n_retries = before
    if len(text) > MOST_CHARACTERS:
        raise DatasetError(f"OpenML's answer to {endpoint} has {len(text):,} characters: ask for less.")
    return text


def _parsed(text: str, otherwise: str) -> Answer:
    """The XML as mappings; entities, with which few bytes stand for many, are refused."""
    import xmltodict  # noqa: PLC0415 - openml-python brings it along

    try:
        answer = xmltodict.parse(text, force_list=LISTS, disable_entities=True)
    except (ExpatError, ValueError):
        raise DatasetError(f"{otherwise}.") from None
    if not isinstance(answer, Mapping):
        raise DatasetError(f"{otherwise}.")
    return answer


def _keep(path: Path, text: str) -> None:
    """Whole or not at all; where nothing can be written, it is asked for again next time."""
    part = path.with_name(f"{path.name}.part{os.getpid()}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(path)
