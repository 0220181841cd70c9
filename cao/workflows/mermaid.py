"""A workflow's graph in Mermaid's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from cao.protocol.workflows import Step

from .definition import Definition
from .graph import Graph, Look, Node, Shape, every, graph

_BRACES: Mapping[Shape, tuple[str, str]] = {
    "agent": ("(", ")"),
    "command": ("[", "]"),
    "manual": ("{{", "}}"),
    "workflow": ("[[", "]]"),
    "flow": ("([", "])"),
}
_STYLES: Mapping[Look, str] = {
    "running": "fill:#dbeafe,stroke:#2563eb,color:#1e3a8a",
    "waiting": "fill:#fef3c7,stroke:#d97706,color:#78350f",
    "done": "fill:#dcfce7,stroke:#16a34a,color:#14532d",
    "again": "fill:#ede9fe,stroke:#7c3aed,color:#4c1d95",
    "failed": "fill:#fee2e2,stroke:#dc2626,color:#7f1d1d",
    "skipped": "fill:#f1f5f9,stroke:#94a3b8,color:#475569",
}


def mermaid(definition: Definition, steps: Sequence[Step] | None = None) -> str:
    """A flowchart that GitHub and others draw.

    >>> phase = {"id": "build", "command": {"run": ["make"]}}
    >>> print(mermaid(Definition.model_validate({"name": "ci", "phases": [phase]})))
    flowchart TD
      start((" "))
      n1["build<br/>make"]
      finish(((" ")))
      start --> n1
      n1 --> finish
    """
    drawn = graph(definition, steps)
    ids = {node.path: f"n{number}" for number, node in enumerate(every(drawn.nodes), 1)}
    chain = ["start", *(ids[node.path] for node in drawn.nodes), "finish"]
    lines = ["flowchart TD", '  start((" "))']
    lines += [line for node in drawn.nodes for line in _declared(node, ids, "  ")]
    lines += ['  finish(((" ")))', *(f"  {one} --> {other}" for one, other in pairwise(chain))]
    lines += [
        f'  {ids[node.path]} -. "{_quoted(arc.label)}" .-> {ids[arc.to]}'
        for node in every(drawn.nodes)
        for arc in node.arcs
        if arc.to in ids
    ]
    return "\n".join([*lines, *_styled(drawn, ids)])


def _declared(node: Node, ids: Mapping[str, str], indent: str) -> Iterator[str]:
    id, name = ids[node.path], _quoted(node.name)
    if not node.inner:
        opening, closing = _BRACES[node.shape]
        told = f"<br/>{_quoted(node.told)}" if node.told else ""
        note = f"<br/>{_quoted(_short(node.note, 60))}" if node.note else ""
        yield f'{indent}{id}{opening}"{name}{note}{told}"{closing}'
        return
    yield f'{indent}subgraph {id}["{name}{": " if node.note else ""}{_quoted(_short(node.note, 60))}"]'
    for one in node.inner:
        yield from _declared(one, ids, indent + "  ")
    yield f"{indent}end"


def _styled(drawn: Graph, ids: Mapping[str, str]) -> Iterator[str]:
    for look, style in _STYLES.items():
        if of_look := [ids[node.path] for node in every(drawn.nodes) if node.look == look]:
            yield f"  classDef {look} {style}"
            yield f"  class {','.join(of_look)} {look}"


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def _quoted(text: str) -> str:
    """Text inside a Mermaid label: whatever has a meaning there is written by its number.

    >>> _quoted('say "hi" %%')
    'say #34;hi#34; #37;#37;'
    """
    return "".join(one if one.isalnum() or one in " .,:-_/()=+×≤…·?!" else f"#{ord(one)};" for one in text if one.isprintable())
