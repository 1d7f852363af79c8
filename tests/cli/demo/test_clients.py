"""Real clients pull from and push to the demo registry."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cli import demo

pytestmark = pytest.mark.acceptance

SOURCE = "payments/payment-gateway"


def require(program: str) -> str:
    """Return the path of `program`. Skip the test if it is missing, or fail under CI."""
    if path := shutil.which(program):
        return path
    if os.environ.get("CI") == "true":
        pytest.fail(f"{program} is not installed")
    pytest.skip(f"{program} is not installed")


async def run(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return output.decode()


@pytest_asyncio.fixture
async def registry() -> AsyncIterator[demo.Demo]:
    async with demo.running("", "") as found:
        yield found


async def test_skopeo_copies_out_and_in_and_deletes(registry: demo.Demo, tmp_path: Path) -> None:
    skopeo, host = require("skopeo"), registry.url.removeprefix("http://")
    folder = f"oci:{tmp_path}/image:1"

    await run(skopeo, "copy", "--all", "--src-tls-verify=false", f"docker://{host}/{SOURCE}:latest", folder)
    await run(skopeo, "copy", "--all", "--dest-tls-verify=false", folder, f"docker://{host}/copied/app:1")
    held = registry.content.repositories["copied/app"]
    assert held.tags["1"] == registry.content.repositories[SOURCE].tags["latest"]

    await run(skopeo, "delete", "--tls-verify=false", f"docker://{host}/copied/app:1")
    assert held.tags == {}


async def test_podman_pulls_pushes_and_lists(registry: demo.Demo) -> None:
    program, host = require("podman"), registry.url.removeprefix("http://")
    if os.geteuid() != 0:
        require("newuidmap")  # in the package uidmap; without it only root can run podman
    # podman accepts paths of at most 50 characters.
    with tempfile.TemporaryDirectory(prefix="podman-") as folder:
        podman = [program, "--root", f"{folder}/root", "--runroot", f"{folder}/run", "--storage-driver", "vfs"]
        await run(*podman, "pull", "--tls-verify=false", f"{host}/{SOURCE}:latest")
        await run(*podman, "push", "--tls-verify=false", f"{host}/{SOURCE}:latest", f"{host}/pushed/app:2")
        found = await run(*podman, "search", "--tls-verify=false", "--list-tags", f"{host}/pushed/app")

    assert "2" in registry.content.repositories["pushed/app"].tags
    assert f"{host}/pushed/app" in found
