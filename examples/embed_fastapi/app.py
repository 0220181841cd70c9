"""Agents inside a FastAPI application: its own routes put them to work, and their whole HTTP surface stands under `/agents`.

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

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPBearer
from pydantic import BaseModel, StringConstraints
from starlette.requests import HTTPConnection

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
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    """The agents live as long as the application."""
    async with control:
        control.register("summarise", summarise)
        control.signals.on("run.completed").connect(tell)
        await control.profile.install(str(Path(__file__).with_name("summariser.md")), replace=True)
        yield


async def who(scope: Any) -> cao.Caller | None:
    """Who sends a request to `/agents`: whoever shows the key of the application."""
    shown = HTTPConnection(scope).headers.get("Authorization", "")
    known = hmac.compare_digest(shown.encode(), f"Bearer {os.environ['API_KEY']}".encode())
    return cao.Caller(actor="shop") if known else None


async def signed_in(request: HTTPConnection) -> None:
    """The same for the application's own routes."""
    if await who(request.scope) is None:
        raise HTTPException(401, "show the API key")


class Text(BaseModel):
    """What to summarise."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=100_000)]


class Summary(BaseModel):
    """What came of it."""

    session: str
    summary: str


app = FastAPI(title="shop", lifespan=lifespan)
app.mount("/agents", cao.asgi(control, authenticate=who))


@app.post("/summaries", dependencies=[Depends(HTTPBearer()), Depends(signed_in)])
async def summaries(asked: Text) -> Summary:
    """Let an agent summarise a text, and wait for it."""
    session = await control.session.launch(asked.text, profile="summariser")
    result = await control.run.result(str(session.run_id), timeout=120)
    if result.text is None:
        raise HTTPException(502, result.failure.message if result.failure else "the agent was not done within two minutes")
    return Summary(session=session.id, summary=result.text)
