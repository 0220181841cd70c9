"""The `headless` provider: any command line that takes a prompt, prints an answer and exits."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import Iterable, Mapping

from cao.protocol.records import RecoveryPolicy

from .command import fill, places
from .output import READERS, Entry, Reader
from .process import Child, environment
from .profile import Profile
from .provider import Missing, Prompt, ProviderError, Seat, TurnResult, Watch

OWN_VARIABLES = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY")
"""Keys of model providers, which a command gets besides what every agent gets."""


class HeadlessProvider:
    """Runs a profile's `command`, or its `resume` once the conversation's id is known. One process for each turn."""

    name = "headless"
    summary = "runs any command line that takes a prompt and prints an answer; the profile's `command` says which"
    recovery: RecoveryPolicy = "ask"

    def missing(self, profile: Profile | None) -> list[Missing]:
        if profile is None:
            return []
        if not profile.command:
            return [Missing(f"profile {profile.name} has no `command`", "say in its front matter which program to run")]
        programs = dict.fromkeys(command[0] for command in (profile.command, profile.resume) if command)
        path = _environment(profile).get("PATH")
        return [
            Missing(f"{program} is not on PATH", f"install {program}, or mend the profile's `command`")
            for program in programs
            if shutil.which(program, path=path) is None
        ]

    async def turn(self, seat: Seat, prompt: Prompt, watch: Watch) -> TurnResult:
        if lacking := self.missing(seat.profile):
            raise ProviderError("missing", f"{lacking[0].what}; {lacking[0].fix}")
        call = _Call(seat, prompt.text)
        child = await Child.start(call.argv, seat.directory, {**_environment(seat.profile), **seat.variables})
        try:
            return await call.through(child, watch)
        finally:
            await child.end(patience=0)

    async def rest(self, terminal_id: str) -> None:
        """Nothing is warm."""

    async def close(self) -> None:
        """Nothing is warm."""


class _Call:
    """One run of the command."""

    def __init__(self, seat: Seat, prompt: str) -> None:
        profile, known = seat.profile, seat.conversation.get("conversation")
        template = profile.resume if known and profile.resume else profile.command
        wanted = places(template)
        if known is None and "conversation" in wanted:
            known = str(uuid.uuid4())  # a program that lets its caller choose
        self._conversation: str | None = known
        self._remembered = not profile.resume
        introduced = bool(profile.prompt) and "system" not in wanted and not seat.conversation
        text = f"{profile.prompt}\n\n{prompt}" if introduced else prompt
        values: Mapping[str, str | None] = {
            "prompt": text,
            "model": profile.model,
            "system": profile.prompt or None,
            "directory": str(seat.directory),
            "conversation": known,
        }
        self.argv = fill(template, values)
        self.input = b"" if "prompt" in wanted else text.encode()
        self._reader = READERS[profile.output]()

    async def through(self, child: Child, watch: Watch) -> TurnResult:
        """Feed the program and read it to its end."""
        feeding = asyncio.create_task(_feed(child, self.input))
        try:
            async for line in child.lines():
                await self._tell(self._reader.feed(line), watch)
            status = await child.wait()
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
        await self._tell(self._reader.finish(), watch)
        return await self._result(self._reader, status, child, watch)

    async def _tell(self, entries: Iterable[Entry], watch: Watch) -> None:
        for kind, text, data in entries:
            await watch.entry(kind, text, data)
        if not self._remembered and self._reader.conversation:
            self._remembered = True
            await watch.remember({"conversation": self._reader.conversation})

    async def _result(self, reader: Reader, status: int, child: Child, watch: Watch) -> TurnResult:
        if reader.error is not None:
            raise ProviderError("agent_error", f"{child.complaint()}; {reader.error}"[:2000], retryable=True)
        if status != 0:
            raise ProviderError("exit", child.complaint())
        if reader.usage is not None:
            await watch.entry("usage", "", reader.usage.model_dump(mode="json"))
        conversation = reader.conversation or self._conversation
        return TurnResult(
            text=reader.answer,
            conversation={"conversation": conversation} if conversation else {"begun": True},
            usage=reader.usage,
        )


async def _feed(child: Child, data: bytes) -> None:
    try:
        await child.send(data)
    except ConnectionError:
        return  # a program that does not read its input is fine
    child.end_of_input()


def _environment(profile: Profile) -> dict[str, str]:
    return environment(OWN_VARIABLES, profile.environment)
