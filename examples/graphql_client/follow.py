"""Launch a session and follow what happens to all, with a client that was generated from our GraphQL schema.

    CAO_URL=… CAO_TOKEN=… python follow.py NAME COUNT

It prints the first COUNT session events of the log, each once, also when the server is lost meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator

from cao_graphql import Client, FollowEventFollow
from websockets.exceptions import WebSocketException

RETRY_SECONDS = 0.5


async def events(client: Client, after: int = 0) -> AsyncIterator[FollowEventFollow]:
    """Every event after `after`. When the connection is cut, it goes on after the last one that came."""
    while True:
        try:
            async for answer in client.follow(after=after):
                after = answer.event_follow.seq
                yield answer.event_follow
        except (OSError, WebSocketException):
            await asyncio.sleep(RETRY_SECONDS)


async def main(name: str, count: int) -> None:
    url, headers = os.environ["CAO_URL"] + "/graphql", {"Authorization": "Bearer " + os.environ["CAO_TOKEN"]}
    async with Client(url, headers, ws_url=url.replace("http", "ws", 1), ws_headers=headers) as client:
        launched = (await client.launch(name=name, labels={"from": "graphql"})).session_launch
        known = (await client.open_sessions()).session_list
        assert launched is not None and known is not None
        print("open", *(session.name for session in known.items), flush=True)
        async for event in events(client):
            print(event.seq, event.kind, event.session_id, flush=True)
            count -= 1
            if count == 0:
                return


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
