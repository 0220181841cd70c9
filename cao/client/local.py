"""The typed interface on a control in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from cao.protocol import OWNER, REGISTRY

if TYPE_CHECKING:
    from cao.control import Control


class LocalTransport:
    """Runs operations as the owner. Implements `cao.client.facade.Transport`."""

    def __init__(self, control: Control) -> None:
        self._control = control

    async def call(self, name: str, fields: Mapping[str, Any]) -> Any:
        operation = REGISTRY[name]
        return await self._control.call(operation, operation.parse(fields), OWNER)

    async def stream(self, name: str, fields: Mapping[str, Any]) -> AsyncIterator[Any]:
        operation = REGISTRY[name]
        async for item in self._control.stream(operation, operation.parse(fields), OWNER):
            yield item
