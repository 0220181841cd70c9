"""What a run may still use: looked at before each phase; beyond it a person is asked, or the run fails. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from .definition import Budget
from .plan import End, Plan, Question, Situation, failed


@dataclass(slots=True)
class Purse:
    """The budget of a run, on one walk."""

    situation: Situation
    plan: Plan
    broke: End | None = None
    """The end of a run that used up its budget."""
    _may: bool | None = None

    def may_begin(self, path: str | None = None) -> bool:
        """Whether another phase may begin. path: of the phase that would; a question that has to be asked first names it."""
        if self._may is None:
            budget = self.situation.snapshot.definition.budget
            self._may = budget is None or all(self._left(budget, path, *line) for line in self._lines(budget))
        return self._may

    def _lines(self, budget: Budget) -> list[tuple[str, float, float]]:
        used = self.situation.used
        lines = (
            ("turns", budget.turns, used.turns),
            ("tokens", budget.tokens, used.tokens),
            ("cost", budget.cost, used.cost),
            ("time", budget.time, used.seconds),
        )
        return [(what, most, spent) for what, most, spent in lines if most is not None]

    def _left(self, budget: Budget, path: str | None, what: str, most: float, spent: float) -> bool:
        """Whether something is left of one line, after what people granted on top."""
        grants = 0
        while spent >= most * (1 + grants):
            said = f"the budget of {most:g} {_UNITS[what]} is used up ({spent:g} so far)"
            if budget.exceeded == "fail":
                self.broke = failed("budget", said)
                return False
            key = f"budget:{what}:{grants + 1}"
            state = self.situation.answers.get(key)
            if state is None:
                self.plan.ask.append(Question(key, f"{said[0].upper()}{said[1:]}. Use as much again?", path))
            if state in (None, "pending"):
                return False
            if state != "approved":
                self.broke = failed("budget", f"{said}, and nobody granted more")
                return False
            grants += 1
        return True


_UNITS = {"turns": "turns", "tokens": "tokens", "cost": "US dollars", "time": "seconds"}
