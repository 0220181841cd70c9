"""What a kind of phase has to do for one attempt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cao.protocol.workflows import Step
from cao.store import Transaction
from cao.workflows.plan import End, failed


async def _nothing(step: Step) -> End:
    return failed("internal", f"{step.path} has nothing to do")


@dataclass(frozen=True, slots=True)
class Prepared:
    """An attempt whose templates are filled in."""

    begin: Callable[[Transaction, Step], Step]
    """What else is written in the transaction in which it begins: a prompt, a question; the step as it is then."""
    work: Callable[[Step], Awaitable[End]] = _nothing
    """What is done after it, for a step that is running. Raises `CaoError` or `ProviderError`."""
