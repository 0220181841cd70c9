"""The main job, from one end to the other: `make demo`, or `make demo AGENT=claude` with a real agent.

A supervisor takes stock of a git repository (a clone of this one): two developers work side by side, a reviewer checks what
they wrote, and a person is asked before it is committed. Here the demo plays that person, and says so. Without AGENT the
agents are scripted: deterministic, without a model, but what they do to the repository is real.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cao
from cao.client.daemon import start_server
from cao.client.remote import Remote
from cao.protocol.records import Event, Session
from cao.settings import DEFAULT_PORT, load

HERE = Path(__file__).resolve().parent.parent
SESSION = "stocktaking"

PROFILES = {
    "lead": "---\nname: lead\ndescription: Leads the stocktaking.\nrole: supervisor\n"
    "allowed_tools: [shell, write]\n---\nYou lead.\n",
    "surveyor": "---\nname: surveyor\ndescription: Surveys a repository and writes down what it finds.\nrole: developer\n"
    "allowed_tools: [shell, write]\n---\nYou survey.\n",
}

FILES = [
    {"run": ["git", "ls-files"], "as": "files"},
    {"write": {"path": "stock/files.md", "text": "# Files under version control\n\n```\n{{files.output}}\n```\n"}},
    {"say": "stock/files.md lists every file under version control."},
]
HISTORY = [
    {"run": ["git", "log", "--oneline", "-20"], "as": "history"},
    {"write": {"path": "stock/history.md", "text": "# The latest commits\n\n```\n{{history.output}}\n```\n"}},
    {"say": "stock/history.md shows the latest commits."},
]
REVIEW = [
    {"run": ["wc", "-l", "stock/files.md", "stock/history.md"], "as": "count"},
    {"say": "Both files are there and not empty:\n{{count.output}}\nVerdict: accept."},
]


def script(steps: list[dict[str, object]]) -> str:
    return f"<script>{json.dumps(steps)}</script>"


def scripted_task() -> str:
    return "Take stock of this repository. " + script(
        [
            {"say": "I give the two halves to two developers, side by side."},
            {"assign": {"profile": "surveyor", "name": "files", "message": script(FILES)}, "as": "files"},
            {"assign": {"profile": "surveyor", "name": "history", "message": script(HISTORY)}, "as": "history"},
            {"get_result": {"run": "{{files.id}}", "timeout": 60}, "as": "one"},
            {"get_result": {"run": "{{history.id}}", "timeout": 60}, "as": "two"},
            {"handoff": {"profile": "surveyor", "name": "reviewer", "message": script(REVIEW), "timeout": 60}, "as": "review"},
            {"ask": "Commit stock/files.md and stock/history.md to this clone?", "as": "answer"},
            {"run": ["git", "add", "stock"]},
            {
                "run": ["git", "-c", "user.name=cao", "-c", "user.email=cao@localhost", "commit", "-q", "-m", "Take stock"],
                "as": "commit",
            },
            {"run": ["git", "log", "--oneline", "-1"], "as": "head"},
            {
                "say": "Asked: take stock of the repository.\nDone:  {{one.text}}\n       {{two.text}}\n"
                "Review: {{review.result}}\nA person {{answer.word}} the commit: {{head.output}}"
            },
        ]
    )


REAL_TASK = """Take stock of this git repository, with the tools of the MCP server `cao`:
1. With `assign`, give two developers (profile `surveyor`) these tasks at once: (a) write stock/files.md, a table of the
   top-level directories with the number of files in each; (b) write stock/history.md, a summary of the last ten commits.
2. Wait for both with `get_result`.
3. With `handoff`, let another `surveyor` check both files against the repository and give a verdict.
4. Commit the directory stock/ with git.
5. End with a short report: what was asked, what was done and by whom, the verdict, the commit."""


def clone(place: Path) -> Path:
    """A clone of this repository, or of a new one where this is no checkout; with the demo's profiles in it."""
    target = place / "repository"
    source = HERE if (HERE / ".git").exists() else _new_repository(place / "source")
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(source), str(target)], check=True)
    return target


def _new_repository(place: Path) -> Path:
    shutil.copytree(HERE / "examples", place)
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=cao", "-c", "user.email=cao@localhost", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *command], cwd=place, check=True)
    return place


def write_profiles(repository: Path, agent: str | None) -> None:
    folder = repository / ".cao" / "profiles"
    folder.mkdir(parents=True)
    for name, text in PROFILES.items():
        chosen = f"provider: acp\nagent: {agent}\n" if agent else "provider: scripted\n"
        (folder / f"{name}.md").write_text(text.replace("role:", chosen + "role:", 1))


def free_port() -> int:
    """The usual port if nobody has it, else another."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return 0 if probe.connect_ex(("127.0.0.1", DEFAULT_PORT)) == 0 else DEFAULT_PORT


class Story:
    """Tells what happens while it happens."""

    def __init__(self, control: Remote) -> None:
        self._control = control
        self._names: dict[str, str] = {}
        self._began = time.monotonic()

    def tell(self, who: str, what: str) -> None:
        print(f"  {time.monotonic() - self._began:5.1f} s  {who:<11} {what}", flush=True)

    async def follow(self, session: Session) -> None:
        """Until the session's first run is settled; answers its questions as the person would."""
        async for event in self._control.event.follow(after=0):
            await self._tell_event(event)
            if event.run_id == session.run_id and event.type in ("run.completed", "run.failed", "run.cancelled"):
                return

    async def _tell_event(self, event: Event) -> None:
        if event.type == "terminal.added" and event.terminal_id:
            self._names[event.terminal_id] = str(event.data["name"])
        who = self._names.get(event.terminal_id or "", "")
        match event.type:
            case "engine.changed":
                self.tell("the engine", f"is {event.data['state']} {event.data['detail']}")
            case "terminal.added":
                self.tell(who, f"takes a seat ({event.data['profile']}, {event.data['provider']})")
            case "turn.started":
                self.tell(who, "begins to work")
            case "transcript.appended" if event.data["kind"] == "tool_call":
                self.tell(who, f"uses {str(event.data['text'])[:70]}")
            case "turn.settled":
                self.tell(who, f"is done: {event.data['state']}")
            case "approval.requested":
                await self._answer(str(event.data["approval_id"]), who)
            case _:
                pass

    async def _answer(self, approval_id: str, who: str) -> None:
        approval = await self._control.approval.get(approval_id)
        self.tell(who, f"asks: {approval.question[:90]}")
        await self._control.approval.decide(approval_id, decision="approve", digest=approval.digest, reason="the demo says yes")
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
            prompt = REAL_TASK if agent else scripted_task()
            session = await control.session.launch(profile="lead", name=SESSION, directory=str(repository), prompt=prompt)
            print(f"Launched session {session.name}, run {session.run_id}: it has a name before it has begun.\n", flush=True)
            async with asyncio.timeout(600 if agent else 120):
                await Story(control).follow(session)
            failed = await report(control, session, repository, server.url, settings.home)
            await look_around()
            return failed
    finally:
        async with cao.connect(home=settings.home) as control:
            await control.daemon.stop()


def latest_commit(repository: Path) -> str:
    command = ["git", "show", "--stat", "--format=%h %s", "HEAD"]
    return subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True).stdout


async def report(control: Remote, session: Session, repository: Path, url: str, home: Path) -> int:
    result = await control.run.result(str(session.run_id))
    terminals = (await control.terminal.list(session=session.id)).items
    changed = await asyncio.to_thread(latest_commit, repository)
    print(f"\nThe supervisor's report ({result.state}):\n")
    print("\n".join(f"    {line}" for line in (result.text or str(result.failure)).splitlines()))
    print(f"\nThe team: {', '.join(f'{seat.name} ({seat.status})' for seat in reversed(terminals))}")
    print(f"\nWhat was produced, in {repository}:\n")
    print("\n".join(f"    {line}" for line in changed.strip().splitlines()))
    print(
        f"\nWhere to look:\n"
        f"    transcript    cao --home {home} session transcript {session.name}\n"
        f"    API           {url}/docs\n"
        f"    Prefect's UI  {url}/prefect/runs\n"
        f"    events        curl -N -H 'Authorization: Bearer '$(cat {home}/token) '{url}/events?after=0'\n"
    )
    return 0 if result.state == "completed" else 1


async def look_around() -> None:
    """On a terminal the server stays until Enter, so that these addresses can be tried."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        await asyncio.to_thread(input, "The server runs until you press Enter. ")


def main() -> int:
    agent = sys.argv[1] if len(sys.argv) > 1 else None
    place = Path(tempfile.mkdtemp(prefix="cao-demo-"))
    print(f"The demo lives in {place}; delete it when you have seen enough.")
    return asyncio.run(play(agent, place))


if __name__ == "__main__":
    sys.exit(main())
