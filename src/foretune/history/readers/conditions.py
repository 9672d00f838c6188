"""Which hyperparameters are there only for some values of another: read off the configs themselves."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final

from ConfigSpace import ConfigurationSpace, Constant, GreaterThanCondition, InCondition, LessThanCondition

from foretune.data.records import Config, canonical
from foretune.data.spaces import KIND, unfold

MOST_CONFIGS: Final = 2000  # that are looked at, spread over all: more tell no more


@dataclass(frozen=True)
class Rule:
    """The parent and its values that bring a hyperparameter into a config; of an integer a bound instead."""

    parent: str
    values: tuple[Any, ...] = ()
    above: int | None = None
    below: int | None = None


def rules_of(
    configs: Sequence[Config], *, choices: Set[str], integers: Set[str] = frozenset()
) -> dict[str, Rule]:
    """For every hyperparameter that some configs lack, the rule that tells which, where there is one.

    The rule's parent is one of `choices`, or else of `integers`, and the rule holds in every config given. Of
    several that do, the one whose parent is itself in the fewest configs is taken.

    >>> configs = [{"kernel": "rbf", "gamma": 0.1}, {"kernel": "linear"}]
    >>> rules_of(configs, choices={"kernel"})["gamma"].values
    ('rbf',)
    """
    configs = configs[:: len(configs) // MOST_CONFIGS + 1]
    counts: dict[str, int] = {}
    for config in configs:
        for name in config:
            counts[name] = counts.get(name, 0) + 1
    parents = sorted(
        (name for name in counts if name in choices or name in integers),
        key=lambda name: (name not in choices, counts[name], name),
    )
    found: dict[str, Rule] = {}
    for child, count in counts.items():
        if count < len(configs):
            fitting = (_rule(configs, child, one, one in choices) for one in parents if counts[one] > count)
            rule = next((rule for rule in fitting if rule is not None), None)
            if rule is not None:
                found[child] = rule
    return found


def _rule(configs: Sequence[Config], child: str, parent: str, is_choice: bool) -> Rule | None:
    """The rule by which this parent brings in the child; None where it does not tell."""
    there: dict[str, Any] = {}
    lacking: dict[str, Any] = {}
    for config in configs:
        if parent in config:
            value = config[parent]
            (there if child in config else lacking)[canonical({"": value})] = value
        elif child in config:
            return None
    if not there or not lacking or there.keys() & lacking.keys():
        return None
    if is_choice:
        return Rule(parent, tuple(there.values()))
    if not all(type(value) is int for value in (*there.values(), *lacking.values())):
        return None
    if min(there.values()) > max(lacking.values()):
        return Rule(parent, above=max(lacking.values()))
    return Rule(parent, below=min(lacking.values())) if max(there.values()) < min(lacking.values()) else None


def add_rules(space: ConfigurationSpace, rules: Mapping[str, Rule]) -> None:
    """Adds the rules as conditions to the space; those on hyperparameters that it lacks are passed over."""
    for child, rule in rules.items():
        # Of a mixed one the kind alone: where that is inactive, its number is too.
        parent, name = _held(space, rule.parent), _held(space, child)
        if parent and name:
            space.add(*_conditions(space, name, parent, rule))


def _held(space: ConfigurationSpace, name: str) -> str | None:
    """What the space calls the hyperparameter."""
    return next((held for held in (name + KIND, name) if held in space), None)


def _conditions(space: ConfigurationSpace, child: str, parent: str, rule: Rule) -> Iterator[Any]:
    one, other = space[child], space[parent]
    bound = rule.below if rule.above is None else rule.above
    if bound is not None and (isinstance(other, Constant) or not other.legal_value(bound)):
        return  # beyond the parent's range a bound no longer tells
    if rule.above is not None:
        yield GreaterThanCondition(one, other, rule.above)
    elif rule.below is not None:
        yield LessThanCondition(one, other, rule.below)
    else:
        values = [unfold(space, {rule.parent: value})[parent] for value in rule.values]
        if legal := [value for value in values if other.legal_value(value)]:
            yield InCondition(one, other, legal)
