"""Steps of flows that are no workflow's run: through the control that is open here, a server, or one opened for them."""

from __future__ import annotations

import asyncio
import atexit
import json
import threading
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import cao
from cao import presence
from cao.agents import ProviderError
from cao.agents.process import Child, environment
from cao.protocol import CaoError, Unavailable
from cao.protocol.records import FINAL_RUN_STATES
from cao.protocol.workflows import Decision
from cao.workflows import decision as decisions
from cao.workflows.definition import Phase
from cao.workflows.values import LONGEST

from .flow_runner import StepFailed

if TYPE_CHECKING:
    from cao import Control, Facade

WAIT_SECONDS = 300.0
"""How long one request waits for a run or an answer, before it is asked again."""
OUTPUT_LIMIT = 1 << 20
"""Bytes of a program's output that are kept: the last ones."""
_opening = threading.Lock()


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of an agent."""

    prompt: str
    profile: str
    provider: str | None
    model: str | None
    terminal: str | None
    directory: str | None
    timeout: float | None


class Said(NamedTuple):
    """What it said."""

    text: str
    decision: Decision | None
    output: Any
    run_id: str
    session_id: str
    terminal_id: str


async def ask_agent(wish: Wish, fields: Mapping[str, Any], key: str) -> Said:
    """Ask an agent in a session of its own, or in an earlier answer's conversation. Raises `StepFailed`.

    fields: the phase that its answer is read and judged as.
    """
    phase = Phase.model_validate({name: value for name, value in fields.items() if value is not None})
    prompt = "\n\n".join(part for part in (wish.prompt, decisions.instructions(phase)) if part)
    async with _step("agent"), control() as asked:
        run_id, session_id, terminal_id = await _send(asked, wish, prompt, key)
        try:
            async with asyncio.timeout(wish.timeout):
                result = await _result(asked, run_id)
        except TimeoutError:
            await asked.run.cancel(run_id)
            raise StepFailed("agent", "timeout", f"it took longer than {wish.timeout:g} s") from None
    if result.state != "completed":
        failure = result.failure
        raise StepFailed("agent", failure.code if failure else result.state, failure.message if failure else result.state)
    text = result.text or ""
    found, output = decisions.of_answer(text, phase)
    if found is None and decisions.required(phase):
        raise StepFailed("agent", "no-decision", "it gave no decision")
    if found is not None and (wrong := decisions.breaches(phase, found, output)):
        raise StepFailed("agent", "contract", "; ".join(wrong))
    return Said(text, found, output.get("json"), run_id, session_id, terminal_id)


async def _send(asked: Facade, wish: Wish, prompt: str, key: str) -> tuple[str, str, str]:
    """The run, the session and the terminal that has the prompt."""
    if wish.terminal is not None:
        seat = await asked.terminal.get(wish.terminal)
        run = await asked.session.send(seat.session_id, prompt, terminal=seat.id, idempotency_key=key)
        return run.id, seat.session_id, seat.id
    directory = wish.directory or str(await asyncio.to_thread(Path.cwd))
    session = await asked.session.launch(
        prompt, profile=wish.profile, provider=wish.provider, directory=directory, idempotency_key=key
    )
    return str(session.run_id), session.id, session.terminals[0].id


async def _result(asked: Facade, run_id: str) -> Any:
    while (result := await asked.run.result(run_id, timeout=WAIT_SECONDS)).state not in FINAL_RUN_STATES:
        pass
    return result


class Printed(NamedTuple):
    """How a program ended, and what it printed."""

    exit_code: int
    text: str
    json: Any


async def run_command(
    words: tuple[str, ...], variables: Mapping[str, str], directory: str | None, output: str, timeout: float | None
) -> Printed:
    """Run a program here. Raises `StepFailed`."""
    place = Path(directory) if directory else await asyncio.to_thread(Path.cwd)
    async with _step("command"):
        child = await Child.start(list(words), place, {**environment((), {}), **variables})
    try:
        async with asyncio.timeout(timeout or LONGEST):
            child.end_of_input()
            printed, _ = await child.last_output(OUTPUT_LIMIT)
            code = await child.wait()
    except TimeoutError:
        raise StepFailed("command", "timeout", f"{child.name} took longer than {timeout:g} s") from None
    finally:
        await child.end()
    text = printed.decode("utf-8", "replace").rstrip("\n")
    return Printed(code, text, _document(text) if output == "json" and code == 0 else None)


def _document(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StepFailed("command", "contract", f"it did not print one JSON document: {error}") from None


async def ask_person(question: str, expires: float | None, key: str) -> tuple[bool, str, str | None, str]:
    """Ask a person and wait for the answer: whether it is yes, the note, who decided, and the approval's id.

    Raises `StepFailed`.
    """
    async with _step("approval"), control() as asked:
        found = await asked.approval.ask(question, expires=expires, idempotency_key=key)
        while found.state == "pending":
            found = await asked.approval.wait(found.id, timeout=WAIT_SECONDS)
    return found.state == "approved", found.reason or "", found.decided_by, found.id


@asynccontextmanager
async def _step(name: str) -> AsyncGenerator[None]:
    """Whatever is refused or cannot be had is a step that failed, as it is in a workflow's run."""
    try:
        yield
    except CaoError as error:
        raise StepFailed(name, error.code, error.message) from error
    except ProviderError as error:
        raise StepFailed(name, error.failure.code, error.failure.message) from error


@asynccontextmanager
async def control() -> AsyncGenerator[Facade]:
    """The control that is open in this process, else the server of the data directory, else one for this process' life."""
    async with AsyncExitStack() as opened:
        yield presence.latest() or await _connected(opened) or await _own()


async def _connected(opened: AsyncExitStack) -> Facade | None:
    """The server of the data directory, if one runs."""
    try:
        return await opened.enter_async_context(cao.connect())
    except Unavailable:
        return None


async def _own() -> Facade:
    if presence.latest() is None:
        await asyncio.to_thread(_open)
    return presence.required()


def _open() -> None:
    """Open the data directory in a thread of its own, until the process ends."""
    with _opening:
        if presence.latest() is None:
            ready = threading.Event()
            keeper = _Keeper(ready)
            threading.Thread(target=keeper.run, name="cao-control", daemon=True).start()
            atexit.register(keeper.close)
            ready.wait(60)
            keeper.check()


class _Keeper:
    """Keeps a control open in a loop of its own."""

    def __init__(self, ready: threading.Event) -> None:
        self._ready = ready
        self._ended = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leave: asyncio.Event | None = None
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            asyncio.run(self._keep())
        except BaseException as error:  # noqa: BLE001 - whoever waits for the control is told
            self._error = error
        finally:
            self._ready.set()
            self._ended.set()

    async def _keep(self) -> None:
        self._loop, self._leave = asyncio.get_running_loop(), asyncio.Event()
        opened: Control = cao.open()
        async with opened:
            self._ready.set()
            await self._leave.wait()

    def check(self) -> None:
        """Raise what kept the control from opening."""
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        if self._loop is not None and self._leave is not None and not self._ended.is_set():
            self._loop.call_soon_threadsafe(self._leave.set)
            self._ended.wait(20)
