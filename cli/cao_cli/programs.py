"""The commands that are no operations. Each takes the data directory and the options, and gives the exit status."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any, Literal

from cao.client import catalog
from cao.client.wire import WireError
from cao.version import VERSION

from .arguments import Options, tree
from .commands import every
from .loading import Loading


def version(home: Path, options: Options) -> int:
    """Print the version."""
    if options.json:
        from .output import envelope

        print(envelope({"version": VERSION}))
    else:
        print(VERSION)
    return 0


def completion(home: Path, options: Options, shell: Literal["bash", "zsh", "fish"]) -> int:
    """Print the script that completes commands in `shell`."""
    sys.stdout.write(tree(list(every(catalog.content()))).generate_completion(prog_name="cao", shell=shell))
    return 0


def serve(home: Path, options: Options, **settings: Any) -> int:
    """Run the server until it is told to stop."""
    with Loading():
        from cao.http.server import serve as run_server
        from cao.protocol import CaoError
        from cao.settings import load

    try:
        run_server(load(home, **settings))
    except CaoError as error:
        raise WireError(error.code, error.message, error.details) from None
    return 0


def mcp(home: Path, options: Options, groups: str | None = None) -> int:
    """Serve MCP on standard input and output until it closes."""
    with Loading():
        from cao.mcp.stdio import run
        from cao.protocol import CaoError
        from cao.settings import load

    try:
        asyncio.run(run(load(home), groups))
    except CaoError as error:
        raise WireError(error.code, error.message, error.details) from None
    return 0
