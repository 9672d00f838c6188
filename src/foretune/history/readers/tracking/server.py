"""MLflow's tracking server, asked over its REST API 2.0; only a url that the user gave is ever asked."""

import base64
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from foretune.data.errors import HistoryError
from foretune.history.readers.runs import number_of
from foretune.history.readers.tracking.record import CONTEXT, Dataset, Experiment, Point, Recorded, point_of
from foretune.history.readers.untrusted import MOST_BYTES, json_of

PATIENCE_SECONDS: Final = 60.0  # for one answer
A_PAGE: Final = 1000  # experiments or runs, the most that a server gives at once
A_CURVE: Final = 25_000  # values, likewise
MOST_PAGES: Final = 10_000
WHO: Final = "MLFLOW_TRACKING_USERNAME"
PASSWORD: Final = "MLFLOW_TRACKING_PASSWORD"  # noqa: S105 - the variable's name
TOKEN: Final = "MLFLOW_TRACKING_TOKEN"  # noqa: S105 - the variable's name


class Server:
    """The store behind a url: http://host:5000, with a user or token from MLflow's environment variables."""

    def __init__(self, url: str, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise HistoryError(f"{url[:200]!r} is no url of a server: give http://HOST:PORT.")
        if parts.username or parts.password:
            raise HistoryError(f"leave the password out of the url: set {WHO} and {PASSWORD}, or {TOKEN}.")
        self._root = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/api/2.0/mlflow/"
        self._opener, self._patience = _opener(), patience_seconds

    def experiments(self) -> Iterator[Experiment]:
        """The experiments, as the server orders them."""
        for answer in self._pages("experiments/search", {"max_results": A_PAGE}):
            for one in _listed(answer, "experiments"):
                yield Experiment(str(one.get("experiment_id")), str(one.get("name")))

    def runs(self, experiment: Experiment) -> Iterator[Recorded]:
        """The runs, the latest first."""
        wanted = {"experiment_ids": [experiment.key], "max_results": A_PAGE}
        for answer in self._pages("runs/search", wanted):
            yield from map(_recorded, _listed(answer, "runs"))

    def curves(self, experiment: Experiment, runs: Iterable[Recorded], metric: str) -> dict[str, list[Point]]:
        """All values of the metric, by the run's key; asked for run by run."""
        found: dict[str, list[Point]] = {}
        for run in runs:
            wanted = {"run_id": run.key, "metric_key": metric, "max_results": A_CURVE}
            for answer in self._pages("metrics/get-history", wanted, method="GET"):
                found.setdefault(run.key, []).extend(
                    point_of(one.get("value"), one.get("step", 0), one.get("timestamp", 0))
                    for one in _listed(answer, "metrics")
                )
        return found

    def _pages(
        self, path: str, wanted: Mapping[str, Any], method: str = "POST"
    ) -> Iterator[Mapping[str, Any]]:
        """The answers, page by page."""
        token = ""
        for _ in range(MOST_PAGES):
            answer = self._answer(path, {**wanted, "page_token": token} if token else wanted, method)
            yield answer
            last, token = token, str(answer.get("next_page_token") or "")
            if not token:
                return
            if token == last:
                break
        raise HistoryError(f"{self._root}{path} gives the same page again and again: read its database.")

    def _answer(self, path: str, wanted: Mapping[str, Any], method: str) -> Mapping[str, Any]:
        query = f"?{urlencode(wanted)}" if method == "GET" else ""
        content = None if method == "GET" else json.dumps(wanted).encode()
        headers = {"Content-Type": "application/json", **_credentials()}
        request = Request(self._root + path + query, content, headers, method=method)  # noqa: S310 - http(s)
        answer = json_of(self._text(request), self._root + path)
        if not isinstance(answer, Mapping):
            raise HistoryError(f"{self._root}{path} does not answer as MLflow's tracking server does.")
        return answer

    def _text(self, request: Request) -> str:
        try:
            with self._opener.open(request, timeout=self._patience) as answer:
                content: bytes = answer.read(MOST_BYTES + 1)
        except HTTPError as error:
            with error:
                raise HistoryError(self._said(error.code)) from None
        except (OSError, HTTPException) as error:  # URLError and time-outs are OSErrors
            why = getattr(error, "reason", None) or error or type(error).__name__
            raise HistoryError(f"{self._root} cannot be reached ({str(why)[:120]}): is it running?") from None
        if len(content) > MOST_BYTES:
            raise HistoryError(
                f"{self._root} answers with more than {MOST_BYTES:,} bytes: read its database."
            )
        return content.decode("utf-8", "replace")

    def _said(self, code: int) -> str:
        if code in (401, 403):
            return f"{self._root} lets nobody in ({code}): set {WHO} and {PASSWORD}, or {TOKEN}."
        return f"{self._root} answers {code}, not as MLflow's tracking server does: check the url."


class _StayHere(HTTPRedirectHandler):
    """Follows no redirect, which would take the password elsewhere."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """No request: the redirect is an error."""


def _opener() -> OpenerDirector:
    return build_opener(_StayHere)


def _credentials() -> dict[str, str]:
    """The header that says who asks; none where the environment names nobody."""
    if token := os.environ.get(TOKEN):
        return {"Authorization": f"Bearer {token}"}
    if who := os.environ.get(WHO):
        pair = f"{who}:{os.environ.get(PASSWORD, '')}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {}


def _listed(answer: Any, name: str) -> list[Mapping[str, Any]]:
    """The objects in a list of the answer; one that is empty is not sent."""
    found = answer.get(name) if isinstance(answer, Mapping) else None
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _recorded(run: Mapping[str, Any]) -> Recorded:
    info, data, inputs = (run.get(name) or {} for name in ("info", "data", "inputs"))
    if not isinstance(info, Mapping) or "run_id" not in info:
        raise HistoryError("the server names a run without its run_id: it is no tracking server of MLflow's.")
    return Recorded(
        str(info["run_id"]),
        str(info.get("status")),
        number_of(info.get("start_time")),
        number_of(info.get("end_time")),
        params=_texts(data, "params"),
        tags=_texts(data, "tags"),
        latest={str(one.get("key")): point_of(one.get("value")).value for one in _listed(data, "metrics")},
        datasets=tuple(map(_dataset, _listed(inputs, "dataset_inputs"))),
        is_deleted=info.get("lifecycle_stage") == "deleted",
    )


def _dataset(told: Mapping[str, Any]) -> Dataset:
    one = told.get("dataset")
    one = one if isinstance(one, Mapping) else {}
    return Dataset(str(one.get("name")), str(one.get("digest")), _texts(told, "tags").get(CONTEXT, ""))


def _texts(told: Any, name: str) -> dict[str, str]:
    return {str(one.get("key")): str(one.get("value")) for one in _listed(told, name)}
