"""Visions: what each project is for, in one document."""

from __future__ import annotations

from cao.events import VisionChanged
from cao.protocol import Conflict
from cao.protocol.requirements import Vision

from . import refinements
from .transaction import Reader, Transaction


def get(reader: Reader, project_id: str | None) -> Vision:
    """The vision of a project, or of what belongs to none; an empty one at version 0 while nobody has written it."""
    row = reader.row("SELECT * FROM visions WHERE scope = ?", (project_id or "",)) or {}
    refinement = refinements.last(reader, "vision", project_id or "")
    return Vision.model_validate({**row, "project_id": project_id, "refinement": refinement})


def put(
    tx: Transaction, project_id: str | None, text: str, *, expect_version: int | None = None, by: str | None = None
) -> Vision:
    """Write it. Raises `Conflict` when it is not at `expect_version` any more. by: who wrote it, if not the caller."""
    known = get(tx, project_id)
    if expect_version is not None and known.version != expect_version:
        raise Conflict(
            f"the vision was changed meanwhile: it is at version {known.version}, not {expect_version}; "
            "look again: cao vision get",
            version=known.version,
            expected=expect_version,
        )
    if (known.version, known.text) > (0, "") and known.text == text:
        return known
    tx.execute("DELETE FROM visions WHERE scope = ?", (project_id or "",))
    version = known.version + 1
    tx.insert("visions", scope=project_id or "", text=text, version=version, updated_by=by or tx.actor, updated_at=tx.now)
    tx.emit(VisionChanged(project_id=project_id, version=version, length=len(text)))
    return get(tx, project_id)
