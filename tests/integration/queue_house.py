"""A data directory whose queue the tests drive by hand: nothing runs, and time stands until it is moved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cao.control import Control
from cao.protocol import REGISTRY, Caller
from cao.protocol.queue import QueueItem
from cao.queue import Dispatcher
from cao.store.clock import ManualClock


class House:
    """A control that only records, and what tests ask of it."""

    def __init__(self, control: Control, clock: ManualClock, place: Path) -> None:
        self.control = control
        self.clock = clock
        self.place = place

    async def ask(self, name: str, caller: Caller | None = None, /, **fields: Any) -> Any:
        operation = REGISTRY[name]
        return await self.control.call(operation, operation.parse(fields), caller or Caller())

    async def enqueue(self, prompt: str = "go", **fields: Any) -> QueueItem:
        given = {"provider": "scripted", "directory": str(self.place), **fields}
        return await self.ask(
            "queue.enqueue", prompt=prompt, **{key: value for key, value in given.items() if value is not None}
        )

    async def enqueue_many(self, *prompts: str, **fields: Any) -> list[str]:
        return [(await self.enqueue(prompt, **fields)).id for prompt in prompts]

    async def item(self, id: str) -> QueueItem:
        return await self.ask("queue.get", item=id)

    async def states(self, ids: Sequence[str]) -> list[str]:
        return [(await self.item(id)).state for id in ids]

    async def line(self, **fields: Any) -> list[str]:
        """What stands in line, by its words."""
        items = (await self.ask("queue.list", limit=200, **fields)).items
        return [item.what for item in items if item.position]

    async def dispatch(self, after: float = 0.0) -> dict[str, int]:
        """Let time pass, then look once, as a server or a tick does."""
        self.clock.advance(after)
        done = await self.dispatcher.perform(20)
        return {kind: count for kind, count in done.items() if count}

    @property
    def dispatcher(self) -> Dispatcher:
        return self.control.services.queue

    @property
    def is_due(self) -> bool:
        """Whether a server would look now."""
        return self.dispatcher.due_at(self.control.services.store.read()) <= self.clock.now()

    async def end_run(self, id: str) -> QueueItem:
        """End an item's run; no engine runs, so it never began."""
        await self.ask("run.cancel", run=(await self.item(id)).run_id)
        return await self.item(id)

    async def events(self, *types: str) -> list[Any]:
        return (await self.ask("event.list", types=list(types), limit=200)).items

    async def sessions(self) -> list[Any]:
        return (await self.ask("session.list", limit=200)).items
