"""Writes docs/metafeatures.md from the meanings in the code: `python docs/metafeatures.py`."""

from pathlib import Path

from foretune.features.metafeatures import IMAGE_METAFEATURES, METAFEATURES

HEAD = """# Meta-features

What `foretune.describe(X, y)` says of a dataset. Names are pymfe's where pymfe has the same measure, and
those agree with it (`tests/features/test_metafeatures.py`). A value is finite, or NaN where the text says so.
"""


def page() -> str:
    """The page as Markdown: one table for each kind of target."""
    parts = [HEAD]
    kinds = {**METAFEATURES, "images, besides these": IMAGE_METAFEATURES}
    for target, meanings in kinds.items():
        rows = [f"| `{name}` | {meaning} |" for name, meaning in meanings.items()]
        parts.append(
            "\n".join([f"## {target.capitalize()}", "", "| name | meaning |", "|---|---|", *rows, ""])
        )
    return "\n".join(parts)


if __name__ == "__main__":
    Path(__file__).with_suffix(".md").write_text(page(), encoding="utf-8")
