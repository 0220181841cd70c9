"""The schema that models become, the committed copy of it, and what breaks clients."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from graphql import GraphQLError, build_schema, graphql_sync, parse, validate
from pydantic import Field

import cao.operations  # noqa: F401 - fills the registry
from cao.graphql import changes
from cao.graphql.documents import document
from cao.graphql.schema import SCHEMA_FILE, build, printed, schema
from cao.graphql.types import Types
from cao.protocol import REGISTRY, Answer, DestructiveRequest, Page, Registry, Request, operation

Mood = Literal["calm", "wild"]


class Part(Answer):
    """A part."""

    parts: list[Part]
    """Parts of it."""


class Thing(Answer):
    """What all kinds of fields become."""

    name: str
    """What it is called."""
    mood: Mood
    manner: Literal["a-b", "c"]
    size: int
    share: Annotated[int, Field(ge=0, le=100)]
    weight: float | None = None
    at: datetime
    labels: dict[str, str]
    either: str | int
    anything: Any
    part: Part | None = None


class Settings(Request):
    """Inside a request."""

    is_on: bool = True


class ChangeThing(DestructiveRequest):
    """What to change."""

    thing: str
    """Which."""
    mood: Mood = "calm"
    words: list[str] = Field(default_factory=list[str])
    labels: dict[str, str] = Field(default_factory=dict[str, str])
    seconds: Annotated[float, Field(ge=0)] | None = 1.5
    settings: Settings | None = None


class Nothing(Request):
    """Nothing to say."""


def things() -> Registry:
    registry = Registry()

    @operation("thing.change", path="/things/{thing}", effect="write", example={"thing": "a"}, registry=registry)
    async def change(ctx: Any, request: ChangeThing) -> Thing:
        """Change a thing."""
        raise AssertionError

    @operation("thing.list", path="/things", example={}, registry=registry)
    async def list_things(ctx: Any, request: Nothing) -> Page[Thing]:
        """List things."""
        raise AssertionError

    @operation("thing.follow", path="/things/all", effect="stream", example={}, registry=registry)
    async def follow(ctx: Any, request: Nothing) -> AsyncIterator[Thing]:
        """Follow things."""
        raise AssertionError
        yield

    return registry


EXPECTED = '''
type Query {
  """List things."""
  thingList: ThingPage
}

"""One page of a list."""
type ThingPage {
  """The items of this page."""
  items: [Thing!]!

  """Give it as `cursor` to get the next page; null on the last one."""
  nextCursor: String
}

"""What all kinds of fields become."""
type Thing {
  name: String!
  mood: Mood!
  manner: String!
  size: Long!
  share: Int!
  weight: Float
  at: DateTime!
  labels: JSON!
  either: JSON!
  anything: JSON
  part: Part
}
'''


def test_fields_are_as_exact_as_graphql_allows() -> None:
    text = printed(build(things().values()))
    assert EXPECTED.strip() in text
    assert "enum Mood {\n  calm\n  wild\n}" in text
    assert "type Part {\n  parts: [Part!]!\n}" in text
    assert 'type Subscription {\n  """Follow things."""\n  thingFollow: Thing!\n}' in text


def test_arguments_say_what_may_be_left_out() -> None:
    field = build(things().values()).mutation_type.fields["thingChange"]  # pyright: ignore[reportOptionalMemberAccess]
    said = {name: (str(one.type), one.default_value) for name, one in field.args.items()}
    assert {name: kind for name, (kind, _) in said.items()} == {
        "thing": "String!",
        "mood": "Mood!",
        "words": "[String!]!",
        "labels": "JSON",
        "seconds": "Float",
        "settings": "SettingsInput",
        "idempotencyKey": "String",
        "dryRun": "Boolean!",
    }
    assert [said[name][1] for name in ("mood", "words", "seconds", "dryRun")] == ["calm", [], 1.5, False]


def test_two_classes_of_one_name_are_told_apart() -> None:
    other = type("Thing", (Answer,), {"__annotations__": {"id": str}, "__module__": "cao.somewhere.shelf"})
    types = Types()
    assert [types.answer(Thing).name, types.answer(other).name, types.answer(Thing).name] == ["Thing", "ShelfThing", "Thing"]


@pytest.mark.parametrize("value", ["true", "1.5", '"1"', "9007199254740993", "[1]"])
def test_a_long_is_a_whole_number_that_json_keeps(value: str) -> None:
    document = parse(f"{{ eventList(after: {value}) {{ nextCursor }} }}")
    assert [type(error) for error in validate(schema(), document)] == [GraphQLError]


def test_the_committed_schema_is_the_registrys() -> None:
    assert SCHEMA_FILE.read_text("utf-8") == printed(build(REGISTRY.on("graphql")))


@pytest.mark.parametrize("name", [one.name for one in REGISTRY.on("graphql")])
def test_every_operation_has_a_document(name: str) -> None:
    defined = REGISTRY[name]
    for as_records in (False, True):
        assert validate(schema(), parse(document(defined, defined.example, as_records=as_records))) == []


OLD = "type Query { a(x: Int): Thing, b: Int } type Thing { name: String!, size: Int }"


@pytest.mark.parametrize(
    ("now", "broken"),
    [
        (OLD, []),
        (OLD.replace("size: Int", "size: Int, shape: String"), []),
        (OLD.replace("b: Int", "b: Int, c: Int").replace("x: Int", "x: Int, y: Int"), []),
        (OLD.replace(", size: Int", ""), ["Thing.size was removed."]),
        (OLD.replace("name: String!", "name: String"), ["Thing.name changed type from String! to String."]),
        (OLD.replace("x: Int", "x: Int, y: Int!"), ["A required arg y on Query.a was added."]),
    ],
)
def test_what_breaks_clients_is_found(now: str, broken: list[str]) -> None:
    assert changes.unannounced(OLD, now, "") == broken
    assert changes.unannounced(OLD, now, "\n".join(f"- GraphQL: {change}" for change in broken)) == []


def test_the_committed_schema_without_a_field_breaks_clients() -> None:
    committed = SCHEMA_FILE.read_text("utf-8")
    without = committed.replace("  atRest: Boolean!\n", "  resting: Boolean!\n")
    assert changes.unannounced(committed, without, "") == ["SessionRest.atRest was removed."]
    assert changes.unannounced(committed, committed, "") == []


def test_the_schema_of_the_last_release_is_what_counts(tmp_path: Path) -> None:
    def commit(schema: str, changelog: str, tag: str | None = None) -> None:
        for path, text in ((changes.SCHEMA, schema), ("CHANGELOG.md", changelog)):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        git("add", ".")
        git("-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "--quiet", "--message", "x")
        if tag:
            git("tag", tag)

    def git(*words: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True, timeout=30)

    git("init", "--quiet")
    commit("type Query { x: Int }", "## 0.1.0 (unreleased)\n")
    assert changes.check(tmp_path) == []
    commit(OLD, "## 0.1.0 (2026-01-31)\n", "v0.1.0")
    commit(OLD.replace(", size: Int", ""), "## 0.2.0 (unreleased)\n\n## 0.1.0 (2026-01-31)\n")
    assert changes.check(tmp_path) == ["Thing.size was removed."]
    commit(OLD.replace(", size: Int", ""), "## 0.2.0 (unreleased)\n\n- Thing.size was removed.\n\n## 0.1.0 (2026-01-31)\n")
    assert changes.check(tmp_path) == []
    git("tag", "--delete", "v0.1.0")
    with pytest.raises(subprocess.CalledProcessError):
        changes.check(tmp_path)


def test_the_committed_schema_can_be_read_by_others() -> None:
    result = graphql_sync(build_schema(SCHEMA_FILE.read_text("utf-8")), "{ __schema { queryType { name } } }")
    assert result.errors is None
