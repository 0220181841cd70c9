"""The JSON Schema of definitions: what an editor completes and underlines as a definition is written.

Made from the models, so that it cannot say anything else; what a schema cannot say, `check.py` tells.
"""

from __future__ import annotations

from typing import Any, cast

from .definition import KINDS, Definition
from .expressions import filter_names

ADDRESS = "https://json-schema.org/draft/2020-12/schema"


def document() -> dict[str, Any]:
    """The schema, with a phase being exactly one kind and a definition having phases or a flow."""
    made = Definition.model_json_schema()
    parts = cast("dict[str, dict[str, Any]]", made["$defs"])
    parts["Phase"]["oneOf"] = [{"required": [kind]} for kind in KINDS]
    for part in (made, *parts.values()):
        _tidy(part)
    return {
        "$schema": ADDRESS,
        "title": "Workflow",
        "description": f"{made.pop('description')} Templates know the filters {', '.join(filter_names())}.",
        **{key: value for key, value in made.items() if key not in ("title", "$defs")},
        "oneOf": [{"required": ["phases"]}, {"required": ["flow"]}],
        "$defs": parts,
    }


def _tidy(part: dict[str, Any]) -> None:
    """Leave out what only repeats: a title that is the name, a null that nobody writes, a default of nothing."""
    part.pop("title", None)
    for field in cast("dict[str, dict[str, Any]]", part.get("properties", {})).values():
        field.pop("title", None)
        choices = [one for one in cast("list[dict[str, Any]]", field.get("anyOf", [])) if one != {"type": "null"}]
        if choices and len(choices) < len(field["anyOf"]):
            field.pop("anyOf")
            field.update(choices[0] if len(choices) == 1 else {"anyOf": choices})
        if not field.get("default") or isinstance(field["default"], dict):
            field.pop("default", None)
        if "patternProperties" in field:
            field["additionalProperties"] = False
