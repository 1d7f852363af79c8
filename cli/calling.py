"""Calls from commands to a running Regdex, over gRPC."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from regdex.client import Client

Answer = TypeVar("Answer")

MAX_PAGE_SIZE = 1000


def ask(server: str, api_key: str, question: Callable[[Client], Awaitable[Answer]]) -> Answer:
    """Make one call and return its answer. Raises the RegdexError that the server answered with."""

    async def run() -> Answer:
        async with Client(server, api_key=api_key) as client:
            return await question(client)

    return asyncio.run(run())


def ask_pages(server: str, api_key: str, limit: int, field: str, question: Callable[..., Awaitable[Any]]) -> list[Any]:
    """Request pages until there are `limit` items of `field` or the list ends."""

    async def run() -> list[Any]:
        found: list[Any] = []
        token = ""
        async with Client(server, api_key=api_key) as client:
            while len(found) < limit:
                size = min(MAX_PAGE_SIZE, limit)  # a page token is only valid with the same size
                answer = await question(client, page_size=size, page_token=token)
                found.extend(getattr(answer, field))
                token = answer.next_page_token
                if not token:
                    break
        return found[:limit]

    return asyncio.run(run())
