"""One phase of theirs as one of ours. It is written once and may stand in many workflows, each time with its own routes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from ..definition import KINDS, REWORKS, VERDICTS
from .contracts import contract_of
from .part import Part
from .templates import Text, identifier, speaks_of_secret

REMARKED: Final[Mapping[str, str]] = {
    "evals": "make it a command phase after this one, with a route for `rework`",
    "skills": "name them in the prompt, or give them to the profile's agent",
    "capabilities": "say in the profile what its agent may use: `allowed_tools`, `denied_tools`",
    "environment": "a run works in the project's directory or a worktree; choose that with `worktree`",
    "workspace": "a run works in one directory; write a workflow for each project",
    "budget": "a budget is the whole workflow's here: `budget` on its first level",
    "post_success": "write what happens afterwards as a command phase",
    "guard": "write the condition as `skip_if` of the phase that the route leads to",
    "allow_agent_target": "give each target a verdict of its own, with a route",
    "allowed_targets": "give each target a verdict of its own, with a route",
    "fallback_models": "a phase has one model; start a run again with another one",
    "fallback_tools": "a phase has one agent; start a run again with another profile",
    "reasoning_effort": "set it in the agent's own configuration",
    "permission_mode": "say in the profile what its agent may use without asking: `allowed_tools`",
    "web_search": "say in the profile which tools its agent may use",
    "network_access": "say in the profile which tools its agent may use",
    "extra_args": "write the agent's command in a profile with the provider `headless`",
    "failure_pattern": "let the command end with a failing exit code; its output is the reason",
    "excerpt_max_chars": "the end of a failed command's output is its reason, up to 4000 characters",
    "on_success_verdict": "print JSON with a `decision` and set `output: json`",
    "confidence": "print JSON with a `decision` and set `output: json`",
    "failure_risk": "print JSON with a `decision` and set `output: json`",
    "expected_result_kind": "describe the output with a JSON Schema in `contract.output`",
    "no_retry_on": "name the failures that are tried again in `retry.on`",
    "retry_on": "name the failures that are tried again in `retry.on`: timeout, model-error, agent-ended",
}
_ORDER: Final = (
    "id",
    "description",
    "skip_if",
    *KINDS,
    "contract",
    "verdicts",
    "routes",
    "timeout",
    "retry",
    "effect",
    "worktree",
)
_WORKTREES: Final = {"auto": True, "required": True, "true": True, "skip": False, "false": False}
_EFFECTS: Final = {"idempotent": "idempotent", "sideeffecting": "side-effecting", "unknown": "side-effecting"}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a phase may speak of."""

    agents: Mapping[str, str]
    """Profiles by the agents' names."""
    models: Mapping[str, str]
    """Models by the names that the file gives them."""
    descriptions: Mapping[str, str]
    """What the catalogue says of phases."""


def phase(id: str, source: Part, entry: Part, text: Text, around: Surroundings) -> dict[str, Any]:
    """source: the phase as it is defined. entry: how this workflow uses it."""
    mode = source.text("mode") or ("command" if "command" in source else "manual" if "manual" in source else "agent")
    made: dict[str, Any] = {"id": identifier(id)}
    if description := source.text("description") or around.descriptions.get(id):
        made["description"] = description
    kinds = {"agent": _agent, "command": _command, "manual": _manual}
    if mode not in kinds:
        source.lost("mode", f"`{mode}` is no mode", "it is taken for `agent`: write what is to be done")
    made |= kinds.get(mode, _agent)(id, source, text, around)
    if condition := text.condition(entry.words("skip_if"), entry.at("skip_if")):
        made["skip_if"] = condition
    made |= _routed(made, entry, mode)
    made |= _kept(source)
    source.close(REMARKED)
    entry.close(REMARKED)
    return {key: made[key] for key in _ORDER if key in made}


def _agent(id: str, source: Part, text: Text, around: Surroundings) -> dict[str, Any]:
    runtime = source.part("runtime")
    directive, system = source.template("directive"), source.template("system_prompt")
    if directive is None:
        directive = around.descriptions.get(id) or f"Do the phase `{id}` of this workflow."
        source.changed(
            "directive", f"the phase `{id}` does not say what is to be done", f"write its `prompt`, now {directive!r}"
        )
    if system is not None:
        source.changed(
            "system_prompt", "the system prompt is now the beginning of the prompt", "move it into a profile if you like"
        )
        directive = f"{system.rstrip()}\n\n{directive}"
    work: dict[str, Any] = {"prompt": text.template(directive, source.at("directive"))}
    if agent := source.text("agent"):
        work["profile"] = around.agents.get(agent) or identifier(agent)
        if agent not in around.agents:
            source.changed("agent", f"the agent `{agent}` is not in this file", f"write a profile `{identifier(agent)}`")
    if model := runtime.text("model") or source.text("model"):
        work["model"] = around.models.get(model, model)
    if tool := runtime.text("tool"):
        runtime.lost("tool", f"a phase does not choose the tool `{tool}`", "choose it in the phase's profile: `agent`")
    if (continuations := runtime.whole("max_continuations")) is not None:
        work["continuations"] = min(continuations, 10)
    made = {"agent": work, **_timed(runtime), **_retried(runtime.whole("max_attempts"), source.part("retry"))}
    runtime.close(REMARKED)
    return made | contract_of(source)


def _command(id: str, source: Part, text: Text, around: Surroundings) -> dict[str, Any]:
    part = source.part("command")
    program = part.template("program")
    if program is None:
        part.lost("program", f"the phase `{id}` names no program", "write its `run`")
    run = [text.template(one, part.at("args")) for one in (program or "false", *map(str, part.items("args")))]
    work: dict[str, Any] = {"run": [one or '{{ "" }}' for one in run]}
    variables = {name: str(value) for name, value in part.mapping("env").items() if value not in (None, "")}
    told = {name: text.template(value, part.at(f"env/{name}")) for name, value in variables.items()}
    if environment := {name: value for name, value in told.items() if not speaks_of_secret(variables[name])}:
        work["environment"] = environment
    part.text("cwd_mode")  # the root of the project or of its worktree: where a run is anyway
    if directory := part.text("cwd_path"):
        work["directory"] = directory
    if codes := [code for code in part.items("success_exit_codes") if isinstance(code, int) and 0 <= code <= 255]:
        work["success"] = codes
    if part.flag("parse_json_output"):
        work["output"] = "json"
    work["failed"] = identifier(part.text("on_failure_verdict") or "rework")  # `_routed` gives it a route
    if part.text("on_success_verdict") not in (None, "advance"):
        part.lost("on_success_verdict", "a successful command advances", REMARKED["on_success_verdict"])
    schema = part.mapping("expected_schema")
    made = {"command": work, **_timed(part), **_retried(None, source.part("retry"))}
    part.close(REMARKED)
    source.part("runtime").close(REMARKED)
    return made | contract_of(source, schema)


def _manual(id: str, source: Part, text: Text, around: Surroundings) -> dict[str, Any]:
    part = source.part("manual")
    question = part.template("instructions") or source.template("directive") or f"May this go on after `{id}`?"
    work: dict[str, Any] = {"question": text.template(question, part.at("instructions"))}
    if part.flag("approval_note_required"):
        work["note"] = True
    if seconds := part.number("timeout_secs"):
        work["expires"] = seconds
    part.close(REMARKED)
    return {"manual": work}


def _timed(part: Part) -> dict[str, Any]:
    seconds = part.number("timeout_secs")
    return {"timeout": seconds} if seconds else {}


def _retried(attempts: int | None, retry: Part) -> dict[str, Any]:
    given = retry.whole("max_attempts") or attempts
    backoff = retry.part("backoff")
    delay = backoff.number("initial_secs")
    if backoff.number("factor") not in (None, 2):
        backoff.changed("factor", "each pause is twice the one before", "nothing, if that will do")
    if backoff.number("max_secs") is not None:
        backoff.changed("max_secs", "pauses have no upper end but the number of attempts", "nothing, if that will do")
    backoff.close({})
    retry.close(REMARKED)
    if not given or given < 2:
        return {}
    return {"retry": {"attempts": min(given, 20), **({"delay": delay} if delay else {})}}


def _routed(made: Mapping[str, Any], entry: Part, mode: str) -> dict[str, Any]:
    """Routes and own verdicts; a command that fails is done again, as it was there."""
    most = entry.whole("max_rework_attempts")
    at_most = REWORKS if most is None else min(most, 50)
    routes: dict[str, Any] = {}
    listed = entry.part("on_verdict")
    for name, route in listed.parts():
        verdict, target = identifier(name), route.text("target")
        route.close(REMARKED)
        if target:
            routes[verdict] = {"to": identifier(target), **({"at_most": at_most} if verdict == "rework" else {})}
    failed = made.get("command", {}).get("failed")
    if "rework" not in routes and (most is not None or failed == "rework"):
        routes["rework"] = {"at_most": at_most}
    if mode == "manual":
        routes = {}
    verdicts = [verdict for verdict in {**routes, **({failed: None} if failed else {})} if verdict not in VERDICTS]
    return {**({"verdicts": verdicts} if verdicts else {}), **({"routes": routes} if routes else {})}


def _kept(source: Part) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if word := source.text("idempotency"):
        made["effect"] = _EFFECTS.get(word.replace("_", "").replace("-", ""), "side-effecting")
    if (worktree := worktree_of(source)) is not None:
        made["worktree"] = worktree
    return made


def worktree_of(source: Part) -> dict[str, Any] | bool | None:
    """`worktree`, in the three ways in which it is written: a word, a flag, or a mapping with `mode`."""
    found = source.anything("worktree")
    if not isinstance(found, dict):
        return _WORKTREES.get(str(found).lower())
    part = Part(cast("dict[str, Any]", found), source.at("worktree"), source.report)
    mode, base, clean = part.text("mode"), part.text("base_ref"), part.anything("cleanup")
    part.close({})
    wanted = {**({"base": base} if base else {}), **({"keep": False} if clean in (True, "always", "on_success") else {})}
    return False if mode == "skip" else wanted or True
