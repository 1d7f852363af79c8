"""The activity in the demo registry: simulated people and machines push, move tags, delete and pull over HTTP."""

import asyncio
import base64
import contextlib
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import orjson

from cli.demo.catalog import SERVICES, Service, build, moving_tags, next_version
from cli.demo.content import Content
from cli.demo.images import DOCKER_LIST, DOCKER_MANIFEST, INDEX, MANIFEST, Document, digest_of

ACCEPT = ", ".join((INDEX, MANIFEST, DOCKER_LIST, DOCKER_MANIFEST))
KEPT_RELEASES = 12


@dataclass(frozen=True, slots=True)
class Client:
    """A simulated client. With `heads` it resolves a tag by HEAD and then GETs by digest."""

    actor: str
    address: str
    user_agent: str
    heads: bool = True
    architecture: str = "amd64"

    def headers(self) -> dict[str, str]:
        headers = {"User-Agent": self.user_agent, "X-Forwarded-For": self.address, "Accept": ACCEPT}
        if self.actor:
            headers["Authorization"] = "Basic " + base64.b64encode(f"{self.actor}:demo".encode()).decode()
        return headers


_DOCKER = "docker/27.3.1 go/go1.22.7 git-commit/41ca978 kernel/6.1.0-26-amd64 os/linux arch/amd64"
_CONTAINERD = "containerd/v1.7.23"
_PODMAN = "containers/5.32.2 (github.com/containers/image)"
_BUILDKIT = "buildkit/v0.17"
_CRANE = "crane/v0.20.2 go-containerregistry/v0.20.2"
PEOPLE = (
    Client("li.wei", "10.20.1.14", _DOCKER, architecture="arm64"),
    Client("wang.fang", "10.20.1.31", _DOCKER),
    Client("zhang.min", "10.20.2.7", _PODMAN, heads=False),
    Client("anna.schmidt", "10.20.3.22", _PODMAN, heads=False, architecture="arm64"),
    Client("tom.becker", "10.20.3.40", _DOCKER),
)
NODES = tuple(
    Client("", f"10.64.{pool}.{node}", _CONTAINERD, architecture=architecture)
    for pool, architecture in ((1, "amd64"), (2, "arm64"))
    for node in range(11, 17)
)
WATCHERS = (
    Client("renovate", "10.30.0.9", "Renovate/39.9.4 (https://github.com/renovatebot/renovate)"),
    Client("argocd-image-updater", "10.64.1.90", "argocd-image-updater/v0.15.1"),
)
JANITOR = Client("registry-janitor", "10.30.0.12", _CRANE)


async def tell(url: str, content: Content, *, seed: int, pace_seconds: float) -> None:
    """Run until cancelled. `content` is only read, to know what exists; all changes are made over HTTP."""
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(url, timeout=timeout) as session:
        story = _Story(session, content, random.Random(f"{seed} {datetime.now(UTC)}"))  # noqa: S311
        while True:
            events = await story.step()
            await asyncio.sleep(pace_seconds * events * story.chance.uniform(0.5, 1.5))


class _Story:
    def __init__(self, session: aiohttp.ClientSession, content: Content, chance: random.Random) -> None:
        self._session = session
        self._content = content
        self.chance = chance
        self._steps = (
            (self._pull, 46),
            (self._roll_out, 12),
            (self._check, 18),
            (self._release, 12),
            (self._promote, 8),
            (self._clean_up, 4),
        )

    async def step(self) -> int:
        """Do one thing, and return how many events it caused, at least one."""
        run = self.chance.choices([step for step, _ in self._steps], [weight for _, weight in self._steps])[0]
        # Another client may have deleted what this step uses: then nothing happens.
        with contextlib.suppress(aiohttp.ClientResponseError, LookupError):
            return max(await run(self._service()), 1)
        return 1

    def _service(self) -> Service:
        return self.chance.choices(SERVICES, [service.popularity for service in SERVICES])[0]

    def _tags(self, service: Service) -> list[str]:
        return list(self._content.repositories[service.name].tags)

    def _popular_tag(self, service: Service) -> str:
        tags = self._tags(service)
        wanted = self.chance.choices(("latest", "production", ""), (5, 4, 3))[0]
        return wanted if wanted in tags else self.chance.choice(tags)

    async def _pull(self, service: Service) -> int:
        """Pull an image as a person does."""
        return await self._fetch(service, self._popular_tag(service), self.chance.choice(PEOPLE))

    async def _roll_out(self, service: Service) -> int:
        """Pull the same image on some nodes of the cluster."""
        tag = self._popular_tag(service)
        nodes = self.chance.sample(NODES, self.chance.randint(1, 3))
        return sum([await self._fetch(service, tag, node) for node in nodes])

    async def _check(self, service: Service) -> int:
        """Check, as a bot does, whether a tag has moved."""
        await self._send("HEAD", service, f"manifests/{self._popular_tag(service)}", self.chance.choice(WATCHERS))
        return 1

    async def _release(self, service: Service) -> int:
        """Push the next version and move its tags, as a pipeline does."""
        releases = [tag for tag in self._tags(service) if tag.count(".") == service.version.count(".")]
        newest = max(releases, key=_order, default=service.version)
        version = next_version(newest, minor=self.chance.random() < 0.2)
        client = Client(f"ci-{service.team}", "10.30.0.5", _BUILDKIT)
        document = build(service, version, datetime.now(UTC))
        events = await self._push_blobs(service, document, client)
        for tag in moving_tags(service, version):
            events += await self._put(service, document, tag, client)
        return events

    async def _promote(self, service: Service) -> int:
        """Point `production` or `staging` at one of the last four releases, as a person does."""
        releases = [tag for tag in self._tags(service) if tag.count(".") >= 2]
        manifest = self._content.manifest(service.name, self.chance.choice(releases[-4:]))
        person = self.chance.choice(PEOPLE)
        document = Document(manifest.media_type, manifest.body)
        tag = "production" if self.chance.random() < 0.7 else "staging"
        return await self._put(service, document, tag, person)

    async def _clean_up(self, service: Service) -> int:
        """Delete the tags of old releases, and most of the manifests that no other tag needs."""
        repository = self._content.repositories[service.name]
        releases = sorted((tag for tag in repository.tags if tag.count(".") == service.version.count(".")), key=_order)
        old = releases[: max(len(releases) - KEPT_RELEASES, 1 if len(releases) > 3 else 0)]
        events = 0
        for tag in old:
            digest = repository.tags[tag]
            if list(repository.tags.values()).count(digest) > 1 or self.chance.random() < 0.3:
                await self._send("DELETE", service, f"manifests/{tag}", JANITOR)
                events += 1
            else:
                # The registry deletes the manifest's tag as well and sends an event for it.
                await self._send("DELETE", service, f"manifests/{digest}", JANITOR)
                events += 2
        return events

    async def _fetch(self, service: Service, tag: str, client: Client) -> int:
        """Pull as the client does: the tag, the index, the platform's manifest, its config and its last layer."""
        events = 2
        reference = tag
        if client.heads:
            reference = (await self._send("HEAD", service, f"manifests/{tag}", client))[0]
            events += 1
        _, document = await self._send("GET", service, f"manifests/{reference}", client)
        manifest = document
        if "manifests" in document:
            children = document["manifests"]
            fits = [child for child in children if child["platform"]["architecture"] == client.architecture]
            digest = (fits or children)[0]["digest"]
            _, manifest = await self._send("GET", service, f"manifests/{digest}", client)
        for blob in (manifest["config"], manifest["layers"][-1]):
            await self._send("GET", service, f"blobs/{blob['digest']}", client)
        return events

    async def _push_blobs(self, service: Service, document: Document, client: Client) -> int:
        """Push the children of an index by digest, and the blobs that the registry lacks."""
        events = 0
        for child in document.children:
            events += await self._push_blobs(service, child, client)
            events += await self._put(service, child, child.digest, client)
        held = self._content.repositories[service.name].blobs
        for blob in document.blobs:
            if (digest := digest_of(blob)) not in held:
                await self._send("POST", service, "blobs/uploads/", client, body=blob, query={"digest": digest})
        return events

    async def _put(self, service: Service, document: Document, reference: str, client: Client) -> int:
        await self._send(
            "PUT",
            service,
            f"manifests/{reference}",
            client,
            body=document.content,
            headers={"Content-Type": document.media_type},
        )
        return 1

    async def _send(
        self,
        method: str,
        service: Service,
        path: str,
        client: Client,
        *,
        body: bytes | None = None,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[str, dict[str, Any]]:
        """Return the digest in the answer, and its JSON if it is a manifest."""
        async with self._session.request(
            method,
            f"/v2/{service.name}/{path}",
            data=body,
            params=query,
            headers={**client.headers(), **(headers or {})},
            raise_for_status=True,
        ) as response:
            content = await response.read()
            is_manifest = method == "GET" and path.startswith("manifests/")
            return response.headers.get("Docker-Content-Digest", ""), orjson.loads(content) if is_manifest else {}


def _order(version: str) -> list[int]:
    """Return a key that sorts versions, oldest first. A release candidate counts as its release."""
    return [int(part) if part.isdecimal() else 0 for part in version.partition("-")[0].split(".")]
