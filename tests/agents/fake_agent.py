"""A program that speaks the agent's side of ACP without a model: it does what its prompt says. See the steps in `act`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import acp
from acp.schema import AgentCapabilities, PermissionOption, ToolCallUpdate, Usage

SESSIONS = Path(os.environ["FAKE_SESSIONS"])
OPTIONS = [
    PermissionOption(option_id="yes", name="Yes", kind="allow_once"),
    PermissionOption(option_id="no", name="No", kind="reject_once"),
]


class FakeAgent:
    """Keeps what it was prompted with in a file for each session, so that another process can load it."""

    def on_connect(self, conn: acp.Client) -> None:
        self.client, self.stopped = conn, asyncio.Event()

    async def initialize(self, protocol_version: int, **_: Any) -> acp.InitializeResponse:
        can = AgentCapabilities(load_session="noload" not in sys.argv)
        return acp.InitializeResponse(protocol_version=protocol_version, agent_capabilities=can)

    async def new_session(self, cwd: str, mcp_servers: Any = None, **_: Any) -> acp.NewSessionResponse:
        if "login" in sys.argv:
            raise acp.RequestError.auth_required()
        session_id = f"s{len(list(SESSIONS.iterdir()))}"
        (SESSIONS / session_id).write_text("")
        (SESSIONS.parent / "servers.json").write_text(
            json.dumps([server.model_dump(mode="json") for server in mcp_servers or ()])
        )
        return acp.NewSessionResponse(session_id=session_id)

    async def load_session(self, cwd: str, session_id: str, **_: Any) -> acp.LoadSessionResponse:
        for line in (SESSIONS / session_id).read_text().splitlines():
            await self.client.session_update(session_id, acp.update_agent_message_text(f"history {line}"))
        return acp.LoadSessionResponse()

    async def prompt(self, session_id: str, prompt: Any, **_: Any) -> acp.PromptResponse:
        text = prompt[0].text
        self.stopped.clear()
        before = len((SESSIONS / session_id).read_text().splitlines())
        with (SESSIONS / session_id).open("a") as file:
            print(json.dumps(text), file=file)
        for step in json.loads(text[text.index("[") :]):
            await self.act(session_id, before, step)
            if self.stopped.is_set():
                return acp.PromptResponse(stop_reason="cancelled")
        return acp.PromptResponse(stop_reason="end_turn", usage=Usage(total_tokens=5, input_tokens=3, output_tokens=2))

    async def cancel(self, session_id: str, **_: Any) -> None:
        if "deaf" not in sys.argv:
            self.stopped.set()

    async def act(self, session_id: str, before: int, step: dict[str, Any]) -> None:
        tell = self.client.session_update
        match step:
            case {"say": words}:
                await tell(session_id, acp.update_agent_message_text(words.replace("{before}", str(before))))
            case {"think": words}:
                await tell(session_id, acp.update_agent_thought_text(words))
            case {"plan": words}:
                await tell(session_id, acp.update_plan([acp.plan_entry(words)]))
            case {"flood": count}:
                for number in range(count):
                    await tell(session_id, acp.update_agent_message_text(f"{number} "))
            case {"run": command}:
                await self.run(session_id, command)
            case {"wait": _}:
                await self.stopped.wait()
            case {"die": status}:
                print("last words", file=sys.stderr, flush=True)
                os._exit(status)
            case {"fail": words}:
                raise acp.RequestError.internal_error({"details": words})
            case _:
                raise acp.RequestError.invalid_params({"step": step})

    async def run(self, session_id: str, command: str) -> None:
        start = acp.start_tool_call("c1", command, kind="execute", status="pending", raw_input={"command": command})
        await self.client.session_update(session_id, start)
        ask = ToolCallUpdate(tool_call_id="c1", title=command, kind="execute")
        answer = await self.client.request_permission(session_id, ask, OPTIONS)
        if allowed := getattr(answer.outcome, "option_id", None) == "yes":
            process = await asyncio.create_subprocess_shell(command, stdout=asyncio.subprocess.DEVNULL)
            await process.wait()
        done = acp.update_tool_call(
            "c1", status="completed" if allowed else "failed", raw_output="ran" if allowed else "refused"
        )
        await self.client.session_update(session_id, done)


asyncio.run(acp.run_agent(FakeAgent()))
