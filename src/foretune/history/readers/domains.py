"""The domains of Syne Tune's spaces, as its metadata writes them, in ConfigSpace's words."""

from collections.abc import Mapping
from typing import Any, Final

from ConfigSpace import ConfigurationSpace, Float, Integer

from foretune.data.errors import HistoryError
from foretune.data.records import Config
from foretune.data.spaces import names_of
from foretune.history.readers.inferred import choice_among
from foretune.history.readers.naming import checked, plain_choice

LOGARITHMIC: Final = ("LogUniform",)
CHOICES: Final = ("Categorical", "Ordinal", "OrdinalNearestNeighbor")
MOST_CHOICES: Final = 1000


def space_told(domains: Mapping[str, Any]) -> ConfigurationSpace | None:
    """The space of such domains, constants left out; None where there is none, or one of an unknown kind.

    A FiniteRange, a few numbers in even steps, is the range from its first to its last.
    """
    space = ConfigurationSpace()
    for name, domain in domains.items():
        if isinstance(domain, Mapping) and "domain_cls" in domain:
            try:
                hyperparameter = _hyperparameter(checked(name, "a hyperparameter"), domain)
            except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
                raise HistoryError(
                    f"metadata.json has no domain for {name[:60]!r} ({type(error).__name__}: {error!s:.80}): "
                    "take it from its source again."
                ) from None
            if hyperparameter is None:
                return None
            space.add(hyperparameter)
    return space if len(space) else None


def _hyperparameter(name: str, domain: Mapping[str, Any]) -> Any:
    kind, told = domain["domain_cls"], domain["domain_kwargs"]
    log = domain.get("sampler_cls") in LOGARITHMIC or bool(told.get("log_scale"))
    if kind in CHOICES:
        choices = [plain_choice(choice) for choice in told["categories"]]
        if len(choices) > MOST_CHOICES:
            raise ValueError(f"{len(choices)} choices")
        return choice_among(name, choices)
    if kind == "Integer" or (kind == "FiniteRange" and told.get("cast_int")):
        return Integer(name, (int(told["lower"]), int(told["upper"])), log=log)
    if kind in ("Float", "FiniteRange"):
        return Float(name, (float(told["lower"]), float(told["upper"])), log=log)
    return None


def held_by(space: ConfigurationSpace, config: Config, domains: Mapping[str, Any]) -> dict[str, Any]:
    """The hyperparameters of the config as the space holds them: a text is again the choice it was."""
    held = {}
    for name in names_of(space):
        if name in config:
            held[name] = _as_told(config[name], domains[name])
    return held


def _as_told(value: Any, domain: Mapping[str, Any]) -> Any:
    if domain["domain_cls"] in CHOICES:
        told = {str(choice): plain_choice(choice) for choice in domain["domain_kwargs"]["categories"]}
        return told.get(str(value), value)
    is_float = domain["domain_cls"] == "Float"
    return float(value) if is_float and type(value) is int else value
