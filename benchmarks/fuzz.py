"""Coverage-guided fuzzing of what foretune reads: `python benchmarks/fuzz.py TARGET --seconds 600`.

Needs atheris (`pip install atheris`), which no extra brings. TARGET is one of those in `fuzzing/targets.py`,
or "all": one after the other. An input that makes a reader raise anything but a `ForetuneError` is
written to the folder of findings, which the tests replay: one file for each kind of error and place.
"""

import argparse
import random
import subprocess
import sys
import traceback
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from fuzzing.mutation import changed

FINDINGS: Final = Path(__file__).parents[1] / "tests" / "fuzz" / "findings"
SLOWEST_SECONDS: Final = 30  # for one input; longer is a finding
MOST_MEBIBYTES: Final = 4000
BLIND_SHARE: Final = 0.3  # of changes that know nothing of numbers and texts
MOST_BYTES: Final = 4096  # of one input


def fuzz(name: str, seconds: int, findings: Path) -> None:
    """Runs the fuzzer on one target; what it finds is told as it comes, and statistics in the end."""
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

    with TemporaryDirectory(prefix="foretune-corpus-") as corpus:
        for number, seed in enumerate(target.seeds()):
            (Path(corpus) / str(number)).write_bytes(seed)
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
            [name, *(f"-{key}={value}" for key, value in options.items()), corpus],
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
    parser.add_argument("target", help="a name in fuzzing/targets.py, or all")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--findings", type=Path, default=FINDINGS)
    given = parser.parse_args()
    if given.target != "all":
        fuzz(given.target, given.seconds, given.findings)
        return
    from fuzzing.targets import TARGETS  # noqa: PLC0415 - the names only

    for name in TARGETS:
        command = [
            sys.executable,
            __file__,
            name,
            "--seconds",
            str(given.seconds),
            "--findings",
            str(given.findings),
        ]
        subprocess.run(command, check=False)


if __name__ == "__main__":
    main()
