"""Sets the stage of a story: a registry with a past, the proxies, and a Regdex that has read it once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from tests.acceptance.stack import SECRET, eventually, regdex_up
from tests.acceptance.story.asking import REGISTRY
from tests.acceptance.story.clients import Clients
from tests.acceptance.story.play import BARRIER_REPOSITORY, Stage
from tests.acceptance.story.registry_proxy import RegistryProxy
from tests.acceptance.story.steps import LEAVING_REPOSITORY, Author
from tests.acceptance.story.truth import Truth
from tests.acceptance.story.webhooks import WebhookProxy
from tests.harness.registries import DockerRegistry

FIRST_READ_SECONDS = 60.0


@asynccontextmanager
async def staged(
    seed: int, directory: Path, *, program: str, faults: bool, can_delete_tags: bool
) -> AsyncIterator[Stage]:
    """A stage on which Regdex has read a registry that had a past, of which it was told nothing."""
    author = Author(Random(seed), can_delete_tags=can_delete_tags)
    storage, home, layouts = (directory / name for name in ("registry", "regdex", "layouts"))
    for folder in (storage, home, layouts):
        folder.mkdir()
    registry = DockerRegistry(storage, program=program, secret=SECRET)
    async with (
        WebhookProxy(seed, faults=faults) as webhooks,
        RegistryProxy(registry.url) as proxy,
        Truth(registry.url) as truth,
    ):
        webhooks.is_deaf = True
        await registry.start(notify=webhooks.url)
        try:
            clients = Clients(seed, registry.host, layouts, author.shelf, author.images)
            more = f'hosts = ["{registry.host}"]\n[cadence]\nreconcile_seconds = 0\n'
            past = author.push_everywhere()
            past += author.push_everywhere((LEAVING_REPOSITORY, BARRIER_REPOSITORY))
            for step in past:
                await clients.take(step)
            await truth.barrier(webhooks, BARRIER_REPOSITORY)
            async with regdex_up(home, {REGISTRY: proxy.url}, more=more) as regdex:
                webhooks.target = regdex.webhook_url(REGISTRY)
                webhooks.is_deaf = False
                stage = Stage(seed, author, registry, webhooks, proxy, regdex, truth, clients)
                await eventually(lambda: _was_read(stage), within=FIRST_READ_SECONDS)
                yield stage
        finally:
            await registry.stop()


async def _was_read(stage: Stage) -> bool:
    return await stage.questioner.reconciled_at() is not None
