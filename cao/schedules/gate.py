"""The script of a schedule: a command that decides each time whether a session is started, and gives words for its prompt.

It prints one JSON object, `{"execute": true, "output": {"name": "value"}}`. Each `[[name]]` in the prompt is replaced by the
value of that name.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field, StrictBool, ValidationError

from cao.agents.process import Child, environment
from cao.agents.provider import ProviderError
from cao.protocol import MESSAGE_LIMIT, Described

OUTPUT_LIMIT = 64 * 1024
"""Bytes that a script may print."""

_VARIABLE = re.compile(r"\[\[\s*([A-Za-z_][A-Za-z0-9_.-]{0,63})\s*\]\]")


class GateError(Exception):
    """The script gave no answer that can be followed; its text is the reason in the ledger."""


class Verdict(Described):
    """What a script prints."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    execute: StrictBool
    """Whether to start the session."""
    output: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Values for the prompt's variables."""


def contained(script: Path, folder: Path) -> Path:
    """The script's real place. Raises `GateError` unless it is a program inside `folder`."""
    place = (folder / script).resolve()
    if not place.is_relative_to(folder.resolve()):
        raise GateError(f"the script {script} lies outside the folder of its schedule's file")
    if not place.is_file():
        raise GateError(f"the script {place.name} is not there")
    if not place.stat().st_mode & 0o111:
        raise GateError(f"the script {place.name} may not be run; try: chmod +x {place}")
    return place


async def ask(script: Path, directory: Path, variables: Mapping[str, str], limit: float) -> Verdict:
    """Run the script and read its verdict. Raises `GateError`.

    directory: where it runs. variables: added to the allow-list of variables that it gets. limit: seconds.
    """
    try:
        return _verdict(await _printed(script, directory, variables, limit), script.name)
    except ProviderError as error:
        raise GateError(f"the script failed: {error.failure.message}") from None
    except TimeoutError:
        raise GateError(f"the script {script.name} took longer than {limit:g} s") from None


async def _printed(script: Path, directory: Path, variables: Mapping[str, str], limit: float) -> bytes:
    child = await Child.start([str(script)], directory, environment((), variables))
    try:
        async with asyncio.timeout(limit):
            child.end_of_input()
            printed = await child.output(OUTPUT_LIMIT)
            if await child.wait() != 0:
                raise ProviderError("script_failed", child.complaint())
            return printed
    finally:
        await child.end(0)


def _verdict(printed: bytes, name: str) -> Verdict:
    try:
        return Verdict.model_validate_json(printed)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = "".join(f"/{part}" for part in found["loc"])
        raise GateError(f'{name} did not print {{"execute": true or false, "output": {{…}}}}: {where} {found["msg"]}') from None


def filled(prompt: str, output: Mapping[str, Any]) -> str:
    """The prompt with its variables replaced. Raises `GateError` for one that the script did not give.

    >>> filled("Look at [[count]] issues.", {"count": 3})
    'Look at 3 issues.'
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in output:
            raise GateError(f"the script's output has no {match[1]!r}, which the prompt asks for")
        found = output[match[1]]
        return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)

    text = _VARIABLE.sub(value, prompt)
    if not text or len(text.encode()) > MESSAGE_LIMIT:
        raise GateError(f"the prompt is empty or larger than {MESSAGE_LIMIT} bytes once its variables are filled in")
    return text
