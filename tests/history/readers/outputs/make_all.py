"""Makes anew what the readers are tested on, each tool in an environment of its own: the nightly command.

python tests/history/readers/outputs/make_all.py [--envs FOLDER] [TOOL ...]

A tool is a `make_TOOL.py` here; its line "Its environment: pip install ..." says what it needs. It ends with
1 where a script failed, and goes on with the others. Look at the difference then: the tests know the numbers.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).parent
NEEDS = re.compile(r"Its environment: pip install (.+?)\.(?:\s|$)")


def needs(script):
    """The packages that a script names; those of foretune itself where it names none."""
    found = NEEDS.search(script.read_text(encoding="utf-8"))
    return re.findall(r"'[^']+'|\S+", found[1]) if found else ["pandas", "scikit-learn"]


def make(script, folder):
    """Whether the script ran in an environment with what it needs."""
    home = folder / script.stem
    venv.create(home, with_pip=True)
    python = home / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    packages = [name.strip("'") for name in needs(script)]
    commands = [["-m", "pip", "install", "--quiet", "--upgrade", *packages], [str(script)]]
    return all(subprocess.run([str(python), *words], check=False).returncode == 0 for words in commands)


def main():
    """Runs every script, or those of the tools named; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tools", nargs="*", help="default: all")
    parser.add_argument(
        "--envs", type=Path, help="where the environments are kept; default: a temporary folder"
    )
    given = parser.parse_args()
    scripts = [one for one in sorted(HERE.glob("make_*.py")) if one.name != Path(__file__).name]
    chosen = [one for one in scripts if not given.tools or one.stem.removeprefix("make_") in given.tools]
    with tempfile.TemporaryDirectory() as folder:
        failed = [one.name for one in chosen if not make(one, given.envs or Path(folder))]
    for name in failed:
        sys.stderr.write(f"{name} failed.\n")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
