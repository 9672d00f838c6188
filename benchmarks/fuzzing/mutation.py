"""Changes that keep an input nearly what it was: one number, text or word becomes something awkward."""

import random
import re
from typing import Final

TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[A-Za-z_]+|[\[\]{},:=\n]')
AWKWARD: Final = (
    *(
        b"0",
        b"-1",
        b"1",
        b"2",
        b"1.5",
        b"-0.0",
        b"1e308",
        b"1e-320",
        b"1e999",
        b"-1e999",
        b"NaN",
        b"Infinity",
    ),
    *(b"9223372036854775808", b"-9223372036854775809", b"9" * 30, b"9" * 120, b"9" * 400, b"9" * 5000),
    *(b"null", b"NULL", b"None", b"true", b"false", b"nan", b"inf", b'""', b'"a"', b'"x:kind"', b'"number"'),
    *(b'"\\ud800"', b'"\\u0000"', b"\x00", b"\xff", "ä".encode(), b'"../../x"', b'"NaN"', b"x" * 1001),
    *(
        b"[]",
        b"{}",
        b"[null]",
        b"[[1]]",
        b'{"a": 1}',
        b"[1, 1]",
        b"[" * 40 + b"]" * 40,
        b"[" * 5000,
        b"2020-01-01",
    ),
    *(b",", b"\n", b":", b"=", b";", b"'", b'"', b"\r\n", b"\t", b" ", b""),
)


def changed(data: bytes, rng: random.Random) -> bytes:
    """The input with one to three of its tokens replaced, doubled, dropped or swapped."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        found = [match.span() for match in TOKEN.finditer(data)]
        if not found:
            return rng.choice(AWKWARD)
        start, end = rng.choice(found)
        other_start, other_end = rng.choice(found)
        token, other = data[start:end], data[other_start:other_end]
        new = rng.choice(
            (rng.choice(AWKWARD), rng.choice(AWKWARD), token * 2, b"", other, token + b"," + other)
        )
        data = data[:start] + new + data[end:]
    return data
