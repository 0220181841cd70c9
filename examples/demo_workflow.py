"""A change from its plan to the merge: `make demo-workflow`, or `make demo-workflow AGENT=claude` with real agents.

On a clone of this repository a workflow plans two small modules, has them written side by side in git worktrees, merges and
tests them, has them reviewed (which sends them back once), asks a person, and merges into the main branch. The demo answers in
place of the person, through the same interface, and says so. Without AGENT the agents are scripted; what they do to the
repository is real.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path

from demo import Story, clone, free_port, latest_commit, look_around, script

import cao
from cao.client.daemon import start_server
from cao.client.remote import Remote
from cao.protocol.records import Event
from cao.protocol.workflows import Workflow
from cao.settings import load

GIT = ["git", "-c", "user.name=cao", "-c", "user.email=cao@localhost"]
PARTS = {"words": ("split()", 2), "lines": ("splitlines()", 1)}

PROFILE = """---
name: {name}
description: {does}
{run_by}role: developer
allowed_tools: [shell, write]
---
You {verb}.
"""
PLAN = {
    "verdict": "advance",
    "reason": "Two modules that do not touch each other can be written side by side.",
    "output": {"parts": [f"tally/{name}.py counts {name}" for name in PARTS]},
}
REWORK = {"verdict": "rework", "reason": "Neither module says what it does with an empty text. Add an example of that to each."}
ACCEPT = {"verdict": "advance", "confidence": 0.95, "risk": "low", "reason": "Both modules show what happens to an empty text."}

DEFINITION = """\
name: tally
description: Two small modules, from the plan to the merge.

inputs:
  goal: {type: string, required: true}

worktree: true

phases:
  - id: plan
    description: Two parts that can be done side by side
    agent:
      profile: planner
      prompt: |
        Plan how two developers can do this side by side, each in one new file below tally/: {{ inputs.goal }}
        PLAN
    contract:
      output: {type: object, required: [parts], properties: {parts: {type: array, minItems: 2, items: {type: string}}}}

  - id: build
    parallel:
      phases:
BRANCHES
  - id: join
    description: Merge the branches into the run's
    command:
      run: [bash, -c, JOIN]
    effect: idempotent

  - id: test
    description: Run the doctests of both modules
    command:
      run: [bash, -c, "set -e; for file in tally/*.py; do PYTHON -m doctest $file; echo $file holds; done"]
    effect: idempotent
    routes: {rework: {to: build, at_most: 2}}

  - id: review
    description: Look for what is missing
    agent:
      profile: reviewer
      prompt: |
        Review the commits of the branch {{ run.branch }} in this directory: does each module below tally/ show, as a doctest,
        what it does with a text and with an empty one? Send them back if not.
        REVIEW
    contract: {confidence: 0.8, risk: medium}
    routes: {rework: {to: build, at_most: 2}}

  - id: gate
    description: A person says yes or no
    manual:
      question: |-
        Merge {{ run.branch }}? The tests say:
        {{ phases.test.output.text }}

  - id: merge
    description: Merge into the main branch
    command:
      run: [bash, -c, MERGE]

outputs:
  commit: "{{ phases.merge.output.text }}"
"""
BRANCH = """\
        - id: {name}
          description: Write tally/{name}.py
          worktree: true
          agent:
            profile: builder
            prompt: |
              Write tally/{name}.py in this directory: a function `count(text)` that gives the number of {name}, with doctests.
              Commit it with git. The plan: {{{{ phases.plan.output.json.parts | join("; ") }}}}
              {script}
"""
JOIN = """\
for branch in $(git branch --format='%(refname:short)' --list "cao/tally-${CAO_RUN: -8}-build-*"); do
  IDENTITY merge -q --no-edit $branch || exit 1
  echo "joined $branch"
done"""
MERGE = """\
branch=$(git branch --show-current)
cd "$(git rev-parse --git-common-dir)/.." && IDENTITY merge -q --no-ff -m "Count words and lines" $branch || exit 1
git log -1 --format='%h %s'"""


def module(name: str, *, empty: bool) -> str:
    """What a scripted builder writes; the first time without the example of an empty text."""
    how, found = PARTS[name]
    more = '    >>> count("")\n    0\n' if empty else ""
    return (
        f'"""The {name} of a text."""\n\n\ndef count(text: str) -> int:\n    """How many {name} there are.\n\n'
        f'    >>> count("one two")\n    {found}\n{more}    """\n    return len(text.{how})\n'
    )


def build_script(name: str) -> str:
    """The builder's script: another one when the work came back."""

    def steps(empty: bool) -> str:
        commit = [*GIT, "commit", "-qm", f"Count {name}" + (" of nothing too" if empty else "")]
        return script(
            [
                {"write": {"path": f"tally/{name}.py", "text": module(name, empty=empty)}},
                {"run": ["git", "add", "tally"]},
                {"run": commit},
                {"say": f"tally/{name}.py counts {name}."},
            ]
        )

    return f"{{% if feedback %}}{steps(True)}{{% else %}}{steps(False)}{{% endif %}}"


def definition(agent: str | None) -> str:
    """The workflow; with scripts in its prompts where no real agent reads them."""
    say = {} if agent else {"PLAN": script([{"say": json.dumps(PLAN)}]), "REVIEW": review_script()}
    branches = "".join(BRANCH.format(name=name, script="" if agent else build_script(name)) for name in PARTS)
    identity = " ".join(GIT)
    text = DEFINITION.replace("BRANCHES", branches.rstrip("\n") + "\n").replace("PYTHON", sys.executable)
    text = text.replace("JOIN", json.dumps(JOIN.replace("IDENTITY", identity)))
    text = text.replace("MERGE", json.dumps(MERGE.replace("IDENTITY", identity)))
    for word in ("PLAN", "REVIEW"):
        text = text.replace(f"        {word}\n", f"        {say[word]}\n" if word in say else "")
    return text


def review_script() -> str:
    first, later = (script([{"say": json.dumps(said)}]) for said in (REWORK, ACCEPT))
    return f"{{% if phases.test.attempt == 1 %}}{first}{{% else %}}{later}{{% endif %}}"


def write_profiles(repository: Path, agent: str | None) -> None:
    folder = repository / ".cao" / "profiles"
    folder.mkdir(parents=True, exist_ok=True)
    run_by = f"provider: acp\nagent: {agent}\n" if agent else "provider: scripted\n"
    for name, verb in (("planner", "plan"), ("builder", "write code"), ("reviewer", "review")):
        (folder / f"{name}.md").write_text(PROFILE.format(name=name, does=f"Can {verb}.", verb=verb, run_by=run_by))


class WorkflowStory(Story):
    """Tells what happens in a run while it happens, and answers its questions as the person would."""

    async def watch(self, control: Remote, run: Workflow) -> None:
        async for event in control.workflow.follow(run.id):
            await self._tell_phase(control, event)

    async def _tell_phase(self, control: Remote, event: Event) -> None:
        match event.type:
            case "phase.started":
                again = f", attempt {event.data['attempt']}" if event.data["attempt"] > 1 else ""
                self.tell(str(event.data["path"]), f"begins ({event.data['kind']}{again})")
            case "phase.decided":
                self.tell(str(event.data["path"]), f"ends: {event.data['verdict']}{await self._why(control, event)}")
            case "approval.requested":
                await self._agree(control, str(event.data["approval_id"]))
            case _:
                pass

    async def _why(self, control: Remote, event: Event) -> str:
        """Why a phase did not simply advance."""
        if event.data["verdict"] == "advance":
            return ""
        steps = (await control.workflow.get(str(event.run_id))).steps
        ended = next(one for one in steps if (one.path, one.attempt) == (event.data["path"], event.data["attempt"]))
        return f", for: {ended.decision.reason}" if ended.decision else ""

    async def _agree(self, control: Remote, approval_id: str) -> None:
        asked = await control.approval.get(approval_id)
        self.tell("the gate", "asks: " + asked.question.replace("\n", " / ")[:100])
        await control.approval.decide(approval_id, decision="approve", digest=asked.digest, reason="the demo says yes")
        self.tell("the demo", "approves, in place of you")


async def play(agent: str | None, place: Path) -> int:
    repository = clone(place)
    write_profiles(repository, agent)
    settings = load(place / "home", port=free_port())
    print("Starting a server; the engine behind it (Prefect) takes some seconds more.", flush=True)
    server = await start_server(settings, 30)
    try:
        async with cao.connect(home=settings.home) as control:
            await control.project.init(path=str(repository), name="demo")
            await control.definition.put("tally", text=definition(agent))
            goal = "count the words and the lines of a text"
            run = await control.workflow.run("tally", inputs={"goal": goal})
            print(f"Started {run.id}: it keeps to the definition as it is now.\n", flush=True)
            async with asyncio.timeout(1800 if agent else 240):
                await WorkflowStory(control).watch(control, run)
            failed = await report(control, run.id, repository, server.url, place)
            await look_around()
            return failed
    finally:
        async with cao.connect(home=settings.home) as control:
            await control.daemon.stop()


async def report(control: Remote, run_id: str, repository: Path, url: str, place: Path) -> int:
    run = await control.workflow.get(run_id)
    picture = place / "graph.svg"
    await asyncio.to_thread(picture.write_text, (await control.workflow.graph(run_id, form="svg")).text)
    print(f"\nThe run is {run.state} after {run.used.seconds:.1f} s of work, with {run.used.turns} turns of agents.\n")
    for step in run.steps:
        decided = step.decision.verdict if step.decision else step.state
        seconds = f"{(step.settled_at - step.started_at).total_seconds():6.1f} s" if step.settled_at else ""
        reason = (step.decision.reason if step.decision else "").splitlines()
        print(f"    {step.path:<14} {step.kind:<9} attempt {step.attempt}  {decided:<8} {seconds}  {' '.join(reason[:1])[:76]}")
    if run.failure:
        print(f"\nIt failed: {run.failure.message}")
    changed = await asyncio.to_thread(latest_commit, repository)
    print(f"\nWhat was merged, in {repository}:\n")
    print("\n".join(f"    {line}" for line in changed.strip().splitlines()))
    print(
        f"\nWhere to look:\n"
        f"    the picture   {picture}\n"
        f"    decisions     cao --home {place / 'home'} workflow decisions {run_id}\n"
        f"    worktrees     cao --home {place / 'home'} worktree list\n"
        f"    API           {url}/docs\n"
        f"    Prefect's UI  {url}/prefect/runs\n"
    )
    return 0 if run.state == "completed" else 1


def main() -> int:
    agent = sys.argv[1] if len(sys.argv) > 1 else None
    place = Path(os.environ.get("DEMO_PLACE") or tempfile.mkdtemp(prefix="cao-demo-"))
    print(f"The demo lives in {place}; delete it when you have seen enough.")
    return asyncio.run(play(agent, place))


if __name__ == "__main__":
    sys.exit(main())
