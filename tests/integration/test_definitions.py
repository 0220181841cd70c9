"""Definitions of workflows as files of a project, through the operations: real files, a real store."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cao.control import Control
from cao.protocol import REGISTRY, Caller, Conflict, InvalidInput, NotFound
from cao.settings import load

GREET = """\
name: greet
description: Say hello.
inputs:
  who: {type: string, required: true}
phases:
  - id: write
    agent:
      prompt: Write a line for {{ inputs.who }}.
    contract:
      output: {type: object, properties: {line: {type: string}}}
  - id: print
    command: {run: [echo, "{{ phases.write.output.json.line }}"]}
"""


FLOWS = """\
import nothing_of_this_name
from prefect import flow

@flow(name="change")
def change(goal: str, times: int = 1):
    chnge = goal

@flow
async def anything(**more): ...

def bare(): ...

@flow
@nothing_of_this_name
def wrapped(): ...

made = flow(bare)
"""


class House:
    """A data directory and a project."""

    def __init__(self, control: Control, place: Path) -> None:
        self.control = control
        self.place = place
        self.folder = place / ".cao" / "workflows"

    async def ask(self, name: str, caller: Caller | None = None, /, **fields: Any) -> Any:
        operation = REGISTRY[name]
        return await self.control.call(operation, operation.parse(fields), caller or Caller())

    async def put(self, name: str = "greet", text: str = GREET, **fields: Any) -> Any:
        return await self.ask("definition.put", definition=name, text=text, **fields)

    def file(self, name: str, text: str | bytes) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    async def events(self) -> list[tuple[str, str]]:
        page = await self.ask("event.list", types=["definition.written", "definition.removed"], limit=200)
        return [(event.type, event.data["name"]) for event in page.items]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    place = tmp_path / "work"
    place.mkdir()
    async with Control(load(tmp_path / "home", {}), work=False) as control:
        made = House(control, place)
        await made.ask("project.init", path=str(place))
        yield made


async def test_a_definition_is_written_shown_listed_and_removed(house: House) -> None:
    written = await house.put()
    assert Path(written.path).read_text() == GREET
    assert (written.valid, written.problems, written.warnings) == (True, [], [])
    shown = await house.ask("definition.get", definition="greet")
    assert shown == written
    [listed] = (await house.ask("definition.list")).items
    assert (listed.inputs, listed.phases, listed.problem) == (["who*"], ["write", "print"], None)
    would = await house.ask("definition.remove", definition="greet", dry_run=True)
    assert would.dry_run and Path(written.path).exists()
    await house.ask("definition.remove", definition="greet")
    assert not Path(written.path).exists()
    assert await house.events() == [("definition.written", "greet"), ("definition.removed", "greet")]
    assert [path.name for path in house.folder.iterdir()] == []


async def test_a_definition_that_cannot_be_run_is_refused_and_the_old_one_stays(house: House) -> None:
    await house.put()
    with pytest.raises(InvalidInput) as refused:
        await house.put(text=GREET.replace("inputs.who", "inputs.whom"))
    assert "line 8, column 15: there is no input `whom`; did you mean `who`?" in refused.value.message
    [problem] = refused.value.details["problems"]
    assert (problem["line"], problem["pointer"]) == (8, "/phases/0/agent/prompt")
    assert (house.folder / "greet.yaml").read_text() == GREET


async def test_nobodys_change_is_lost(house: House) -> None:
    first = await house.put(expect_digest=None)
    second = await house.put(text=GREET + "# two\n", expect_digest=first.digest)
    with pytest.raises(Conflict, match="cao definition get greet") as refused:
        await house.put(text=GREET + "# three\n", expect_digest=first.digest)
    assert refused.value.details["digest"] == second.digest
    with pytest.raises(Conflict, match="is not there"):
        await house.put("other", GREET.replace("greet", "other"), expect_digest=first.digest)


async def test_the_same_key_gives_the_same_answer(house: House) -> None:
    first = await house.put(idempotency_key="once")
    (house.folder / "greet.yaml").unlink()
    assert await house.put(idempotency_key="once") == first
    assert not (house.folder / "greet.yaml").exists()
    with pytest.raises(Conflict, match="another request"):
        await house.put(text=GREET + "#\n", idempotency_key="once")


async def test_the_name_of_the_file_is_the_name_in_it(house: House) -> None:
    with pytest.raises(InvalidInput, match="line 1, column 7: the name is not that of the file, which is `other`"):
        await house.put("other")


async def test_validation_answers_and_never_raises_for_what_a_text_holds(house: House) -> None:
    bad = await house.ask("definition.validate", text="name: [\n")
    assert not bad.valid
    assert (bad.problems[0].line, bad.problems[0].column) == (2, 1)
    large = await house.ask("definition.validate", text="x" * (300 * 1024))
    assert "has 262144 at most" in large.problems[0].message
    house.file("latin.yaml", b"name: latin\ndescription: caf\xe9\n")
    broken = await house.ask("definition.validate", definition="latin")
    assert [(one.line, one.column, one.message) for one in broken.problems] == [(2, 17, "is not UTF-8 text")]
    assert (await house.ask("definition.validate", text=GREET)).valid
    with pytest.raises(InvalidInput, match="exactly one"):
        await house.ask("definition.validate", text=GREET, definition="greet")


async def test_a_file_is_judged_for_whoever_sits_at_this_computer(house: House, tmp_path: Path) -> None:
    path = tmp_path / "greet.yaml"
    path.write_text(GREET)
    assert (await house.ask("definition.validate", path=str(path))).valid
    with pytest.raises(InvalidInput, match="only the command line and Python"):
        await house.ask("definition.validate", Caller(surface="http"), path=str(path))


async def test_a_text_is_judged_beside_its_project(house: House) -> None:
    await house.put()
    outer = "name: outer\nphases:\n  - id: inner\n    workflow: {name: gret}\n    agent: {prompt: x}\n"
    both = await house.ask("definition.validate", text=outer)
    assert "does one thing" in both.problems[0].message
    outer = "name: outer\nphases:\n  - id: inner\n    workflow: {name: gret}\n"
    missing = await house.ask("definition.validate", text=outer)
    assert missing.problems[0].hint == "did you mean `greet`?"
    outer = outer.replace("gret", "greet")
    unfed = await house.ask("definition.validate", text=outer)
    assert "the input `who` is missing, which `greet` requires" in unfed.problems[0].message
    warned = await house.ask("definition.validate", text=GREET.replace("agent:", "agent:\n      profile: wizard"))
    assert warned.valid
    assert "no profile `wizard`" in warned.warnings[0].message


@pytest.mark.parametrize(
    ("flow", "inputs", "said"),
    [
        ("flows/nope.py:change", "", ["2:7 the flow 'flows/nope.py:change' has no file flows/nope.py"]),
        ("flows/text.py:change", "", ["2:7 flows/text.py is not Python: invalid syntax (line 1)"]),
        ("flows/change.py:chnge", "", ["2:7 there is no function `chnge` in flows/change.py; did you mean `change`?"]),
        ("flows.change:x", "", ["2:7 there is no function `x` in flows.change; its functions are `change`, `anything`"]),
        ("flows/change.py:bare", "", ["2:7 `bare` in flows/change.py is no Prefect flow; put @flow above it"]),
        ("flows/change.py:change", "goal: {}, gaol: {}", ["3:20 `gaol` is no parameter of the flow `change`; did you mean"]),
        ("flows/change.py:change", "times: {}", ["2:7 the flow `change` has a parameter `goal` without a default"]),
        ("flows/change.py:change", "goal: {}, times: {type: integer}", []),
        ("flows/change.py:anything", "whatever: {}", []),
        ("flows/change.py:wrapped", "whatever: {}", []),
        ("flows/change.py:made", "whatever: {}", []),
        ("flows/open.py:elsewhere", "whatever: {}", []),
    ],
    ids=["file", "python", "name", "names", "bare", "input", "parameter", "right", "any", "wrapped", "made", "imported"],
)
async def test_a_flow_is_judged_as_its_file_is_written(house: House, flow: str, inputs: str, said: list[str]) -> None:
    flows = house.place / "flows"
    flows.mkdir()
    for name, code in {"change": FLOWS, "text": "1 +\n", "open": "from nothing_of_this_name import *\n"}.items():
        (flows / f"{name}.py").write_text(code)
    text = f"name: change\nflow: {flow}\ninputs: {{{inputs}}}\n"
    found = await house.ask("definition.validate", text=text)
    told = [f"{one.line}:{one.column} {one.message}; {one.hint}" for one in found.problems]
    assert [one[: len(wanted)] for one, wanted in zip(told, said, strict=True)] == said
    house.file("change.yaml", text)
    for refused in said:
        with pytest.raises(InvalidInput) as caught:
            await house.ask("workflow.run", definition="change")
        assert refused.partition(" ")[2] in caught.value.message


async def test_a_text_is_judged_without_any_project(tmp_path: Path) -> None:
    async with Control(load(tmp_path / "home", {}), work=False) as control:
        house = House(control, tmp_path)
        nested = "name: outer\nphases:\n  - id: inner\n    workflow: {name: greet}\n"
        assert (await house.ask("definition.validate", text=nested)).valid
        assert (await house.ask("definition.validate", text="name: change\nflow: flows/nope.py:change\n")).valid
        with pytest.raises(NotFound, match="cao project init"):
            await house.ask("definition.list")
        with pytest.raises(NotFound, match="cao project init"):
            await house.ask("definition.validate", definition="greet")


async def test_broken_files_are_listed_with_their_problem(house: House) -> None:
    house.file("bad.yaml", "name: bad\nphases: []\n")
    house.file("worse.yaml", b"\xff")
    house.file("Not A Name.yaml", GREET)
    house.file("other.txt", GREET)
    await house.put()
    items = (await house.ask("definition.list")).items
    assert [(item.name, item.problem is None) for item in items] == [("bad", False), ("greet", True), ("worse", False)]
    first = await house.ask("definition.list", limit=1)
    rest = await house.ask("definition.list", limit=1, cursor=first.next_cursor)
    assert [item.name for item in (*first.items, *rest.items)] == ["bad", "greet"]


async def test_a_directory_or_a_name_says_which_project(house: House, tmp_path: Path) -> None:
    await house.put()
    other = tmp_path / "other"
    (other / "deep").mkdir(parents=True)
    await house.ask("project.init", path=str(other), name="other")
    assert (await house.ask("definition.list", project="other")).items == []
    assert (await house.ask("definition.list", directory=str(other / "deep"))).items == []
    assert len((await house.ask("definition.list", directory=str(house.place))).items) == 1
    with pytest.raises(NotFound, match="no project holds"):
        await house.ask("definition.list", directory=str(tmp_path))


@pytest.mark.parametrize("name", ["../secret", "a/b", ".hidden", "A", "", "x" * 49, "a\0b", "a.yaml"])
async def test_names_cannot_be_paths(house: House, name: str) -> None:
    (house.place / "secret.yaml").write_text(GREET)
    for operation in ("definition.get", "definition.remove", "definition.validate"):
        with pytest.raises(InvalidInput):
            await house.ask(operation, definition=name)


async def test_links_do_not_lead_out_of_the_project(house: House, tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text(GREET.replace("greet", "secret"))
    house.folder.mkdir(parents=True)
    (house.folder / "secret.yaml").symlink_to(secret)
    (house.folder / "circle.yaml").symlink_to(house.folder / "circle.yaml")
    (house.folder / "folder.yaml").mkdir()
    os.mkfifo(house.folder / "pipe.yaml")
    (house.folder / "inside.yaml").symlink_to(house.file("inner.txt", GREET.replace("greet", "inside")))
    assert [item.name for item in (await house.ask("definition.list")).items] == ["inside"]
    for name in ("secret", "circle", "folder", "pipe"):
        with pytest.raises(NotFound):
            await house.ask("definition.get", definition=name)
    await house.put("secret", GREET.replace("greet", "secret"))
    assert "name: secret" in secret.read_text()
    assert not (house.folder / "secret.yaml").is_symlink()


async def test_a_folder_that_is_a_link_out_is_not_used(house: House, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "greet.yaml").write_text(GREET)
    (house.place / ".cao" / "workflows").symlink_to(outside)
    assert (await house.ask("definition.list")).items == []
    with pytest.raises(NotFound):
        await house.ask("definition.get", definition="greet")
    with pytest.raises(InvalidInput, match="link out of the project"):
        await house.put()
    assert (outside / "greet.yaml").read_text() == GREET


async def test_another_ending_is_told(house: House) -> None:
    house.file("greet.yml", GREET)
    with pytest.raises(NotFound, match=r"rename greet\.yml to greet\.yaml"):
        await house.ask("definition.get", definition="greet")


async def test_who_nests_a_definition_is_told_when_it_goes(house: House) -> None:
    await house.put()
    await house.put("outer", "name: outer\nphases:\n  - id: inner\n    workflow: {name: greet, inputs: {who: you}}\n")
    assert (await house.ask("definition.remove", definition="greet", dry_run=True)).nested_by == ["outer"]


async def test_a_phase_is_shown_as_it_would_begin(house: House) -> None:
    await house.put()
    shown = await house.ask("definition.render", definition="greet", phase="write")
    assert shown.text.startswith("Write a line for ‹inputs.who›.\n\nEnd your answer with your decision")
    assert (shown.profile, shown.invented) == ("developer", ["inputs.who"])
    again = await house.ask("definition.render", definition="greet", phase="write", inputs={"who": "you"}, feedback="Too long.")
    assert "it was sent back:\n\nToo long." in again.text
    assert again.invented == []
    command = await house.ask("definition.render", definition="greet", phase="print")
    assert command.arguments == ["echo", "‹phases.write.output.json.line›"]
    known = {"write": {"output": {"json": {"line": "Hello; rm -rf /"}}}}
    real = await house.ask("definition.render", definition="greet", phase="print", phases=known)
    assert real.arguments == ["echo", "Hello; rm -rf /"]
    assert real.text == "echo 'Hello; rm -rf /'"
    with pytest.raises(InvalidInput, match="did you mean `write`"):
        await house.ask("definition.render", definition="greet", phase="writ")
    with pytest.raises(InvalidInput, match="whom"):
        await house.ask("definition.render", definition="greet", phase="write", inputs={"whom": "x"})
    with pytest.raises(InvalidInput, match="comes before"):
        await house.ask("definition.render", definition="greet", phase="write", phases={"print": {}})


async def test_the_schema_is_one_document(house: House) -> None:
    answer = await house.ask("definition.schema")
    assert json.loads(json.dumps(answer.document))["$defs"]["Phase"]["oneOf"]


async def test_runs_are_listed_by_their_project_whether_by_name_or_id(house: House, tmp_path: Path) -> None:
    control, other = house.control, tmp_path / "other"
    other.mkdir()
    there = await control.project.init(str(other), name="other")
    for project in ("work", "other"):
        await control.definition.put("greet", text=GREET, project=project)
    run = await control.workflow.run("greet", project="other", inputs={"who": "you"})
    await control.workflow.run("greet", project="work", inputs={"who": "you"})
    for reference in ("other", there.id):
        assert [one.id for one in (await control.workflow.list(project=reference)).items] == [run.id]
    with pytest.raises(NotFound, match="no project 'nowhere'"):
        await control.workflow.list(project="nowhere")
