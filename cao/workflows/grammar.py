"""Which of Jinja's syntax is taken, what the loops and joins of a tree become, and which names a tree reads."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

from jinja2 import nodes

from .meter import WIDEST

DEEPEST = 40
"""How deep expressions and blocks may be nested."""
MOST = 4000
"""How many words, and how many parts, a template may have."""
COUNTED = "counted"
"""The filter that every loop's list goes through."""
JOINED = "joined"
"""The filter that `~` becomes."""

N = TypeVar("N", bound=nodes.Node)
_Path = tuple[str, ...]
_GUARDS = frozenset(("d", "default", "defined", "undefined"))

_TAKEN = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem, nodes.Slice,
    nodes.Filter, nodes.Test, nodes.Keyword, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr,
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos, nodes.Concat, nodes.List,
    nodes.Tuple, nodes.Dict, nodes.Pair, nodes.If, nodes.For,
)  # fmt: skip
_SPOKEN: Mapping[type[nodes.Node], str] = {
    nodes.Call: "a function cannot be called", nodes.Pow: "powers cannot be calculated",
    nodes.Assign: "{% set %} is not there", nodes.AssignBlock: "{% set %} is not there",
    nodes.Macro: "{% macro %} is not there", nodes.With: "{% with %} is not there",
    nodes.Include: "{% include %} is not there", nodes.Import: "{% import %} is not there",
    nodes.FromImport: "{% import %} is not there", nodes.Extends: "{% extends %} is not there",
    nodes.Block: "{% block %} is not there",
}  # fmt: skip


class GrammarError(ValueError):
    """A tree that holds what is not taken."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.lineno = line


def checked(tree: N, filters: Container[str], tests: Container[str]) -> N:
    """The same tree, its loops counted and its joins bounded. Raises `GrammarError` for what is not taken."""
    for node in _all(tree):
        if not isinstance(node, _TAKEN):
            raise GrammarError(_SPOKEN.get(type(node), "only expressions, if and for are there"), node.lineno)
        _check(node, filters, tests)
    return cast("N", _bounded(tree))


def _all(tree: nodes.Node) -> Iterator[nodes.Node]:
    """Every node, level by level: no recursion, so that depth is judged before anything else is."""
    level, count = [tree], 0
    for _ in range(DEEPEST):
        count += len(level)
        if count > MOST:
            raise GrammarError(f"has more than {MOST} parts", level[0].lineno)
        yield from level
        level = [child for node in level for child in node.iter_child_nodes()]
        if not level:
            return
    raise GrammarError("is nested too deeply", level[0].lineno)


def _check(node: nodes.Node, filters: Container[str], tests: Container[str]) -> None:
    match node:
        case nodes.Filter(name=name) if name not in filters or name in (COUNTED, JOINED):
            raise GrammarError(f"no filter is called {name!r}", node.lineno)
        case nodes.Filter(dyn_args=None, dyn_kwargs=None) | nodes.Test(dyn_args=None, dyn_kwargs=None):
            pass
        case nodes.Filter() | nodes.Test():
            raise GrammarError("arguments are written out one by one", node.lineno)
        case nodes.For(recursive=True):
            raise GrammarError("a loop cannot be recursive", node.lineno)
        case nodes.Const(value=int() | float() as number) if not abs(number) <= WIDEST:
            raise GrammarError("holds a number that is too large", node.lineno)
        case nodes.Name(name="self"):
            raise GrammarError("`self` is not there", node.lineno)
        case _:
            pass
    if isinstance(node, nodes.Test) and node.name not in tests:
        raise GrammarError(f"no test is called {node.name!r}", node.lineno)


def _bounded(node: nodes.Node) -> nodes.Node:
    """A tree in which loops and joins go through filters that are metered."""
    for name, value in node.iter_fields():
        if isinstance(value, nodes.Node):
            setattr(node, name, _bounded(value))
        elif isinstance(value, list):
            setattr(node, name, [_bounded(one) if isinstance(one, nodes.Node) else one for one in cast("list[object]", value)])
    if isinstance(node, nodes.For):
        weight = nodes.Const(1 + sum(1 for _ in _all(node)), lineno=node.lineno, environment=node.environment)
        node.iter = _filter(cast("nodes.Expr", node.iter), COUNTED, [weight])
    if isinstance(node, nodes.Concat):
        return _filter(nodes.List(node.nodes, lineno=node.lineno, environment=node.environment), JOINED, [])
    return node


def _filter(node: nodes.Expr, name: str, arguments: list[nodes.Expr]) -> nodes.Expr:
    return nodes.Filter(node, name, arguments, [], None, None, lineno=node.lineno, environment=node.environment)


@dataclass(frozen=True, slots=True)
class Reference:
    """A value that a template reads from outside, as far as its path is written out."""

    path: tuple[str, ...]
    line: int
    """In the template, from 1."""
    guarded: bool
    """The template knows what to do when there is none: it has a default for it, or asks whether it is defined."""


def read_by(tree: nodes.Node) -> list[Reference]:
    """What a tree reads, in its order."""
    guards = {path for node in tree.find_all((nodes.Filter, nodes.Test)) if (path := _guarded(node))}
    read = _paths(tree)
    return [Reference(path, line, any(path[: len(guard)] == guard for guard in guards)) for path, line in read]


def _guarded(node: nodes.Filter | nodes.Test) -> _Path | None:
    return _path(node.node) if node.name in _GUARDS and node.node is not None else None


def _paths(tree: nodes.Node, bound: frozenset[str] = frozenset()) -> Iterator[tuple[_Path, int]]:
    """What a tree reads from outside: each path as far as it is written out, with its line."""
    if isinstance(tree, nodes.For):
        inside = bound | {"loop"} | {name.name for name in tree.target.find_all(nodes.Name)} | _own_name(tree.target)
        yield from _paths(tree.iter, bound)
        for part in (*tree.body, *([tree.test] if tree.test else [])):
            yield from _paths(part, inside)
        for part in tree.else_:
            yield from _paths(part, bound)
        return
    if (path := _path(tree)) is not None:
        if path[0] not in bound:
            yield path, tree.lineno
        return
    for child in tree.iter_child_nodes():
        yield from _paths(child, bound)


def _own_name(target: nodes.Node) -> set[str]:
    return {target.name} if isinstance(target, nodes.Name) else set()


def _path(node: nodes.Node) -> _Path | None:
    """`a.b["c"]` as a path; nothing when it does not begin with a name or goes on with what is calculated."""
    match node:
        case nodes.Name(name=name):
            return (name,)
        case nodes.Getattr(node=inner, attr=attribute):
            before = _path(inner)
            return (*before, attribute) if before else None
        case nodes.Getitem(node=inner, arg=nodes.Const(value=str(key))):
            before = _path(inner)
            return (*before, key) if before else None
        case _:
            return None
