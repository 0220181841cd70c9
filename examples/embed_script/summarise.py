"""Agents inside a script: one summarises each file, all at once, and the script ends when they have.

    python summarise.py README.md CHANGELOG.md

No server runs. State is in the data directory, so `cao session list` still knows of the sessions afterwards.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import Any

import cao
from cao.agents import Prompt

logger = logging.getLogger("summarise")


async def summarise(prompt: Prompt) -> str:
    """An agent that is a function of this script. A real one would ask a model."""
    first, _, rest = prompt.text.partition(".")
    return f"{first.strip()} (and {len(rest.split())} more words)"


async def tell(_: object, event: Any) -> None:
    """Called after each run that was completed."""
    logger.info("run %s is completed", event.run_id)


async def work_on(control: cao.Control, file: str) -> str:
    """What an agent says of one file."""
    text = await asyncio.to_thread(Path(file).read_text, "utf-8")
    session = await control.session.launch(text, profile="summariser", labels={"file": file[-200:]})
    result = await control.run.result(str(session.run_id), timeout=120)
    return result.text or f"failed: {result.failure.message if result.failure else result.state}"


async def main(files: list[str]) -> None:
    async with cao.open() as control:
        control.register("summarise", summarise)
        control.signals.on("run.completed").connect(tell)
        await control.profile.install(str(Path(__file__).with_name("summariser.md")), replace=True)
        summaries = await asyncio.gather(*(work_on(control, file) for file in files))
    for file, summary in zip(files, summaries, strict=True):
        print(f"{file}: {summary}")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    asyncio.run(main(sys.argv[1:]))
