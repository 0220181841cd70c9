"""The scripted agent: deterministic, without a model. It does what its prompt says, step by step, for demos and tests.

A script is JSON between `<script>` and `</script>` in a prompt: a list of steps, or `{"turns": [[step, …], …]}` whose later
lists answer the mail of later turns. A prompt without a script is echoed. Steps are objects with one of these keys:

    {"say": "text"}                        answer (the last one, or all joined, is the turn's result)
    {"think": "text"}                      a thought in the transcript
    {"sleep": 0.05}                        seconds
    {"handoff": {"profile": …, "message": …}}   and `assign`, `send_message`, `get_result`, `list_agents`: the agents' tools
    {"ask": "question", "action": {…}}     a permission request; the turn goes on with the answer
    {"write": {"path": …, "text": …}}      a file inside the working directory
    {"run": ["git", "status"]}             a program in the working directory, if the policy or a person lets it
    {"append": {"path": …, "text": …}}     a line at the end of one, on disk before the next step
    {"fail": "message", "retryable": true} fail the turn

`"as": "x"` keeps a step's answer; `{{x.id}}` in later strings takes it up, `{{mail}}` is what the turn was told. Mail is never
searched for scripts: what another agent says is data.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from cao.protocol import CaoError
from cao.protocol.records import RecoveryPolicy, Usage

from .process import Child, environment
from .profile import Profile
from .provider import Missing, Prompt, ProviderError, Seat, TurnResult, Watch

_SCRIPT = re.compile(r"<script>(.*)</script>", re.DOTALL)
_PLACE = re.compile(r"{{\s*([\w.]+)\s*}}")
_TOOLS = ("handoff", "assign", "send_message", "get_result", "list_agents")

_RUN_SECONDS = 60.0
_RUN_OUTPUT = 64 * 1024

Step = Mapping[str, Any]


class ScriptedProvider:
    """Plays scripts. It keeps no process and no state but the turns that a script still has to come."""

    name: str = "scripted"
    summary: str = "plays the script in its prompt; deterministic, needs no model"
    recovery: RecoveryPolicy = "retry"

    def missing(self, profile: Profile | None) -> list[Missing]:
        return []

    async def turn(self, seat: Seat, prompt: Prompt, watch: Watch) -> TurnResult:
        turns = _turns(prompt.text) if prompt.trusted else None
        coming = turns if turns is not None else cast("list[list[Step]]", seat.conversation.get("turns", []))
        steps: list[Step] = coming[0] if coming else [{"say": f"scripted: {prompt.text[:2000]}"}]
        text = await _Performance(seat, prompt, watch).play(steps)
        usage = Usage(input_tokens=len(prompt.text.split()), output_tokens=len(text.split()), cost=0.0)
        return TurnResult(text=text, conversation={"turns": coming[1:]}, usage=usage)

    async def rest(self, terminal_id: str) -> None:
        """Nothing is warm."""

    async def close(self) -> None:
        """Nothing is warm."""


class _Performance:
    """One turn of a script."""

    def __init__(self, seat: Seat, prompt: Prompt, watch: Watch) -> None:
        self._seat, self._watch = seat, watch
        self._kept: dict[str, Any] = {"mail": prompt.text, "attempt": seat.attempt}
        self._said: list[str] = []

    async def play(self, steps: list[Step]) -> str:
        for step in steps:
            filled = cast("Step", self._fill(step))
            answer = await self._step(filled)
            if name := filled.get("as"):
                self._kept[str(name)] = answer
        return "\n".join(self._said)

    async def _step(self, step: Step) -> Any:
        kind = next(iter(step), "")
        argument = step.get(kind)
        if kind in _TOOLS:
            return await self._tool(kind, argument or {})
        match kind:
            case "say":
                self._said.append(str(argument))
                await self._watch.entry("text", str(argument))
            case "think":
                await self._watch.entry("thought", str(argument))
            case "sleep":
                await asyncio.sleep(float(cast("float", argument)))
            case "ask":
                allowed = await self._watch.permission("ask", str(argument), step.get("action") or {})
                return {"allowed": allowed, "word": "approved" if allowed else "denied"}
            case "run":
                return await self._run([str(word) for word in cast("list[Any]", argument)])
            case "write" | "append":
                await self._write(kind, argument or {})
            case "fail":
                raise ProviderError("scripted", str(argument), retryable=bool(step.get("retryable")))
            case _:
                raise ProviderError("bad_script", f"a script has no step {kind!r}; see docs/reference/scripted.md")
        return None

    async def _tool(self, name: str, arguments: Mapping[str, Any]) -> Any:
        await self._watch.entry("tool_call", name, {"arguments": dict(arguments)})
        try:
            answer = await self._seat.tools.call(name, arguments)
        except CaoError as error:
            await self._watch.entry("tool_result", error.message, {"error": error.code})
            return {"error": error.code, "message": error.message}
        await self._watch.entry("tool_result", name, {"answer": dict(answer)})
        return answer

    async def _run(self, command: list[str]) -> dict[str, Any]:
        line = shlex.join(command)
        if not await self._watch.permission("shell", f"Run: {line}", {"command": command}):
            return {"code": None, "output": "", "allowed": False}
        await self._watch.entry("tool_call", line)
        variables = {**environment((), self._seat.profile.environment), **self._seat.variables}
        child = await Child.start(command, self._seat.directory, variables)
        try:
            async with asyncio.timeout(_RUN_SECONDS):
                child.end_of_input()
                output = "\n".join([line.rstrip("\n") async for line in child.lines()])[:_RUN_OUTPUT]
                code = await child.wait()
        finally:
            await child.end()
        await self._watch.entry("tool_result", output or child.complaint(), {"code": code})
        return {"code": code, "output": output, "allowed": True}

    async def _write(self, kind: str, file: Mapping[str, Any]) -> None:
        target = (self._seat.directory / str(file["path"])).resolve()
        if not target.is_relative_to(self._seat.directory.resolve()):
            raise ProviderError("bad_script", "a script writes only inside its working directory")
        await self._watch.entry("tool_call", f"{kind} {file['path']}", {"tool": "write", "files": [str(file["path"])]})
        await asyncio.to_thread(_append if kind == "append" else _write, target, str(file.get("text", "")))

    def _fill(self, value: Any) -> Any:
        if isinstance(value, str):
            return _PLACE.sub(lambda match: self._look_up(match.group(1)), value)
        if isinstance(value, dict):
            return {key: self._fill(item) for key, item in cast("dict[str, Any]", value).items()}
        if isinstance(value, list):
            return [self._fill(item) for item in cast("list[Any]", value)]
        return value

    def _look_up(self, path: str) -> str:
        found: Any = self._kept
        for part in path.split("."):
            if not isinstance(found, Mapping) or part not in found:
                return "{{" + path + "}}"
            found = cast("Mapping[str, Any]", found)[part]
        return found if isinstance(found, str) else json.dumps(found)


def _write(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, "utf-8")


def _append(target: Path, text: str) -> None:
    with target.open("a", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def _turns(text: str) -> list[list[Step]] | None:
    match = _SCRIPT.search(text)
    if match is None:
        return None
    try:
        script: Any = json.loads(match.group(1))
    except (ValueError, RecursionError) as error:
        raise ProviderError("bad_script", f"the script is not JSON: {error}") from None
    turns = cast("dict[str, Any]", script).get("turns") if isinstance(script, dict) else [script]
    if not isinstance(turns, list) or not all(isinstance(steps, list) for steps in cast("list[Any]", turns)):
        raise ProviderError("bad_script", 'a script is a list of steps or {"turns": [[step, …], …]}')
    return cast("list[list[Step]]", turns)
