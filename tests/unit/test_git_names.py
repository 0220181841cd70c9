"""Names that reach git: none of them can be an option, a range, or a place outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from cao.git import names
from cao.protocol import InvalidInput


@pytest.mark.parametrize("name", ["main", "feature/login", "v1.2", "release-2027.01", "a+b", "_x"])
def test_branches_that_are_fine(name: str) -> None:
    assert names.branch("branch", name) == name


HOSTILE = [
    "",
    "-x",
    "--upload-pack=touch",
    "a..b",
    "a//b",
    "/a",
    "a/",
    ".a",
    "a/.b",
    "a.lock",
    "a.lock/b",
    "a b",
    "a\nb",
    "a\0b",
    "a@{1}",
    "a:b",
    "$(a)",
    "x" * 201,
    "HEAD^{/x}",
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_branches_that_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        names.branch("branch", name)


@pytest.mark.parametrize("name", ["HEAD", "HEAD~2", "main^", "v1^2~3", "0a1b2c3"])
def test_revisions_that_are_fine(name: str) -> None:
    assert names.revision("base", name) == name


@pytest.mark.parametrize("name", ["main..dev", "-p", "main:file", ":/fix", "@{-1}", "a^{tree}", "main dev", "HEAD~99999"])
def test_revisions_that_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        names.revision("base", name)


def test_paths_stay_inside(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "out").symlink_to(tmp_path)
    (inside / "round").symlink_to(inside / "round")
    assert names.paths("paths", ["a", "b/c.txt", "-n", "*.py"], inside) == ["a", "b/c.txt", "-n", "*.py"]
    for outside in ("/etc/passwd", "../x", "a/../../x", "out/x", ".git/config", "a/.git/hooks/x", "round/x"):
        with pytest.raises(InvalidInput):
            names.paths("paths", [outside], inside)
