"""Projects: directories that scope profiles and sessions, and which of them is current."""

from __future__ import annotations

from pathlib import Path

from cao.events import ProjectAdded, ProjectChosen, ProjectRemoved
from cao.protocol import Conflict, ListRequest, NotFound, Page
from cao.protocol.records import Project

from .pages import page
from .transaction import Reader, Row, Transaction

_CURRENT = "current_project"


def add(tx: Transaction, name: str, path: Path) -> Project:
    """Make a directory a project; one that is known already is returned as it is."""
    known = tx.row("SELECT * FROM projects WHERE path = ?", (str(path),))
    if known is not None:
        return _load(tx, known)
    if tx.row("SELECT id FROM projects WHERE name = ?", (name,)):
        raise Conflict(f"a project named {name!r} exists at another place; choose another name with --name")
    id = tx.new_id("prj")
    tx.insert("projects", id=id, name=name, path=str(path), created_at=tx.now)
    tx.emit(ProjectAdded(project_id=id, name=name, path=str(path)))
    if current(tx) is None:
        use(tx, get(tx, id))
    return get(tx, id)


def get(reader: Reader, reference: str) -> Project:
    """The project with this id or name. Raises `NotFound`."""
    row = reader.row("SELECT * FROM projects WHERE id = ? OR name = ? LIMIT 1", (reference, reference))
    if row is None:
        raise NotFound(f"no project {reference!r}; see: cao project list", project=reference)
    return _load(reader, row)


def list_page(reader: Reader, request: ListRequest) -> Page[Project]:
    return page(reader, Project, "projects", request, {}, load=lambda row: _load(reader, row))


def use(tx: Transaction, project: Project) -> None:
    """Make a project the current one."""
    tx.execute("DELETE FROM settings WHERE key = ?", (_CURRENT,))
    tx.insert("settings", key=_CURRENT, value=project.id)
    tx.emit(ProjectChosen(project_id=project.id, name=project.name))


def current(reader: Reader) -> Project | None:
    """The current project, if there is one."""
    row = reader.row("SELECT p.* FROM settings s JOIN projects p ON p.id = s.value WHERE s.key = ?", (_CURRENT,))
    return Project.model_validate({**row, "current": True}) if row else None


def containing(reader: Reader, directory: str) -> Project | None:
    """The innermost project that `directory` lies in."""
    places = [str(place) for place in (Path(directory), *Path(directory).parents)]
    marks = ", ".join("?" * len(places))
    sql = f"SELECT * FROM projects WHERE path IN ({marks}) ORDER BY length(path) DESC LIMIT 1"  # noqa: S608
    row = reader.row(sql, places)
    return _load(reader, row) if row else None


def remove(tx: Transaction, project: Project) -> None:
    """Forget a project. Its files and its sessions stay."""
    tx.execute("DELETE FROM projects WHERE id = ?", (project.id,))
    tx.execute("DELETE FROM settings WHERE key = ? AND value = ?", (_CURRENT, project.id))
    tx.emit(ProjectRemoved(project_id=project.id, name=project.name))


def _load(reader: Reader, row: Row) -> Project:
    chosen = reader.row("SELECT value FROM settings WHERE key = ?", (_CURRENT,))
    return Project.model_validate({**row, "current": bool(chosen and chosen["value"] == row["id"])})
