"""Full-text search over 100,000 records of history, against a scan with LIKE over the same rows."""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import cao
from cao.control import Control
from cao.store import Transaction

from .figures import Figure, median

RECORDS = int(os.environ.get("CAO_BENCH_RECORDS", "100000"))
BATCH = 5000
ROUNDS = 15
AIM_MS = 50.0


async def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="cao-bench-") as place:
        async with cao.open(Path(place) / "home", work=False) as control:
            began = time.perf_counter()
            await _fill(control)
            filling = RECORDS / (time.perf_counter() - began)
            found = [await _compare(control, *case) for case in _CASES]
    return [Figure(f"records written and indexed, {BATCH} in a transaction", filling, "/s"), *found]


_CASES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("a rare word", "needle7", {}),
    ("a word of every tenth record", "common", {}),
    ("two words", "common orchard", {}),
    ("a beginning", "orch*", {}),
    ("a rare word of failed runs", "needle7", {"state": "failed"}),
    ("a frequent word, of tasks: none", "plain", {"kind": "task"}),
    ("a frequent word, best first", "common", {"order": "best"}),
)


async def _compare(control: Control, name: str, words: str, fields: dict[str, Any]) -> Figure:
    ours = await _median_ms(lambda: control.history.search(words, limit=20, **fields))
    scan = await _median_ms(lambda: _scan(control, words, fields))
    title = f"first page of {RECORDS:,} records: {name}"
    return Figure(title, ours, "ms", scan, "LIKE", f"<= {AIM_MS:g} ms", ours <= AIM_MS)


async def _median_ms(ask: Callable[[], Awaitable[Any]]) -> float:
    taken: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await ask()
        taken.append((time.perf_counter() - began) * 1000)
    return median(taken)


async def _scan(control: Control, words: str, fields: dict[str, Any]) -> None:
    """What would be done without an index: the newest 20 rows in which all words stand somewhere."""
    each = " AND ".join("(title || ' ' || prompt || ' ' || result || ' ' || reason) LIKE ?" for _ in words.split())
    same = {name: value for name, value in fields.items() if name != "order"}
    chosen = " ".join(f"AND {name} = ?" for name in same)
    patterns = [f"%{word.rstrip('*')}%" for word in words.split()]
    control.services.store.read().rows(
        f"SELECT id, substr(prompt, 1, 400) FROM history WHERE {each} {chosen} ORDER BY n DESC LIMIT 20",
        [*patterns, *same.values()],
    )


async def _fill(control: Control) -> None:
    """Runs with their prompts, written as the spine writes them; the triggers do the rest."""
    session = await control.session.launch(provider="scripted", directory="/")
    seat = session.terminals[0]
    chance = random.Random(7)
    vocabulary = [f"{a}{b}" for a in ("river", "orchard", "engine", "ledger", "window") for b in range(800)]

    def write(tx: Transaction, start: int) -> None:
        for number in range(start, min(start + BATCH, RECORDS)):
            words = [*chance.choices(vocabulary, k=40), "common" if number % 10 == 0 else "plain", f"orchard {number}"]
            needle = f" needle{number % 997}" if number % 997 == 7 else ""
            run, message, state = f"run_{number}", f"msg_{number}", "failed" if number % 20 == 7 else "completed"
            made = {"session_id": session.id, "terminal_id": seat.id, "created_at": tx.now}
            tx.insert("runs", id=run, kind="turn", state="queued", message_id=message, **made)
            text = " ".join(words) + needle
            tx.insert("messages", id=message, kind="prompt", sender="owner", text=text, state="done", run_id=run, **made)
            result = " ".join(chance.choices(vocabulary, k=60))
            tx.update("runs", run, state=state, result=result, settled_at=tx.now)

    for start in range(0, RECORDS, BATCH):
        await control.services.store.write(lambda tx, start=start: write(tx, start))
