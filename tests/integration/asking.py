"""An agent's question, without an engine that runs the agent: what a person is asked is the same."""

from __future__ import annotations

from typing import Any

from cao.control import Control
from cao.protocol.records import Approval
from cao.store import Transaction, approvals, turns
from cao.store.leases import acquire


async def ask(control: Control, question: str = "Delete everything?", action: dict[str, Any] | None = None) -> Approval:
    """A session whose agent waits for an approval."""
    session = await control.session.launch(profile="developer", provider="scripted", directory=str(control.settings.home))
    run = await control.session.send(session.id, text="go on")

    def begin(tx: Transaction) -> Approval:
        lease = acquire(tx, f"test:{run.id}", run.id, lambda _: False)
        turn = turns.start(
            tx, tx.new_id("trn"), run.terminal_id, lease, recovery="fail", flow_run_id=None, task_run_id=None
        ).turn
        return approvals.request(tx, turn, question, action or {"tool": "shell", "command": "rm -rf /"})

    return await control.services.store.write(begin)
