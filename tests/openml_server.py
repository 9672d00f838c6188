"""What a small OpenML holds, as its REST interface tells it: for the loopback server of the tests."""

import gzip
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

XMLNS = 'xmlns:oml="http://openml.org/openml"'
API = "/api/v1/xml"
ARFF = """@RELATION flowers
@ATTRIBUTE row NUMERIC
@ATTRIBUTE length REAL
@ATTRIBUTE 'petal colour' {red,blue}
@ATTRIBUTE remark STRING
@ATTRIBUTE class {setosa,virginica}
@DATA
1,5.1,red,'a, b',setosa
2,4.9,blue,?,setosa
3,?,red,c,virginica
4,6.3,blue,d,virginica
"""
SPARSE = """@RELATION dots
@ATTRIBUTE a NUMERIC
@ATTRIBUTE b NUMERIC
@ATTRIBUTE class {no,yes}
@DATA
{0 1.5}
{1 2, 2 yes}
{}
{0 3, 1 1, 2 yes}
"""
QUALITIES = {"NumberOfInstances": "4.0", "NumberOfFeatures": "3", "NumberOfClasses": "2", "MeanSkewness": ""}
SETUPS = {
    1: {"C": "1.0", "kernel": '"rbf"', "probability": "false", "gamma": "0.1", "random_state": "7"},
    2: {"C": "10.0", "kernel": '"rbf"', "probability": "false", "gamma": "0.01", "random_state": "7"},
    3: {"C": "0.1", "kernel": '"linear"', "probability": "false", "gamma": "null", "random_state": "7"},
}


def answers(address: str) -> dict[str, bytes]:
    """The paths of a server at this address and their bodies: one flow, two tasks, six runs, two datasets."""
    bodies = {
        f"{API}/data/61": description(61, f"{address}/data/61.arff", ARFF),
        f"{API}/data/62": description(
            62, f"{address}/data/62.arff", SPARSE, name="dots", row=None, ignored=()
        ),
        f"{API}/data/list/data_name/flowers/status/active": datasets({61: 1}),
        f"{API}/data/list/data_name/flowers/data_version/1": datasets({61: 1}),
        f"{API}/data/qualities/61": qualities(QUALITIES),
        f"{API}/data/qualities/62": qualities({"NumberOfInstances": "4.0"}),
        f"{API}/task/31": task(31, 61),
        f"{API}/task/32": task(32, 62),
        f"{API}/setup/list/setup/1,2,3/limit/100/offset/0": setups(SETUPS),
        f"{API}/setup/list/setup/1,2/limit/100/offset/0": setups({1: SETUPS[1], 2: SETUPS[2]}),
    }
    bodies |= listed("", RUNS, SCORES)
    bodies |= listed("/task/31", [one for one in RUNS if one[1] == 31], {n: SCORES[n] for n in (101, 102)})
    return bodies


RUNS = [
    (101, 31, 1, ""), (102, 31, 2, ""), (103, 31, 3, "No predictions in file"),
    (104, 32, 1, ""), (105, 32, 2, ""), (106, 32, 3, ""),
]  # fmt: skip
SCORES = {101: "0.75", 102: "0.5", 104: "0.9", 105: "0.8"}


def listed(
    where: str, runs: Sequence[tuple[int, int, int, str]], scores: Mapping[int, str], page: int = 1000
) -> dict[str, bytes]:
    """The lists of the flow's runs and evaluations, page by page."""
    found = {}
    for offset in range(0, len(runs) + 1, page):
        part, end = runs[offset : offset + page], f"/limit/{page}/offset/{offset}"
        known = [one for one in part if one[0] in scores]
        values = {one[0]: scores[one[0]] for one in known}
        at = f"{API}/evaluation/list/function"
        found[f"{API}/run/list/flow/7{where}/show_errors/true{end}"] = run_list(part)
        found[f"{at}/predictive_accuracy/flow/7{where}{end}"] = evaluations(known, values)
        found[f"{at}/usercpu_time_millis/flow/7{where}{end}"] = evaluations(
            known, dict.fromkeys(values, "1500")
        )
    return {path: body or error(512, "No results") for path, body in found.items()}


def xml(name: str, content: str) -> bytes:
    """An answer."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<oml:{name} {XMLNS}>{content}</oml:{name}>'.encode()


def elements(values: Mapping[str, Any]) -> str:
    """Each value as an element."""
    return "".join(f"<oml:{name}>{escape(str(value))}</oml:{name}>" for name, value in values.items())


def error(code: int, message: str) -> bytes:
    """An answer that says what is wrong."""
    return xml("error", elements({"code": code, "message": message}))


def description(
    number: int,
    url: str,
    data: str,
    *,
    name: str = "flowers",
    target: str = "class",
    row: str | None = "row",
    ignored: Sequence[str] = ("remark",),
    **more: str,
) -> bytes:
    """The description of a dataset."""
    md5 = hashlib.md5(data.encode()).hexdigest()
    told = {"id": number, "name": name, "version": 1, "description": "made up", "format": "ARFF"}
    told |= {"licence": "CC BY 4.0", "url": url, "default_target_attribute": target}
    told |= {"row_id_attribute": row} if row else {}
    content = elements(told) + "".join(elements({"ignore_attribute": one}) for one in ignored)
    last = {"citation": "Nobody, Flowers & Co, 2020", "status": "active", "md5_checksum": md5}
    return xml("data_set_description", content + elements(last | more))


def datasets(versions: Mapping[int, int]) -> bytes:
    """A list of datasets."""
    each = ({"did": did, "name": "flowers", "version": version} for did, version in versions.items())
    return xml("data", "".join(f"<oml:dataset>{elements(one)}</oml:dataset>" for one in each))


def qualities(values: Mapping[str, str]) -> bytes:
    """A dataset's qualities."""
    each = (elements({"name": name, "value": value}) for name, value in values.items())
    return xml("data_qualities", "".join(f"<oml:quality>{one}</oml:quality>" for one in each))


def task(number: int, dataset: int) -> bytes:
    """The description of a task."""
    source = f"<oml:data_set>{elements({'data_set_id': dataset})}</oml:data_set>"
    source = f'<oml:input name="source_data">{source}</oml:input>'
    other = '<oml:input name="cost_matrix"><oml:cost_matrix></oml:cost_matrix></oml:input>'
    return xml("task", elements({"task_id": number, "task_type_id": 1}) + source + other)


def setups(configs: Mapping[int, Mapping[str, str]]) -> bytes:
    """A list of setups, each of a support vector machine in a pipeline."""
    steps = '[{"oml-python:serialized_object": "component_reference", "value": {"key": "svc"}}]'
    content = ""
    for number, config in configs.items():
        parameters = "".join(
            _parameter(name, value, "sklearn.svm.classes.SVC") for name, value in config.items()
        )
        parameters += _parameter("steps", steps, "sklearn.pipeline.Pipeline(svc=sklearn.svm.classes.SVC)")
        content += f"<oml:setup>{elements({'setup_id': number, 'flow_id': 7})}{parameters}</oml:setup>"
    return xml("setups", content)


def _parameter(name: str, value: str, component: str) -> str:
    told = {"id": 1, "flow_id": 7, "flow_name": component, "full_name": f"{component}_{name}"}
    told |= {"parameter_name": name, "data_type": "", "default_value": "null", "value": value}
    return f"<oml:parameter>{elements(told)}</oml:parameter>"


def run_list(runs: Sequence[tuple[int, int, int, str]]) -> bytes:
    """A list of runs: number, task, setup, error."""
    names = ("run_id", "task_id", "setup_id", "error_message")
    each = (elements(dict(zip(names, one, strict=True)) | {"flow_id": 7, "task_type_id": 1}) for one in runs)
    return xml("runs", "".join(f"<oml:run>{one}</oml:run>" for one in each)) if runs else b""


def evaluations(runs: Sequence[tuple[int, int, int, str]], values: Mapping[int, str]) -> bytes:
    """A list of what the runs scored."""
    each = (
        elements({"run_id": run, "task_id": on, "setup_id": by, "value": values[run]})
        for run, on, by, _ in runs
    )
    content = "".join(f"<oml:evaluation>{one}</oml:evaluation>" for one in each)
    return xml("evaluations", content) if runs else b""


def put_on(site: Any, bodies: Mapping[str, bytes]) -> None:
    """Puts answers on the site as OpenML's server gives them: packed, and errors with the status 412."""
    for path, body in bodies.items():
        status = 412 if b"<oml:error " in body else 200
        site.says(path, gzip.compress(body), status=status, headers={"Content-Encoding": "gzip"})
