"""Debian's Chromium for the tests that need a real browser: found, or installed where that can be done."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--font-render-hinting=none",
)
INSTALL_SECONDS = 600


def chromium() -> str:
    """The browser's program. In CI it must be had; elsewhere the test is skipped, and says what is missing."""
    if found := _find():
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in ("update", "install --no-install-recommends chromium"):
            subprocess.run(["apt-get", "-q", "-y", *command.split()], check=True, timeout=INSTALL_SECONDS, env=quiet)
        if found := _find():
            return found
    if os.environ.get("CI"):
        raise AssertionError("no Chromium, and it cannot be installed: apt-get install chromium")
    pytest.skip("NO BROWSER TEST WAS RUN: there is no Chromium here; apt-get install chromium")


def _find() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@asynccontextmanager
async def browser() -> AsyncGenerator[Browser]:
    """A headless browser that talks to nobody but the page under test."""
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        try:
            yield opened
        finally:
            await opened.close()
