"""Requirements, tasks and dependencies as a graph, and as a Mermaid flowchart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from cao.protocol.requirements import GraphEdge, GraphNode, Requirement, RequirementGraph
from cao.protocol.tasks import Task

_UNFIT = re.compile(r"""[^\w .,:;!?()/+-]""")
_ARROWS: Mapping[str, str] = {"serves": "-->", "blocks": "==>", "related": "-.-"}


def build(requirements: Sequence[Requirement], tasks: Sequence[Task], *, truncated: bool = False) -> RequirementGraph:
    """The graph of these; edges to what is not among them are left out."""
    nodes = [
        *(GraphNode(id=one.id, kind="requirement", title=one.title, status=one.status) for one in requirements),
        *(GraphNode(id=one.id, kind="task", title=one.title, status=one.status) for one in tasks),
    ]
    known = {node.id for node in nodes}
    edges = [edge for task in tasks for edge in _edges(task) if {edge.source, edge.target} <= known]
    return RequirementGraph(nodes=nodes, edges=edges, mermaid=mermaid(nodes, edges), truncated=truncated)


def _edges(task: Task) -> Iterator[GraphEdge]:
    if task.requirement_id:
        yield GraphEdge(source=task.id, target=task.requirement_id, kind="serves")
    for one in task.depends_on:
        yield GraphEdge(source=one.task, target=task.id, kind=one.kind)


def mermaid(nodes: Sequence[GraphNode], edges: Sequence[GraphEdge]) -> str:
    """The text of a flowchart: requirements are round, tasks square, `blocks` is a thick arrow, `related` a dotted line."""
    lines = ["flowchart LR", *(f"  {_box(node)}" for node in nodes)]
    return "\n".join([*lines, *(f"  {edge.source} {_ARROWS[edge.kind]} {edge.target}" for edge in edges)]) + "\n"


def _box(node: GraphNode) -> str:
    left, right = ("([", "])") if node.kind == "requirement" else ("[", "]")
    return f'{node.id}{left}"{_label(node.title)}<br/>{node.status}"{right}'


def _label(title: str) -> str:
    """A title as it may stand in a picture: what Mermaid or a browser could take for more than text becomes its number."""
    return _UNFIT.sub(lambda found: f"#{ord(found[0])};", title)
