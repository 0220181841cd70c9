"""A recorder: when the run of a refinement ends, its proposal is applied, in the transaction that ends the run.

So it is applied once, whenever the process ends: before the commit neither the run is over nor the text changed, after it both.
"""

from __future__ import annotations

from cao.events import RunFailed
from cao.protocol import Conflict, NotFound
from cao.protocol.records import Event
from cao.protocol.requirements import Refinement
from cao.store import Transaction, refinements, requirements, runs, visions

from .proposals import RequirementProposal, Unusable, VisionProposal, read

_ENDS = frozenset(("run.completed", "run.failed", "run.cancelled"))


def settle_run(tx: Transaction, event: Event) -> None:
    """Apply what the run of a refinement proposes; an answer that cannot be used changes nothing and is said to be so."""
    if event.type not in _ENDS or event.run_id is None:
        return
    refinement = refinements.of_run(tx, event.run_id)
    if refinement is None or refinement.state != "asked":
        return
    try:
        _apply(tx, refinement, _answer(tx, event))
    except Unusable as unusable:
        refinements.settle(tx, refinement, "failed", str(unusable))
    except (Conflict, NotFound) as gone:
        refinements.settle(tx, refinement, "stale", gone.message)
    else:
        refinements.settle(tx, refinement, "applied")


def _answer(tx: Transaction, event: Event) -> str:
    if event.type == "run.cancelled":
        raise Unusable("its run was cancelled")
    if event.type == "run.failed":
        failure = RunFailed.of(event).failure
        raise Unusable(f"its run failed: [{failure.code}] {failure.message}"[:500])
    return runs.get(tx, event.run_id or "").result or ""


def _apply(tx: Transaction, refinement: Refinement, answer: str) -> None:
    if refinement.requirement_id is not None:
        _apply_to_requirement(tx, refinement.requirement_id, refinement, answer)
        return
    proposal = read(VisionProposal, answer)
    expected, by = refinement.base_version, f"run:{refinement.run_id}"
    visions.put(tx, refinement.project_id, proposal.text, expect_version=expected, by=by)


def _apply_to_requirement(tx: Transaction, id: str, refinement: Refinement, answer: str) -> None:
    proposal = read(RequirementProposal, answer)
    requirement = requirements.expect(tx, id, refinement.base_version)
    changed = requirements.update(tx, requirement, proposal.model_dump())
    if changed.status == "draft":
        requirements.move(tx, changed, "refined")
