"""A schedule as a Markdown file: front matter that says when and who, and the prompt as its body."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, StringConstraints, ValidationError

from cao.agents.library import read as read_text
from cao.agents.profile import split
from cao.protocol import Described, InvalidInput, Name
from cao.protocol.schedules import CatchUp, Cron, Interval, Overlap, Zone

from .gate import GateError, contained

Place = Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=r"^[^\x00]*$")]


class FrontMatter(Described):
    """What may stand at the head of a schedule's file. Unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name | None = None
    schedule: Cron | None = None
    every: Interval | None = None
    zone: Zone | None = None
    agent_profile: Name | None = None
    provider: Name | None = None
    directory: Place | None = None
    script: Place | None = None
    session: Name | None = None
    catch_up: CatchUp | None = None
    window: Interval | None = None
    overlap: Overlap | None = None


_SPELLINGS = {"schedule": "cron", "agent_profile": "profile"}
"""Names of the file to those of the request."""


def read(path: Path) -> dict[str, Any]:
    """The fields of a schedule that a file gives, under the names of `schedule.add`. Raises `InvalidInput`.

    Paths in it are relative to the file; a script must lie in its folder or below.
    """
    try:
        front, body = split(read_text(path))
        given = FrontMatter.model_validate(front).model_dump(exclude_none=True)
    except ValidationError as error:
        refused = InvalidInput.from_validation(error)
        raise InvalidInput.field("file", f"{path.name}, front matter: {refused.message}") from None
    except InvalidInput as error:
        raise InvalidInput.field("file", f"{path.name}: {error.details['errors'][0]['message']}") from None
    fields: dict[str, Any] = {_SPELLINGS.get(name, name): value for name, value in given.items()}
    fields.setdefault("name", path.stem)
    if body.strip():
        fields["prompt"] = body.strip()
    return fields | _places(path, given)


def _places(path: Path, given: dict[str, Any]) -> dict[str, Any]:
    places: dict[str, Any] = {"file": str(path)}
    if "directory" in given:
        places["directory"] = str((path.parent / Path(given["directory"]).expanduser()).resolve())
    if "script" in given:
        try:
            places["script"] = str(contained(Path(given["script"]), path.parent))
        except GateError as error:
            raise InvalidInput.field("file", f"{path.name}: {error}") from None
    return places
