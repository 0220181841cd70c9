"""Templates and conditions: Jinja's language, cut down to what cannot do harm, and metered.

What is taken is an allow-list: `{{ expressions }}`, `{% if %}` and `{% for %}`, over data that is JSON. Nothing can be called
and no attribute of a Python object can be reached. Every operation on a value of some size is paid for (`meter.py`), so that
neither time nor memory grows without bound, whatever a template or the answer of an agent holds.

>>> render("Do {{ inputs.goal }}{% if feedback %}, but {{ feedback }}{% endif %}.", {"inputs": {"goal": "it"}, "feedback": ""})
'Do it.'
>>> evaluate('phases.test.verdict == "skip" or inputs.parts | length > 1', {"phases": {"test": {"verdict": "skip"}}})
True
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, Undefined, nodes
from jinja2.environment import TemplateExpression
from jinja2.parser import Parser
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from cao.protocol import InvalidInput

from . import filters
from .grammar import COUNTED, JOINED, MOST, GrammarError, Reference, checked, read_by
from .meter import Exhausted, kind_of, metered, plain, spend, written

Scope = Mapping[str, Any]

OUTPUT_LIMIT = 512 * 1024
"""The longest text that a template gives, in characters."""

_LONGEST_NUMBER = 30
_WHOLE = re.compile(r"\A\s*\{\{(?P<expression>.*)\}\}\s*\Z", re.DOTALL)
_FAULTS = (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError, Exhausted)
_TESTS = frozenset(
    ("defined", "undefined", "none", "true", "false", "boolean", "integer", "float", "number", "string", "mapping", "sequence",
     "even", "odd", "divisibleby", "eq", "ne", "lt", "le", "gt", "ge", "in", "==", "!=", "<", "<=", ">", ">=")
)  # fmt: skip
_LOOP = frozenset(("index", "index0", "revindex", "revindex0", "first", "last", "length"))


class ExpressionError(InvalidInput):
    """A template or an expression that cannot be read, or not with these values. `line` counts from 1 in its own text."""

    def __init__(self, message: str, /, *, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja over JSON: a dot and a bracket both mean a key, and sums and products are of bounded size."""

    intercepted_binops = frozenset(("+", "-", "*", "/", "//", "%", "**"))

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(cast("Any", obj), attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Undefined):
            return obj
        found = _found(obj, argument)
        if found is _MISSING:
            return self.undefined(hint=f"there is no {argument!r} in {kind_of(obj)}", name=str(argument))
        spend(1 + len(found) // 64 if isinstance(found, str) else 1)
        return found

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        return filters.calculated(operator, left, right)


_MISSING = object()


def _found(value: Any, key: Any) -> Any:
    try:
        return cast("Any", value)[key] if isinstance(value, (Mapping, list, tuple, str)) else _MISSING
    except (LookupError, TypeError):
        return _MISSING


def _environment() -> _Environment:
    made = _Environment(
        undefined=StrictUndefined,
        autoescape=False,
        finalize=written,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        cache_size=0,
    )
    made.globals.clear()
    made.filters = dict(filters.FILTERS)
    made.tests = {name: test for name, test in made.tests.items() if name in _TESTS}
    return made


_ENVIRONMENT = _environment()


def render(template: str, scope: Scope) -> str:
    """The text that a template gives. Raises `ExpressionError`, also for a name that has no value."""
    compiled = _template(template)
    with _faults(template), metered():
        return _joined(compiled.generate(scope))


def evaluate(expression: str, scope: Scope) -> Any:
    """The value of an expression, as JSON has it. Raises `ExpressionError`."""
    compiled = _expression(expression)
    with _faults(expression), metered():
        return plain(compiled(scope))


def filled(value: Any, scope: Scope) -> Any:
    """A JSON value with every text in it rendered; a text that is one expression and nothing else gives that one's value.

    >>> filled({"parts": "{{ inputs.parts }}", "note": "{{ inputs.parts | length }} parts"}, {"inputs": {"parts": ["a", "b"]}})
    {'parts': ['a', 'b'], 'note': '2 parts'}
    """
    if isinstance(value, str):
        whole = single(value)
        return render(value, scope) if whole is None else evaluate(whole, scope)
    if isinstance(value, Mapping):
        return {key: filled(inner, scope) for key, inner in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, Sequence):
        return [filled(inner, scope) for inner in cast("Sequence[Any]", value)]
    return value


def single(template: str) -> str | None:
    """The expression of a template that is one expression and nothing else.

    >>> single("{{ inputs.parts }}"), single("{{ a }} {{ b }}")
    ('inputs.parts', None)
    """
    found = _WHOLE.match(template)
    if found is None:
        return None
    try:
        _expression(inner := found["expression"].strip())
    except ExpressionError:
        return None
    return inner


def filter_names() -> list[str]:
    """The filters that templates know."""
    return [name for name in filters.FILTERS if name not in (COUNTED, JOINED)]


def names(template: str) -> frozenset[tuple[str, ...]]:
    """What a template reads, as far as it is written out: `{{ phases.plan.verdict }}` reads `("phases", "plan", "verdict")`.

    >>> sorted(names("{% for part in inputs.parts %}{{ part.name }} {{ run['id'] }}{% endfor %}"))
    [('inputs', 'parts'), ('run', 'id')]
    """
    return frozenset(reference.path for reference in references(template))


def references(template: str) -> list[Reference]:
    """`names`, each with where it stands, in their order. Raises `ExpressionError` for a template that cannot be read."""
    with _faults(template):
        return read_by(_tree(template))


def expression_references(expression: str) -> list[Reference]:
    """`references` of an expression without braces."""
    with _faults(expression):
        return read_by(_parsed(expression))


@lru_cache(maxsize=512)
def _template(source: str) -> Template:
    with _faults(source):
        tree = _tree(source)
        return _ENVIRONMENT.from_string(tree)


@lru_cache(maxsize=512)
def _expression(source: str) -> TemplateExpression:
    with _faults(source):
        tree = _parsed(source)
        result = nodes.Assign(nodes.Name("result", "store"), tree, lineno=1)
        compiled = _ENVIRONMENT.from_string(nodes.Template([result], lineno=1))
        return TemplateExpression(compiled, undefined_to_none=False)


def _tree(source: str) -> nodes.Template:
    """A template, checked."""
    _check_length(source)
    return checked(_ENVIRONMENT.parse(source), filters.FILTERS, _TESTS)


def _check_length(source: str) -> None:
    """Count the words of a template before the parser sees them: it takes long for many, and they may be nested."""
    words = 0
    for line, kind, text in _ENVIRONMENT.lex(source):
        words += kind not in ("whitespace", "data")
        if words > MOST:
            raise GrammarError(f"has more than {MOST} words", line)
        if kind in ("integer", "float") and len(text) > _LONGEST_NUMBER:
            raise GrammarError("holds a number that is too large", line)


def _parsed(source: str) -> nodes.Expr:
    """An expression, checked."""
    _check_length(f"{{{{ {source} }}}}")
    parser = Parser(_ENVIRONMENT, source, state="variable")
    tree = parser.parse_expression()
    if not parser.stream.eos:
        rest = parser.stream.current
        raise GrammarError(f"the expression ends before {rest.value!r}", rest.lineno)
    tree.set_environment(_ENVIRONMENT)
    return checked(tree, filters.FILTERS, _TESTS)


def _joined(parts: Iterator[str]) -> str:
    found: list[str] = []
    length = 0
    for part in parts:
        length += len(part)
        if length > OUTPUT_LIMIT:
            raise Exhausted(f"gives more than {OUTPUT_LIMIT} characters")
        found.append(part)
    return "".join(found)


@contextmanager
def _faults(source: str) -> Generator[None]:
    """Say whatever goes wrong with a template in one way."""
    try:
        yield
    except _FAULTS as error:
        line = getattr(error, "lineno", None) or 1
        raise ExpressionError(_said(error, source), line=line) from None


def _said(error: BaseException, source: str) -> str:
    if isinstance(error, RecursionError):
        return f"is nested too deeply (in {_short(source)})"
    message = error.message if isinstance(error, TemplateSyntaxError) else str(error)
    said = " ".join((message or "").split())[:300] or type(error).__name__
    return f"{said} (in {_short(source)})"


def _short(source: str) -> str:
    text = " ".join(source.split())
    return text if len(text) <= 60 else text[:59] + "…"
