"""Talking to a Meilisearch: every request has a time limit, and every way to fail becomes one of ours, here."""

import asyncio
from typing import Any

import httpx2
import orjson
from meilisearch_python_sdk import AsyncClient
from meilisearch_python_sdk.errors import MeilisearchError

from regdex.errors import Unavailable

CONNECT_SECONDS = 1.0
JSON = {"Content-Type": "application/json"}
# A compressed answer comes in pieces, which the kernels hold back for 40 ms to join; these are small.
HEADERS = {"Accept-Encoding": "identity"}


class Refusal(Unavailable):
    """The engine answered, with an error. `code` is its own, empty where something else answered, a proxy say."""

    def __init__(self, message: str, *, status: int, code: str = "", kind: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.refusal = code
        self.kind = kind


class Wire:
    """One engine. Everything raises Unavailable, or its kind Refusal; connections are kept."""

    def __init__(self, url: str, api_key: str = "", *, seconds: float = 3.0) -> None:
        self._url = url
        self._api_key = api_key
        self._seconds = seconds
        self._client: AsyncClient | None = None

    @property
    def client(self) -> AsyncClient:
        if self._client is None:
            self._client = AsyncClient(self._url, self._api_key or None, timeout=3, custom_headers=HEADERS)
            self._client.http_client.timeout = httpx2.Timeout(self._seconds, connect=CONNECT_SECONDS)
        return self._client

    async def get(self, path: str, **parameters: Any) -> Any:
        return await self._ask("GET", path, parameters=parameters)

    async def post(self, path: str, body: Any, *, seconds: float | None = None) -> Any:
        """`body` is bytes that are JSON already, or what becomes JSON."""
        return await self._ask("POST", path, body=body, seconds=seconds)

    async def patch(self, path: str, body: Any) -> Any:
        return await self._ask("PATCH", path, body=body)

    async def delete(self, path: str, **parameters: Any) -> Any:
        return await self._ask("DELETE", path, parameters=parameters)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _ask(
        self, method: str, path: str, *, body: Any = None, parameters: Any = None, seconds: float | None = None
    ) -> Any:
        content = body if body is None or isinstance(body, bytes) else orjson.dumps(body)
        try:
            async with asyncio.timeout(seconds or self._seconds):
                response = await self.client.http_client.request(
                    method, path, content=content, params=parameters or None, headers=JSON if content else None
                )
        except TimeoutError as error:
            raise Unavailable("Meilisearch does not answer in time") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, MeilisearchError, OSError) as error:
            raise Unavailable(f"Meilisearch cannot be asked: {type(error).__name__}") from error
        return _read(response)


def _read(response: httpx2.Response) -> Any:
    try:
        answer = orjson.loads(response.content) if response.content else None
    except orjson.JSONDecodeError:
        raise Refusal(
            f"not Meilisearch answers, but HTTP {response.status_code}", status=response.status_code
        ) from None
    if response.status_code < 400:
        return answer
    problem = answer if isinstance(answer, dict) else {}
    code = str(problem.get("code", ""))
    raise Refusal(
        f"Meilisearch refuses: HTTP {response.status_code} {code}",
        status=response.status_code,
        code=code,
        kind=str(problem.get("type", "")),
    )
