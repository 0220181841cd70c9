"""How large a document may be. Whoever may ask at all can still ask for too much by mistake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)

from cao.protocol import InvalidInput

DOCUMENT_LIMIT = 64 << 10
"""The longest document, in characters. Texts belong into variables, which are only bounded by the body."""
TOKENS = 2000
"""Words and signs in a document."""
DEPTH = 16
"""Fields inside fields. The usual introspection query needs 15."""
FIELDS = 300
"""Fields of one operation, aliases and what fragments repeat included; also fields and spreads in the whole document, because
validation compares them in pairs. The usual introspection query needs 229."""
CALLS = 20
"""Operations of ours that one document calls."""


class _Size(NamedTuple):
    depth: int = 0
    fields: int = 0
    width: int = 0


def check(document: DocumentNode) -> None:
    """Refuse a document that asks for too much at once. Raises `InvalidInput`."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    scales = _Scales(fragments)
    for name in fragments:
        scales.spread(name)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            size = scales.weigh(definition.selection_set)
            _refuse_above(DEPTH, size.depth, "fields deep")
            _refuse_above(FIELDS, size.fields, "fields large")
            _refuse_above(CALLS, size.width, "operations wide")
    _refuse_above(FIELDS, scales.selections, "fields and fragments large")


def _refuse_above(limit: int, found: int, what: str) -> None:
    if found > limit:
        raise InvalidInput.field("query", f"the document is {min(found, 10**6)} {what}; the limit is {limit}", "too_long")


class _Scales:
    """Weighs selections. A fragment is weighed once, however often it is spread."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[str, _Size] = {}
        self.selections = 0
        """How many were seen; each is seen once."""

    def weigh(self, selections: SelectionSetNode) -> _Size:
        sizes = [self._one(node) for node in selections.selections]
        return _Size(
            max((size.depth for size in sizes), default=0),
            sum(size.fields for size in sizes),
            sum(size.width for size in sizes),
        )

    def _one(self, node: SelectionNode) -> _Size:
        self.selections += 1
        if isinstance(node, FieldNode):
            inside = self.weigh(node.selection_set) if node.selection_set else _Size()
            return _Size(inside.depth + 1, inside.fields + 1, 1)
        if isinstance(node, InlineFragmentNode):
            return self.weigh(node.selection_set)
        return self.spread(node.name.value) if isinstance(node, FragmentSpreadNode) else _Size()

    def spread(self, name: str) -> _Size:
        """What a fragment adds wherever it is spread."""
        if name not in self._known:
            self._known[name] = _Size()  # a fragment that spreads itself ends here; validation refuses it
            fragment = self._fragments.get(name)
            self._known[name] = self.weigh(fragment.selection_set) if fragment else _Size()
        return self._known[name]
