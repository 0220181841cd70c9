"""Worktrees: which there are, whose they are, and what became of them. Git holds the work; this is the record."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from cao.events import WorktreeAdded, WorktreeMerged, WorktreeRemoved
from cao.protocol import Conflict, ListRequest, NotFound, Page
from cao.protocol.git import Worktree, WorktreeState

from .pages import page
from .transaction import Reader, Transaction


@dataclass(frozen=True, slots=True)
class NewWorktree:
    """A worktree that git has, and whose it is."""

    name: str
    repository: str
    path: str
    branch: str
    base: str | None
    """The branch to merge into, if it began from one."""
    base_commit: str
    project_id: str | None = None
    session_id: str | None = None
    terminal_id: str | None = None
    run_id: str | None = None
    phase: str | None = None


def record(tx: Transaction, new: NewWorktree) -> Worktree:
    """Remember a worktree that git has made; one that is known already is given back as it is."""
    known = find(tx, new.repository, new.name)
    if known is not None:
        return known
    id = tx.new_id("wkt")
    tx.insert("worktrees", id=id, state="active", created_by=tx.actor, created_at=tx.now, **asdict(new))
    tx.emit(WorktreeAdded(worktree_id=id, name=new.name, branch=new.branch, **_subject(new)))
    return get(tx, id)


def find(reader: Reader, repository: str, name: str) -> Worktree | None:
    """The worktree of a repository that has this name now."""
    sql = "SELECT * FROM worktrees WHERE repository = ? AND name = ? AND state != 'removed'"
    return reader.one(Worktree, sql, (repository, name))


def get(reader: Reader, reference: str, project_id: str | None = None) -> Worktree:
    """The worktree with this id, or the newest with this name, those of `project_id` first. Raises `NotFound`."""
    found = reader.one(
        Worktree,
        "SELECT * FROM worktrees WHERE id = :ref OR name = :ref "
        "ORDER BY id = :ref DESC, state != 'removed' DESC, project_id IS :project DESC, n DESC LIMIT 1",
        {"ref": reference, "project": project_id},
    )
    if found is None:
        raise NotFound(f"no worktree {reference!r}; see: cao worktree list", worktree=reference)
    return found


def require_there(reader: Reader, reference: str, project_id: str | None = None) -> Worktree:
    """The same, if it was not removed. Raises `Conflict` for one that was."""
    found = get(reader, reference, project_id)
    if found.state == "removed":
        raise Conflict(f"worktree {found.name} was removed; make another: cao worktree add {found.name}", worktree=found.id)
    return found


def list_page(
    reader: Reader, request: ListRequest, *, project_id: str | None, state: WorktreeState | None, run_id: str | None
) -> Page[Worktree]:
    filters = {"project_id": project_id, "state": state, "run_id": run_id}
    return page(reader, Worktree, "worktrees", request, filters)


def of_run(reader: Reader, run_id: str) -> list[Worktree]:
    """A run's worktrees that were not removed, oldest first."""
    return reader.all(Worktree, "SELECT * FROM worktrees WHERE run_id = ? AND state != 'removed' ORDER BY n", (run_id,))


def there(reader: Reader, project_id: str | None = None, limit: int = 200) -> list[Worktree]:
    """Worktrees that were not removed, oldest first."""
    sql = "SELECT * FROM worktrees WHERE state != 'removed' AND (? IS NULL OR project_id = ?) ORDER BY n LIMIT ?"
    return reader.all(Worktree, sql, (project_id, project_id, limit))


def merged(tx: Transaction, worktree: Worktree, into: str, commit: str) -> Worktree:
    """Its branch was merged. It may go on, and be merged again."""
    tx.update("worktrees", worktree.id, state="merged", merged_commit=commit, merged_at=tx.now)
    tx.emit(
        WorktreeMerged(
            worktree_id=worktree.id,
            name=worktree.name,
            branch=worktree.branch,
            into=into,
            commit=commit,
            **_subject(worktree),
        )
    )
    return get(tx, worktree.id)


def removed(tx: Transaction, worktree: Worktree, *, discarded: bool) -> Worktree:
    """It was taken away; one that was already stays as it is."""
    if worktree.state != "removed":
        tx.update("worktrees", worktree.id, state="removed", removed_at=tx.now)
        tx.emit(
            WorktreeRemoved(
                worktree_id=worktree.id, name=worktree.name, branch=worktree.branch, discarded=discarded, **_subject(worktree)
            )
        )
    return get(tx, worktree.id)


def _subject(of: NewWorktree | Worktree) -> dict[str, str | None]:
    return {"session_id": of.session_id, "terminal_id": of.terminal_id, "run_id": of.run_id}
