"""SMAC3's run folders as tasks, with the very space that was searched."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, Final

from ConfigSpace import ConfigurationSpace

from foretune.data.errors import HistoryError
from foretune.data.records import Task
from foretune.data.spaces import names_of, space_of
from foretune.history.readers.folders import folder_at, folders_in
from foretune.history.readers.naming import called_by
from foretune.history.readers.runs import Run, number_of, tasks_of_runs
from foretune.history.readers.untrusted import json_at

SOURCE: Final = "smac"  # in a task's provenance
# smac.runhistory.enumerations.StatusType: 0 RUNNING, 1 SUCCESS, 2 CRASHED, 3 TIMEOUT, 4 MEMORYOUT.
STATUSES: Final = {0: "running", 1: "success", 2: "crashed", 3: "timeout", 4: "memout"}
TOLD: Final = ("config_id", "instance", "seed", "budget", "cost", "time")
ENDED: Final = ("status", "starttime", "endtime", "additional_info")
LISTED: Final = {
    10: (*TOLD, *ENDED),
    11: (*TOLD, "cpu_time", *ENDED),
}  # a trial as SMAC 2.0 and later wrote it


def read_smac(
    folder: str | PathLike[str],
    *,
    study: str | Sequence[str] | None = None,
    metric: str | None = None,
    family: str | None = None,
) -> list[Task]:
    """The tasks of SMAC3's folders (`smac3_output`, or NAME/SEED in it): one a scenario, or one an instance.

    Configs, costs, seeds, budgets and statuses are those of runhistory.json, the space is that of
    configspace.json. A budget is a fidelity, the highest counts as full. Instances are tasks of their own,
    with their features as meta-features, in one group; runs of one scenario with several seeds are one task.

    A cost is a loss to be minimised; `metric` tells the one to read where there are several objectives, or,
    of a single one, what it is: "error", "rmse". `study` names scenarios. A family is called by its
    hyperparameters unless `family` is given. Raises `HistoryError` where there is no run, or it is damaged.
    """
    place = folder_at(folder)
    found = folders_in(place, "runhistory.json")
    if not found:
        raise HistoryError(f"{place} holds no runhistory.json of SMAC3's: give the folder that SMAC wrote.")
    scenarios = [_Scenario(one, metric) for one in found]
    known = [one.name for one in scenarios]
    wanted = [study] if isinstance(study, str) else known if study is None else study
    if unknown := [name for name in wanted if name not in known]:
        raise HistoryError(f"there is no scenario {unknown[0][:60]!r}: there are {', '.join(known[:8])}.")
    alike: dict[str, list[_Scenario]] = {}
    for one in scenarios:
        if one.name in wanted:
            alike.setdefault(f"{one.name}{one.space.to_serialized_dict()}", []).append(one)
    return [task for members in alike.values() for task in _tasks(members, metric, family)]


class _Scenario:
    """One run of SMAC: its scenario, its space, and its history."""

    def __init__(self, folder: Path, metric: str | None) -> None:
        self.folder, self._metric = folder, metric
        self.told = _mapping(folder / "scenario.json")
        self.name = _name(self.told, folder)
        self.space = _space(folder / "configspace.json")

    @property
    def objectives(self) -> list[str]:
        """The names of the costs; a single one is called as the user says."""
        told = self.told.get("objectives", "cost")
        names = [str(one) for one in told] if isinstance(told, list) else [str(told)]
        return names if len(names) > 1 or self._metric is None else [self._metric]

    def runs(self) -> Iterator[Run]:
        """The trials of the run history."""
        history = _mapping(self.folder / "runhistory.json")
        configs, data = history.get("configs"), history.get("data")
        if not isinstance(configs, dict) or not isinstance(data, list):
            raise _damaged(self.folder / "runhistory.json", "it has no configs or no data")
        for one in map(self._named, data):
            config = configs.get(str(one.get("config_id")))
            if not isinstance(config, dict):
                raise _damaged(
                    self.folder / "runhistory.json", f"config {one.get('config_id')!r} is not in it"
                )
            yield self._run(one, config)

    def _named(self, one: Any) -> Mapping[str, Any]:
        """The trial as a mapping; once it was a list of the same values in order."""
        if isinstance(one, list) and len(one) in LISTED:
            return dict(zip(LISTED[len(one)], one, strict=True))
        if not isinstance(one, dict):
            raise _damaged(self.folder / "runhistory.json", "a trial is no mapping")
        return one

    def _run(self, one: Mapping[str, Any], config: Mapping[str, Any]) -> Run:
        info, status = one.get("additional_info"), one.get("status")
        trace = info.get("traceback") if isinstance(info, dict) else None
        lines = [line.strip() for line in str(trace or "").splitlines() if line.strip()]
        instance = one.get("instance")
        return Run(
            self.name if instance is None else f"{self.name}/{instance}",
            config,
            self._costs(one.get("cost")),
            status=STATUSES.get(status if isinstance(status, int) else -1, "failed"),
            reason=lines[-1] if lines else "",
            seconds=number_of(one.get("time")),
            seed=number_of(one.get("seed")),
            fidelity=number_of(one.get("budget")),
            ended=number_of(one.get("endtime") or 0.0),
            group=None if instance is None else self.name,
            metafeatures=self._features(instance),
        )

    def _costs(self, cost: Any) -> dict[str, float]:
        costs = cost if isinstance(cost, list) else [cost]
        return dict(zip(self.objectives, map(number_of, costs), strict=False))

    def _features(self, instance: Any) -> dict[str, float]:
        told = self.told.get("instance_features")
        features = told.get(str(instance)) if isinstance(told, dict) else None
        return {
            f"feature{i}": number_of(one)
            for i, one in enumerate(features if isinstance(features, list) else ())
        }


def _tasks(members: Sequence[_Scenario], metric: str | None, family: str | None) -> list[Task]:
    """The tasks of the runs of one scenario."""
    space, started = members[0].space, _started(members)
    return tasks_of_runs(
        [replace(run, started=started) for one in members for run in one.runs()],
        source=SOURCE,
        place=str(members[0].folder),
        metric=metric,
        direction="minimize",
        family=family or called_by(names_of(space)),
        space=space,
    )


def _started(members: Sequence[_Scenario]) -> float:
    """When the scenario was first run, with one of these seeds or of those beside them; NaN if untold."""
    beside = {file.parent for one in members for file in one.folder.parent.glob("*/runhistory.json")}
    times: list[float] = []
    for folder in sorted(beside | {one.folder for one in members}):
        with suppress(HistoryError):  # one beside them may be damaged
            if _name(_mapping(folder / "scenario.json"), folder) == members[0].name:
                data = _mapping(folder / "runhistory.json").get("data")
                trials = data if isinstance(data, list) else []
                times += [number_of(one.get("starttime")) for one in trials if isinstance(one, dict)]
    return min((time for time in times if time > 0), default=math.nan)


def _name(told: Mapping[str, Any], folder: Path) -> str:
    """The scenario's name."""
    return str(told.get("name") or folder.parent.name or folder.name)


def _space(file: Path) -> ConfigurationSpace:
    """The space that SMAC searched."""
    content = _mapping(file)
    try:
        return space_of(content)
    except Exception as error:  # ConfigSpace raises whatever a malformed space makes it stumble on
        raise _damaged(file, f"no space: {type(error).__name__}: {str(error)[:120]}") from None


def _mapping(file: Path) -> Mapping[str, Any]:
    content = json_at(file)
    if not isinstance(content, dict):
        raise _damaged(file, "it is no mapping")
    return content


def _damaged(file: Path, what: str) -> HistoryError:
    return HistoryError(f"{file} cannot be read ({what}): take it from its source again.")
