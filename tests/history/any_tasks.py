"""Any task at all, for the round trips."""

from typing import Any

from ConfigSpace import ConfigurationSpace
from hypothesis import strategies as st

from foretune.data.records import DONE, FAILED, RUNNING, Task, Trial

FINITE = st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
MEASURED = st.dictionaries(st.text(max_size=5), st.floats(), max_size=3)
SPACES = [None, ConfigurationSpace({"C": (0.1, 9.0), "kernel": ["rbf", "linear"]})]


@st.composite
def trials(draw: Any) -> Trial:
    """Any trial."""
    status = draw(st.sampled_from([DONE, FAILED, RUNNING]))
    return Trial(
        draw(st.dictionaries(st.text(max_size=5), PLAIN, max_size=3)),
        draw(FINITE) if status is DONE else None,
        seconds=draw(st.none() | FINITE),
        status=status,
        scores=draw(st.dictionaries(st.text(max_size=5), st.lists(st.floats(), max_size=3), max_size=3)),
        costs=draw(MEASURED),
        noise=draw(st.none() | FINITE),
        fidelity=draw(st.none() | FINITE),
        curve=tuple(draw(st.lists(st.floats(), max_size=3))),
        seed=draw(st.none() | st.integers(-(2**63), 2**63 - 1)),
        repeat=draw(st.integers(0, 99)),
        weight=draw(st.floats(0.01, 1.0)),
        reason=draw(st.text(max_size=9)),
    )


@st.composite
def tasks(draw: Any) -> Task:
    """Any task."""
    return Task(
        draw(st.text(max_size=9)),
        draw(st.sampled_from(["svm", "cnn", "random_forest"])),
        draw(st.sampled_from(SPACES)),
        metric=draw(st.text(max_size=5)),
        dataset=draw(st.none() | st.text(max_size=5)),
        group=draw(st.none() | st.text(max_size=5)),
        metafeatures=draw(MEASURED),
        trials=tuple(draw(st.lists(trials(), max_size=4, unique_by=lambda trial: trial.key))),
        provenance=draw(st.dictionaries(st.sampled_from(["protocol", "by", "on"]), PLAIN, max_size=3)),
    )


TASKS = st.lists(tasks(), max_size=4, unique_by=lambda task: task.key)
