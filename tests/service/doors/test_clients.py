"""podman, skopeo and crane against a running Regdex, and what they print can be pulled from a real registry."""

import os
import shutil
import tempfile
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
import pytest_asyncio

from service import auth
from service.caller import Scope
from tests.harness.registries import (
    DockerRegistry,
    Image,
    docker_registry,
    free_port,
    make_image,
    push,
    require_registry,
)
from tests.service.doors.clients import Clients, require_crane
from tests.service.doors.conftest import Stage, fresh_pool, open_stage
from tests.service.doors.nginx import nginx

pytestmark = pytest.mark.acceptance

LONG = "Takes cards and transfers, and tells the shop whether they went through, in under a second"
TAGS = ("1.0", "1.1", "latest")


@dataclass(frozen=True)
class Scene:
    """Regdex knows what `registry` holds; nginx at `front` sends searches to Regdex, the rest to it."""

    stage: Stage
    registry: DockerRegistry
    image: Image
    front: str


@pytest_asyncio.fixture(scope="module")
async def scene(postgres_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    require_registry("skopeo", "podman", "nginx")
    directory = tmp_path_factory.mktemp("registry")
    image, port = make_image("gateway", layers=1), free_port()
    async with (
        fresh_pool(postgres_url, template) as db,
        docker_registry(directory) as registry,
        open_stage(db) as stage,
        nginx(directory, port, regdex=stage.address, registry=registry.host),
    ):
        await stage.seed.registry("prod", hosts=[f"127.0.0.1:{port}"])
        await stage.seed.registry("edge")
        await db.execute("UPDATE registry SET url = $1 WHERE name = 'prod'", registry.url)
        for name in ("payments/gateway", "payments/gateway-sidecar"):
            await push(image, registry.host, name, "1.0", directory)
        gateway = await stage.seed.repository("prod", "payments/gateway", description=LONG, stars=4)
        for tag in TAGS:
            await stage.seed.tag(gateway, tag, "image")
        await stage.seed.tag(await stage.seed.repository("prod", "payments/gateway-sidecar"), "1.0", "image")
        await stage.seed.repository("edge", "blessed/gateway", stars=2)
        for number in range(30):
            await stage.seed.repository("edge", f"many/app-{number:02}")
        yield Scene(stage, registry, image, f"127.0.0.1:{port}")


@pytest.fixture
def clients() -> Iterator[Clients]:
    """In a directory of their own; podman wants its path short."""
    with tempfile.TemporaryDirectory(prefix="podman-", ignore_cleanup_errors=True) as directory:
        yield Clients(Path(directory))


async def test_podman_search_prints_what_can_be_pulled(scene: Scene, clients: Clients) -> None:
    found = await clients.search(f"{scene.front}/gateway")

    assert sorted(found) == [[f"{scene.front}/payments/gateway"], [f"{scene.front}/payments/gateway-sidecar"]]
    for (name,) in found:
        await clients.podman("pull", "--quiet", "--tls-verify=false", f"{name}:1.0")
    (pulled, *_) = orjson.loads(await clients.podman("image", "inspect", f"{found[0][0]}:1.0"))
    assert pulled["Digest"] == scene.image.digest


async def test_what_is_pushed_through_the_reverse_proxy_is_listed_and_pulled_there(
    scene: Scene, clients: Clients, tmp_path: Path
) -> None:
    image = make_image(os.urandom(2 * 2**20).hex(), layers=2)  # each more than the MiB that nginx takes unasked
    await push(image, scene.front, "payments/pushed", "2.0", tmp_path)

    listed = orjson.loads(
        await clients.skopeo("list-tags", "--tls-verify=false", f"docker://{scene.front}/payments/pushed")
    )
    assert listed["Tags"] == ["2.0"]
    name = f"{scene.front}/payments/pushed:2.0"
    await clients.podman("pull", "--quiet", "--tls-verify=false", name)
    (pulled,) = orjson.loads(await clients.podman("image", "inspect", name))
    assert pulled["Digest"] == image.digest


async def test_podman_pulls_through_regdex_itself(scene: Scene, clients: Clients) -> None:
    host = scene.stage.address
    found = await clients.search(f"{host}/gateway")

    assert sorted(name for (name,) in found) == [
        f"{host}/edge/blessed/gateway",
        f"{host}/prod/payments/gateway",
        f"{host}/prod/payments/gateway-sidecar",
    ]
    name = f"{host}/prod/payments/gateway:1.0"
    await clients.podman("pull", "--quiet", "--tls-verify=false", name)
    (pulled,) = orjson.loads(await clients.podman("image", "inspect", name))
    assert pulled["Digest"] == scene.image.digest


async def test_podman_search_limits_and_shortens(scene: Scene, clients: Clients) -> None:
    host = scene.stage.address

    assert len(await clients.search(f"{host}/many")) == 25
    assert len(await clients.search(f"{host}/many", "--limit", "3")) == 3
    assert len(await clients.search(f"{host}/many", "--limit", "100")) == 30
    columns = ("--format", "{{.Name}}\t{{.Description}}")
    name = f"{host}/prod/payments/gateway"
    (short,) = [row for row in await clients.search(f"{host}/prod/payments/gateway", *columns) if row[0] == name]
    assert short[1].endswith("...")
    assert LONG.startswith(short[1].removesuffix("..."))
    (whole,) = [
        row for row in await clients.search(f"{host}/payments/gateway", "--no-trunc", *columns) if row[0] == name
    ]
    assert whole[1] == LONG


async def test_podman_search_filters_by_stars_and_by_what_is_official(scene: Scene, clients: Clients) -> None:
    host = scene.stage.address
    columns = ("--format", "{{.Name}}\t{{.Stars}}\t{{.Official}}")

    popular = await clients.search(f"{host}/gateway", "--filter", "stars=3", *columns)
    assert popular == [[f"{host}/prod/payments/gateway", "4", ""]]
    official = await clients.search(f"{host}/gateway", "--filter", "is-official=true", *columns)
    assert official == [[f"{host}/edge/blessed/gateway", "2", "[OK]"]]
    assert await clients.search(f"{host}/gateway", "--filter", "stars=3", "--filter", "is-official=true") == []
    assert await clients.search(f"{host}/gateway", "--filter", "is-automated=true") == []


async def test_podman_lists_tags(scene: Scene, clients: Clients) -> None:
    assert await clients.list_tags(f"{scene.stage.address}/prod/payments/gateway") == list(TAGS)


async def test_podman_with_an_empty_term_lists_the_catalog(scene: Scene, clients: Clients) -> None:
    found = await clients.search(f"{scene.stage.address}/", "--limit", "100")

    assert len(found) == 33
    assert [f"{scene.stage.address}/prod/payments/gateway"] in found


async def test_skopeo_lists_tags_and_inspects_through_the_redirect(scene: Scene, clients: Clients) -> None:
    name = f"docker://{scene.stage.address}/prod/payments/gateway"
    listed = orjson.loads(await clients.skopeo("list-tags", "--tls-verify=false", name))
    inspected = orjson.loads(await clients.skopeo("inspect", "--tls-verify=false", f"{name}:1.0"))

    assert listed["Tags"] == list(TAGS)
    assert inspected["Digest"] == scene.image.digest
    assert inspected["RepoTags"] == list(TAGS)
    assert inspected["Layers"] == scene.image.layer_digests


async def test_crane_lists_the_catalog_and_tags_and_reads_manifests(scene: Scene, clients: Clients) -> None:
    require_crane()
    host = scene.stage.address

    assert (await clients.crane("catalog", host))[-2:] == ["prod/payments/gateway", "prod/payments/gateway-sidecar"]
    assert await clients.crane("ls", f"{host}/prod/payments/gateway") == list(TAGS)
    assert await clients.crane("digest", f"{host}/prod/payments/gateway:1.0") == [scene.image.digest]


async def test_with_keys_clients_need_to_log_in(
    postgres_url: str, template: str, clients: Clients, scene: Scene
) -> None:
    """podman searches anonymously; refused, it falls back to the catalog with the credentials of `podman login`."""
    async with fresh_pool(postgres_url, template) as db:
        key = await auth.create_key(db, name="podman", scope=Scope.READ)
        async with open_stage(db) as stage:
            await stage.seed.registry("prod")
            await db.execute("UPDATE registry SET url = $1", scene.registry.url)
            await stage.seed.tag(await stage.seed.repository("prod", "payments/gateway"), "1.0", "image")
            name = f"{stage.address}/prod/payments/gateway"
            with pytest.raises(AssertionError, match="a valid API key is required as the password"):
                await clients.search(f"{stage.address}/gateway")
            with pytest.raises(AssertionError, match="a valid API key is required as the password"):
                await clients.skopeo("list-tags", "--tls-verify=false", f"docker://{name}")

            clients.log_in(stage.address, b64encode(f"me:{key}".encode()).decode())
            assert await clients.search(f"{stage.address}/gateway") == [[name]]
            assert await clients.list_tags(name) == ["1.0"]
            assert '"1.0"' in await clients.skopeo("list-tags", "--tls-verify=false", f"docker://{name}")
            await clients.podman("pull", "--quiet", "--tls-verify=false", f"{name}:1.0")
            if shutil.which("crane"):
                assert await clients.crane("ls", name) == ["1.0"]


async def test_with_keys_the_reverse_proxy_brings_its_own(
    postgres_url: str, template: str, clients: Clients, scene: Scene, tmp_path: Path
) -> None:
    async with fresh_pool(postgres_url, template) as db, open_stage(db) as stage:
        key, port = await auth.create_key(db, name="proxy", scope=Scope.READ), free_port()
        await stage.seed.registry("prod", hosts=[f"127.0.0.1:{port}"])
        await stage.seed.tag(await stage.seed.repository("prod", "payments/gateway"), "1.0", "image")
        async with nginx(tmp_path, port, regdex=stage.address, registry=scene.registry.host, key=key):
            name = f"127.0.0.1:{port}/payments/gateway"

            assert await clients.search(f"127.0.0.1:{port}/gateway") == [[name]]
            await clients.podman("pull", "--quiet", "--tls-verify=false", f"{name}:1.0")
