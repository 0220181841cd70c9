"""A model server on loopback that plays scripts: enough of Anthropic's Messages and OpenAI's Responses for real agents.

The prompt carries the script, as `script(...)` writes it, so the server has no state and any number of agents may share it:

    do it <play>[{"tool": "shell", "args": {"command": "echo hi > a"}}, {"text": "the shell said {{last}}"}]</play>

The last message of the user that holds a script counts; the number of tool results since then is the place in it. Steps:

    {"text": …}                     answer and end the turn; past the end of the script the answer is "noted"
    {"tool": name, "args": {…}}     call a tool: `shell`, or the end of a name, such as `assign` for `mcp__cao__assign`
    "think": …, "say": …            a thought, a text before the call
    "sleep": seconds                before the answer
    "error": status, "message": …   the API answers with an error

`{{last}}` is the last tool result, `{{0.id}}` a field of the first one's JSON. Scripts nest: what an agent passes on in a
tool's arguments is a string inside the JSON and belongs to whoever receives it.
"""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Step = Mapping[str, Any]
Event = dict[str, Any]

_OPEN, _CLOSE = "<play>", "</play>"
_PLACE = re.compile(r"{{(last|\d+)((?:\.\w+)*)}}")
_SHELLS = {"Bash": "command", "exec_command": "cmd", "shell_command": "command"}
"""The agents' shells, with the argument that takes the command."""


def script(*steps: Step, intro: str = "do it") -> str:
    """A prompt that makes the model do these steps."""
    return f"{intro} {_OPEN}{json.dumps(steps)}{_CLOSE}"


@dataclass(frozen=True)
class Said:
    """One message of a request, in the terms of both APIs."""

    role: str
    text: str = ""
    results: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tool:
    """A tool that a request offers. namespace: where Responses keeps the tools of an MCP server."""

    name: str
    namespace: str | None = None


@dataclass(frozen=True)
class Call:
    tool: Tool
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Reply:
    """What the model does next."""

    text: str = ""
    thought: str = ""
    call: Call | None = None
    status: int = 200


@dataclass
class Asked:
    """A request for the journal."""

    path: str
    key: str
    messages: Sequence[Said]
    system: str
    tools: list[str]
    at: float = field(default_factory=time.monotonic)


def reply_to(messages: Sequence[Said], tools: Sequence[Tool]) -> Reply:
    """Play the step that a request has come to."""
    if not tools:
        return Reply(text="untitled")  # agents ask for titles and the like without offering tools
    steps, results = _place(messages)
    if len(results) >= len(steps):
        return Reply(text="noted")
    step: Step = _filled(steps[len(results)], results)
    time.sleep(step.get("sleep", 0))
    if "error" in step:
        return Reply(text=str(step.get("message", "scripted error")), status=step["error"])
    call = _call(step, tools) if "tool" in step else None
    missing = f"no tool {step.get('tool')!r} among {[tool.name for tool in tools]}" if "tool" in step and call is None else ""
    return Reply(str(step.get("text") or step.get("say") or missing), str(step.get("think", "")), call)


def _place(messages: Sequence[Said]) -> tuple[Sequence[Step], list[str]]:
    """The script in force and the tool results since."""
    for index in range(len(messages) - 1, -1, -1):
        said = messages[index]
        if said.role == "user" and (steps := _script_in(said.text)) is not None:
            return steps, [result for later in messages[index + 1 :] for result in later.results]
    return (), []


def _script_in(text: str) -> Sequence[Step] | None:
    """The last script that is not inside another one; a prompt that failed may share its message with the next."""
    steps, end = None, 0
    while (start := text.find(_OPEN, end)) >= 0:
        steps, end = json.JSONDecoder().raw_decode(text, start + len(_OPEN))
    return steps


def _filled(value: Any, results: Sequence[str]) -> Any:
    if isinstance(value, str):
        return _PLACE.sub(lambda match: _look_up(match, results), value)
    if isinstance(value, dict):
        return {key: _filled(item, results) for key, item in value.items()}
    return [_filled(item, results) for item in value] if isinstance(value, list) else value


def _look_up(match: re.Match[str], results: Sequence[str]) -> str:
    """A result or a field of its JSON; the whole, when there is no such field, so that a test shows what was there."""
    whole = results[-1 if match[1] == "last" else int(match[1])]
    found: Any = whole
    for name in match[2].split(".")[1:]:
        fields = json.loads(found[found.index("{") :]) if isinstance(found, str) and "{" in found else found
        if not isinstance(fields, dict) or name not in fields:
            return whole
        found = fields[name]
    return found if isinstance(found, str) else json.dumps(found)


def _call(step: Step, tools: Sequence[Tool]) -> Call | None:
    wanted, arguments = str(step["tool"]), dict(step.get("args", {}))
    for tool in tools:
        if wanted == "shell" and tool.name in _SHELLS:
            return Call(tool, {_SHELLS[tool.name]: arguments["command"], "description": "scripted"})
        if tool.name == wanted or tool.name.endswith(f"__{wanted}"):
            return Call(tool, arguments)
    return None


def _words(content: Any) -> str:
    if isinstance(content, dict):
        return _words(content.get("text") or content.get("content") or "")
    return "\n".join(_words(part) for part in content) if isinstance(content, list) else str(content or "")


def _id(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex[:24]}"


class Messages:
    """Anthropic's Messages API."""

    @staticmethod
    def read(body: Mapping[str, Any]) -> tuple[list[Said], list[Tool]]:
        said = []
        for message in body["messages"]:
            blocks = (
                message["content"] if isinstance(message["content"], list) else [{"type": "text", "text": message["content"]}]
            )
            results = tuple(_words(block.get("content")) for block in blocks if block["type"] == "tool_result")
            text = "\n".join(block["text"] for block in blocks if block["type"] == "text")
            said.append(Said(message["role"], text, results))
        return said, [Tool(tool["name"]) for tool in body.get("tools", [])]

    @staticmethod
    def write(reply: Reply, model: str) -> Iterator[Event]:
        usage = {"input_tokens": 11, "output_tokens": 7, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
        message = {"id": _id("msg"), "type": "message", "role": "assistant", "model": model, "content": [], "usage": usage}
        yield {"type": "message_start", "message": message}
        for index, (block, delta) in enumerate(Messages._blocks(reply)):
            yield {"type": "content_block_start", "index": index, "content_block": block}
            yield {"type": "content_block_delta", "index": index, "delta": delta}
            yield {"type": "content_block_stop", "index": index}
        stop = {"stop_reason": "tool_use" if reply.call else "end_turn", "stop_sequence": None}
        yield {"type": "message_delta", "delta": stop, "usage": {"output_tokens": 7}}
        yield {"type": "message_stop"}

    @staticmethod
    def _blocks(reply: Reply) -> Iterator[tuple[Event, Event]]:
        if reply.thought:
            block = {"type": "thinking", "thinking": "", "signature": "scripted"}
            yield block, {"type": "thinking_delta", "thinking": reply.thought}
        if reply.text:
            yield {"type": "text", "text": ""}, {"type": "text_delta", "text": reply.text}
        if reply.call:
            block = {"type": "tool_use", "id": _id("toolu"), "name": reply.call.tool.name, "input": {}}
            yield block, {"type": "input_json_delta", "partial_json": json.dumps(reply.call.arguments)}


class Responses:
    """OpenAI's Responses API."""

    @staticmethod
    def read(body: Mapping[str, Any]) -> tuple[list[Said], list[Tool]]:
        said = []
        for item in body["input"]:
            if item.get("type", "message") == "message":
                said.append(Said(item["role"], _words(item["content"])))
            elif item["type"].endswith("_output"):
                said.append(Said("tool", results=(_words(item["output"]),)))
        return said, list(Responses._tools(body.get("tools", [])))

    @staticmethod
    def _tools(offered: Sequence[Mapping[str, Any]], namespace: str | None = None) -> Iterator[Tool]:
        for tool in offered:
            if tool["type"] == "namespace":
                yield from Responses._tools(tool["tools"], tool["name"])
            elif tool["type"] == "function":
                yield Tool(tool["name"], namespace)

    @staticmethod
    def write(reply: Reply, model: str) -> Iterator[Event]:
        response = {"id": _id("resp"), "object": "response", "created_at": 0, "model": model}
        yield {"type": "response.created", "response": {**response, "status": "in_progress", "output": []}}
        items = list(Responses._items(reply))
        for index, item in enumerate(items):
            started = {**item, "content": []} if item["type"] == "message" else item
            yield {"type": "response.output_item.added", "output_index": index, "item": started}
            if item["type"] == "message":
                place = {"item_id": item["id"], "output_index": index, "content_index": 0}
                yield {"type": "response.output_text.delta", **place, "delta": reply.text}
            yield {"type": "response.output_item.done", "output_index": index, "item": item}
        details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
        usage = {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18, **details}
        yield {"type": "response.completed", "response": {**response, "status": "completed", "output": items, "usage": usage}}

    @staticmethod
    def _items(reply: Reply) -> Iterator[Event]:
        if reply.thought:
            yield {"type": "reasoning", "id": _id("rs"), "summary": [{"type": "summary_text", "text": reply.thought}]}
        if reply.text or not reply.call:
            content = [{"type": "output_text", "text": reply.text, "annotations": []}]
            yield {"type": "message", "id": _id("msg"), "role": "assistant", "status": "completed", "content": content}
        if reply.call:
            named = {"name": reply.call.tool.name, "arguments": json.dumps(reply.call.arguments)}
            spaced = {"namespace": reply.call.tool.namespace} if reply.call.tool.namespace else {}
            yield {"type": "function_call", "id": _id("fc"), "call_id": _id("call"), **named, **spaced}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every streamed event waits 40 ms for a delayed acknowledgement
    server: ScriptedModel

    def log_message(self, format: str, *args: Any) -> None:
        """The journal tells what was asked."""

    def do_HEAD(self) -> None:
        self._answer(200, b"")

    def do_GET(self) -> None:
        known = self.path.partition("?")[0].endswith("/models")
        self._json(200 if known else 404, {"object": "list", "data": [], "has_more": False})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        path = self.path.partition("?")[0]
        api = {"/v1/messages": Messages, "/v1/responses": Responses}.get(path)
        if api is None:
            counted = path.endswith("/count_tokens")
            self._json(200 if counted else 404, {"input_tokens": 1})
            return
        said, tools = api.read(body)
        self._note(path, body, said, tools)
        reply = reply_to(said, tools)
        if reply.status != 200:
            error = {"type": "scripted_error", "message": reply.text, "code": reply.status}
            self._json(reply.status, {"type": "error", "error": error})
            return
        events = (f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in api.write(reply, body["model"]))
        self._answer(200, "".join(events).encode(), "text/event-stream")

    def _note(self, path: str, body: Mapping[str, Any], said: Sequence[Said], tools: Sequence[Tool]) -> None:
        system = _words(body.get("system") or body.get("instructions"))
        told = system + "\n" + "\n".join(message.text for message in said if message.role in ("system", "developer"))
        key = self.headers.get("x-api-key") or self.headers.get("authorization", "")
        self.server.journal.append(Asked(path, key, said, told, [tool.name for tool in tools]))

    def _json(self, status: int, value: Event) -> None:
        self._answer(status, json.dumps(value).encode(), "application/json")

    def _answer(self, status: int, body: bytes, kind: str = "text/plain") -> None:
        try:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.send_header("retry-after", "0")
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the agent was stopped


class ScriptedModel(ThreadingHTTPServer):
    """The server; a context manager. `journal` holds the requests in their order."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.journal: list[Asked] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def last(self) -> Asked:
        """The last request that was not about a title or the like."""
        return next(asked for asked in reversed(self.journal) if asked.tools)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.serve_forever, name="scripted-model")
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()
