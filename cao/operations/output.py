"""Output: what runs said and which files they left."""

from __future__ import annotations

import asyncio
import base64
import os
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from cao.protocol import Conflict, ListRequest, NotFound, Page, Reference, Request, operation
from cao.protocol.outputs import Artifact, FileContent, OutputPiece, OutputText
from cao.protocol.records import FINAL_RUN_STATES, Run
from cao.protocol.workflows import Step
from cao.store import Reader, outputs, runs

from .context import Context
from .pages import by_key

PART = 1 << 20
"""Bytes that one answer holds at most."""
QUIET_SECONDS = 15.0
"""After this time without a commit a follower looks again by itself."""

Offset = Annotated[int, Field(ge=0, le=2**53)]
Part = Annotated[int, Field(ge=16, le=PART)]


class ReadText(Request):
    """Which run's output, and which part of it."""

    run: Reference
    """Its id."""
    offset: Offset = 0
    """Where to begin, in bytes of UTF-8: the `next_offset` of the part before."""
    limit: Part = 64 * 1024
    """Bytes to give at most."""
    tail: bool = False
    """The end of it, instead of what stands at `offset`."""


@operation("output.read", path="/runs/{run}/output", example={"run": "run_000000000", "tail": True, "limit": 4096})
async def read(ctx: Context, request: ReadText) -> OutputText:
    """Read what was said in a run: an agent's text, or what the phases of a workflow gave. Offsets stay what they are."""
    return await asyncio.to_thread(_read, ctx, request)


def _read(ctx: Context, request: ReadText) -> OutputText:
    reader = ctx.store.read()
    run = runs.get(reader, request.run)
    start = max(outputs.size(reader, run) - request.limit, 0) if request.tail else request.offset
    part = outputs.window(reader, run, start, request.limit)
    settled = run.state in FINAL_RUN_STATES
    return OutputText(
        run_id=run.id,
        state=run.state,
        text=part.text,
        offset=part.offset,
        next_offset=part.end,
        size=part.size,
        complete=settled and part.end == part.size,
    )


class FollowText(Request):
    """Which run's output, and from where."""

    run: Reference
    """Its id."""
    after: Offset = 0
    """Begin behind so many bytes: the `seq` of the last piece that you saw."""


@operation("output.follow", path="/runs/{run}/output/stream", effect="stream", example={"run": "run_000000000", "after": 0})
async def follow(ctx: Context, request: FollowText) -> AsyncIterator[OutputPiece]:
    """Follow what is said in a run, from its beginning until it is settled."""
    run = runs.get(ctx.store.read(), request.run)
    reel = outputs.Reel(run)
    with ctx.store.hub.subscribe(run.id) as commits:
        while True:
            settled = runs.get(ctx.store.read(), run.id).state in FINAL_RUN_STATES  # before reading: what comes later waits
            while (text := reel.more(ctx.store.read())) is not None:
                if piece := _behind(text, reel.offset, request.after):
                    yield piece
                await asyncio.sleep(0)  # a long text is read in many pieces, and waits for nothing by itself
            if settled:
                return
            await commits.wait(QUIET_SECONDS)


def _behind(text: str, end: int, after: int) -> OutputPiece | None:
    """The part of a piece, which ends at byte `end`, that lies behind the first `after` bytes."""
    if not text or end <= after:
        return None
    data = text.encode()
    return OutputPiece(seq=end, text=data[max(len(data) - (end - after), 0) :].decode("utf-8", "ignore"))


class ListPhases(ListRequest):
    """Which run, and which phase."""

    run: Reference
    """Its id: that of a workflow's run."""
    phase: Annotated[str, StringConstraints(min_length=1, max_length=400)] | None = None
    """Only this one, such as `build` or `build/api`."""


@operation("output.phases", path="/runs/{run}/phases", errors=(Conflict,), example={"run": "run_000000000", "phase": "build"})
async def phases(ctx: Context, request: ListPhases) -> Page[Step]:
    """List what the phases of a workflow's run gave, each attempt with its decision, oldest first."""
    reader = ctx.store.read()
    run = runs.get(reader, request.run)
    if run.kind != "workflow":
        raise Conflict(f"run {run.id} is one turn and has no phases; read it with: cao output read {run.id}", kind=run.kind)
    return outputs.phases(reader, request, run, request.phase)


class ListArtifacts(ListRequest):
    """Which run."""

    run: Reference
    """Its id."""


@operation("output.artifacts", path="/runs/{run}/artifacts", example={"run": "run_000000000"})
async def artifacts(ctx: Context, request: ListArtifacts) -> Page[Artifact]:
    """List the files that a run left by their paths: those that its agent said to write, or that phases gave as evidence.

    Files outside the directory of the run are not told.
    """
    found = await asyncio.to_thread(_artifacts, ctx, request.run)
    return by_key(Artifact, found, request, attrgetter("path"))


def _artifacts(ctx: Context, reference: str) -> list[Artifact]:
    reader = ctx.store.read()
    return [artifact for _, artifact in _places(reader, runs.get(reader, reference))]


def _places(reader: Reader, run: Run) -> list[tuple[Path, Artifact]]:
    """The run's files by their paths, once each, and where they really are."""
    found: dict[str, tuple[Path, Artifact]] = {}
    for named in outputs.files(reader, run):
        place = _contained(named.name, Path(named.directory))
        if place is not None:
            path = str(place.relative_to(Path(named.directory).resolve()))
            found.setdefault(path, (place, _artifact(path, place, named)))
    return [found[path] for path in sorted(found)]


def _contained(name: str, directory: Path) -> Path | None:
    """The file that a run named, with every link followed; None for one that lies elsewhere."""
    try:
        place = (directory / name).resolve()
        inside = place.is_relative_to(directory.resolve())
    except (OSError, RuntimeError, ValueError):
        return None
    return place if inside and place != directory.resolve() else None


def _artifact(path: str, place: Path, named: outputs.Named) -> Artifact:
    facts = _regular(place)
    return Artifact.model_validate(
        {
            "path": path,
            "source": named.source,
            "directory": named.directory,
            "phase": named.phase,
            "bytes": facts.st_size if facts else None,
            "changed_at": datetime.fromtimestamp(facts.st_mtime, UTC) if facts else None,
        }
    )


def _regular(place: Path) -> os.stat_result | None:
    try:
        facts = place.lstat()
    except OSError:
        return None
    return facts if stat.S_ISREG(facts.st_mode) else None


class DownloadArtifact(Request):
    """Which file, and which part of it."""

    run: Reference
    """The run's id."""
    path: Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=r"^[^\x00]*$")]
    """Its path, as `output artifacts` gives it."""
    offset: Offset = 0
    """Where to begin, in bytes."""
    limit: Part = PART
    """Bytes to give at most."""


@operation(
    "output.download",
    path="/runs/{run}/artifacts/content",
    positional=("run", "path"),
    example={"run": "run_000000000", "path": "report.md"},
)
async def download(ctx: Context, request: DownloadArtifact) -> FileContent:
    """Read a file that a run left, whole or in parts: text as it is, anything else as base64."""
    return await asyncio.to_thread(_download, ctx, request)


def _download(ctx: Context, request: DownloadArtifact) -> FileContent:
    reader = ctx.store.read()
    run = runs.get(reader, request.run)
    place = next((place for place, artifact in _places(reader, run) if artifact.path == request.path), None)
    if place is None or _regular(place) is None:
        raise NotFound(f"run {run.id} left no file {request.path!r}; see: cao output artifacts {run.id}", run=run.id)
    data, size = _part(place, request.offset, request.limit)
    return FileContent(run_id=run.id, path=request.path, size=size, **_encoded(data, request.offset, size))


def _part(place: Path, offset: int, limit: int) -> tuple[bytes, int]:
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise NotFound(f"{place.name} cannot be read: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        file.seek(offset)
        return file.read(limit), os.fstat(descriptor).st_size


def _encoded(data: bytes, offset: int, size: int) -> dict[str, Any]:
    """Text where it is UTF-8, cut between characters; else base64."""
    whole = {"offset": offset, "next_offset": offset + len(data)}
    for cut in range(4 if offset + len(data) < size else 1):
        try:
            text = data[: len(data) - cut].decode()
        except UnicodeDecodeError:
            continue
        return {**whole, "encoding": "text", "content": text, "next_offset": offset + len(data) - cut}
    return {**whole, "encoding": "base64", "content": base64.b64encode(data).decode()}
