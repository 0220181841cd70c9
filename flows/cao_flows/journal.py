"""What a workflow's runner knows of its run: read once, then kept up with its own writes and with what others commit."""

from __future__ import annotations

from typing import Any

from cao.protocol.records import ApprovalState
from cao.protocol.workflows import Step, Used
from cao.store import Store, approvals, steps, workflows
from cao.store.entries import Entered
from cao.store.workflows import Header
from cao.workflows.definition import Definition
from cao.workflows.plan import Attempt, Situation, Snapshot


class Journal:
    """The steps of one run, by path. Nobody else begins any; others only answer for those that wait."""

    def __init__(self, store: Store, entered: Entered) -> None:
        self._store = store
        self.run_id, self.session_id = entered.id, entered.session_id
        reader = store.read()
        row = workflows.row_of(reader, entered.id)
        found = {name: Definition.model_validate(value) for name, value in workflows.snapshot(reader, entered.id).items()}
        self.snapshot = Snapshot(entered.definition, found)
        self.inputs: dict[str, Any] = row["inputs"]
        self.directory: str = row["directory"]
        self.branch: str | None = row["branch"]
        self.repository: str | None = row["repository"]
        self.project_id: str | None = row["project_id"]
        self._steps: dict[str, list[Step]] = {}
        self._open: set[Attempt] = set()
        self._answers: dict[str, ApprovalState] = {}
        self.changes = 0
        """Grows with what can make the machine's answer another one; that an attempt began does not."""
        self.header: Header = workflows.header(reader, entered.id, store.clock.now())
        for step in steps.of_run(reader, entered.id):
            self.put(step)
        self._hear()

    def put(self, step: Step) -> None:
        """Know a step as it is now."""
        self.changes += step.state != "running"
        key, row = (step.path, step.attempt), self._steps.setdefault(step.path, [])
        if not row or row[-1].attempt < step.attempt:
            row.append(step)
        else:
            row[next(n for n, other in enumerate(row) if other.attempt == step.attempt)] = step
        (self._open.discard if step.state == "settled" else self._open.add)(key)

    def refresh(self) -> None:
        """Take in what others committed: first the version, so that what comes after it is noticed when the run is left."""
        reader = self._store.read()
        self.header = workflows.header(reader, self.run_id, self._store.clock.now())
        for step in self.open:
            if step.state == "waiting" and (now := steps.get(reader, self.run_id, step.path, step.attempt)) != step:
                self.put(now)
        if "pending" in self._answers.values():
            self._hear()

    def _hear(self) -> None:
        asked = approvals.of_run(self._store.read(), self.run_id)
        self._answers = {str(approval.action["key"]): approval.state for approval in asked if "key" in approval.action}

    def asked(self, key: str) -> None:
        """A question of the machine's was put to a person."""
        self._answers[key] = "pending"

    def get(self, key: Attempt) -> Step | None:
        """One attempt, if it began."""
        return next((step for step in self._steps.get(key[0], ()) if step.attempt == key[1]), None)

    def attempts(self, path: str) -> list[Step]:
        """All attempts at a phase, oldest first."""
        return self._steps.get(path, [])

    @property
    def open(self) -> list[Step]:
        """The attempts that are under way or wait."""
        return [step for key in self._open if (step := self.get(key)) is not None]

    def last(self) -> Step | None:
        """The step of the first level that was settled last."""
        over = [row[-1] for path, row in self._steps.items() if "/" not in path and "[" not in path and row[-1].settled_at]
        return max(over, key=lambda step: (step.settled_at, step.n), default=None)

    def situation(self) -> Situation:
        """All of it, for the machine."""
        run = {"id": self.run_id, "directory": self.directory, "branch": self.branch}
        return Situation(self.snapshot, self.inputs, run, self._steps, self._answers, self._used())

    def _used(self) -> Used:
        if self.snapshot.definition.budget is None:
            return Used(seconds=self.header.worked)
        return workflows.used_by(self._store.read(), self.session_id, self.header.worked)
