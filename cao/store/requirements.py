"""Requirements: what a project wants. Their status moves here and nowhere else, as `REQUIREMENT_MACHINE` allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cao.events import RequirementCreated, RequirementDeleted, RequirementMoved, RequirementUpdated
from cao.protocol import Conflict, ListRequest, NotFound, Page
from cao.protocol.requirements import REQUIREMENT_MACHINE, Need, Requirement, RequirementStatus

from . import refinements
from .pages import page
from .transaction import Reader, Row, Transaction


def add(
    tx: Transaction,
    *,
    project_id: str | None,
    title: str,
    body: str = "",
    priority: Need = "should",
    acceptance: list[str] | None = None,
    source: str | None = None,
) -> Requirement:
    """Add a requirement, as a draft."""
    id = tx.new_id("req")
    text = {"title": title, "body": body, "acceptance": acceptance or [], "source": source}
    state = {"priority": priority, "status": "draft", "version": 1}
    times = {"created_by": tx.actor, "created_at": tx.now, "updated_at": tx.now}
    tx.insert("requirements", id=id, project_id=project_id, **text, **state, **times)
    tx.emit(RequirementCreated(requirement_id=id, title=title, project_id=project_id))
    return get(tx, id)


def get(reader: Reader, reference: str) -> Requirement:
    """The requirement with this id. Raises `NotFound`."""
    row = reader.row("SELECT * FROM requirement_records WHERE id = ?", (reference,))
    if row is None:
        raise NotFound(f"no requirement {reference!r}; see: cao requirement list", requirement=reference)
    return _load(reader, row)


def expect(reader: Reader, reference: str, version: int | None = None) -> Requirement:
    """The requirement, if it is still at `version`. Raises `NotFound` or `Conflict`."""
    found = get(reader, reference)
    if version is not None and found.version != version:
        raise Conflict(
            f"requirement {found.id} was changed meanwhile: it is at version {found.version}, not {version}; "
            f"look again: cao requirement get {found.id}",
            version=found.version,
            expected=version,
        )
    return found


def list_page(reader: Reader, request: ListRequest, filters: Mapping[str, Any]) -> Page[Requirement]:
    return page(reader, Requirement, "requirement_records", request, filters, load=lambda row: _load(reader, row))


def newest(reader: Reader, scope: str | None, limit: int) -> list[Requirement]:
    """The newest requirements of a scope, or of all where it is None; oldest first."""
    where, values = ("1", ()) if scope is None else ("scope = ?", (scope,))
    sql = f"SELECT * FROM requirement_records WHERE {where} ORDER BY n DESC LIMIT ?"  # noqa: S608 - values are bound
    return [_load(reader, row) for row in reader.rows(sql, (*values, limit))][::-1]


def update(tx: Transaction, requirement: Requirement, changes: Mapping[str, Any]) -> Requirement:
    """Change what it says; what is so already is left out."""
    new = {name: value for name, value in changes.items() if getattr(requirement, name) != value}
    if not new:
        return requirement
    _write(tx, requirement, **new)
    title = new.get("title", requirement.title)
    tx.emit(RequirementUpdated(requirement_id=requirement.id, title=title, fields=sorted(new)))
    return get(tx, requirement.id)


def move(tx: Transaction, requirement: Requirement, status: RequirementStatus) -> Requirement:
    """Move its status. Raises `Conflict` for a move that is not in the table."""
    REQUIREMENT_MACHINE.check(requirement.id, requirement.status, status)
    _write(tx, requirement, status=status)
    subject = {"requirement_id": requirement.id, "title": requirement.title}
    tx.emit(RequirementMoved(**subject, was=requirement.status, status=status))
    return get(tx, requirement.id)


def follow(tx: Transaction, id: str) -> None:
    """Let a requirement's status follow its tasks: in progress with the first that begins, done with the last that is done."""
    row = tx.row("SELECT status FROM requirements WHERE id = ?", (id,))
    rows = tx.rows("SELECT status, count(*) AS number FROM tasks WHERE requirement_id = ? GROUP BY status", (id,))
    tasks = {found["status"] for found in rows}
    if row is None:
        return
    if row["status"] in ("planned", "done") and "in-progress" in tasks:
        move(tx, get(tx, id), "in-progress")
    elif row["status"] == "in-progress" and "done" in tasks and tasks <= {"done", "cancelled"}:
        move(tx, get(tx, id), "done")


def delete(tx: Transaction, requirement: Requirement) -> None:
    """Forget a requirement. Its tasks stay, and serve it no more."""
    tx.execute(
        "UPDATE tasks SET requirement_id = NULL, version = version + 1, updated_at = ? WHERE requirement_id = ?",
        (tx.now, requirement.id),
    )
    tx.execute("DELETE FROM requirements WHERE id = ?", (requirement.id,))
    tx.emit(RequirementDeleted(requirement_id=requirement.id, title=requirement.title))


def _write(tx: Transaction, requirement: Requirement, **columns: Any) -> None:
    tx.update("requirements", requirement.id, **columns, version=requirement.version + 1, updated_at=tx.now)


def _load(reader: Reader, row: Row) -> Requirement:
    return Requirement.model_validate({**row, "refinement": refinements.last(reader, "requirement", row["id"])})
