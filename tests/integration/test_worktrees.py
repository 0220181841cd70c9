"""Worktrees: made once, merged without harm, never taken away with work in them unless that is said."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cao.control import Control
from cao.git import worktrees
from cao.protocol import Conflict, InvalidInput, NotFound
from cao.settings import load
from cao.store.clock import ManualClock

from .repositories import Desk, begin, git

DAY = 86400.0


class House(Desk):
    """A control with a project in a repository, and a clock that is moved by hand."""

    def __init__(self, control: Control, clock: ManualClock, place: Path) -> None:
        super().__init__(control)
        self.clock = clock
        self.place = place

    async def add(self, worktree: str, /, **fields: Any) -> Any:
        return await self.ask("worktree.add", name=worktree, **fields)

    async def write(self, worktree: Any, text: str, file: str = "poem") -> str:
        """Commit a change in a worktree; the commit."""
        (Path(worktree.path) / file).write_text(text)
        return (await self.ask("git.commit", worktree=worktree.id, message=f"Change {file}", all=True)).commit

    def snapshot(self) -> tuple[str, ...]:
        """All that git and the working tree hold."""
        files = sorted((path.name, path.read_bytes()) for path in self.place.iterdir() if path.is_file())
        return (git(self.place, "for-each-ref"), git(self.place, "status", "--porcelain"), repr(files))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    place = begin(tmp_path / "code")
    clock = ManualClock(1_800_000_000.0)
    async with Control(load(tmp_path / "home", {}), work=False, clock=clock) as control:
        house = House(control, clock, place)
        await house.ask("project.init", path=str(place))
        yield house


async def test_a_worktree_has_a_directory_and_a_branch_of_its_own(house: House) -> None:
    session = await house.ask("session.launch", provider="scripted")
    made = await house.add("login", base="main", terminal=session.terminals[0].id)
    assert (made.branch, made.base, made.path) == ("cao/login", "main", str(house.place / ".cao" / "worktrees" / "login"))
    assert made.base_commit == git(house.place, "rev-parse", "main")
    assert git(Path(made.path), "rev-parse", "--abbrev-ref", "HEAD") == "cao/login"
    assert git(house.place, "status", "--porcelain") == ""
    assert (made.session_id, made.terminal_id) == (session.id, session.terminals[0].id)
    [event] = await house.events("worktree.added")
    assert (event.terminal_id, event.data["branch"]) == (made.terminal_id, "cao/login")
    launched = await house.ask("session.launch", provider="scripted", directory=made.path)
    assert launched.project_id == made.project_id


async def test_a_name_is_taken_once_and_a_key_gives_the_same_again(house: House) -> None:
    made = await house.add("login", idempotency_key="k")
    assert await house.add("login", idempotency_key="k") == made
    with pytest.raises(Conflict, match="another name"):
        await house.add("login")
    with pytest.raises(NotFound, match="no commit"):
        await house.add("other", base="nowhere")
    with pytest.raises(InvalidInput):
        await house.add("../other")


@pytest.mark.parametrize("cut", ["before the branch", "before the directory", "in the middle", "before the record"])
async def test_a_crash_while_it_is_made_is_healed(house: House, cut: str) -> None:
    path = house.place / ".cao" / "worktrees" / "login"
    first = git(house.place, "rev-parse", "main")
    git(house.place, "update-ref", "refs/cao/base/login", first)
    if cut != "before the branch":
        git(house.place, "branch", "cao/login", first)
    if cut in ("in the middle", "before the record"):
        git(house.place, "worktree", "add", "--quiet", str(path), "cao/login")
    if cut == "in the middle":
        git(house.place, "worktree", "lock", "--reason=initializing", str(path))
        (path / "poem").unlink()
    git(house.place, "commit", "--quiet", "--allow-empty", "--message=Later")
    made = await house.add("login")
    assert made.base_commit == first
    assert (path / "poem").read_text() == "one\ntwo\nthree\n"
    assert git(path, "status", "--porcelain") == ""


async def test_many_are_made_at_once(house: House) -> None:
    made = await asyncio.gather(*(worktrees.add(house.place, f"w{n % 6}") for n in range(12)))
    assert len({one.path for one in made}) == 6
    assert made[:6] == made[6:]


async def test_merge(house: House) -> None:
    made = await house.add("login")
    tip = await house.write(made, "one\ntwo\nfour\n")
    (house.place / "mine").write_text("not committed, and not in the way\n")
    before = house.snapshot()
    assert (await house.ask("worktree.merge", worktree="login", dry_run=True)).changed
    assert house.snapshot() == before
    done = await house.ask("worktree.merge", worktree="login", message="Bring login")
    assert (done.into, done.changed, done.worktree.state) == ("main", True, "merged")
    assert git(house.place, "log", "-1", "--format=%s %P", "main") == f"Bring login {made.base_commit} {tip}"
    assert (house.place / "poem").read_text() == "one\ntwo\nfour\n"
    assert git(house.place, "status", "--porcelain") == "?? mine"
    again = await house.ask("worktree.merge", worktree="login")
    assert (again.changed, again.commit) == (False, done.commit)
    await house.write(made, "more\n", "more")
    assert (await house.ask("worktree.merge", worktree="login")).changed


async def test_a_conflict_names_the_files_and_changes_nothing(house: House) -> None:
    made, other = await house.add("ours"), await house.add("theirs")
    await house.write(made, "one\ntwo\nfour\n")
    await house.write(other, "one\ntwo\nfive\n")
    await house.ask("worktree.merge", worktree="ours")
    before, inside = house.snapshot(), git(Path(other.path), "status", "--porcelain=v2", "--branch")
    with pytest.raises(Conflict, match="poem") as caught:
        await house.ask("worktree.merge", worktree="theirs")
    assert caught.value.details["files"] == ["poem"]
    assert house.snapshot() == before
    assert git(Path(other.path), "status", "--porcelain=v2", "--branch") == inside


async def test_changes_in_the_way_stop_a_merge_and_stay(house: House) -> None:
    made = await house.add("login")
    await house.write(made, "one\ntwo\nfour\n")
    (house.place / "poem").write_text("mine\n")
    before = house.snapshot()
    with pytest.raises(Conflict, match="poem"):
        await house.ask("worktree.merge", worktree="login")
    assert house.snapshot() == before
    git(house.place, "checkout", "--quiet", "poem")
    (Path(made.path) / "loose").write_text("x")
    with pytest.raises(Conflict, match="git commit --worktree login"):
        await house.ask("worktree.merge", worktree="login")


async def test_merge_into_a_branch_that_is_checked_out_nowhere_and_squash(house: House) -> None:
    git(house.place, "branch", "release")
    made = await house.add("login")
    await house.write(made, "1\n", "a")
    await house.write(made, "2\n", "b")
    done = await house.ask("worktree.merge", worktree="login", into="release", squash=True)
    assert git(house.place, "rev-list", "--count", f"{made.base_commit}..release") == "1"
    assert git(house.place, "show", "--name-only", "--format=", "release").split() == ["a", "b"]
    assert not (await house.ask("worktree.merge", worktree="login", into="release", squash=True)).changed
    assert git(house.place, "rev-parse", "release") == done.commit
    assert (await house.ask("worktree.remove", worktree="login")).state == "removed"
    with pytest.raises(NotFound, match="no branch"):
        await house.ask("worktree.merge", worktree=(await house.add("other")).id, into="nowhere")


async def test_work_is_lost_only_when_that_is_said(house: House) -> None:
    made = await house.add("login")
    path = Path(made.path)
    (path / "loose").write_text("x")
    with pytest.raises(Conflict, match="not committed") as caught:
        await house.ask("worktree.remove", worktree="login")
    assert caught.value.details["reason"] == "uncommitted"
    await house.write(made, "y", "loose")
    with pytest.raises(Conflict, match="1 commits") as caught:
        await house.ask("worktree.remove", worktree="login")
    assert caught.value.details["reason"] == "unmerged"
    assert (await house.ask("worktree.remove", worktree="login", discard=True, dry_run=True)).state == "removed"
    assert path.is_dir()
    assert (await house.ask("worktree.remove", worktree="login", discard=True)).state == "removed"
    assert not path.exists()
    assert git(house.place, "for-each-ref", "refs/cao", "refs/heads/cao") == ""
    [event] = await house.events("worktree.removed")
    assert event.data["discarded"] is True
    with pytest.raises(Conflict, match="was removed"):
        await house.ask("worktree.remove", worktree=made.id)
    assert (await house.add("login")).id != made.id


async def test_commits_that_are_in_no_branch_are_work_too(house: House) -> None:
    made = await house.add("login")
    git(Path(made.path), "checkout", "--quiet", "--detach")
    git(Path(made.path), "-c", "user.name=T", "-c", "user.email=t@example.org", "commit", "--allow-empty", "--quiet", "-mX")
    with pytest.raises(Conflict, match="in no other branch"):
        await house.ask("worktree.remove", worktree="login")
    git(Path(made.path), "branch", "kept")
    assert (await house.ask("worktree.remove", worktree="login")).state == "removed"


async def test_prune_takes_only_what_is_clean_and_merged(house: House) -> None:
    for name in ("merged", "unmerged", "dirty", "fresh", "gone"):
        await house.add(name)
    listed = {one.name: one for one in (await house.ask("worktree.list")).items}
    for name in ("merged", "unmerged"):
        await house.write(listed[name], name, name)
    await house.ask("worktree.merge", worktree="merged")
    (Path(listed["dirty"].path) / "loose").write_text("x")
    shutil.rmtree(listed["gone"].path)
    told = {one.name: one.facts for one in (await house.ask("worktree.list", facts=True)).items}
    assert (told["unmerged"].ahead, told["unmerged"].merged, told["dirty"].dirty, told["gone"].exists) == (
        1,
        False,
        True,
        False,
    )
    planned = await house.ask("worktree.prune", dry_run=True)
    assert Path(listed["merged"].path).is_dir()
    done = await house.ask("worktree.prune")
    assert {one.name for one in planned.removed} == {one.name for one in done.removed} == {"merged", "gone"}
    assert {one.name for one in done.kept} == {"unmerged", "dirty", "fresh"}
    house.clock.advance(2 * DAY)
    assert [one.name for one in (await house.ask("worktree.prune")).removed] == ["fresh"]
    assert Path(listed["unmerged"].path).is_dir()


async def test_lists_filter_and_a_lost_repository_is_told(house: House, tmp_path: Path) -> None:
    other = begin(tmp_path / "other")
    project = await house.ask("project.init", path=str(other))
    here, there = await house.add("here"), await house.add("here", project=project.id)
    assert here.id != there.id
    assert [one.id for one in (await house.ask("worktree.list", project="other")).items] == [there.id]
    await house.ask("worktree.remove", worktree=there.id)
    assert [one.id for one in (await house.ask("worktree.list", state="removed")).items] == [there.id]
    shutil.rmtree(house.place)
    [told] = (await house.ask("worktree.list", state="active", facts=True)).items
    assert told.facts.problem
    [orphan] = (await house.ask("runner.orphans", kind="worktree")).items
    assert orphan.id == here.id
    await house.ask("runner.cleanup")
    assert (await house.ask("worktree.list", state="active")).items == []


async def test_a_worktree_without_a_record_gets_one(house: House) -> None:
    made = await worktrees.add(house.place, "stray")
    [orphan] = (await house.ask("runner.orphans")).items
    assert (orphan.kind, orphan.id) == ("worktree", "code/stray")
    await house.ask("runner.cleanup")
    [listed] = (await house.ask("worktree.list")).items
    assert (listed.name, listed.path, listed.base_commit) == ("stray", str(made.path), made.base_commit)
    assert (await house.ask("runner.orphans")).items == []
