"""Workflows that were written for Animus: what becomes of them, what is told, and that they run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import cao
from cao.control import Control
from cao.protocol import Caller, InvalidInput
from cao.protocol.imports import Import
from cao.settings import load
from cao.workflows.animus import translate
from cao.workflows.check import examine

SHOP = Path(__file__).parent / "animus" / "shop.yaml"


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Control]:
    project = tmp_path / "project"
    project.mkdir()
    async with Control(load(tmp_path / "home", {}), work=False) as opened:
        await opened.project.init(path=str(project))
        yield opened


def made(found: Import, name: str) -> dict[str, Any]:
    text = next(one.text for one in found.files if one.name == name)
    return yaml.safe_load(text)


def phase(found: Import, name: str, id: str) -> dict[str, Any]:
    return next(one for one in made(found, name)["phases"] if one["id"] == id)


async def test_a_file_becomes_definitions_and_profiles_that_can_be_run(control: Control, tmp_path: Path) -> None:
    found = await control.workflow.import_(file=str(SHOP), provider="scripted")
    assert found.problems == []
    assert [(one.kind, one.name, one.state) for one in found.files] == [
        ("definition", "feature", "written"),
        ("definition", "release", "written"),
        ("profile", "architect", "written"),
    ]
    for one in found.files:
        assert Path(one.path).read_text() == one.text
        assert Path(one.path).is_relative_to(tmp_path / "project" / ".cao")
    assert (await control.definition.get("feature")).valid
    architect = await control.profile.get("architect")
    assert (architect.profile.provider, architect.profile.agent, architect.profile.model) == ("acp", "claude", "small-model")
    assert architect.profile.prompt.startswith("You design small changes.")


async def test_every_kind_of_phase_is_there_with_its_rules(control: Control) -> None:
    found = await control.workflow.import_(file=str(SHOP))
    design = phase(found, "feature", "design")
    assert design["agent"] == {
        "prompt": "Design {{ inputs.title }} for branch {{ inputs.target_branch }}.\nWhat went wrong before: {{ feedback }}\n",
        "profile": "architect",
        "model": "small-model",
        "continuations": 1,
    }
    assert design["skip_if"] == 'inputs.subject_kind == "docs"'
    assert design["contract"]["evidence"] == ["requirements-met"]
    assert (design["contract"]["confidence"], design["contract"]["risk"]) == (0.7, "medium")
    assert design["contract"]["output"]["required"] == ["files"]
    assert (design["retry"], design["timeout"], design["effect"]) == ({"attempts": 2, "delay": 3}, 600, "idempotent")
    assert phase(found, "feature", "build")["agent"]["prompt"] == 'Build it. Keep {{ "{%" }} as it is, costs $5.'
    verify = phase(found, "feature", "verify")
    assert verify["command"]["environment"] == {"MODE": "{{ inputs.mode }}"}
    assert verify["routes"] == {"rework": {"to": "build", "at_most": 2}}
    assert phase(found, "feature", "tidy")["agent"]["prompt"] == "Leave the place clean."
    assert phase(found, "feature", "release")["workflow"]["inputs"] == {"title": "{{ inputs.title }}"}
    assert phase(found, "release", "sign-off")["manual"] == {
        "question": "Ship {{ inputs.title }}?",
        "note": True,
        "expires": 86400,
    }
    assert phase(found, "release", "announce")["effect"] == "side-effecting"
    feature = made(found, "feature")
    assert feature["inputs"]["title"] == {"description": "What is to be built.", "required": True}
    assert feature["budget"] == {"tokens": 500000, "cost": 5, "exceeded": "ask"}
    assert feature["worktree"] == {"base": "main"}


async def test_the_report_names_what_is_lost_and_what_to_do(control: Control) -> None:
    found = await control.workflow.import_(file=str(SHOP))
    told = {one.pointer: one for one in found.remarks}
    for pointer, level, word in [
        ("/schedules", "lost", "cao schedule add"),
        ("/secrets", "lost", "where it is kept"),
        ("/phases/build/skills", "lost", "in the prompt"),
        ("/phases/design/runtime/reasoning_effort", "lost", "configuration"),
        ("/phases/verify/command/env/API_TOKEN", "lost", "where it is kept"),
        ("/phases/verify/command/failure_pattern", "lost", "exit code"),
        ("/workflows/0/phases/2/verify/on_verdict/rework/allow_agent_target", "lost", "route"),
        ("/workflows/0/phases/0/design/skip_if/1", "lost", "skip_if"),
        ("/agents/architect/memory", "lost", "file of the project"),
        ("/phases/tidy/directive", "changed", "`prompt`"),
        ("/phases/verify/command/env/MODE", "changed", "--input mode"),
    ]:
        assert (told[pointer].level, word in told[pointer].hint) == (level, True), told[pointer]


async def test_what_is_there_already_stays_unless_it_is_to_be_replaced(control: Control) -> None:
    text = "phases: {a: {directive: Hi.}}\nworkflows: [{id: w, phases: [a]}]\n"
    previewed = await control.workflow.import_(text=text, preview=True)
    assert [one.state for one in previewed.files] == ["previewed"]
    assert not Path(previewed.files[0].path).exists()
    assert (await control.workflow.import_(text=text)).files[0].state == "written"
    assert (await control.workflow.import_(text=text)).files[0].state == "unchanged"
    other = text.replace("Hi", "Ho")
    assert (await control.workflow.import_(text=other)).files[0].state == "kept"
    assert "Hi." in (await control.definition.get("w")).text
    assert (await control.workflow.import_(text=other, replace=True)).files[0].state == "written"
    assert "Ho." in (await control.definition.get("w")).text
    events = (await control.event.list(types=["definition.written"])).items
    assert len(events) == 2


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("workflows: [", "line 1"),
        ("a: *b\n", "repeats another part"),
        ("phases: {}\n", "holds no `workflows`"),
        ("- a\n", "holds no `workflows`"),
        ("", "at least 1 character"),
    ],
    ids=["no yaml", "alias", "no workflows", "list", "empty"],
)
async def test_what_is_no_such_file_is_refused(control: Control, text: str, word: str) -> None:
    with pytest.raises(InvalidInput, match=word):
        await control.workflow.import_(text=text)


async def test_only_who_sits_here_may_name_files(control: Control) -> None:
    from cao.protocol import REGISTRY

    operation = REGISTRY["workflow.import"]
    with pytest.raises(InvalidInput, match="only the command line and Python"):
        await control.call(operation, operation.parse({"file": str(SHOP)}), Caller(surface="http"))


async def test_profiles_never_leave_the_project(control: Control, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    folder = tmp_path / "project" / ".cao" / "profiles"
    folder.rmdir()
    folder.symlink_to(outside)
    with pytest.raises(InvalidInput, match="link out of the project"):
        await control.workflow.import_(file=str(SHOP))
    assert list(outside.iterdir()) == []


def test_broken_pieces_are_told_and_the_rest_is_taken() -> None:
    found = translate(
        {
            "phases": {"a": {"mode": "dance"}, "b": {"mode": "command", "command": []}, "c": {"mode": "manual"}, "spare": {}},
            "workflows": [
                {
                    "id": "W One",
                    "variables": [{"description": "?"}, {"name": "n", "default": 3}],
                    "phases": [
                        "a",
                        {"b": {"on_verdict": {"odd": {"target": "nowhere"}}}},
                        "c",
                        "c",
                        7,
                        {"workflow_ref": "gone"},
                    ],
                },
                {"id": "w-one", "phases": ["a"]},
            ],
        }
    )
    (text,) = found.definitions.values()
    definition = yaml.safe_load(text)
    assert [one["id"] for one in definition["phases"]] == ["a", "b", "c", "c-2", "gone"]
    assert definition["inputs"]["n"] == {"type": "integer", "default": 3}
    told = " ".join(one.message for one in found.report.remarks)
    for word in ("`dance` is no mode", "names no program", "without a name", "nowhere", "neither a phase", "not in this file"):
        assert word in told, word
    for word in ("a second workflow is called `w-one`", "no workflow has the phase `spare`"):
        assert word in told, word


WORDS = (
    *("phases", "workflows", "agents", "models", "id", "mode", "command", "manual", "agent", "directive", "runtime", "retry"),
    *("backoff", "variables", "name", "default", "on_verdict", "rework", "target", "skip_if", "decision_contract", "fields"),
    *("worktree", "budget", "workflow_ref", "a", "b"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6),
    max_leaves=25,
)


@given(JSON)
@settings(max_examples=150, deadline=None)
def test_any_data_is_translated_to_definitions_that_can_be_read(data: Any) -> None:
    for name, text in translate(data).definitions.items():
        assert yaml.safe_load(text)["name"] == name
        examine(text, name=name)


async def test_an_imported_workflow_runs(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    text = SHOP.read_text().replace("worktree: {mode: auto, base_ref: main, cleanup: never}", "worktree: skip")
    async with cao.open(tmp_path / "home") as control:
        await control.project.init(path=str(project))
        script = '<script>[{"write": {"path": "built", "text": "x"}}, {"say": "{\\"verdict\\": \\"advance\\"}"}]</script>'
        decided = (
            '<script>[{"say": "{\\"verdict\\": \\"advance\\", \\"confidence\\": 0.9, \\"risk\\": \\"low\\", \\"evidence\\": '
            '[\\"requirements-met\\"], \\"output\\": {\\"files\\": [\\"a\\"]}}"}]</script>'
        )
        text = text.replace("Design {{title}} for", f"{decided} Design {{{{title}}}} for")
        text = text.replace('"Build it. Keep {% as it is, costs $$5."', f"'{script}'")
        found = await control.workflow.import_(text=text, provider="scripted", replace=True)
        assert found.problems == []
        profile = next(one for one in found.files if one.kind == "profile")
        Path(profile.path).write_text("---\nname: architect\nprovider: scripted\n---\nYou design.\n")
        run = await control.workflow.run("feature", inputs={"title": "a shop"})
        assert "release/sign-off" in (await _until_waiting(control, run.id)).current
        approval = (await control.approval.list(state="pending")).items[0]
        assert approval.question == "Ship a shop?"
        await control.approval.decide(approval.id, decision="approve", digest=approval.digest, reason="looks right")
        done = await control.workflow.wait(run.id, timeout=60)
    verdicts = {step.path: step.decision.verdict for step in done.steps if step.decision}
    assert done.state == "completed"
    assert verdicts["verify"] == "advance"
    assert next(step.output["text"] for step in done.steps if step.path == "release/announce") == "shipped a shop"


async def _until_waiting(control: Control, run_id: str) -> Any:
    async for _ in control.workflow.follow(run_id):
        found = await control.workflow.get(run_id)
        if found.state != "running" and found.state != "queued":
            return found
    raise AssertionError("the run never waited")
