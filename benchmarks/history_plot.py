"""How the cost of a history grows with its trials, as a chart for the docs.

python benchmarks/history_plot.py benchmarks/results/history/scale.json docs/history.svg
"""

import json
import sys
from pathlib import Path

from foretune.faces.charts import Point, Series, lines

SHOWN = {"bare insert": "bare", "Parquet": "parquet", "CSV": "csv"}


def main() -> None:
    """Draws the processor's microseconds a trial, SQLite."""
    found = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    series = [
        Series(
            name,
            [Point(one["trials"], 1e6 * one["sqlite"][step]["cpu_seconds"] / one["trials"]) for one in found],
        )
        for name, step in SHOWN.items()
    ]
    chart = lines(series, title="import into SQLite", x_label="trials", y_label="µs of a processor a trial")
    Path(sys.argv[2]).write_text(chart, encoding="utf-8")


if __name__ == "__main__":
    main()
