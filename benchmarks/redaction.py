# ruff: noqa: S311 - these secrets are only for measuring
"""How long secrets take to be taken out of a large output, against writing it as JSON once.

Outputs of several kinds, without secrets, with one and with ten. Ends with 1 when a limit is missed
that the project holds itself to: NULs are no slower than other text that needs as many escapes, and
50 MB are redacted in the time of a few passes.

    python benchmarks/redaction.py --megabytes 50
"""

import argparse
import base64
import json
import random
import sys
import time
from collections.abc import Callable

from chaoscloud.redaction import Redactor

MOST_PASSES = {0: 2.0, 1: 4.0, 10: 16.0}  # by the number of secrets: times of `json.dumps`
LETTERS = "abcdefghijklmnopqrstuvwxyz"
SECRET_CHARACTERS = LETTERS + LETTERS.upper() + "0123456789#$%&'+/"


def make_log(size: int) -> str:
    """Lines of words, as services write them."""
    words = ["".join(random.choices(LETTERS, k=random.randint(2, 9))) for _ in range(3000)]
    lines = (
        f'2026-03-02T09:30:00Z INFO {" ".join(random.choices(words, k=9))} path="/a/{number}"\n'
        for number in range(10_000)
    )
    return repeat("".join(lines), size)


def make_json(size: int) -> str:
    """JSON within JSON: full of backslashes."""
    items = [{"name": f"pod-{number}", "text": 'a "b" \\ c'} for number in range(10_000)]
    return repeat(json.dumps(json.dumps(items)), size)


def repeat(text: str, size: int) -> str:
    """The text again and again, until it has this many characters."""
    return (text * (size // len(text) + 1))[:size]


KINDS: dict[str, Callable[[int], str]] = {
    "log": make_log,
    "JSON in JSON": make_json,
    "base64": lambda size: repeat(base64.b64encode(random.randbytes(750_000)).decode(), size),
    "one letter": lambda size: "x" * size,
    "NULs": lambda size: "\0" * size,
    "bytes that are no text": lambda size: "\udcff" * size,
}


def measure(work: Callable[[], object]) -> float:
    """The best of three times, in seconds."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> int:
    """Print a line for each kind of output; whether a limit was missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=50)
    size = parser.parse_args().megabytes * 1_000_000
    random.seed(1)
    missed = 0
    for kind, make in KINDS.items():
        text = make(size)
        once = measure(lambda text=text: json.dumps({"output": text}))  # type: ignore[misc]
        print(f"{kind:<22} json.dumps {once * 1000:6.0f} ms", end="")
        for count, limit in MOST_PASSES.items():
            values = {
                str(key): "".join(random.choices(SECRET_CHARACTERS, k=20)) for key in range(count)
            }
            redactor = Redactor({"shop": values})
            ratio = measure(lambda text=text, redactor=redactor: redactor.redact(text)) / once  # type: ignore[misc]
            missed += ratio > limit
            print(
                f"   {count:2} secrets x {ratio:4.1f}{'  MISSED' if ratio > limit else ''}", end=""
            )
        print(flush=True)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
