"""The program: `TELEGRAM_TOKEN=… python -m telegram_bridge --chat ID`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
from pathlib import Path

import telegram

import cao

from .inbound import Inbound
from .mapping import Mapping
from .outbound import Outbound


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("telegram_bridge", description="Launch, watch and approve agents from a Telegram chat.")
    parser.add_argument("--chat", type=int, action="append", required=True, help="a chat to serve, by its id; may be repeated")
    parser.add_argument("--user", type=int, action="append", default=[], help="who may command there; everybody unless given")
    parser.add_argument("--profile", default="developer", help="who is launched")
    parser.add_argument("--provider", help="how it is run, unless its profile says so")
    parser.add_argument(
        "--memory", type=Path, default=Path("telegram_bridge.json"), help="the file that the bridge remembers in"
    )
    parser.add_argument("--telegram", default="https://api.telegram.org/bot", help="where the Bot API is")
    return parser.parse_args()


async def bridge(chosen: argparse.Namespace, token: str) -> None:
    """Run until SIGTERM or SIGINT."""
    mapping, chats = Mapping(chosen.memory), frozenset[int](chosen.chat)
    async with telegram.Bot(token, base_url=chosen.telegram) as bot, cao.connect() as control:
        inbound = Inbound(
            control,
            bot,
            mapping,
            chats=chats,
            users=frozenset(chosen.user),
            profile=chosen.profile,
            provider=chosen.provider,
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(inbound.run())
            group.create_task(Outbound(control, bot, mapping, chats).run())


async def main() -> None:
    running = asyncio.create_task(bridge(options(), os.environ["TELEGRAM_TOKEN"]))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    await asyncio.wait([running])
    if not running.cancelled():
        running.result()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # at INFO it writes URLs, and those of Telegram hold the token
    asyncio.run(main())
