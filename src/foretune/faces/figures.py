"""Figures as people read them: scores, gaps, shares, seconds and bytes, each to the digits that count."""

import math


def show_count(number: int, one: str, many: str) -> str:
    """A number with what it counts, one or many."""
    return f"{number} {one if number == 1 else many}"


def show_score(value: float) -> str:
    """Three decimals."""
    return f"{value:.3f}".replace("-", "−")


def show_gap(value: float) -> str:
    """Four decimals and a sign, unless it is zero."""
    return f"{value:+z.4f}".replace("-", "−").replace("+0.0000", "0.0000")


def show_digits(value: float) -> str:
    """Two digits that count, without an exponent: 0.0021, 0.15."""
    decimals = 1 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:.{min(max(decimals, 0), 6)}f}".replace("-", "−")


def show_share(value: float) -> str:
    """Whole percents."""
    return f"{100 * value:z.0f} %".replace("-", "−")


def show_whole(value: float) -> str:
    """A whole number with its thousands parted, others to one decimal."""
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def show_seconds(value: float) -> str:
    """Seconds, minutes or hours."""
    for size, unit in (3600, "h"), (60, "min"):
        if value >= 2 * size:
            return f"{value / size:.1f} {unit}"
    return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


def show_bytes(value: float) -> str:
    """Kilobytes, megabytes or gigabytes."""
    for size, unit in (1e9, "GB"), (1e6, "MB"):
        if value >= size:
            return f"{value / size:.1f} {unit}"
    return f"{value / 1e3:.0f} kB"
