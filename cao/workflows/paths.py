"""Paths of phases in a run, such as `ship/test` or `build[2]`. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .definition import Definition, Phase
from .plan import Snapshot

_ITEM = re.compile(r"\[\d+\]$")


def snapshot_of(root: str, stored: Mapping[str, Any]) -> Snapshot:
    """The definitions of a run, from how they are stored."""
    return Snapshot(root, {name: Definition.model_validate(value) for name, value in stored.items()})


def phase_at(snapshot: Snapshot, path: str) -> Phase | None:
    """The phase that a path names; None when there is none.

    A list's item is the phase that is done for each.
    """
    definition, phases = snapshot.definition, list(snapshot.definition.phases)
    found: Phase | None = None
    for word in path.split("/"):
        found = next((phase for phase in phases if phase.id == _ITEM.sub("", word)), None)
        if found is not None and found.map is not None and _ITEM.search(word):
            found = found.map.phase
        if found is None:
            return None
        if found.workflow is not None:
            definition = snapshot.definitions.get(found.workflow.name, definition)
            phases = list(definition.phases)
        else:
            phases = list(found.parallel.phases) if found.parallel else []
    return found
