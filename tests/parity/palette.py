"""The page's palette as a surface: its own modules, in a real browser, ask what its forms would ask."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Page, expect

from cao.protocol import Operation
from tests.browser import browser

from .scenarios import World

_ASK = """async ([name, fields, stream]) => {
    const build = [...document.scripts].find((one) => one.type === "module").src.replace("main.js", "");
    const { ask, describe, offers, streamed } = await import(`${build}api.js`);
    const { fieldsOf } = await import(`${build}schema.js`);
    if (!offers(name)) throw new Error(`the palette does not offer ${name}`);
    const known = fieldsOf((await describe(name)).request_schema).map((field) => field.name);
    for (const field of Object.keys(fields)) if (!known.includes(field)) throw new Error(`the form lacks ${field}`);
    if (!stream) return ask(name, fields);
    const items = [];
    for await (const item of streamed(name, fields)) if (item.data) items.push(item.data);
    return items;
}"""


class Palette:
    """The page, opened and signed in."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def ask(self, world: World, defined: Operation, fields: Mapping[str, Any]) -> Any:
        return await self._page.evaluate(_ASK, [defined.name, dict(fields), defined.effect == "stream"])


@asynccontextmanager
async def palette(world: World) -> AsyncGenerator[Palette]:
    """A browser that came in by the link of `cao page`."""
    async with browser() as chromium:
        page = await chromium.new_page()
        await page.goto((await world.client.token.link()).url)
        await expect(page.locator(".connection")).to_have_text("live", timeout=60_000)
        yield Palette(page)
