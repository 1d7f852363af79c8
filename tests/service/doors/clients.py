"""Real clients of registries."""

import asyncio
import os
import shutil
from pathlib import Path

import orjson
import pytest


class Clients:
    """podman, skopeo and crane with homes of their own; each call returns what was printed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._authfile = directory / "auth.json"
        self._authfile.write_bytes(b"{}")
        (directory / "docker").mkdir()

    def log_in(self, host: str, credentials: str) -> None:
        """`credentials` are those of Basic, as `podman login` and `docker login` would write them down."""
        text = orjson.dumps({"auths": {host: {"auth": credentials}}})
        self._authfile.write_bytes(text)
        (self._directory / "docker" / "config.json").write_bytes(text)

    async def podman(self, *arguments: str) -> str:
        storage = ("--root", f"{self._directory}/root", "--runroot", f"{self._directory}/run")
        return await self._run("podman", *storage, "--storage-driver", "vfs", *arguments)

    async def search(self, term: str, *options: str) -> list[list[str]]:
        """`podman search`, a row as the values of its columns: what `--format` asks for, else the name."""
        if not any(option.startswith("--format") for option in options):
            options = (*options, "--format", "{{.Name}}")
        printed = await self.podman("search", "--tls-verify=false", *options, term)
        return [line.split("\t") for line in printed.splitlines()]

    async def list_tags(self, name: str) -> list[str]:
        """`podman search --list-tags`."""
        printed = await self.podman("search", "--tls-verify=false", "--list-tags", "--format", "json", name)
        (found,) = orjson.loads(printed)
        assert found["Name"] == name
        tags: list[str] = found["Tags"]
        return tags

    async def skopeo(self, *arguments: str) -> str:
        return await self._run("skopeo", "--insecure-policy", *arguments)

    async def crane(self, *arguments: str) -> list[str]:
        return (await self._run("crane", *arguments, "--insecure")).splitlines()

    async def _run(self, *command: str) -> str:
        environment = {
            **os.environ,
            "REGISTRY_AUTH_FILE": str(self._authfile),
            "DOCKER_CONFIG": str(self._directory / "docker"),
        }
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment
        )
        output, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        return output.decode()


def require_crane() -> None:
    """Skip without crane, which Debian does not package."""
    if shutil.which("crane") is None:
        pytest.skip("not installed: crane")
