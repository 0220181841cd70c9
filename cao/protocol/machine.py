"""State machines as tables: which moves there are, who makes them, and why. What is not in the table is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from .errors import Conflict

S = TypeVar("S", bound=str)

ANY_WAY = "status"
"""The verb that makes every move but those that are kept for a name of their own."""


@dataclass(frozen=True, slots=True)
class Move(Generic[S]):
    """One arrow of the picture."""

    source: S
    target: S
    why: str
    verbs: tuple[str, ...] = (ANY_WAY,)
    """The verbs that make it."""


class Machine(Generic[S]):
    """The moves of one kind of thing.

    >>> doors = Machine("door", "cao door status {id} {status}", [Move("open", "shut", "somebody shut it")])
    >>> doors.targets("open"), doors.targets("shut")
    (('shut',), ())
    """

    def __init__(self, noun: str, command: str, moves: Sequence[Move[S]]) -> None:
        """noun: what moves. command: what to type to move it, with `{id}` and `{status}`."""
        self.noun = noun
        self.moves = tuple(moves)
        self._command = command

    @property
    def states(self) -> tuple[S, ...]:
        """All states, in the order in which the table names them."""
        return tuple(dict.fromkeys(state for move in self.moves for state in (move.source, move.target)))

    def targets(self, state: S, verb: str = ANY_WAY) -> tuple[S, ...]:
        """Where `verb` can take a thing that is in `state`."""
        return tuple(move.target for move in self.moves if move.source == state and verb in move.verbs)

    def check(self, id: str, state: S, wanted: S, verb: str = ANY_WAY) -> None:
        """Raise `Conflict` unless `verb` takes a thing that is in `state` to `wanted`.

        Its details say the `status` that it has, the one that was `wanted`, and those that are `allowed` to this verb.
        """
        allowed = self.targets(state, verb)
        if wanted in allowed:
            return
        raise Conflict(
            f"{self.noun} {id} is {state}: it cannot be made {wanted}{self._by(verb)}; {self._way_on(id, state)}",
            status=state,
            wanted=wanted,
            allowed=list(allowed),
        )

    def _by(self, verb: str) -> str:
        return "" if verb == ANY_WAY else f" by {verb}"

    def _way_on(self, id: str, state: S) -> str:
        if allowed := self.targets(state):
            return f"try {' or '.join(allowed)}: {self._command.format(id=id, status=allowed[0])}"
        names = [move.verbs[0] for move in self.moves if move.source == state]
        return f"try: cao {self.noun} {names[0]} {id}" if names else "it is final"
