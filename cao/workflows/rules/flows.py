"""The flow that a definition names: its file, its function, and that the inputs are parameters. Read, never imported."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from cao.protocol import InvalidInput
from cao.workflows.definition import Definition, Input
from cao.workflows.entry import code_of, function_of, is_inside
from cao.workflows.problems import Finding, meant

from .places import Surroundings

Function = ast.FunctionDef | ast.AsyncFunctionDef


def flow(definition: Definition, around: Surroundings) -> Iterator[Finding]:
    """A file of the project with a function of this name that takes the inputs. What only running it can tell is let pass."""
    entry = definition.flow
    if entry is None or around.project is None or not is_inside(entry):
        return
    tree = _tree(entry, around.project)
    if isinstance(tree, Finding):
        yield tree
        return
    name, file = function_of(entry), entry.rpartition(":")[0]
    functions = {node.name: node for node in tree.body if isinstance(node, Function)}
    bound = Counter(word for node in _of_module(tree) for word in _bound(node))
    if name not in functions and not bound.keys() & {name, "*", "__getattr__"}:
        yield Finding(("flow",), f"there is no function `{name}` in {file}", meant(name, functions, "its functions are"))
    if name not in functions or bound[name] > 1:
        return
    if not functions[name].decorator_list:
        yield Finding(("flow",), f"`{name}` in {file} is no Prefect flow", "put @flow above it")
    elif _is_plain_flow(functions[name]):
        yield from _parameters(functions[name], definition.inputs)


def _tree(entry: str, project: Path) -> ast.Module | Finding:
    """The file as it is written, or why it cannot be read."""
    try:
        return ast.parse(code_of(entry, project))
    except InvalidInput as error:
        return Finding(("flow",), error.message)
    except SyntaxError as error:
        said = f"{error.msg} (line {error.lineno})"
    except (ValueError, RecursionError, MemoryError) as error:
        said = str(error) or type(error).__name__
    return Finding(("flow",), f"{entry.rpartition(':')[0]} is not Python: {said}")


def _of_module(tree: ast.Module) -> Iterator[ast.AST]:
    """The parts of the code that are not inside a function or a class."""
    ahead: list[ast.AST] = [*tree.body]
    while ahead:
        node = ahead.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            ahead += ast.iter_child_nodes(node)


def _bound(node: ast.AST) -> list[str]:
    """The names that a part of the code binds; `*` for an import of everything."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Name(ctx=ast.Store()):
            return [node.id]
        case ast.Import() | ast.ImportFrom():
            return [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
        case _:
            return []


def _is_plain_flow(function: Function) -> bool:
    """Whether `@flow` or `@flow(…)` is all that stands above it: another decorator may change what it takes."""
    above = [ast.unparse(decorator).partition("(")[0] for decorator in function.decorator_list]
    return above in (["flow"], ["prefect.flow"])


def _parameters(function: Function, inputs: Mapping[str, Input]) -> Iterator[Finding]:
    """Every input is a parameter, and every parameter without a default is an input."""
    given = function.args
    positional = [*given.posonlyargs, *given.args]
    known = [one.arg for one in (*positional, *given.kwonlyargs)]
    if given.kwarg is None:
        for name in inputs:
            if name not in known:
                hint = meant(name, known, "its parameters are")
                yield Finding(("inputs", name), f"`{name}` is no parameter of the flow `{function.name}`", hint, at_key=True)
    needed = [one.arg for one in positional[: len(positional) - len(given.defaults)]]
    needed += [one.arg for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True) if default is None]
    for name in needed:
        if name not in inputs:
            message = f"the flow `{function.name}` has a parameter `{name}` without a default, which is no input"
            yield Finding(("flow",), message, f"add `{name}` to `inputs`")
