"""A workflow that is a Prefect flow: it surveys a git repository, asks a person, and writes down what it found.

    python examples/python_workflow.py [directory] [provider]

The flow is registered as a workflow, so that its run can be paused, followed, cancelled, drawn and taken up after a crash, like
one that is written in YAML. Here the program itself answers the question, as a person would on any surface.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

from prefect import flow

import cao
from cao_flows import agent, approval, command


@flow
async def survey(provider: str = "scripted", most: int = 3) -> dict[str, object]:
    """Survey the folders of a repository, side by side."""
    listed = await command("git", "ls-files", effect="idempotent")
    sizes = Counter(line.split("/")[0] for line in listed.text.splitlines() if "/" in line)
    folders = sorted(sizes)[:most]
    describe = agent.with_options(name="describe", retries=1)
    prompts = [prompt(folder, sizes[folder], provider) for folder in folders]
    report = "\n\n".join(one.text for one in describe.map(prompts, provider=provider, effect="idempotent").result())
    answer = await approval("Write this to SURVEY.md?", note=report[:2000])
    if answer.approved:
        await command("sh", "-c", 'printf "%s\n" "$REPORT" > SURVEY.md', environment={"REPORT": report})
    return {"folders": folders, "written": answer.approved, "by": answer.by}


def prompt(folder: str, files: int, provider: str) -> str:
    """What an agent is asked; a scripted one is told what to say."""
    if provider != "scripted":
        return f"Describe the folder {folder}/ of this repository in two sentences."
    return f"<script>{json.dumps([{'say': f'{folder} has {files} files.'}])}</script>"


async def main(directory: Path, provider: str) -> int:
    async with cao.open() as control:
        control.register_flow(survey)
        run = await control.workflow.run("survey", inputs={"provider": provider}, directory=str(directory))
        print(f"run {run.id} works in {run.directory}")
        async for event in control.workflow.follow(run.id):
            match event.type:
                case "phase.decided":
                    print(f"  {event.data['path']}: {event.data['verdict']}")
                case "approval.requested":
                    print(f"\n{event.data['question'][:300]}\n\n(this program says yes, in place of you)")
                    await control.approval.decide(str(event.data["approval_id"]), decision="approve", reason="go ahead")
                case _:
                    pass
        done = await control.workflow.get(run.id)
        print(f"{done.state}: {done.outputs or done.failure}")
        return 0 if done.state == "completed" else 1


if __name__ == "__main__":
    place, way = [*sys.argv[1:], *(".", "scripted")[len(sys.argv) - 1 :]][:2]
    sys.exit(asyncio.run(main(Path(place).resolve(), way)))
