"""Asking a running Regdex over gRPC, from a command."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from regdex.client import Client

Answer = TypeVar("Answer")

MAX_PAGE_SIZE = 1000


def ask(server: str, api_key: str, question: Callable[[Client], Awaitable[Answer]]) -> Answer:
    """Ask one question; errors of ours come through as they are."""

    async def run() -> Answer:
        async with Client(server, api_key=api_key) as client:
            return await question(client)

    return asyncio.run(run())


def ask_pages(server: str, api_key: str, limit: int, field: str, question: Callable[..., Awaitable[Any]]) -> list[Any]:
    """Ask for page after page until `limit` items of `field` are there or there are no more."""

    async def run() -> list[Any]:
        found: list[Any] = []
        token = ""
        async with Client(server, api_key=api_key) as client:
            while len(found) < limit:
                size = min(MAX_PAGE_SIZE, limit)  # the same for every page: a token belongs to its parameters
                answer = await question(client, page_size=size, page_token=token)
                found.extend(getattr(answer, field))
                token = answer.next_page_token
                if not token:
                    break
        return found[:limit]

    return asyncio.run(run())
