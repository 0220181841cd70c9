"""Opens the page in this computer's browser."""

from __future__ import annotations

import html
import webbrowser
from collections.abc import Callable
from pathlib import Path

from cao.client.wire import WireError
from cao.discovery import write_private


def show(url: str, home: Path, talk: Callable[[str], None]) -> None:
    """Open a sign-in link. It goes by way of a file that only this user can read: others see the arguments of programs."""
    file = home / "page.html"
    target = html.escape(url)
    write_private(
        file,
        f'<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer"><title>cao</title>'
        f'<meta http-equiv="refresh" content="0; url={target}"><a href="{target}">Open the page</a>\n',
    )
    if not webbrowser.open(file.as_uri()):
        raise WireError("unavailable", "no browser can be started here; leave out --open and copy the link")
    talk("the page opens in your browser; the link works once, for a minute")
