"""An OpenAPI fuzzer with all its checks against a real server: what is published is what is served."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

FULL = os.environ.get("CAO_FUZZ") == "full"
"""All phases, many examples: some ten thousand cases. Otherwise what fits beside all other tests."""
CASES = 3000 if FULL else 400
TOKEN = "cao_fuzz-token-of-this-test-and-no-other"
CONFIGURATION = """
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429, "5xx"]
"""
"""Its own list, and 413: a body may break the schema and be too large to be looked at."""
SERVE = f"""
import asyncio, pathlib, sys
import uvicorn
from cao.control import Control
from cao.http.app import build_app
from cao.settings import load

async def main(home):
    async with Control(load(home, {{}}, failed_sign_ins=1_000_000), work=False) as control:
        app = build_app(control, token={TOKEN!r})
        config = uvicorn.Config(app, port=0, lifespan="off", log_level="info", access_log=False)
        await uvicorn.Server(config).serve()

asyncio.run(main(pathlib.Path(sys.argv[1])))
"""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A server that records work and runs none."""
    log = tmp_path / "server.log"
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, "-c", SERVE, str(tmp_path / "home")], stderr=file, cwd=tmp_path)
    try:
        yield wait_until_served(process, log)
    finally:
        process.terminate()
        process.wait(20)
    assert "Traceback" not in log.read_text(), log.read_text()[-4000:]


def wait_until_served(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := re.search(r"http://127\.0\.0\.1:\d+", log.read_text()):
            return found.group()
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    raise TimeoutError(log.read_text())


@pytest.mark.timeout(3600 if FULL else 600)
def test_the_fuzzer_finds_nothing(url: str, tmp_path: Path) -> None:
    schemathesis = Path(sys.executable).with_name("schemathesis")
    if not schemathesis.exists():
        pytest.skip("schemathesis is not installed")
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    hooks = shutil.copy(Path(__file__).with_name("fuzz_hooks.py"), tmp_path)
    command = [
        *(str(schemathesis), "run", url + "/openapi.json"),
        *("--header", f"Authorization: Bearer {TOKEN}"),
        *("--checks", "all", "--continue-on-failure"),
        *("--phases", "examples,coverage,fuzzing,stateful" if FULL else "examples,fuzzing"),
        *("--max-examples", "25" if FULL else "3"),
        *("--exclude-operation-id", "event_follow"),  # an endless answer; tests/integration/test_http_streams.py reads it
        *("--exclude-operation-id", "output_follow"),  # as long as a run, and none ends here; test_history.py follows one
        *("--seed", "1", "--request-timeout", "20"),
    ]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": str(hooks), "CAO_FUZZ_DIRECTORY": str(project), "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=3500 if FULL else 580)
    assert done.returncode == 0, done.stdout.rpartition(" FAILURES ")[2][:12000] + done.stderr[-2000:]
    count = re.search(r"(\d+) generated", done.stdout)
    assert count
    assert int(count.group(1)) >= CASES, done.stdout[-2000:]
    with urllib.request.urlopen(url + "/health", timeout=5) as answer:
        assert answer.status == 200
