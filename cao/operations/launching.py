"""Starting a session as part of a change: what `session launch` does, for operations that do more in the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cao.protocol.records import Session
from cao.store import Transaction, messages, sessions, terminals

from .context import Context
from .scope import project_around
from .seating import seat


def opening(
    ctx: Context,
    *,
    profile: str,
    provider: str | None,
    directory: str | None,
    prompt: str | None,
    name: str | None = None,
    labels: Mapping[str, str] | None = None,
) -> Callable[[Transaction], Session]:
    """What starts the session, once its parts are found. Raises `NotFound`, `InvalidInput` or `Unavailable`.

    Submit the session to the engine once the transaction is committed.
    """
    new = seat(ctx, profile=profile, provider=provider, directory=directory)
    project = project_around(ctx, new.directory)

    def change(tx: Transaction) -> Session:
        session = sessions.launch(tx, name=name, project_id=project.id if project else None, labels=dict(labels or {}))
        terminal = terminals.add(tx, session, new, None, ctx.services.limits)
        run = messages.prompt(tx, terminal, prompt, sender=ctx.caller.actor) if prompt else None
        return session.model_copy(update={"terminals": [terminal], "run_id": run.id if run else None})

    return change
