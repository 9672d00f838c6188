"""Tasks and trials as rows: what every store writes, and what it must doubt when it reads.

A row holds text, numbers and None; a trial's row also holds its measurements (scores, costs, curve), which a
store of flat columns turns into JSON texts. JSON is strict here: a null in the place of a number is NaN.
A store may have come from a stranger, so a reader takes nothing for granted.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from foretune.data.bounds import (
    LONGEST_NAME,
    LONGEST_REASON,
    LONGEST_TEXT,
    check_count,
    check_nested,
    check_space,
    checked_name,
    may_be_odd,
)
from foretune.data.errors import HistoryError
from foretune.data.records import Status, Task, Trial, plain
from foretune.data.spaces import covers

if TYPE_CHECKING:
    import pandas as pd
    from ConfigSpace import ConfigurationSpace

T = TypeVar("T")
Row = dict[str, Any]

# What reading an odd row may raise; a huge whole number overflows where a float is wanted.
ODD: Final = (AttributeError, KeyError, OverflowError, TypeError, ValueError, RecursionError, HistoryError)

INFERRED: Final = "inferred"  # in the provenance of a task whose space was read off its trials

# The columns of the bulk path, `History.table`, with their types.
TABLE_TYPES: Final = {
    "task": "str",
    "name": "str",
    "config": "str",
    "loss": "float64",
    "seconds": "float64",
    "status": "str",
    "noise": "float64",
    "fidelity": "float64",
    "weight": "float64",
}


def task_row(task: Task, spaces: dict[int, str] | None = None) -> Row:
    """The columns of a task, without its trials; `spaces` remembers the texts of spaces by their identity."""
    spaces = {} if spaces is None else spaces
    if task.space is not None and id(task.space) not in spaces:
        spaces[id(task.space)] = _json(task.space.to_serialized_dict())
    return {
        "key": task.key,
        "name": _storable(task.name),
        "family": _storable(task.family),
        "metric": _storable(task.metric),
        "dataset": _storable(task.dataset),
        "group": _storable(task.group),
        "space": None if task.space is None else spaces[id(task.space)],
        "metafeatures": _json(_numbers(_named(task.metafeatures))),
        "provenance": _json(task.provenance),
    }


def trial_row(trial: Trial) -> Row:
    """The columns of a trial, without its task. A NaN is kept as None: it was not measured."""
    trial = replace(trial, fidelity=_real(plain(trial.fidelity)))  # the key must be that of what is read back
    return {
        "key": trial.key,
        "config": _json(_named(trial.config)),
        "loss": _real(plain(trial.loss)),
        "seconds": _real(plain(trial.seconds)),
        "status": str(trial.status),
        "scores": {metric: tuple(map(float, folds)) for metric, folds in trial.scores.items()},
        "costs": {name: float(cost) for name, cost in trial.costs.items()},
        "noise": _real(plain(trial.noise)),
        "fidelity": trial.fidelity,
        "curve": tuple(map(float, trial.curve)),
        "seed": _storable_count(trial.seed),
        "repeat": _storable_count(trial.repeat),
        "weight": float(trial.weight),
        "reason": _storable(trial.reason[:LONGEST_REASON], LONGEST_REASON),
    }


def with_texts(row: Row) -> Row:
    """The trial row with its measurements as JSON texts."""
    scores = {metric: [*map(_as_json_number, folds)] for metric, folds in row["scores"].items()}
    curve = [*map(_as_json_number, row["curve"])]
    return row | {"scores": _json(scores), "costs": _json(_numbers(row["costs"])), "curve": _json(curve)}


@dataclass(frozen=True, slots=True)
class TaskRows:
    """A task as its row, and its trials as columns: what a store writes.

    `trials` holds, in the order of the table's columns from "key" on, one sequence for each.
    """

    task: Row
    trials: tuple[Sequence[Any], ...]

    def __len__(self) -> int:
        return len(self.trials[0]) if self.trials else 0

    def with_task(self, task_id: int) -> Iterator[tuple[Any, ...]]:
        """The trials as tuples that begin with the id of their task."""
        return zip(repeat(task_id, len(self)), *self.trials, strict=True)


def rows_of(tasks: Iterable[Task]) -> list[TaskRows]:
    """The tasks and their trials as rows."""
    spaces: dict[int, str] = {}
    found = []
    for task in tasks:
        rows = [tuple(with_texts(trial_row(trial)).values()) for trial in task.trials]
        found.append(TaskRows(task_row(task, spaces), tuple(zip(*rows, strict=True))))
    return found


class RowReader:
    """Turns rows back into tasks and trials; raises `HistoryError`, naming the source, where one is odd.

    Tasks whose spaces have equal texts share one space object: a space takes a millisecond to parse.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._spaces: dict[str, ConfigurationSpace] = {}

    def task(self, row: Mapping[str, Any], trials: Iterable[Mapping[str, Any]]) -> Task:
        """The task of a row and of the rows of its trials."""
        try:
            return Task(
                _name(row["name"]),
                _name(row["family"]),
                self._space(row["space"]),
                metric=_name(row["metric"]),
                dataset=_optional(_name, row["dataset"]),
                group=_optional(_name, row["group"]),
                metafeatures=_named(_read_numbers(row["metafeatures"])),
                trials=tuple(map(self.trial, trials)),
                provenance=_read_mapping(row["provenance"]),
            )
        except ODD as error:
            self._reject(row, error)

    def trial(self, row: Mapping[str, Any]) -> Trial:
        """The trial of a row."""
        try:
            return Trial(
                _named(_read_mapping(row["config"])),
                _real(row["loss"]),
                seconds=_real(row["seconds"]),
                status=Status(row["status"]),
                scores=row["scores"],
                costs=row["costs"],
                noise=_real(row["noise"]),
                fidelity=_real(row["fidelity"]),
                curve=row["curve"],
                seed=_optional(_count, row["seed"]),
                repeat=_count(row["repeat"]),
                weight=_weight(row["weight"]),
                reason=_text(row["reason"])[:LONGEST_REASON],
            )
        except ODD as error:
            self._reject(row, error)

    def without_texts(self, row: Row) -> Row:
        """The trial row with its measurements read from their JSON texts: the inverse of `with_texts`."""
        try:
            scores = _read_mapping(row["scores"])
            return row | {
                "scores": {metric: _read_list(folds) for metric, folds in scores.items()},
                "costs": _read_numbers(row["costs"]),
                "curve": _read_list(_parse(row["curve"])),
            }
        except ODD as error:
            self._reject(row, error)

    def filled(self, known: Row, later: Row) -> Row:
        """The known task row, its gaps filled from a later one; nothing that is known is overwritten.

        But a space that was inferred from a table gives way to one inferred from more of it.
        """
        merged = {column: later[column] if value is None else value for column, value in known.items()}
        try:
            for column in ("metafeatures", "provenance"):
                merged[column] = _filled_json(known[column], later[column])
            if known["space"] is not None:
                merged["provenance"] = _with_entry(merged["provenance"], "space", known["provenance"])
            if known["space"] != later["space"] and self._is_wider(later, known):
                merged["space"] = later["space"]
        except ODD as error:
            self._reject(known, error)
        return merged

    def _is_wider(self, later: Row, known: Row) -> bool:
        """Whether both spaces were inferred, and the later one holds the known one."""
        if any(_read_mapping(row["provenance"]).get("space") != INFERRED for row in (later, known)):
            return False
        wide, narrow = self._space(later["space"]), self._space(known["space"])
        return wide is not None and narrow is not None and covers(wide, narrow)

    def table(self, frame: "pd.DataFrame") -> "pd.DataFrame":
        """The frame with the columns and types of `History.table`, its statuses and losses checked."""
        try:
            frame = frame[list(TABLE_TYPES)].astype(TABLE_TYPES)
        except (KeyError, TypeError, ValueError) as error:
            raise HistoryError(f"{self._source} holds trials that cannot be read: {error}.") from error
        finished = frame["status"] == Status.DONE
        sound = frame["status"].isin(list(Status)) & (frame["loss"].abs().lt(math.inf) == finished)
        if not sound.all():
            odd = {"config": frame.loc[~sound, "config"].iloc[0]}
            self._reject(odd, ValueError("its status and its loss do not agree"))
        return frame

    def _space(self, text: Any) -> "ConfigurationSpace | None":
        if text is None:
            return None
        if text not in self._spaces:
            self._spaces[text] = _read_space(_text(text))
        return self._spaces[text]

    def _reject(self, row: Mapping[str, Any], error: Exception) -> NoReturn:
        what = f"task {row['name']!r}" if "provenance" in row else f"a trial of config {row.get('config')!r}"
        raise HistoryError(
            f"{self._source} holds {what[:200]} that cannot be read "
            f"({type(error).__name__}: {str(error)[:200]}): "
            "it is damaged or was not written by foretune. Take it from its source again."
        ) from error


def _read_space(text: str) -> "ConfigurationSpace":
    from foretune.data.spaces import space_of  # noqa: PLC0415 - heavy, and histories without spaces exist

    try:
        values = _read_mapping(text)
        check_space(values)
        return space_of(values)
    except Exception as error:  # ConfigSpace raises whatever a malformed space makes it stumble on
        raise ValueError(f"no space: {str(error)[:200]}") from error


def _json(value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"), default=_as_plain)
    except (TypeError, ValueError) as error:
        raise HistoryError(
            f"{value!r} cannot be stored ({error}): use None, bool, int, finite float, text, and lists or "
            "mappings of them."
        ) from None


def _as_plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if (scalar := plain(value)) is not value:
        return scalar
    raise TypeError(f"a {type(value).__name__} is not plain")


def _numbers(values: Mapping[str, float]) -> dict[str, float | str | None]:
    return {name: _as_json_number(value) for name, value in values.items()}


def _as_json_number(value: float) -> float | str | None:
    """The number in strict JSON, which knows neither NaN (null) nor the infinities (their names)."""
    value = float(value)
    if math.isfinite(value):
        return value
    return None if math.isnan(value) else str(value)


def _from_json_number(value: Any) -> float:
    if value is None:
        return math.nan
    if value in ("inf", "-inf"):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number")
    return float(value)


def _filled_json(known: str, later: str) -> str:
    values, more = _read_mapping(known), _read_mapping(later)
    return _json(values | {name: value for name, value in more.items() if values.get(name) is None})


def _with_entry(text: str, name: str, source: str) -> str:
    """The mapping with this entry as the source has it, or without it where that has none."""
    values, told = _read_mapping(text), _read_mapping(source)
    if values.get(name) == told.get(name):
        return text
    others = {one: value for one, value in values.items() if one != name}
    return _json(others | ({name: told[name]} if name in told else {}))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not strict JSON")


# One decoder for all texts: `json.loads` with an argument would build one for each.
_decode: Final = json.JSONDecoder(parse_constant=_refuse_constant).decode


def _parse(text: str) -> Any:
    check_count(len(text), LONGEST_TEXT, "characters in one cell")
    value = _decode(text)
    if may_be_odd(text):
        check_nested(value, "a cell")
    return value


def _read_mapping(text: str) -> dict[str, Any]:
    value = _parse(text)
    if not isinstance(value, dict):
        raise TypeError(f"{text[:200]!r} is not a JSON object")
    return value


def _read_numbers(text: str) -> dict[str, float]:
    return {name: _from_json_number(value) for name, value in _read_mapping(text).items()}


def _read_list(value: Any) -> tuple[float, ...]:
    if not isinstance(value, list):
        raise TypeError(f"{str(value)[:200]} is not a list of numbers")
    return tuple([x if type(x) is float else _from_json_number(x) for x in value])


def _optional(read: Callable[[Any], T], value: Any) -> T | None:
    return None if value is None else read(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _name(value: Any) -> str:
    return checked_name(_text(value), "a name")


def _named(values: Mapping[str, T]) -> Mapping[str, T]:
    """The mapping itself; a `HistoryError` where a name in it is too long."""
    if max(map(len, values), default=0) > LONGEST_NAME:
        checked_name(max(values, key=len), "the name of a hyperparameter or meta-feature")
    return values


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is not a whole number")
    return value


def _real(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number")
    return None if math.isnan(value) else float(value)


def _weight(value: Any) -> float:
    weight = _real(value)
    if weight is None or not 0.0 < weight <= 1.0:
        raise ValueError(f"a trial's weight is above 0 and at most 1, not {weight}")
    return weight


def _storable(text: str | None, most: int = LONGEST_NAME) -> str | None:
    """The text itself; a `HistoryError` where it is none, longer than `most`, or holds half a character."""
    if text is not None and not isinstance(text, str):
        raise HistoryError(f"a task is named {text!r}, which is no text: give it a name, such as '{text}'.")
    try:
        (text or "").encode()
    except UnicodeEncodeError as error:
        raise HistoryError(f"{text!r} cannot be stored: it is not valid Unicode ({error.reason}).") from None
    check_count(len(text or ""), most, "characters in a name")
    return text


def _storable_count(value: int | None) -> int | None:
    if value is None or -(2**63) <= value < 2**63:
        return None if value is None else int(value)
    raise HistoryError(f"the seed or repeat {value} cannot be stored: it must fit 64 bits.")
