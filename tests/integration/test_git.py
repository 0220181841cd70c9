"""Git through operations: what is shown, what is committed, and which directories and names are refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cao.control import Control
from cao.git import Repository
from cao.git.program import run
from cao.protocol import Conflict, InvalidInput, NotFound, Unavailable
from cao.settings import load

from .repositories import Desk, begin, git


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """With a current project, a git repository called `code`."""
    place = begin(tmp_path / "code")
    async with Control(load(tmp_path / "home", {}), work=False) as control:
        desk = Desk(control)
        await desk.ask("project.init", path=str(place))
        git(place, "status")
        yield desk


@pytest.fixture
def place(desk: Desk, tmp_path: Path) -> Path:
    return tmp_path / "code"


async def test_status_tells_every_kind_of_change(desk: Desk, place: Path) -> None:
    for name in ("kept", "gone", "old name"):
        (place / name).write_text(f"{name}\n" * 5)
    git(place, "add", ".")
    git(place, "commit", "--quiet", "--message=More")
    assert (await desk.ask("git.status")).clean
    git(place, "mv", "old name", "new name")
    (place / "poem").write_text("four\n")
    (place / "gone").unlink()
    (place / "fresh\tü").write_text("x")
    (place / "staged").write_text("x")
    git(place, "add", "staged")
    status = await desk.ask("git.status")
    assert (status.branch, status.clean, status.truncated) == ("main", False, False)
    assert {(one.path, one.kind, one.staged) for one in status.changes} == {
        ("new name", "renamed", True),
        ("poem", "modified", False),
        ("gone", "deleted", False),
        ("staged", "added", True),
        ("fresh\tü", "untracked", False),
    }
    assert next(one for one in status.changes if one.kind == "renamed").before == "old name"


async def test_a_project_in_a_folder_of_a_repository_is_all_that_is_seen(desk: Desk, place: Path) -> None:
    (place / "part").mkdir()
    await desk.ask("project.init", path=str(place / "part"))
    (place / "part" / "inside").write_text("x")
    (place / "outside").write_text("x")
    status = await desk.ask("git.status", project="part")
    assert [one.path for one in status.changes] == ["."]
    made = await desk.ask("git.commit", project="part", message="Inside only", all=True)
    assert made.files == 1
    assert git(place, "show", "--name-only", "--format=", "HEAD") == "part/inside"
    assert git(place, "status", "--porcelain", "outside") == "?? outside"


async def test_diffs(desk: Desk, place: Path) -> None:
    (place / "poem").write_text("one\ntwo\nfour\nfive\n")
    (place / "picture").write_bytes(bytes(range(256)))
    git(place, "add", "picture")
    plain = await desk.ask("git.diff")
    assert "-three\n+four\n+five\n" in plain.text
    assert [one.model_dump() for one in plain.files] == [{"path": "poem", "added": 2, "removed": 1}]
    staged = await desk.ask("git.diff", staged=True)
    assert [one.model_dump() for one in staged.files] == [{"path": "picture", "added": None, "removed": None}]
    assert (await desk.ask("git.diff", base="HEAD", paths=["picture"])).files == staged.files
    (place / "poem").write_text("word\n" * 5000)
    long = await desk.ask("git.diff", limit=2048)
    assert (long.truncated, len(long.text)) == (True, 2048)
    with pytest.raises(NotFound, match="no commit 'nowhere'"):
        await desk.ask("git.diff", base="nowhere")
    with pytest.raises(InvalidInput, match="target"):
        await desk.ask("git.diff", target="HEAD")


async def test_a_diff_runs_no_program_that_the_repository_names(desk: Desk, place: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    for key in ("diff.external", "core.fsmonitor", "core.pager", "diff.tricky.textconv", "core.editor"):
        git(place, "config", key, str(trap))
    (place / ".gitattributes").write_text("poem diff=tricky\n")
    (place / "poem").write_text("changed\n")
    assert "+changed" in (await desk.ask("git.diff")).text
    await desk.ask("git.status")
    await desk.ask("git.commit", message="Change", all=True)
    assert not (tmp_path / "sprung").exists()


async def test_branches_page(desk: Desk, place: Path) -> None:
    for name in ("a", "b/c", "d"):
        git(place, "branch", name)
    first = await desk.ask("git.branches", limit=3)
    rest = await desk.ask("git.branches", limit=3, cursor=first.next_cursor)
    assert [one.name for one in (*first.items, *rest.items)] == ["a", "b/c", "d", "main"]
    assert [one.current for one in (*first.items, *rest.items)] == [False, False, False, True]
    assert rest.items[0].worktree == str(place)


async def test_commits(desk: Desk, place: Path) -> None:
    (place / "-n").write_text("x")
    (place / "other").write_text("x")
    git(place, "add", "other")
    made = await desk.ask("git.commit", message="--amend", paths=["-n"], idempotency_key="k")
    assert (made.subject, made.files, made.branch) == ("--amend", 1, "main")
    assert (await desk.ask("git.commit", message="--amend", paths=["-n"], idempotency_key="k")) == made
    assert git(place, "rev-list", "--count", "HEAD") == "2"
    assert git(place, "status", "--porcelain") == "A  other"
    assert (await desk.ask("git.commit", message="What is staged")).files == 1
    with pytest.raises(Conflict, match="nothing to commit"):
        await desk.ask("git.commit", message="Again", all=True)
    (event, _) = await desk.events("git.committed")
    assert (event.data["commit"], event.data["files"]) == (made.commit, 1)


async def test_a_hook_may_refuse_a_commit(desk: Desk, place: Path) -> None:
    hook = place / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\necho 'no tabs, please' >&2\nexit 1\n")
    hook.chmod(0o755)
    (place / "x").write_text("x")
    with pytest.raises(Conflict, match="no tabs, please"):
        await desk.ask("git.commit", message="x", all=True)


async def test_places(desk: Desk, place: Path, tmp_path: Path) -> None:
    session = await desk.ask("session.launch", provider="scripted", directory=str(tmp_path))
    with pytest.raises(Conflict, match="git init"):
        await desk.ask("git.status", terminal=session.terminals[0].id)
    session = await desk.ask("session.launch", provider="scripted", directory=str(place))
    assert (await desk.ask("git.status", terminal=session.terminals[0].id)).directory == str(place)
    with pytest.raises(InvalidInput, match="leads out"):
        (place / "out").symlink_to(tmp_path)
        await desk.ask("git.commit", message="x", paths=["out/home/cao.db"])
    await desk.ask("project.remove", project="code")
    with pytest.raises(NotFound, match="no current project"):
        await desk.ask("git.status")


async def test_an_empty_repository(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    git(tmp_path / "empty", "init", "--quiet", "--initial-branch=main")
    await desk.ask("project.init", path=str(tmp_path / "empty"))
    status = await desk.ask("git.status", project="empty")
    assert (status.branch, status.commit, status.clean) == ("main", None, True)
    with pytest.raises(Conflict, match="no commit yet"):
        await desk.ask("worktree.add", project="empty", name="x")


async def test_git_is_stopped_in_time(place: Path) -> None:
    git(place, "config", "alias.sleep", "!sleep 60")
    with pytest.raises(Unavailable, match="longer than"):
        await run(place, "sleep", seconds=0.3)
    async with asyncio.timeout(20):
        assert (await run(place, "log", limit=10)).truncated


async def test_the_environment_is_built_up(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "nonsense")
    monkeypatch.setenv("SOME_TOKEN", "secret-value")
    git_alias = ["config", "alias.show-env", "!env"]
    monkeypatch.delenv("GIT_DIR")
    monkeypatch.delenv("GIT_CONFIG_COUNT")
    git(place, *git_alias)
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    told = (await run(place, "show-env")).text
    assert "secret-value" not in told
    assert "/nowhere" not in told
    assert "GIT_TERMINAL_PROMPT=0" in told
    assert (await Repository.at(place)).top == place
