"""What scenarios are made of: the world that they prepare, the case that they become."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cao.client.facade import Facade
from cao.control import Control
from cao.protocol.records import Terminal, Turn
from cao.store import approvals, turns
from cao.store.leases import acquire

Answer = Mapping[str, Any]
Scenario = Callable[["World"], Awaitable["Case"]]

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Case:
    """A request, and a check of its JSON answer (of the list of items, for a stream)."""

    fields: Mapping[str, Any]
    holds: Callable[[Any], bool]


@dataclass(slots=True)
class World:
    """A data directory with a server, and what scenarios need to prepare."""

    client: Facade
    backstage: Control
    """The same data directory, opened beside the server, where something must be arranged that no operation does."""
    place: Path

    def name(self) -> str:
        return f"thing-{next(_numbers)}"

    async def session(self, prompt: str | None = None) -> Any:
        return await self.client.session.launch(
            profile="developer", provider="scripted", directory=str(self.place), name=self.name(), prompt=prompt
        )

    async def terminal(self) -> Terminal:
        return (await self.session()).terminals[0]

    async def run(self, text: str = "hello") -> Any:
        """A run that stays as it is: its terminal is kept busy by nobody."""
        session = await self.session()
        return await self.client.session.send(session.id, text=text)

    async def project(self) -> Any:
        folder = self.place / self.name()
        folder.mkdir()
        return await self.client.project.init(path=str(folder), name=folder.name)

    async def profile(self) -> str:
        name = self.name()
        file = self.place / f"{name}.md"
        file.write_text(f"---\nname: {name}\ndescription: A test agent.\n---\nYou test.\n")
        self.backstage.services.library.install(name, file.read_text())
        return name

    async def schedule(self) -> Any:
        fields = {"cron": "0 3 * * *", "zone": "Europe/Berlin", "provider": "scripted", "directory": str(self.place)}
        return await self.client.schedule.add(self.name(), prompt="hello", **fields)

    async def approval(self) -> Any:
        """A question of a turn that no engine runs: what a person sees is the same."""
        run = await self.run()
        store, owner = self.backstage.services.store, self.name()

        def ask(tx: Any) -> Any:
            lease = acquire(tx, f"test:{owner}", owner, lambda _: False)
            begun = turns.start(
                tx, tx.new_id("trn"), run.terminal_id, lease, recovery="fail", flow_run_id=None, task_run_id=None
            )
            turn: Turn = begun.turn
            return approvals.request(tx, turn, "Delete everything?", {"tool": "shell"})

        return await store.write(ask)


PLUGIN = "from cao.plugins import Plugin\nclass Main(Plugin):\n    'Comes and goes.'\n    name = 'guest'\n"
"""A package that is installed where the server runs."""

SCENARIOS: dict[str, Scenario] = {}


def scenario(operation: str) -> Callable[[Scenario], Scenario]:
    def add(function: Scenario) -> Scenario:
        SCENARIOS[operation] = function
        return function

    return add


def has(**expected: Any) -> Callable[[Any], bool]:
    """Whether an answer has these values."""
    return lambda answer: all(answer[name] == value for name, value in expected.items())


def lists(id: str, key: str = "id") -> Callable[[Any], bool]:
    """Whether a page holds the item."""
    return lambda page: any(item[key] == id for item in page["items"])
