"""From a requirement to its tasks: one for each acceptance criterion, or for each title that somebody gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cao.protocol.requirements import Need, Requirement
from cao.protocol.tasks import Priority
from cao.store.tasks import NewTask

TITLE_LIMIT = 200
_URGENCY: Mapping[Need, Priority] = {"must": "high", "should": "medium", "could": "low", "wont": "low"}


def drafts(
    requirement: Requirement, titles: Sequence[str], *, agent: str | None = None, workflow: str | None = None
) -> Iterator[NewTask]:
    """The tasks that meet it, ready to begin, each title once. Without titles and criteria it is one task of its own title."""
    wanted = list(dict.fromkeys(titles or requirement.acceptance or [requirement.title]))
    for text in wanted:
        yield NewTask(
            title=_title(text),
            project_id=requirement.project_id,
            description=_description(requirement, text),
            status="ready",
            priority=_URGENCY[requirement.priority],
            agent=agent,
            requirement_id=requirement.id,
            workflow=workflow,
        )


def _title(text: str) -> str:
    return text if len(text) <= TITLE_LIMIT else text[: TITLE_LIMIT - 1].rstrip() + "…"


def _description(requirement: Requirement, text: str) -> str:
    parts = [text, f"It serves the requirement {requirement.id}: {requirement.title}"]
    room = 60_000 - sum(map(len, parts))
    return "\n\n".join([*parts, *([requirement.body[:room]] if requirement.body else [])])
