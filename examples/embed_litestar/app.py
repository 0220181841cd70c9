"""Agents inside a Litestar application: its own routes put them to work, and their whole HTTP surface stands under `/agents`.

    API_KEY=secret uvicorn app:app --timeout-graceful-shutdown 3

The time-out ends the streams that are open when the server stops; without it, uvicorn waits for them for ever.
"""

from __future__ import annotations

import hmac
import logging
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from litestar import Litestar, asgi, post
from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException, NotAuthorizedException
from litestar.handlers import BaseRouteHandler
from litestar.types import Receive, Scope, Send
from pydantic import BaseModel, StringConstraints

import cao
from cao.agents import Prompt

logger = logging.getLogger("shop")
control = cao.open()


async def summarise(prompt: Prompt) -> str:
    """An agent that is a function of this application. A real one would ask a model."""
    first, _, rest = prompt.text.partition(".")
    return f"{first.strip()} (and {len(rest.split())} more words)"


async def tell(_: object, event: Any) -> None:
    """Called after each run that was completed."""
    logger.info("run %s is completed", event.run_id)


@asynccontextmanager
async def lifespan(app: Litestar) -> AsyncGenerator[None]:
    """The agents live as long as the application."""
    async with control:
        control.register("summarise", summarise)
        control.signals.on("run.completed").connect(tell)
        await control.profile.install(str(Path(__file__).with_name("summariser.md")), replace=True)
        yield


async def who(scope: Any) -> cao.Caller | None:
    """Who sends a request to `/agents`: whoever shows the key of the application."""
    shown = ASGIConnection[Any, Any, Any, Any](scope).headers.get("Authorization", "")
    known = hmac.compare_digest(shown.encode(), f"Bearer {os.environ['API_KEY']}".encode())
    return cao.Caller(actor="shop") if known else None


async def signed_in(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """The same for the application's own routes."""
    if await who(connection.scope) is None:
        raise NotAuthorizedException("show the API key")


class Text(BaseModel):
    """What to summarise."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=100_000)]


class Summary(BaseModel):
    """What came of it."""

    session: str
    summary: str


surface = cao.asgi(control, authenticate=who, prefix="/agents")


@asgi("/agents", is_mount=True, copy_scope=True)
async def agents(scope: Scope, receive: Receive, send: Send) -> None:
    """Everything under `/agents`. Litestar cuts that from the path, so `cao.asgi` was told of it."""
    await surface(scope, receive, send)


@post("/summaries", guards=[signed_in])
async def summaries(data: Text) -> Summary:
    """Let an agent summarise a text, and wait for it."""
    session = await control.session.launch(data.text, profile="summariser")
    result = await control.run.result(str(session.run_id), timeout=120)
    if result.text is None:
        reason = result.failure.message if result.failure else "the agent was not done within two minutes"
        raise HTTPException(reason, status_code=502)
    return Summary(session=session.id, summary=result.text)


app = Litestar([summaries, agents], lifespan=[lifespan])
