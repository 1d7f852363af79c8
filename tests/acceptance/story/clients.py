"""The clients of a story: skopeo, podman, crane where it is found, and the API itself for what none of them can do."""

import asyncio
import dataclasses
import shutil
import tempfile
from pathlib import Path
from random import Random

import aiohttp

from tests.acceptance.story.steps import Step, layout_name
from tests.harness.registries import OCI_INDEX, OCI_MANIFEST, Image, find_program, has_podman, put, write_layout

PLAIN = ("--dest-tls-verify=false",)
BOTH_PLAIN = ("--src-tls-verify=false", "--dest-tls-verify=false")


class Clients:
    """Take steps on the registry at `host`; layouts of the `shelf` are written once, to `directory`."""

    def __init__(self, seed: int, host: str, directory: Path, shelf: list[Image], images: dict[str, Image]) -> None:
        self._seed = seed
        self._host = host
        self._url = f"http://{host}"
        self._directory = directory
        self._images = images
        self._crane = find_program("crane")
        self._podman = find_program("podman") if has_podman() else None
        for image in shelf:
            write_layout(image, directory / layout_name(image))

    async def take(self, step: Step) -> None:
        """Take a step; AssertionError with what the client said where it fails."""
        random = Random(f"{self._seed}:{step.number}")
        crane = self._crane if random.random() < 0.5 else None
        place = f"{self._host}/{step.repository}"
        match step.does:
            case "push":
                layout = self._directory / layout_name(self._images[step.digest])
                if crane:
                    await run(crane, "push", "--insecure", layout, f"{place}:{step.tag}")
                else:
                    await self._skopeo_copy(f"oci:{layout}", f"{place}:{step.tag}", PLAIN)
            case "push_digest":
                if crane:
                    await put(self._images[step.digest], self._url, step.repository)
                else:
                    layout = self._directory / layout_name(self._images[step.digest])
                    await self._skopeo_copy(f"oci:{layout}", f"{place}@{step.digest}", PLAIN)
            case "move":
                await self._move(step, crane)
            case "artifact":
                for digest in step.digests:
                    await put(self._images[digest], self._url, step.repository)
                index = dataclasses.replace(self._images[step.digest], children=())
                await put(index, self._url, step.repository, step.tag)
            case "delete" | "empty":
                for digest in step.digests:
                    if crane:
                        await run(crane, "delete", "--insecure", f"{place}@{digest}")
                    else:
                        await self._delete(step.repository, digest)
            case "delete_through_tag":
                await run("skopeo", "delete", "--tls-verify=false", f"docker://{place}:{step.tag}")
            case "delete_tag":
                await self._delete(step.repository, step.tag)
            case "copy":
                source = f"{self._host}/{step.source}:{step.tag}"
                if crane:
                    await run(crane, "copy", "--insecure", source, f"{place}:{step.tag}")
                else:
                    await self._skopeo_copy(f"docker://{source}", f"{place}:{step.tag}", BOTH_PLAIN)
            case "pull":
                await self._pull(f"{place}:{step.tag}", crane, random)
            case "pull_digest":
                await self._pull(f"{place}@{step.digest}", crane, random)
            case "podman":
                await self._pull_and_push(step)
            case _:
                raise AssertionError(f"no client can {step.does}")

    async def _move(self, step: Step, crane: str | None) -> None:
        """A tag to a manifest of the same repository: by crane, or by putting the manifest again."""
        place = f"{self._host}/{step.repository}"
        if crane:
            await run(crane, "tag", "--insecure", f"{place}@{step.digest}", step.tag)
            return
        image = self._images[step.digest]
        async with (
            aiohttp.ClientSession() as session,
            session.put(
                f"{self._url}/v2/{step.repository}/manifests/{step.tag}",
                data=image.content,
                headers={"Content-Type": image.media_type},
            ) as answer,
        ):
            assert answer.status == 201, await answer.text()

    async def _delete(self, repository: str, reference: str) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.delete(f"{self._url}/v2/{repository}/manifests/{reference}") as answer,
        ):
            assert answer.status == 202, await answer.text()

    async def _pull(self, reference: str, crane: str | None, random: Random) -> None:
        if crane and random.random() < 0.3:
            await run(crane, "manifest", "--insecure", reference)
        elif crane:
            await run(crane, "validate", "--insecure", "--remote", reference)
        elif random.random() < 0.3:
            await self._check(reference)
        else:
            with tempfile.TemporaryDirectory(dir=self._directory) as target:
                await run(
                    "skopeo", "--insecure-policy", "copy", "--all", "--src-tls-verify=false",
                    f"docker://{reference}", f"dir:{target}",
                )  # fmt: skip

    async def _check(self, reference: str) -> None:
        """Ask for the digest only, as what looks for updates does."""
        host, _, rest = reference.partition("/")
        repository, _, name = rest.partition("@") if "@" in rest else rest.rpartition(":")
        headers = {"Accept": f"{OCI_MANIFEST}, {OCI_INDEX}", "User-Agent": "Watchtower"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.head(f"http://{host}/v2/{repository}/manifests/{name}") as answer,
        ):
            assert answer.status == 200

    async def _pull_and_push(self, step: Step) -> None:
        """With podman; without it, a copy by skopeo into the same place."""
        source, target = f"{self._host}/{step.source}:{step.tag}", f"{self._host}/{step.repository}:{step.tag}"
        if self._podman is None:
            await self._skopeo_copy(f"docker://{source}", target, BOTH_PLAIN)
            return
        with tempfile.TemporaryDirectory(prefix="podman-", ignore_cleanup_errors=True) as storage:
            places = ("--root", f"{storage}/root", "--runroot", f"{storage}/run", "--storage-driver", "vfs")
            await run(self._podman, *places, "pull", "--quiet", "--tls-verify=false", source)
            await run(self._podman, *places, "push", "--quiet", "--tls-verify=false", source, f"docker://{target}")

    async def _skopeo_copy(self, source: str, target: str, options: tuple[str, ...]) -> None:
        await run(
            "skopeo", "--insecure-policy", "copy", "--all", "--preserve-digests", *options, source, f"docker://{target}"
        )


async def run(*command: str | Path) -> None:
    """Run a client; the story fails when it does."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 0, f"{command}: {errors.decode()[-1000:]}"


def remove_repository(storage: Path, repository: str) -> None:
    """What no API can do: a repository leaves the registry's catalog, and no webhook says so."""
    shutil.rmtree(storage / "storage" / "docker" / "registry" / "v2" / "repositories" / repository)
