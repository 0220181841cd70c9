"""How a phase ended: read from what an agent said or a command printed, and held against the phase's contract. Pure.

Reading is tolerant, for agents talk: the decision is the last JSON object with a verdict, wherever it stands. Judging is
strict: what a contract asks for is there, or `breaches` says what is missing.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from pydantic import ValidationError

from cao.protocol.workflows import Decision, Evidence

from .definition import VERDICTS, CommandWork, Contract, Phase
from .schemas import misfits

Output = dict[str, Any]
"""What later phases can use: `text`, and `json` where there is a document."""

SCANNED: Final = 1 << 20
"""How much of an answer's end is searched for a decision, in characters."""
DECODED: Final = 8 << 20
"""How many characters are decoded in that search at most; objects inside objects are read more than once."""
MISSES: Final = 1000
"""How many braces that begin no JSON object are put up with."""
DEPTH: Final = 64
"""How deep a decision may be nested."""
TAIL: Final = 4000
"""How many characters of a failed command's output become the reason."""
UNBOUND: Final = frozenset(("rework", "skip", "fail"))
"""Verdicts that say that there is no result yet: a contract is about results."""

_OBJECT = re.compile(r'\{\s*"')
_VERDICT = re.compile(r"^[a-z][a-z0-9-]{0,47}$")
_RISKS: Final = ("low", "medium", "high")
_DECODER: Final = json.JSONDecoder()


def required(phase: Phase) -> bool:
    """Whether an agent must end its answer with a decision; else an answer without one means `advance`."""
    return bool(phase.contract or phase.routes or phase.verdicts)


def of_answer(text: str, phase: Phase) -> tuple[Decision | None, Output]:
    """What an agent decided, and its output. No decision: it gave none that can be read; see `required`.

    >>> phase = Phase.model_validate({"id": "review", "agent": {"prompt": "Review it."}, "routes": {"rework": "build"}})
    >>> decision, output = of_answer('Looks good. {"verdict": "Advance", "confidence": 0.9, "output": [1, 2]}', phase)
    >>> decision.verdict, decision.confidence, output["json"]
    ('advance', 0.9, [1, 2])
    """
    output: Output = {"text": text}
    found = _last_decision(text)
    decision = _decision(found) if found is not None else None
    if found is None or decision is None or not (required(phase) or decision.verdict in VERDICTS):
        return None, output
    if "output" in found:
        output["json"] = found["output"]
    return decision.model_copy(update={"by": "agent"}), output


def of_command(exit_code: int, stdout: str, phase: Phase, *, stderr: str = "") -> tuple[Decision, Output]:
    """What a command's end means. With `output: json` a `decision` in the printed document has the last word on success.

    exit_code: negative for the signal that ended it. stderr: only told in the reason of a failure.
    """
    work = phase.command or CommandWork(run=["true"])
    output: Output = {"text": stdout}
    evidence = [Evidence(kind="exit-code", value=exit_code)]
    if exit_code not in work.success:
        verdict = work.failed or ("rework" if "rework" in phase.routes else "fail")
        reason = f"exit code {exit_code}\n{_tail(stdout, stderr)}".strip()
        return Decision(verdict=verdict, reason=reason, evidence=evidence, by="command"), output
    own: Decision | None = None
    if work.output == "json" and (document := _document(stdout)) is not None:
        output["json"] = document[0]
        own = _own_decision(document[0])
    if own is None:
        return Decision(verdict="advance", evidence=evidence, by="command"), output
    return own.model_copy(update={"evidence": [*own.evidence[:49], *evidence], "by": "command"}), output


def breaches(phase: Phase, decision: Decision, output: Mapping[str, Any]) -> list[str]:
    """What is wrong with a decision, one sentence each; empty when the phase takes it.

    A verdict must be one that the phase knows. The contract is asked of `advance` and of the phase's own verdicts.
    """
    known = (*VERDICTS, *phase.verdicts)
    if decision.verdict not in known:
        return [f"the verdict {decision.verdict!r} is none of {', '.join(known)}"]
    if decision.verdict in UNBOUND:
        return []
    if phase.command is not None and phase.command.output == "json" and "json" not in output:
        return ["the command's output is not one JSON document, as `output: json` says it is"]
    return list(_breached(phase.contract, decision, output)) if phase.contract else []


def instructions(phase: Phase) -> str:
    """What is added to an agent's prompt, so that it knows how to decide; empty where no decision is asked."""
    if not required(phase):
        return ""
    lines = ["End your answer with your decision: one JSON object on its own, and nothing after it.", "", _form(phase), ""]
    lines += [f"- {line}" for line in (*_verdict_help(phase), *_contract_help(phase.contract))]
    return "\n".join(lines)


def reminder(phase: Phase, found: list[str]) -> str:
    """What an agent is told in the same conversation when its decision is missing (`found` is empty) or not taken."""
    head = (
        "Your answer has no decision."
        if not found
        else "Your decision cannot be taken:\n" + "\n".join(f"- {line}" for line in found)
    )
    return f"{head}\n\n{instructions(phase)}".rstrip()


def _last_decision(text: str) -> dict[str, Any] | None:
    """The last outermost JSON object that has a verdict, within the bounds above."""
    end = text.rfind('"verdict"')
    if end < 0:
        return None
    found: tuple[int, dict[str, Any]] | None = None
    decoded = misses = 0
    for start in _starts(text, max(0, len(text) - SCANNED), end):
        if decoded > DECODED or misses > MISSES:
            break
        try:
            value, stop = _DECODER.raw_decode(text, start)
        except (json.JSONDecodeError, RecursionError) as error:
            misses += 1
            decoded += error.pos - start if isinstance(error, json.JSONDecodeError) else 1 << 16
            continue
        decoded += stop - start
        if isinstance(value, dict) and "verdict" in value and (found is None or stop > found[0]):
            found = stop, cast("dict[str, Any]", value)
    return found[1] if found and shallow(found[1]) else None


def _starts(text: str, first: int, last: int) -> Iterator[int]:
    """Where JSON objects may begin, from the end of the text to its start: only before `last`, where the last verdict is."""
    return reversed([match.start() for match in _OBJECT.finditer(text, first, last + 1)])


def shallow(value: Any, depth: int = DEPTH) -> bool:
    """Whether a JSON value is nested no deeper than `depth`.

    >>> shallow({"a": [1]}, 2), shallow({"a": [[1]]}, 2)
    (True, False)
    """
    level: list[Any] = [value]
    for _ in range(depth):
        level = [item for one in level for item in _inside(one)]
        if not level:
            return True
    return not any(isinstance(one, (dict, list)) for one in level)


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(cast("dict[str, Any]", value).values())
    return cast("list[Any]", value) if isinstance(value, list) else []


def _decision(found: Mapping[str, Any]) -> Decision | None:
    """A decision from whatever fields are usable: those that are not count as missing, and the contract notices."""
    verdict = _word(found.get("verdict"))
    if verdict is None:
        return None
    reason = found.get("reason")
    risk = _word(found.get("risk"))
    listed = found.get("evidence")
    return Decision(
        verdict=verdict,
        confidence=_confidence(found.get("confidence")),
        risk=risk if risk in _RISKS else None,
        reason=reason[:8000] if isinstance(reason, str) else "",
        evidence=[one for item in _inside(listed)[:50] if (one := _evidence(item)) is not None],
    )


def _word(value: Any) -> str | None:
    """A verdict, a risk or a kind as agents write them: `Tests_Passed` is `tests-passed`."""
    word = re.sub(r"[\s_]+", "-", value.strip().lower()) if isinstance(value, str) else ""
    return word if _VERDICT.match(word) else None


def _confidence(value: Any) -> float | None:
    try:
        number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number <= 1 else None


def _evidence(item: Any) -> Evidence | None:
    fields: Mapping[str, Any] = cast("dict[str, Any]", item) if isinstance(item, dict) else {"kind": item}
    kind = _word(fields.get("kind"))
    if kind is None:
        return None
    file, description = fields.get("file") or fields.get("file_path"), fields.get("description")
    try:
        return Evidence(
            kind=kind,
            description=description[:2000] if isinstance(description, str) else "",
            file=file if isinstance(file, str) else None,
            value=fields.get("value"),
        )
    except ValidationError:
        return None


def _document(text: str) -> tuple[Any] | None:
    """The one JSON document that the text is."""
    try:
        value = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return None
    return (value,) if shallow(value) else None


def _own_decision(document: Any) -> Decision | None:
    inner = cast("dict[str, Any]", document).get("decision") if isinstance(document, dict) else None
    return _decision(cast("dict[str, Any]", inner)) if isinstance(inner, dict) else None


def _tail(stdout: str, stderr: str) -> str:
    return "\n".join(part.strip()[-TAIL // 2 :] for part in (stdout, stderr) if part.strip())


def _breached(contract: Contract, decision: Decision, output: Mapping[str, Any]) -> Iterator[str]:
    given = {one.kind for one in decision.evidence}
    for kind in contract.evidence:
        if kind not in given:
            yield f"evidence of the kind {kind!r} is missing"
    if contract.confidence is not None and (decision.confidence is None or decision.confidence < contract.confidence):
        told = "not told" if decision.confidence is None else f"{decision.confidence:g}"
        yield f"the confidence is {told}, and must be a number from {contract.confidence:g} to 1"
    if contract.risk is not None and (decision.risk is None or _RISKS.index(decision.risk) > _RISKS.index(contract.risk)):
        yield f"the risk is {decision.risk or 'not told'}, and may be {contract.risk} at most"
    if contract.output is not None:
        yield from misfits(contract.output, output) if "json" in output else ("the output is missing",)


def _form(phase: Phase) -> str:
    form: dict[str, Any] = {"verdict": "advance", "confidence": 0.9, "risk": "low", "reason": "why, in a sentence or two"}
    kinds = phase.contract.evidence if phase.contract else []
    form["evidence"] = [{"kind": kind, "description": "what shows it"} for kind in (kinds or ["files-modified"])]
    if phase.contract and phase.contract.output is not None:
        form["output"] = "the result, as the schema below says"
    return json.dumps(form)


def _verdict_help(phase: Phase) -> Iterator[str]:
    target = phase.route("rework")
    again = f"`{target.to}` has to be done again" if target and target.to else "it has to be done again"
    yield "`advance`: the work is done and right."
    yield f"`rework`: {again}; then `reason` says what is wrong, for whoever does it next."
    yield "`skip`: there is nothing to do. `fail`: it cannot be done."
    if phase.verdicts:
        yield "or a verdict of this phase's own: " + ", ".join(f"`{verdict}`" for verdict in phase.verdicts) + "."


def _contract_help(contract: Contract | None) -> Iterator[str]:
    if contract is None:
        return
    if contract.evidence:
        yield "`evidence` must hold each of these kinds: " + ", ".join(f"`{kind}`" for kind in contract.evidence) + "."
    if contract.confidence is not None:
        yield f"`confidence` must be at least {contract.confidence:g}; if it honestly is less, say `rework` or `fail`."
    if contract.risk is not None:
        yield f"`risk` may be {contract.risk} at most."
    if contract.output is not None:
        yield f"`output` must be JSON that fits this schema: {json.dumps(contract.output)}"
