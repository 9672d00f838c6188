"""Coverage-guided fuzzing of what foretune reads: `python benchmarks/fuzz.py TARGET --seconds 600`.

Needs atheris (`pip install atheris`), which no extra brings. TARGET is one of those in `fuzzing/targets.py`;
several, or "all", are run one after the other, and what each had so far is recorded, so that the command goes
on where it was. An input that makes a reader raise anything but a `ForetuneError` is written to the folder of
findings, which the tests replay: one file for each kind of error and place.
"""

import argparse
import json
import random
import re
import resource
import subprocess
import sys
import traceback
from hashlib import blake2b
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from fuzzing.mutation import changed

FINDINGS: Final = Path(__file__).parents[1] / "tests" / "fuzz" / "findings"
RECORD: Final = Path(__file__).parent / "results" / "fuzz.json"
SLICE_SECONDS: Final = 300  # of a run of its own: what a stop loses at most
SLOWEST_SECONDS: Final = 30  # for one input; longer is a finding
MOST_MEBIBYTES: Final = 4000
BLIND_SHARE: Final = 0.3  # of changes that know nothing of numbers and texts
MOST_BYTES: Final = 4096  # of one input


def fuzz(name: str, seconds: int, findings: Path, corpus: Path) -> None:
    """Runs the fuzzer on one target; what it finds is told as it comes, and statistics in the end.

    `corpus` is a folder, which gets the seeds, and the inputs that reached new code.
    """
    import atheris  # noqa: PLC0415 - only this command needs it

    with atheris.instrument_imports(include=["foretune", "ConfigSpace"]):
        from fuzzing.targets import TARGETS  # noqa: PLC0415 - instrumented as it is imported
    target, known = TARGETS[name], set[str]()

    def try_one(data: bytes) -> None:
        try:
            target.feed(data)
        except Exception as error:
            place = _place(error)
            if place not in known:
                known.add(place)
                _keep(findings / name, data, f"{place}: {str(error)[:80]!r}")

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        rng = random.Random(seed)
        by_bytes = rng.random() < BLIND_SHARE
        return bytes(atheris.Mutate(data, most)) if by_bytes else changed(data, rng)[:most]

    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (corpus / str(number)).write_bytes(seed)
    (findings / name).mkdir(parents=True, exist_ok=True)
    options = {
        "max_total_time": seconds,
        "max_len": max(MOST_BYTES, *(2 * len(seed) for seed in target.seeds())),
        "timeout": SLOWEST_SECONDS,
        "rss_limit_mb": MOST_MEBIBYTES,
        "artifact_prefix": f"{findings / name}/",
        "print_final_stats": 1,
    }
    atheris.Setup(
        [name, *(f"-{key}={value}" for key, value in options.items()), str(corpus)],
        try_one,
        custom_mutator=mutate,
    )
    atheris.Fuzz()


def _place(error: BaseException) -> str:
    """The kind of the error, and the last place in foretune that it went through."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "foretune" in frame.filename]
    last = frames[-1]
    where = f"{Path(last.filename).name}:{last.name}:{last.lineno}"
    return f"{type(error).__name__} in {where}"


def _keep(folder: Path, data: bytes, place: str) -> None:
    file = folder / blake2b(data, digest_size=6).hexdigest()
    file.write_bytes(data)
    print(f"FOUND {place} -> {file}", flush=True)


def main() -> None:
    """Fuzzes the target that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("targets", nargs="+", help="names in fuzzing/targets.py, or all")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--findings", type=Path, default=FINDINGS)
    parser.add_argument("--corpus", type=Path, help="a folder that keeps what reached new code")
    parser.add_argument("--record", type=Path, default=RECORD, help="of several: what was spent and found")
    given = parser.parse_args()
    first, *others = given.targets
    if others or first == "all":
        fuzz_all(given.targets, given.seconds, given.findings, given.corpus, given.record)
    elif given.corpus is not None:
        fuzz(first, given.seconds, given.findings, given.corpus / first)
    else:
        with TemporaryDirectory(prefix="foretune-corpus-") as folder:
            fuzz(first, given.seconds, given.findings, Path(folder))


def fuzz_all(names: list[str], seconds: int, findings: Path, corpus: Path | None, record: Path) -> None:
    """Fuzzes each target until the record says that it had so many seconds of the processor, in slices.

    Stopped and started again it goes on with the slice that was cut off; without a `corpus` each slice starts
    from the seeds.
    """
    from fuzzing.targets import TARGETS  # noqa: PLC0415 - the names only

    spent = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
    for name in TARGETS if names == ["all"] else names:
        while (left := seconds - spent.get(name, {}).get("cpu_seconds", 0)) > 0:
            spent[name] = _slice(name, min(ceil(left), SLICE_SECONDS), findings, corpus, spent.get(name))
            record.write_text(json.dumps(spent, indent=1) + "\n", encoding="utf-8")
            print(f"{name}: {spent[name]}", flush=True)


def _slice(
    name: str, seconds: int, findings: Path, corpus: Path | None, before: dict[str, int] | None
) -> dict[str, int]:
    """What the target had before, and what a process of its own adds to it: its start costs some seconds."""
    command = [sys.executable, __file__, name, f"--seconds={seconds}", f"--findings={findings}"]
    if corpus is not None:
        command.append(f"--corpus={corpus}")
    used = _child_seconds()
    run = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace")
    said = run.stdout + run.stderr
    executed = re.search(r"number_of_executed_units: (\d+)", said)
    if executed is None or run.returncode:
        print(said[-2000:], flush=True)
    now = {
        "cpu_seconds": round(_child_seconds() - used),
        "inputs": int(executed[1]) if executed else 0,
        "findings": said.count("FOUND ") + (run.returncode != 0),
    }
    return {key: value + (before or {}).get(key, 0) for key, value in now.items()}


def _child_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
