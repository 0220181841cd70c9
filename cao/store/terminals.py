"""Terminals: a seat for an agent, its limits and its status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cao.events import TerminalAdded, TerminalClosed
from cao.protocol import Conflict, ListRequest, NotFound, Page
from cao.protocol.records import Failure, Session, Terminal, TerminalStatus

from . import messages, turns
from .pages import page
from .transaction import Reader, Transaction


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on what agents may start by themselves."""

    depth: int = 4
    """Terminals between a person and the deepest agent."""
    terminals: int = 200
    """Open terminals in one session."""


@dataclass(frozen=True, slots=True)
class NewTerminal:
    """What a seat is made of."""

    profile: str
    provider: str
    directory: str
    name: str | None = None
    allowed_tools: list[str] | None = None
    closes_when_done: bool = False
    model: str | None = None


def add(tx: Transaction, session: Session, new: NewTerminal, parent: Terminal | None, limits: Limits) -> Terminal:
    """Give an agent a seat. Its tools are the intersection with its parent's. Raises `Conflict` beyond the limits."""
    depth = parent.depth + 1 if parent else 0
    if depth > limits.depth:
        raise Conflict(f"agents may be nested {limits.depth} deep; do the work here or ask a person", depth=depth)
    taken = {str(row["name"]) for row in tx.rows("SELECT name FROM terminals WHERE session_id = ?", (session.id,))}
    alive = tx.number("SELECT count(*) FROM terminals WHERE session_id = ? AND status != 'closed'", (session.id,))
    if alive >= limits.terminals:
        raise Conflict(f"session {session.name} has {alive} terminals, the most allowed; close some first")
    if new.name in taken:
        raise Conflict(f"session {session.name} already has a terminal named {new.name!r}; choose another name")
    terminal = Terminal(
        id=tx.new_id("ter"),
        session_id=session.id,
        name=new.name or _free_name(new.profile, taken),
        profile=new.profile,
        provider=new.provider,
        directory=new.directory,
        status="idle",
        parent_id=parent.id if parent else None,
        depth=depth,
        allowed_tools=intersect(new.allowed_tools, parent.allowed_tools if parent else None),
        closes_when_done=new.closes_when_done,
        model=new.model,
        created_at=tx.time,
    )
    tx.insert("terminals", **{**terminal.model_dump(exclude={"created_at", "closed_at"}), "created_at": tx.now})
    tx.emit(
        TerminalAdded(
            session_id=session.id,
            terminal_id=terminal.id,
            name=terminal.name,
            profile=terminal.profile,
            provider=terminal.provider,
            parent_id=terminal.parent_id,
        )
    )
    return terminal


def intersect(own: list[str] | None, parent: list[str] | None) -> list[str] | None:
    """Tools that both allow; None allows all.

    >>> intersect(["read", "shell"], ["read"])
    ['read']
    """
    if own is None or parent is None:
        return parent if own is None else own
    return [tool for tool in own if tool in parent or "*" in parent] if "*" not in own else parent


def get(reader: Reader, reference: str, session_id: str | None = None) -> Terminal:
    """The terminal with this id, or with this name inside `session_id`. Raises `NotFound`."""
    found = reader.one(
        Terminal,
        "SELECT * FROM terminals WHERE id = :ref OR (name = :ref AND session_id = :session) LIMIT 1",
        {"ref": reference, "session": session_id},
    )
    if found is None or (session_id is not None and found.session_id != session_id):
        raise NotFound(f"no terminal {reference!r}; see: cao terminal list", terminal=reference)
    return found


def require_open(reader: Reader, reference: str, session_id: str | None = None) -> Terminal:
    """The same, if it takes messages. Raises `Conflict` when it is closed."""
    terminal = get(reader, reference, session_id)
    if terminal.status == "closed":
        raise Conflict(f"terminal {terminal.name} is closed; add another: cao terminal add", terminal=terminal.id)
    return terminal


def of_session(reader: Reader, session_id: str) -> list[Terminal]:
    """All terminals of a session in the order in which they were added."""
    return reader.all(Terminal, "SELECT * FROM terminals WHERE session_id = ? ORDER BY n", (session_id,))


def firsts(reader: Reader, session_ids: Sequence[str]) -> dict[str, Terminal]:
    """The first terminal of each session."""
    marks = ", ".join("?" * len(session_ids))
    sql = f"SELECT *, min(n) FROM terminals WHERE session_id IN ({marks}) GROUP BY session_id"  # noqa: S608
    return {terminal.session_id: terminal for terminal in reader.all(Terminal, sql, session_ids)}


def list_page(
    reader: Reader,
    request: ListRequest,
    *,
    session_id: str | None,
    status: TerminalStatus | None,
    profile: str | None,
) -> Page[Terminal]:
    filters = {"session_id": session_id, "status": status, "profile": profile}
    return page(reader, Terminal, "terminals", request, filters)


def close(tx: Transaction, terminal: Terminal, *, code: str, why: str) -> None:
    """Take no more messages: pending ones fail with `code`, a turn under way is asked to stop."""
    turns.interrupt(tx, terminal.id)
    for message in messages.pending(tx, terminal):
        messages.give_up(tx, message, Failure(code=code, message=why))
    tx.update("terminals", terminal.id, status="closed", closed_at=tx.now)
    tx.emit(TerminalClosed(session_id=terminal.session_id, terminal_id=terminal.id, name=terminal.name))


def remember(tx: Transaction, terminal_id: str, conversation: Mapping[str, Any]) -> None:
    """Keep what a provider needs to come back to the terminal's conversation."""
    tx.update("terminals", terminal_id, conversation=dict(conversation))


def _free_name(profile: str, taken: set[str]) -> str:
    number = 1
    while f"{profile[:56]}-{number}" in taken:
        number += 1
    return f"{profile[:56]}-{number}"
