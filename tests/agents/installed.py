"""Real agents for tests: installed from npm as package-lock.json pins them, and told to talk only to the scripted model."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".cache" / "agents"
INSTALL_SECONDS = 600
KEY = "sk-scripted"

_CODEX_CONFIG = """\
check_for_update_on_startup = false
model_provider = "scripted"
[model_providers.scripted]
name = "scripted"
base_url = "{url}/v1"
wire_api = "responses"
env_key = "SCRIPTED_KEY"
[analytics]
enabled = false
[features]
plugins = false
apps = false
daemon_auto_start = false
"""


def agents_path() -> str:
    """The PATH on which the agents are. Installs them first; skips the test where that cannot be done, except in CI."""
    try:
        return _installed()
    except (OSError, subprocess.SubprocessError) as error:
        reason = f"REAL AGENTS NOT TESTED: {error}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def _installed() -> str:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    npm = shutil.which("npm", path=path)
    if npm is None:
        raise FileNotFoundError("there is no npm; install node 20 or newer")
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install(npm, path)
    return os.pathsep.join([str(CACHE / "node_modules" / ".bin"), path])


def _install(npm: str, path: str) -> None:
    """Install unless exactly this lock file was installed before."""
    pinned = (HERE / "package-lock.json").read_bytes()
    digest, done = hashlib.sha256(pinned).hexdigest(), CACHE / ".installed"
    if done.is_file() and done.read_text() == digest:
        return
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, CACHE / name)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    environment = {**os.environ, "PATH": path}
    ran = subprocess.run(command, cwd=CACHE, env=environment, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    if ran.returncode != 0:
        raise OSError(f"npm ci failed: {ran.stderr[-1000:]}")
    done.write_text(digest)


def environment(agent: str, home: Path, model: str, path: str) -> dict[str, str]:
    """A profile's `environment` for a real agent: its own HOME, the scripted model, no traffic besides."""
    home.mkdir(parents=True, exist_ok=True)
    quiet = {"PATH": path, "HOME": str(home), "npm_config_registry": "http://127.0.0.1:9"}
    if agent == "codex":
        (home / ".codex").mkdir(exist_ok=True)
        (home / ".codex" / "config.toml").write_text(_CODEX_CONFIG.format(url=model))
        return {**quiet, "SCRIPTED_KEY": KEY, "OPENAI_API_KEY": KEY}
    return {
        **quiet,
        "ANTHROPIC_BASE_URL": model,
        "ANTHROPIC_API_KEY": KEY,
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "ENABLE_TOOL_SEARCH": "false",
    }


def profile_text(agent: str, environment: dict[str, str], **fields: object) -> str:
    """A profile file for a real agent."""
    front = {"provider": "acp", "agent": agent, "model": "scripted-model", "environment": environment, **fields}
    lines = "\n".join(f"{name}: {json.dumps(value)}" for name, value in front.items())
    return f"---\n{lines}\n---\nYou are ROLE-{agent}.\n"
