"""Prefect tasks for flows of one's own: ask an agent, run a program, ask a person.

    from prefect import flow
    from cao_flows import agent, approval, command

    @flow
    async def change(goal: str) -> str:
        plan = await agent(f"Plan this: {goal}")
        await command("make", "test")
        if not (await approval("Merge it?", note=plan.text)).approved:
            return "left alone"
        ...

They are tasks like others: `.submit`, `.map`, `.with_options(retries=2, name="build")`, time-outs, caching and concurrency
limits are Prefect's. In a flow that is a workflow of ours each call is a step of its run: written down, shown, and answered
from the store when the flow's body runs again. In any other flow they work through the control that is open in this process,
else through the server of the data directory, else through a control that is opened for as long as the process lives.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext, TaskRunContext

from cao.protocol.workflows import Decision, Step
from cao.workflows.definition import Effect

from . import standalone
from .calls import call
from .flow_runner import PLAYED, FlowRunner, StepFailed


@dataclass(frozen=True, slots=True)
class AgentAnswer:
    """What an agent said."""

    text: str
    decision: Decision | None
    """Its verdict and what that rests on, if it gave one; a `contract` or `verdicts` make it give one."""
    output: Any
    """The JSON document of its decision, where it has one."""
    run_id: str
    session_id: str
    terminal: str
    """Give it as `terminal` to go on in the same conversation."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a program printed, and how it ended."""

    exit_code: int
    text: str
    """Standard output, without the last line's end."""
    json: Any = None
    """The document that it printed, where that was asked for."""


@dataclass(frozen=True, slots=True)
class ApprovalAnswer:
    """What a person decided."""

    approved: bool
    note: str
    by: str | None
    approval_id: str


@task(name="agent", cache_policy=NO_CACHE, persist_result=False)
async def agent(
    prompt: str,
    *,
    profile: str = "developer",
    provider: str | None = None,
    model: str | None = None,
    terminal: str | None = None,
    directory: str | Path | None = None,
    contract: Mapping[str, Any] | None = None,
    verdicts: tuple[str, ...] = (),
    effect: Effect = "side-effecting",
    worktree: bool = False,
    timeout: float | None = None,
) -> AgentAnswer:
    """Ask an agent, and wait for its answer.

    terminal: a conversation to go on with: in a workflow's run a name of your own, elsewhere that of an earlier answer.
    directory: where it works; a workflow's agents work in the run's directory, or with `worktree` in a git worktree of their
    own. contract: what its decision must hold, as in a definition. verdicts: own ones beside `advance`, `rework`, `skip` and
    `fail`. effect: what happens to a turn that a crash cuts. timeout: in seconds. Raises `StepFailed`.
    """
    work: dict[str, Any] = {"prompt": "{{ prompt }}", "profile": profile, "provider": provider, "model": model}
    asked = _given(
        contract=dict(contract) if contract else None, verdicts=list(verdicts) or None, timeout=timeout, effect=effect
    )
    runner = PLAYED.get()
    if runner is None:
        wish = standalone.Wish(prompt, profile, provider, model, terminal, _text(directory), timeout)
        return _answered(await standalone.ask_agent(wish, {"id": "agent", "agent": work, **asked}, _key()))
    if directory is not None:
        raise ValueError("in a workflow's run agents work in the run's directory; give worktree=True for one of their own")
    routes = {"routes": {verdict: "agent" for verdict in verdicts}} if verdicts else {}
    fields = {"agent": _given(**work, terminal=terminal), **asked, **routes, **({"worktree": True} if worktree else {})}
    step = await _step(runner, fields, {"prompt": prompt})
    return _of_agent(runner, step)


@task(name="command", cache_policy=NO_CACHE, persist_result=False)
async def command(
    *words: str,
    environment: Mapping[str, str] | None = None,
    directory: str | Path | None = None,
    output: Literal["text", "json"] = "text",
    check: bool = True,
    effect: Effect = "side-effecting",
    timeout: float | None = None,
) -> CommandResult:
    """Run a program; no shell reads its arguments. Its environment is the allow-listed one.

    directory: where it runs; in a workflow's run relative to the run's directory, and inside it. output: `json` where it prints
    one document. check: raise `StepFailed` for an exit code that is not 0. effect: whether it is run again by itself when
    a crash cuts it. timeout: in seconds.
    """
    variables = dict(environment or {})
    scope: dict[str, Any] = {"words": list(words), "variables": variables}
    work: dict[str, Any] = {
        "run": [f"{{{{ words[{number}] }}}}" for number in range(len(words))],
        "environment": {name: f"{{{{ variables[{name!r}] }}}}" for name in variables},
        "output": output,
        **_given(directory=_text(directory)),
    }
    asked = {**_given(timeout=timeout), "effect": effect}
    runner = PLAYED.get()
    if runner is None:
        result = CommandResult(*await standalone.run_command(words, variables, _text(directory), output, timeout))
    else:
        result = _of_command(await _step(runner, {"command": work, **asked}, scope))
    if check and result.exit_code != 0:
        raise StepFailed("command", "exit-code", f"{words[0]} ended with exit code {result.exit_code}\n{result.text[-2000:]}")
    return result


@task(name="approval", cache_policy=NO_CACHE, persist_result=False)
async def approval(question: str, *, note: str | None = None, expires: float | None = None) -> ApprovalAnswer:
    """Ask a person. Whoever decides does so on any surface: the page, `cao approval decide`, a link in a message.

    note: more to read, below the question. expires: seconds after which the answer is no; a day unless given. In a workflow's
    run nothing waits in the process: the flow's body ends here, and runs again with the answer.
    """
    whole = f"{question}\n\n{note}" if note else question
    runner = PLAYED.get()
    if runner is None:
        return ApprovalAnswer(*await standalone.ask_person(whole, expires, _key()))
    step = await _step(runner, {"manual": {"question": "{{ question }}", **_given(expires=expires)}}, {"question": whole})
    said: dict[str, Any] = step.output.get("json") or {}
    return ApprovalAnswer(bool(said.get("approved")), str(step.output.get("text", "")), said.get("by"), step.approval_id or "")


async def _step(runner: FlowRunner, work: dict[str, Any], scope: dict[str, Any]) -> Step:
    """A step of the run, settled. Raises `StepFailed`, or what ends the flow's body while a person is waited for."""
    context, flow = TaskRunContext.get(), FlowRunContext.get()
    name = context.task.name if context else next(iter(work))
    task_run = str(context.task_run.id) if context else str(uuid.uuid4())
    life = flow.flow_run.run_count if flow and flow.flow_run else 0
    step = await runner.step(call(name, work, scope), task_run, life)
    if step.failure is not None:
        raise StepFailed(step.path, step.failure.code, step.failure.message)
    return step


def _of_agent(runner: FlowRunner, step: Step) -> AgentAnswer:
    decision = step.decision if step.decision and step.decision.by == "agent" else None
    text, document = str(step.output.get("text", "")), step.output.get("json")
    name = runner.terminal_name(step)
    return AgentAnswer(text, decision, document, step.turn_run_id or "", runner.entered.session_id, name)


def _answered(said: standalone.Said) -> AgentAnswer:
    return AgentAnswer(said.text, said.decision, said.output, said.run_id, said.session_id, said.terminal_id)


def _of_command(step: Step) -> CommandResult:
    found = step.decision.evidence if step.decision else []
    code = next((one.value for one in found if one.kind == "exit-code"), 0)
    return CommandResult(int(code), str(step.output.get("text", "")), step.output.get("json"))


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _text(directory: str | Path | None) -> str | None:
    return None if directory is None else str(directory)


def _key() -> str:
    """The same for the same try of the same task run: what is asked twice after a lost connection is done once."""
    context = TaskRunContext.get()
    return f"flow:{context.task_run.id}:{context.task_run.run_count}" if context else f"flow:{uuid.uuid4()}"
