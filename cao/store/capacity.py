"""How much may be in flight at once, and how much is: counted in the transaction that claims more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from cao.protocol.queue import Room

from .transaction import Reader


@dataclass(frozen=True, slots=True)
class Limits:
    """How many items of the queue may be in flight."""

    total: int
    projects: Mapping[str, int]
    """By the project's name or id."""
    providers: Mapping[str, int]


class Capacity:
    """The limits, and what is taken of them as `reader` sees it."""

    def __init__(self, reader: Reader, limits: Limits) -> None:
        self.limits = limits
        self.in_flight = 0
        self._projects: Counter[str] = Counter()
        self._providers: Counter[str] = Counter()
        self._names = _names(reader)
        self._project_limits = {id: limit for id in self._names if (limit := self._limit_of(id)) is not None}
        counted = "SELECT project_id, provider, count(*) AS items FROM queue WHERE stage = 0 GROUP BY project_id, provider"
        for row in reader.rows(counted):
            self.take(row["project_id"], row["provider"], row["items"])

    def take(self, project_id: str | None, provider: str | None, items: int = 1) -> None:
        """Count more of them in."""
        self.in_flight += items
        if project_id is not None:
            self._projects[project_id] += items
        if provider is not None:
            self._providers[provider] += items

    @property
    def is_full(self) -> bool:
        """Whether nothing more may begin, of whatever project or provider."""
        return self.in_flight >= self.limits.total

    @property
    def full_projects(self) -> list[str]:
        """The ids of the projects of which nothing more may begin."""
        return [id for id, limit in self._project_limits.items() if self._projects[id] >= limit]

    @property
    def full_providers(self) -> list[str]:
        return [name for name, limit in self.limits.providers.items() if self._providers[name] >= limit]

    def lack(self, project_id: str | None, provider: str | None) -> str | None:
        """Which limit keeps such an item waiting, in words; None when there is room."""
        if self.is_full:
            return f"capacity: {self.in_flight}/{self.limits.total} in flight"
        if project_id in self.full_projects:
            return f"capacity: project {self._name(project_id)} {self._projects[project_id]}/{self._project_limits[project_id]}"
        if provider in self.full_providers:
            return f"capacity: provider {provider} {self._providers[provider]}/{self.limits.providers[provider]}"
        return None

    def projects(self) -> list[Room]:
        """Those that have items in flight or a limit, by name."""
        ids = {*self._projects, *self._project_limits}
        rooms = [Room(name=self._name(id), in_flight=self._projects[id], limit=self._project_limits.get(id)) for id in ids]
        return sorted(rooms, key=lambda room: room.name)

    def providers(self) -> list[Room]:
        """Those that have items in flight or a limit, by name."""
        names = sorted({*self._providers, *self.limits.providers})
        return [Room(name=name, in_flight=self._providers[name], limit=self.limits.providers.get(name)) for name in names]

    def _limit_of(self, project_id: str) -> int | None:
        return self.limits.projects.get(self._names[project_id], self.limits.projects.get(project_id))

    def _name(self, project_id: str | None) -> str:
        return self._names.get(project_id or "", project_id or "")


def _names(reader: Reader) -> dict[str, str]:
    return {str(row["id"]): str(row["name"]) for row in reader.rows("SELECT id, name FROM projects")}
