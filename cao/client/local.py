"""The typed interface on a control in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from cao.protocol import OWNER, REGISTRY, Caller

if TYPE_CHECKING:
    from cao.control import Control


class LocalTransport:
    """Runs operations as somebody, the owner unless given. Implements `cao.client.facade.Transport`."""

    def __init__(self, control: Control, caller: Caller = OWNER) -> None:
        self._control = control
        self._caller = caller

    async def call(self, name: str, fields: Mapping[str, Any]) -> Any:
        operation = REGISTRY[name]
        return await self._control.call(operation, operation.parse(fields), self._caller)

    async def stream(self, name: str, fields: Mapping[str, Any]) -> AsyncIterator[Any]:
        operation = REGISTRY[name]
        async for item in self._control.stream(operation, operation.parse(fields), self._caller):
            yield item
