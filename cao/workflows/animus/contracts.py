"""What a phase of theirs promises of its result, as a contract of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .part import Part, mapping
from .templates import identifier

_TYPES: Final = frozenset(("string", "integer", "number", "boolean", "array", "object"))


def contract_of(source: Part, printed: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A phase's `contract`, if it asks for anything. printed: the JSON Schema of what a command prints."""
    part = source.part("decision_contract")
    made: dict[str, Any] = {}
    if evidence := part.words("required_evidence"):
        made["evidence"] = [identifier(kind) for kind in evidence]
    if (confidence := part.number("min_confidence")) is not None:
        made["confidence"] = min(confidence, 1)
    if (risk := part.text("max_risk")) in ("low", "medium", "high"):
        made["risk"] = risk
    if part.flag("allow_missing_decision") and made:
        part.changed("allow_missing_decision", "an agent with a contract must decide", "leave the contract out if it need not")
    if schema := _schema(source, part, printed or {}):
        made["output"] = schema
    if made:
        where = ", ".join(sorted(made))
        source.changed("decision_contract", f"what the contract asks for ({where}) is enforced here", "nothing, if it is meant")
    part.close({})
    return {"contract": made} if made else {}


def _schema(source: Part, contract: Part, printed: Mapping[str, Any]) -> dict[str, Any]:
    """What the output must be, from the places where that can be said."""
    own, extra = source.mapping("output_json_schema"), contract.mapping("extra_json_schema")
    output = source.part("output_contract")
    output.text("kind")
    fields = output.mapping("fields") | contract.mapping("fields")
    required = output.words("required_fields")
    output.close({})
    if extra or fields:
        source.changed(
            "decision_contract", "own fields of a decision stand in its `output`", "tell so in the prompt, if it says otherwise"
        )
    described: dict[str, Any] = {}
    if fields or required:
        properties = {name: _property(value) for name, value in fields.items()}
        described = {"type": "object", **({"properties": properties} if properties else {})}
        described |= {"required": required} if required else {}
    schemas = [one for one in (own, extra, described, dict(printed)) if one]
    return schemas[0] if len(schemas) == 1 else {"allOf": schemas} if schemas else {}


def _property(value: Any) -> dict[str, Any]:
    kind = mapping(value).get("type") if isinstance(value, dict) else value
    return {"type": kind} if isinstance(kind, str) and kind in _TYPES else {}
