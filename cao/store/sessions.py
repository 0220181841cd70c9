"""Sessions: launch, look up, close."""

from __future__ import annotations

from cao.events import SessionClosed, SessionLaunched
from cao.protocol import Conflict, ListRequest, NotFound, Page
from cao.protocol.records import Session, SessionStatus

from . import terminals
from .pages import page
from .transaction import Reader, Row, Transaction


def launch(tx: Transaction, *, name: str | None, project_id: str | None, labels: dict[str, str]) -> Session:
    """Open a session; an unnamed one is called after its id."""
    id = tx.new_id("ses")
    name = name or id
    if tx.row("SELECT id FROM sessions WHERE name = ? AND status = 'open'", (name,)):
        raise Conflict(f"a session named {name!r} is open; choose another name or: cao session get {name}")
    session = Session(id=id, name=name, status="open", project_id=project_id, labels=labels, created_at=tx.time)
    tx.insert("sessions", id=id, name=name, status="open", project_id=project_id, labels=labels, created_at=tx.now)
    tx.emit(SessionLaunched(session_id=id, name=name))
    return session


def get(reader: Reader, reference: str, *, terminals_too: bool = True) -> Session:
    """The session with this id, or the newest with this name. Raises `NotFound`."""
    row = reader.row("SELECT * FROM sessions WHERE id = ?", (reference,)) or reader.row(
        "SELECT * FROM sessions WHERE name = ? ORDER BY status = 'open' DESC, n DESC LIMIT 1", (reference,)
    )
    if row is None:
        raise NotFound(f"no session {reference!r}; see: cao session list", session=reference)
    seats = terminals.of_session(reader, row["id"]) if terminals_too else []
    return Session.model_validate({**row, "terminals": seats})


def require_open(reader: Reader, reference: str) -> Session:
    """The same, if it is open. Raises `Conflict` when it is closed."""
    session = get(reader, reference)
    if session.status != "open":
        raise Conflict(f"session {session.name} is closed; start another: cao launch", session=session.id)
    return session


def list_page(
    reader: Reader,
    request: ListRequest,
    *,
    status: SessionStatus | None,
    project_id: str | None,
    name: str | None,
) -> Page[Session]:
    """Sessions newest first, each with its first terminal."""
    filters = {"status": status, "project_id": project_id, "name": name}
    found = page(reader, Session, "sessions", request, filters)
    firsts = terminals.firsts(reader, [session.id for session in found.items])
    items = [s.model_copy(update={"terminals": [firsts[s.id]] if s.id in firsts else []}) for s in found.items]
    return found.model_copy(update={"items": items})


def close(tx: Transaction, session: Session) -> None:
    """Close a session and its terminals: pending messages fail, running turns are asked to stop."""
    for terminal in terminals.of_session(tx, session.id):
        if terminal.status != "closed":
            terminals.close(tx, terminal, code="session_closed", why=f"session {session.name} was shut down")
    tx.update("sessions", session.id, status="closed", closed_at=tx.now)
    tx.emit(SessionClosed(session_id=session.id, name=session.name))


def open_ids(reader: Reader) -> list[str]:
    """The ids of all open sessions, oldest first."""
    return [str(row["id"]) for row in reader.rows("SELECT id FROM sessions WHERE status = 'open' ORDER BY n")]


def with_work(reader: Reader) -> list[str]:
    """The ids of sessions that have pending messages or unsettled turns that nobody waits for a person on."""
    rows: list[Row] = reader.rows(
        "SELECT m.session_id FROM messages m JOIN terminals t ON t.id = m.terminal_id "
        "WHERE m.state = 'pending' AND t.status IN ('idle', 'failed', 'running') "
        "UNION SELECT session_id FROM turns WHERE state IN ('queued', 'running')"
    )
    return [str(row["session_id"]) for row in rows]
