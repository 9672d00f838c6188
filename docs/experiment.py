"""The chart of an experiment, case by case.

python docs/experiment.py benchmarks/results/images/experiment.json docs/images/experiment.svg
"""

import json
import sys
from pathlib import Path

from foretune.faces.charts import Bar, bars


def main() -> None:
    """Draws how far the recommended cell is ahead of the full grid on each outer test part."""
    report = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    metric = report["metric"]
    rows = []
    for case in sorted(report["cases"], key=lambda case: (case["dataset"], case["seed"])):
        cell, grid = (case["searches"][name][metric] for name in ("recommended", "grid"))
        note = f"recommended {cell:.3f}, grid {grid:.3f}"
        rows.append(Bar(f"{case['dataset']} {case['seed']}", cell - grid, note))
    title, axis = "one recommended cell, by seed", f"{metric} ahead of the full grid"
    chart = bars(rows, title=title, x_label=axis, show="{:+.3f}".format)
    Path(sys.argv[2]).write_text(chart, encoding="utf-8")


if __name__ == "__main__":
    main()
