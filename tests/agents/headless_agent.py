"""A command line that answers prompts: `say X`, `sleep`, `fail X`, `flood`. It prints codex-like events with --json.

usage: headless_agent.py [--json] [--resume ID] [PROMPT]; without PROMPT it reads standard input. It keeps each conversation
in a file below $CONVERSATIONS.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--json", action="store_true")
parser.add_argument("--resume")
parser.add_argument("prompt", nargs="?")
options = parser.parse_args()
prompt = options.prompt or sys.stdin.read()
folder = Path(os.environ["CONVERSATIONS"])
conversation = options.resume or f"c{len(list(folder.iterdir()))}"
history = folder / conversation
before = len(history.read_text().splitlines()) if history.exists() else 0
with history.open("a") as file:
    print(json.dumps(prompt), file=file)


def tell(**event: object) -> None:
    print(json.dumps(event), flush=True)


verb, _, rest = prompt.strip().splitlines()[-1].partition(" ")
if options.json:
    tell(type="thread.started", thread_id=conversation)
match verb:
    case "sleep":
        print("sleeping", flush=True)
        time.sleep(600)
    case "fail":
        sys.exit(rest)
    case "flood":
        while True:
            print("x" * int(rest), flush=True)
answer = rest.replace("{before}", str(before)).replace("{prompt}", prompt)
if options.json:
    tell(
        type="item.completed", item={"id": "i1", "type": "command_execution", "aggregated_output": "out", "status": "completed"}
    )
    tell(type="item.completed", item={"id": "i2", "type": "agent_message", "text": answer})
    tell(type="turn.completed", usage={"input_tokens": 3, "output_tokens": 2})
else:
    print(answer)
