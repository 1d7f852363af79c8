"""`regdex up --registry URL` as somebody sees it at a terminal, with a real registry that they have."""

import time
from pathlib import Path

import aiohttp
import pytest
import yaml

from regdex.client import Client
from tests.acceptance.stack import REGDEX, GrpcApi, RestApi, eventually, stretched
from tests.acceptance.terminal import terminal
from tests.harness.registries import DockerRegistry, free_port, make_image, make_index, push, put, require_registry
from tests.operations.installation import environment

pytestmark = pytest.mark.acceptance

IMAGES = 25


async def test_from_the_first_start_to_a_push_that_is_found_within_a_second(tmp_path: Path) -> None:
    require_registry("skopeo")
    storage, home = tmp_path / "registry", tmp_path / "home"
    storage.mkdir()
    home.mkdir()
    ports = {name: free_port() for name in ("REST", "GRPC", "WEBHOOKS", "METRICS")}
    variables = {f"REGDEX_{name}_LISTEN": f"127.0.0.1:{port}" for name, port in ports.items()}
    registry = DockerRegistry(storage)
    await registry.start()
    for number in range(IMAGES):
        await put(make_image(f"there before {number}"), registry.url, f"team/app-{number}", "1.0")

    command = (REGDEX, "up", "--registry", f"prod={registry.url}")
    try:
        async with terminal(*command, cwd=home, environment=environment() | variables) as screen:
            await screen.until(f"prod #1 complete: {IMAGES} repositories, {IMAGES} tags, {IMAGES} manifests")
            for words in ("Starting PostgreSQL", "REST", "gRPC", "webhooks", "metrics", "Try in another terminal"):
                assert words in screen.text
            await screen.until(f"{IMAGES}/{IMAGES} repositories · {IMAGES} tags · {IMAGES} manifests · ")
            assert "requests/s" in screen.text
            assert "ETA" in screen.text
            assert not [line for line in screen.text.splitlines() if "━" in line and "[info" in line]

            await put_into_configuration(registry, screen.text)
            await check_push_is_found(registry, ports, tmp_path)

            await screen.press(b"\x03")
            await screen.until("Stopping")
            assert await screen.end() == 0

        began = time.monotonic()
        async with terminal(*command, cwd=home, environment=environment() | variables) as screen:
            await screen.until("Try in another terminal")
            started_after = time.monotonic() - began
            assert "Paste this" not in screen.text
            async with aiohttp.ClientSession() as session:
                rest = RestApi(session, f"http://127.0.0.1:{ports['REST']}")
                assert [hit["repository"] for hit in (await rest.ask("SearchRepositories", q="new-arival"))["hits"]]
            await screen.press(b"\x03")
            assert await screen.end() == 0
        assert started_after < stretched(5.0)
    finally:
        await registry.stop()


async def put_into_configuration(registry: DockerRegistry, text: str) -> None:
    """Paste what stands on the screen, and start the registry again."""
    lines = text.partition("notifications:")[2].replace("\r", "").splitlines()
    pasted = ["notifications:"]
    for line in lines[1:]:
        if not line.startswith("  "):
            break
        pasted.append(line)
    await registry.stop()
    registry.configure(yaml.safe_load("\n".join(pasted)))
    await registry.start()


async def check_push_is_found(registry: DockerRegistry, ports: dict[str, int], directory: Path) -> None:
    image = make_index([make_image("new"), make_image("new", platform="linux/arm64")])
    await push(image, registry.host, "team/new-arrival", "1.0", directory)
    async with aiohttp.ClientSession() as session, Client(f"127.0.0.1:{ports['GRPC']}") as client:
        for api in (RestApi(session, f"http://127.0.0.1:{ports['REST']}"), GrpcApi(client)):

            async def is_found(api: RestApi | GrpcApi = api) -> None:
                hits = (await api.ask("SearchRepositories", q="new-arival"))["hits"]
                assert [(hit["repository"], hit["tags"]) for hit in hits] == [("team/new-arrival", ["1.0"])]
                tag = await api.ask("GetTag", registry="prod", repository="team/new-arrival", tag="1.0")
                assert tag["digest"] == image.digest

            await eventually(is_found, within=stretched(1.0))
