"""The registry's own answers, which are the truth of a story."""

import asyncio
import itertools
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.acceptance.story.webhooks import OWN_AGENT, WebhookProxy
from tests.harness.registries import OCI_INDEX, OCI_MANIFEST

ACCEPT = ", ".join(
    (
        OCI_MANIFEST,
        OCI_INDEX,
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    )
)
AT_ONCE = 8
BARRIER_SECONDS = 30.0


class Truth:
    """Asks the registry at `url` with a user agent whose pulls the webhook proxy keeps to itself."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._numbers = itertools.count()

    async def __aenter__(self) -> Self:
        headers = {"Accept": ACCEPT, "User-Agent": OWN_AGENT}
        self._session = aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=AT_ONCE))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def repositories(self) -> list[str]:
        """The catalog."""
        names: list[str] = (await self._get("/v2/_catalog?n=1000") or {})["repositories"]
        return names

    async def tags(self, repository: str) -> dict[str, str]:
        """Tag → digest. A tag that is listed and leads nowhere is no tag."""
        names = (await self._get(f"/v2/{repository}/tags/list") or {}).get("tags") or []
        digests = await asyncio.gather(*(self.digest(repository, name) for name in names))
        return {name: digest for name, digest in zip(names, digests, strict=True) if digest}

    async def digest(self, repository: str, reference: str) -> str:
        """What a tag points to, or the digest itself where the manifest is there; empty where it is not."""
        async with self._session.head(f"{self._url}/v2/{repository}/manifests/{reference}") as answer:
            assert answer.status in (200, 404), answer.status
            return answer.headers["Docker-Content-Digest"] if answer.status == 200 else ""

    async def presence(self, repository: str, digests: Iterable[str]) -> dict[str, bool]:
        """Which of these manifests are in the repository."""
        wanted = sorted(digests)
        found = await asyncio.gather(*(self.digest(repository, digest) for digest in wanted))
        return {digest: bool(answer) for digest, answer in zip(wanted, found, strict=True)}

    async def manifest(self, repository: str, digest: str) -> dict[str, Any]:
        """The document; empty where it is not there."""
        return await self._get(f"/v2/{repository}/manifests/{digest}") or {}

    async def reached(self, repository: str) -> tuple[dict[str, str], set[str]]:
        """Tags as above, and all manifests that they lead to which the registry has."""
        tags = await self.tags(repository)
        found: set[str] = set()
        waiting = set(tags.values())
        while waiting:
            digest = waiting.pop()
            document = await self.manifest(repository, digest)
            if not document:
                continue
            found.add(digest)
            waiting |= {child["digest"] for child in document.get("manifests") or []} - found
        return tags, found

    async def barrier(self, webhooks: WebhookProxy, repository: str) -> None:
        """Wait until the proxy has received all that the registry has to tell of what is done by now."""
        agent = f"{OWN_AGENT}/{next(self._numbers)}"
        arrived = webhooks.expect(agent)
        tags = (await self._get(f"/v2/{repository}/tags/list") or {})["tags"]
        async with self._session.head(
            f"{self._url}/v2/{repository}/manifests/{tags[0]}", headers={"User-Agent": agent}
        ) as answer:
            assert answer.status == 200
        await asyncio.wait_for(arrived.wait(), BARRIER_SECONDS)

    async def _get(self, path: str) -> dict[str, Any] | None:
        async with self._session.get(self._url + path) as answer:
            assert answer.status in (200, 404), f"{path}: {answer.status} {await answer.text()}"
            document: dict[str, Any] = await answer.json(content_type=None)
            return document if answer.status == 200 else None
