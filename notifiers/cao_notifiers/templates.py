"""Templates of titles and texts: `$name` is replaced by a value, `$$` is a dollar sign, and there is nothing else to them."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template
from types import MappingProxyType

from cao.protocol import InvalidInput

from .text import BODY_LIMIT, LINK, TITLE_LIMIT, clean, line

PLACEHOLDERS: Mapping[str, str] = MappingProxyType(
    {
        "event": "the type of the event, such as `run.failed`",
        "kind": "its class: `needs-you`, `done` or `info`",
        "at": "when it happened, in UTC",
        "actor": "who caused it",
        "session": "the name of the session",
        "terminal": "the name of the terminal",
        "run": "the id of the run",
        "approval": "the id of the approval",
        "text": "what it is about: the question, the answer, the failure, or the event's fields",
        "link": "the approval link; it is added at the end of the text where the template leaves it out",
    }
)
"""What a template may name. Where an event has no such thing, it is empty."""

TITLES: Mapping[str, str] = MappingProxyType(
    {
        "approval.requested": "Approval needed in $session",
        "run.completed": "Done: $session",
        "run.failed": "Failed: $session",
        "schedule.missed": "A schedule was missed",
        "schedule.failed": "A schedule could not start its session",
        "queue.refused": "Queued work could not be started",
        "delivery.dead": "A notification could not be delivered",
    }
)
TITLE = "$event $session"
BODY = "$text"


def check(field: str, template: str | None) -> None:
    """Raise `InvalidInput` for a template that names what does not exist, or has a lone dollar sign."""
    if template is None:
        return
    if not Template(template).is_valid():
        raise InvalidInput.field(field, "has a dollar sign that begins no name; write $$ for a dollar sign")
    for name in Template(template).get_identifiers():
        if name not in PLACEHOLDERS:
            known = ", ".join("$" + one for one in PLACEHOLDERS)
            raise InvalidInput.field(field, f"there is no ${name}; there are {known}")


def render(title: str | None, body: str | None, values: Mapping[str, str]) -> tuple[str, str]:
    """The title and the text. In the text stands `LINK` once where the values have one."""
    filled = {**dict.fromkeys(PLACEHOLDERS, ""), **{name: clean(value, BODY_LIMIT) for name, value in values.items()}}
    link = LINK if values.get("approval") else ""
    heading = Template(title or TITLES.get(values["event"], TITLE)).safe_substitute({**filled, "link": ""})
    # Each part around the link is cleaned by itself: the mark for it is a character that cleaning takes out.
    parts = [clean(part, BODY_LIMIT) for part in Template(body or BODY).safe_substitute({**filled, "link": link}).split(LINK)]
    if link and len(parts) == 1:
        parts.append("")
    text = "\n".join((parts[0], link, *parts[1:])) if link else parts[0]
    return line(heading, TITLE_LIMIT) or values["event"], text.strip() or values["event"]
