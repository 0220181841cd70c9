"""Names of branches, revisions and paths that come from outside, checked before git sees them."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Annotated

from pydantic import StringConstraints

from cao.protocol import InvalidInput

_BRANCH = r"[A-Za-z0-9_][A-Za-z0-9_+-]*([./][A-Za-z0-9_+-]+)*"

BranchName = Annotated[str, StringConstraints(pattern=f"^{_BRANCH}$", max_length=200)]
"""A branch's name, such as `main` or `feature/login`."""
Revision = Annotated[str, StringConstraints(pattern=f"^{_BRANCH}([~^][0-9]{{0,4}})*$", max_length=200)]
"""A branch, a tag, a hash, or one of these with `~2` or `^`."""
WorktreeName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
"""What a worktree and its branch are called: letters, digits, underscore and dash, at most 64."""
RelativePath = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[^\x00/][^\x00]*$")]
"""A path below the directory that is asked about."""

_branch = re.compile(_BRANCH)
_revision = re.compile(rf"{_BRANCH}([~^][0-9]{{0,4}})*")
_worktree = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def branch(field: str, name: str) -> str:
    """A branch name that git would take, too. Raises `InvalidInput`."""
    if not _branch.fullmatch(name) or len(name) > 200 or any(part.endswith(".lock") for part in name.split("/")):
        raise InvalidInput.field(field, "is not a branch name that git allows")
    return name


def revision(field: str, name: str) -> str:
    """A name that can only be a revision: no range, no option, no path. Raises `InvalidInput`."""
    if not _revision.fullmatch(name) or len(name) > 200:
        raise InvalidInput.field(field, "is not the name of a commit: a branch, a tag or a hash")
    return name


def is_worktree(name: str) -> bool:
    """Whether a worktree can be called so."""
    return _worktree.fullmatch(name) is not None


def worktree(field: str, name: str) -> str:
    """A name that is safe as a folder and in a branch. Raises `InvalidInput`."""
    if not is_worktree(name):
        raise InvalidInput.field(field, "must be letters, digits, underscores and dashes, at most 64")
    return name


def paths(field: str, names: list[str], inside: Path) -> list[str]:
    """Paths that lie in `inside`, relative to it. Raises `InvalidInput` for one that leads out, over links too."""
    return [_contained(field, name, inside) for name in names]


def _contained(field: str, name: str, inside: Path) -> str:
    if name.startswith("/") or ".." in Path(name).parts or ".git" in Path(name).parts:
        raise InvalidInput.field(field, "must lie below the directory, and not in .git")
    try:
        found = (inside / name).parent.resolve()
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            found.stat()  # from Python 3.13 on only this tells of a circle
    except (OSError, RuntimeError):
        raise InvalidInput.field(field, "leads in a circle, or where nothing may be read") from None
    if not found.is_relative_to(inside.resolve()):
        raise InvalidInput.field(field, "leads out of the directory")
    return name
