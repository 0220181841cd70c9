"""Text with variables of theirs, as templates of ours: `{{goal}}` is `{{ inputs.goal }}`, `${NAME:-x}` an input."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

from .part import Part, Report

_SPECIAL: Final = re.compile(r"\$\$|\$\{(?P<outer>[^{}]*)\}|\{\{(?P<inner>[^{}]*)\}\}|\{%|\{#|\{\{")
_OUTER: Final = re.compile(r"^([A-Za-z_][A-Za-z0-9_]*)(?::([-?])(.*))?$", re.DOTALL)
_NAME: Final = re.compile(r"^[A-Za-z_][A-Za-z0-9_.-]*$")
_COMPARISON: Final = re.compile(r"""^\s*([A-Za-z_][A-Za-z0-9_.]*)\s*(==|!=)\s*(?:'([^']*)'|"([^"]*)")\s*$""")
_SECRET: Final = ("key", "token", "secret", "password", "passwd", "credential")
_FEEDBACK: Final = frozenset(("rework_context", "feedback"))


def identifier(name: str) -> str:
    """A name of ours: lower case letters, digits and dashes.

    >>> identifier("Code_Review 2"), identifier("2nd")
    ('code-review-2', 'p-2nd')
    """
    word = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:48].rstrip("-")
    return word if word[:1].isalpha() else f"p-{word}".rstrip("-")[:48]


def variable(name: str) -> str:
    """A name for templates.

    >>> variable("PR-Title"), variable("subject.kind")
    ('pr_title', 'subject_kind')
    """
    return identifier(name).replace("-", "_")


def speaks_of_secret(text: str) -> bool:
    """Whether a text asks for a secret: `${secret.x}`, or a variable that is called like one.

    >>> speaks_of_secret("Bearer ${API_TOKEN}"), speaks_of_secret("${MODE:-fast}")
    (True, False)
    """
    asked = [found["outer"].partition(":")[0].lower() for found in _SPECIAL.finditer(text) if found["outer"]]
    return any(word in name for name in asked for word in _SECRET)


@dataclass(slots=True)
class Inputs:
    """What a workflow is started with: what it declares, and what its texts speak of."""

    report: Report
    declared: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    def declare(self, part: Part) -> None:
        """One entry of `variables`."""
        name = part.text("name")
        if name is None:
            return part.lost("", "is a variable without a name", "name it, or leave it out")
        default = part.anything("default")
        given: dict[str, Any] = {"type": _type(default)} if _type(default) != "string" else {}
        if description := part.text("description"):
            given["description"] = description
        if default is not None:
            given["default"] = default
        elif part.flag("required"):
            given["required"] = True
        else:
            given["default"] = ""
        part.anything("required")
        part.close({})
        self.declared[variable(name)] = given
        return None

    def speak_of(self, name: str, at: str, default: str | None = "") -> str:
        """The expression for a name; one that nobody declared becomes an input. default: None makes it a required one."""
        found = variable(name)
        if found not in self.declared:
            self.declared[found] = {"required": True} if default is None else {"default": default}
            told = "must be given when a run is started" if default is None else f"is {default!r} unless a run is given it"
            self.report.add("changed", at, f"`{name}` is now the input `{found}`; it {told}", f"--input {found}=…")
        return f"inputs.{found}"


@dataclass(frozen=True, slots=True)
class Text:
    """Translates the texts of one workflow."""

    inputs: Inputs

    def template(self, text: str, at: str) -> str:
        """at: where the text stands, as a JSON pointer."""
        return _SPECIAL.sub(lambda found: self._one(found, at), text)

    def condition(self, listed: list[str], at: str) -> str | None:
        """The comparisons of `skip_if`: any of them skips."""
        found = [one for number, text in enumerate(listed) if (one := self._comparison(text, f"{at}/{number}"))]
        return " or ".join(found) or None

    def _one(self, found: re.Match[str], at: str) -> str:
        whole = found[0]
        if whole == "$$":
            return "$"
        if found["outer"] is not None:
            return self._outer(found["outer"], whole, at)
        if found["inner"] is None:
            return _literal(whole)
        return self._inner(found["inner"].strip(), whole, at)

    def _inner(self, name: str, whole: str, at: str) -> str:
        if name in _FEEDBACK:
            return "{{ feedback }}"
        if _NAME.match(name):
            return f"{{{{ {self.inputs.speak_of(name, at)} }}}}"
        self.inputs.report.add("lost", at, f"`{whole}` is no name", "it stays as text; write an expression of ours")
        return _literal(whole)

    def _outer(self, inside: str, whole: str, at: str) -> str:
        found = _OUTER.match(inside)
        if found is None or speaks_of_secret(whole):
            hint = "inputs are kept as they are given: let the command or the agent read the secret where it is kept"
            self.inputs.report.add("lost", at, f"`{whole}` is not read from the environment or a keychain", hint)
            return _literal(whole)
        return f"{{{{ {self.inputs.speak_of(found[1], at, found[3] if found[2] == '-' else None)} }}}}"

    def _comparison(self, text: str, at: str) -> str | None:
        found = _COMPARISON.match(text)
        if found is None:
            hint = 'write an expression in `skip_if`, such as `inputs.kind == "docs"`'
            self.inputs.report.add("lost", at, f"`{text[:80]}` is no comparison, and never held", hint)
            return None
        value = found[3] if found[3] is not None else found[4]
        return f"{self.inputs.speak_of(found[1], at)} {found[2]} {json.dumps(value, ensure_ascii=False)}"


def _literal(text: str) -> str:
    return f"{{{{ {json.dumps(text, ensure_ascii=False)} }}}}"


def _type(default: Any) -> str:
    match default:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case list():
            return "list"
        case dict():
            return "object"
        case _:
            return "string"
