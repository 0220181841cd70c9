"""A definition's text as a model, and what is wrong with it as lines and columns.

text ─ source.py ─► data and marks ─ pydantic ─► Definition ─ check.py ─► findings ─► problems with their places
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from cao.protocol import InvalidInput
from cao.protocol.definitions import Problem

from .definition import Definition
from .faults import findings
from .problems import Finding, quoted
from .source import Tree, Unreadable, load

MOST_PROBLEMS = 50
"""How many are told at once."""


@dataclass(frozen=True, slots=True)
class Document:
    """A definition that was read, and where its parts stand in its text."""

    definition: Definition
    tree: Tree

    def problems(self, found: Iterable[Finding]) -> list[Problem]:
        """Findings as problems, in the order of the text."""
        return located(self.tree, found)


def read(text: str) -> Document:
    """Read a definition's text: its form, not yet its sense, which `check.py` judges.

    Raises `InvalidInput`; `details["problems"]` lists what is wrong, each with its line and column.

    >>> read("name: hello\\nphases:\\n  - id: greet\\n    agent: {promt: Hello}").definition
    Traceback (most recent call last):
    cao.protocol.errors.InvalidInput: line 4, column 13: unknown key `promt`; did you mean `prompt`?
    """
    document = attempt(text)
    if isinstance(document, Document):
        return document
    raise refusal(document)


@lru_cache(maxsize=128)
def attempt(text: str) -> Document | list[Problem]:
    """The document, or everything that keeps the text from being one. Read once for each text; nobody changes the answer."""
    try:
        tree = load(text)
    except Unreadable as error:
        mark = error.mark
        return [Problem(line=mark.line, column=mark.column, pointer="", message=error.message, hint=error.hint)]
    found = _shape(tree.data)
    if found is not None:
        return located(tree, [found])
    try:
        definition = Definition.model_validate_json(json.dumps(tree.data), strict=True)
    except ValidationError as error:
        return located(tree, findings(error, tree.data))
    return Document(definition, tree)


def refusal(problems: list[Problem], what: str = "") -> InvalidInput:
    """The error that tells of problems. what: which definition they are of, such as `change: `."""
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return InvalidInput(f"{what}{sentence(first)}{more}", problems=[problem.model_dump() for problem in problems])


def sentence(problem: Problem) -> str:
    """A problem in one line."""
    hint = f"; {problem.hint}" if problem.hint else ""
    return f"line {problem.line}, column {problem.column}: {problem.message}{hint}"


def located(tree: Tree, found: Iterable[Finding]) -> list[Problem]:
    """Findings with their places, in the order of the text, each once."""
    marked = [(tree.place(finding), finding) for finding in found]
    marked.sort(key=lambda pair: (pair[0].line, pair[0].column))
    problems = [
        Problem(line=mark.line, column=mark.column, pointer=quoted(finding.pointer), message=finding.message, hint=finding.hint)
        for mark, finding in marked
    ]
    return _once(problems)


def _once(problems: list[Problem]) -> list[Problem]:
    kept = {(problem.line, problem.column, problem.message): problem for problem in problems}
    return list(kept.values())[:MOST_PROBLEMS]


def _shape(data: Any) -> Finding | None:
    """What is wrong with the text as a whole."""
    if data is None:
        return Finding((), "is empty", "a definition has a `name` and `phases`; see: cao definition schema")
    if not isinstance(data, dict):
        return Finding((), "is not a mapping of keys to values", "begin with `name:`")
    return None
