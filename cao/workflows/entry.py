"""Where a workflow's flow stands: `package.module:function` or `folder/file.py:function`, always a file inside the project."""

from __future__ import annotations

from pathlib import Path

from cao.protocol import InvalidInput

LIMIT = 1 << 20
"""The largest file with a flow, in bytes."""


def function_of(entry: str) -> str:
    """The name of the function.

    >>> function_of("flows/release.py:release")
    'release'
    """
    return entry.rpartition(":")[2]


def is_inside(entry: str) -> bool:
    """Whether an entry names a module, or a .py file whose path leads nowhere but down.

    >>> is_inside("flows/release.py:release"), is_inside("../release.py:release")
    (True, False)
    """
    path = entry.partition(":")[0]
    return not (".." in path.split("/") or "//" in path or ("/" in path and not path.endswith(".py")))


def file_of(entry: str, project: Path) -> Path:
    """The file that has the flow. Raises `InvalidInput` when it is not there, or leads out of the project."""
    place = entry.rpartition(":")[0]
    parts = [place] if place.endswith(".py") else [place.replace(".", "/") + ".py", place.replace(".", "/") + "/__init__.py"]
    root = project.resolve()
    found = next((path for part in parts if (path := (root / part).resolve()).is_file()), None)
    if found is None:
        raise InvalidInput(f"the flow {entry!r} has no file {parts[0]} in {root}; write it, or mend `flow:`", flow=entry)
    if not found.is_relative_to(root):
        raise InvalidInput(f"the flow {entry!r} leads out of the project {root}", flow=entry)
    return found


def code_of(entry: str, project: Path) -> str:
    """The text of that file. Raises `InvalidInput`."""
    path = file_of(entry, project)
    with path.open("rb") as file:
        content = file.read(LIMIT + 1)
    if len(content) > LIMIT:
        raise InvalidInput(f"{path.name} is larger than {LIMIT} bytes", flow=entry)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput(f"{path.name} is not UTF-8 text", flow=entry) from None
