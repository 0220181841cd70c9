"""What in the schema breaks clients of the last release: fails unless the changelog says each of it.

python -m cao.graphql.changes

The last release is the first heading of `CHANGELOG.md` with a date; the schema that it promised is the file under its tag.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from graphql import build_schema, find_breaking_changes

ROOT = Path(__file__).parents[2]
SCHEMA = "cao/graphql/schema.graphql"
_RELEASED = re.compile(r"^## (\d+\.\d+\.\d+) \(\d{4}-\d{2}-\d{2}\)$", re.MULTILINE)


def unannounced(promised: str, now: str, news: str) -> list[str]:
    """The changes from one schema to the other that break clients, without those that `news` holds word for word."""
    found = find_breaking_changes(build_schema(promised), build_schema(now))
    return [change.description for change in found if change.description not in news]


def last_release(changelog: str) -> tuple[str | None, str]:
    """The version of the last release, if there was one, and what was written since."""
    found = _RELEASED.search(changelog)
    return (found[1], changelog[: found.start()]) if found else (None, changelog)


def check(root: Path) -> list[str]:
    """What is broken in the repository at `root` and not said there. Raises `CalledProcessError` for want of the tag."""
    version, news = last_release((root / "CHANGELOG.md").read_text("utf-8"))
    if version is None:
        return []
    shown = ["git", "-C", str(root), "show", f"v{version}:{SCHEMA}"]
    promised = subprocess.run(shown, capture_output=True, text=True, timeout=30, check=True).stdout
    return unannounced(promised, (root / SCHEMA).read_text("utf-8"), news)


def main() -> int:
    """Say what is broken. The exit status."""
    try:
        broken = check(ROOT)
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"the schema of the last release cannot be read; fetch its tag: git fetch --tags\n{error.stderr}")
        return 1
    for change in broken:
        sys.stderr.write(f"breaks clients: {change} If it is meant, CHANGELOG.md says so in these words.\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
