"""Definitions that cannot be run, and what must be said of each.

A case begins with `#### what it is`, then one line for each thing that is said, `####> line:column the message; the hint`, in
the order in which it is said, then the text, whose first line is line 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cao.workflows.definition import Definition
from cao.workflows.rules.places import Surroundings
from cao.workflows.text import read

FOLDER = Path(__file__).parent / "malformed"
_CASE = re.compile(r"^#### (?P<title>.+)\n(?P<said>(?:####> .+\n)*)(?P<text>(?:(?!####).*(?:\n|\Z))*)", re.MULTILINE)

OTHERS = (
    """\
name: greet
inputs:
  who: {type: string, required: true}
  count: {type: integer, default: 1}
  tone: {choices: [kind, plain], default: kind}
phases:
  - id: write
    agent: {prompt: "Greet {{ inputs.who }} {{ inputs.count }} times, {{ inputs.tone }}."}
outputs: {line: "{{ phases.write.output.text }}"}
""",
    "name: circle\nphases: [{id: x, workflow: {name: a}}]\n",
    "name: wider\nphases: [{id: x, workflow: {name: circle}}]\n",
    "name: thrifty\nbudget: {turns: 5}\nphases: [{id: x, agent: {prompt: x}}]\n",
    "name: apart\nworktree: true\nphases: [{id: x, agent: {prompt: x}}]\n",
    "name: python\nflow: release:release\n",
)


@dataclass(frozen=True)
class Case:
    """A text, and what must be said of it."""

    title: str
    said: list[str]
    text: str


def cases(pattern: str) -> list[Case]:
    """The cases of the files with names like this."""
    return [case for path in sorted(FOLDER.glob(pattern)) for case in _cases(path)]


def _cases(path: Path) -> Iterator[Case]:
    for found in _CASE.finditer(path.read_text("utf-8")):
        said = [line.removeprefix("####> ") for line in found["said"].splitlines()]
        yield Case(f"{path.stem}: {found['title']}", said, found["text"])


def around() -> Surroundings:
    """What the cases are judged beside."""
    definitions: list[Definition] = [read(text).definition for text in OTHERS]
    return Surroundings(
        {definition.name: definition for definition in definitions},
        frozenset({"broken"}),
        frozenset({"developer", "reviewer"}),
        frozenset({"scripted"}),
    )
