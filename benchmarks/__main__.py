"""Run all measurements, or those named: `python -m benchmarks [command_line http engine workflows events …]`."""

from __future__ import annotations

import asyncio
import importlib
import platform
import sys
import time

from .figures import Figure, table

SUBJECTS = ("command_line", "http", "engine", "workflows", "events", "memory", "embedding", "history", "queue")


def main(names: list[str]) -> int:
    unknown = set(names) - set(SUBJECTS)
    if unknown:
        print(f"no measurement {sorted(unknown)}; there are: {', '.join(SUBJECTS)}", file=sys.stderr)
        return 2
    print(f"Python {platform.python_version()} on {platform.machine()}, {time.strftime('%Y-%m-%d')}\n")
    figures: list[Figure] = []
    for name in names or SUBJECTS:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        figures += asyncio.run(importlib.import_module(f"benchmarks.{name}").measure())
    print(table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
