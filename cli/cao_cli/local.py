"""Operations in this process, on the data directory itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cao.client.catalog import Entry
from cao.client.wire import Report, WireError
from cao.control import Control
from cao.protocol import REGISTRY, Caller, CaoError
from cao.settings import load

CALLER = Caller(surface="cli")

logging.getLogger("cao.plugins").addHandler(logging.NullHandler())  # `cao plugin list` tells; standard error is the envelope's


def call(home: Path, entry: Entry, fields: Mapping[str, Any], report: Report | None, *, work: bool) -> Any:
    """Run one operation; its JSON-ready answer. work: let agents work meanwhile. Raises `WireError`."""
    return asyncio.run(_translated(_call(home, entry.name, fields, report, work)))


def stream(home: Path, entry: Entry, fields: Mapping[str, Any], each: Callable[[Any], None]) -> None:
    """Give each item of a streaming operation to `each`. Raises `WireError`."""
    asyncio.run(_translated(_stream(home, entry.name, fields, each)))


async def _call(home: Path, name: str, fields: Mapping[str, Any], report: Report | None, work: bool) -> Any:
    operation = REGISTRY[name]
    request = operation.parse(fields)

    async def tell(done: float, total: float | None, message: str) -> None:
        if report is not None:
            report(done, total, message)

    async with Control(load(home), work=work) as control:
        answer = await control.call(operation, request, CALLER, tell)
    return operation.adapter.dump_python(answer, mode="json")


async def _stream(home: Path, name: str, fields: Mapping[str, Any], each: Callable[[Any], None]) -> None:
    operation = REGISTRY[name]
    request = operation.parse(fields)
    async with Control(load(home), work=False) as control:
        async for item in control.stream(operation, request, CALLER):
            each(operation.adapter.dump_python(item, mode="json"))


async def _translated(work: Any) -> Any:
    try:
        return await work
    except CaoError as error:
        raise WireError(error.code, error.message, error.details) from error
