"""Debian's docker-registry with skopeo and podman, told by webhooks: every step is seen over REST and over gRPC.

The clients are real and so are their habits; downloads are counted as the person at the keyboard would count them.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.acceptance.stack import SECRET, Api, Regdex, eventually, regdex_up, run_program, stretched
from tests.harness.registries import (
    DockerRegistry,
    docker_registry,
    fallback_tag,
    has_podman,
    make_artifact,
    make_image,
    make_index,
    push,
    put,
    require_registry,
    skopeo,
)

pytestmark = pytest.mark.acceptance


@dataclass
class Scene:
    """A registry, the Regdex that is told of it, and how long it took until each step could be seen."""

    regdex: Regdex
    registry: DockerRegistry
    directory: Path
    seen_after: list[float] = field(default_factory=list)

    async def see(self, check: Callable[[Api], Awaitable[Any]]) -> None:
        """Wait until `check` holds over REST and over gRPC: for a second."""
        waited = await asyncio.gather(*(eventually(lambda api=api: check(api)) for api in self.regdex.apis))
        self.seen_after += waited
        assert max(waited) < stretched(1.0)

    async def pull(self, reference: str, *options: str) -> None:
        target = self.directory / "pulled"
        await skopeo(
            "copy", *options, "--src-tls-verify=false", f"docker://{self.registry.host}/{reference}", f"dir:{target}"
        )
        shutil.rmtree(target)

    async def podman_pull(self, reference: str) -> None:
        """With podman, where this user has one that runs; else as `pull`."""
        if not has_podman():
            await self.pull(reference)
            return
        with tempfile.TemporaryDirectory(prefix="podman-", ignore_cleanup_errors=True) as storage:
            places = ("--root", f"{storage}/root", "--runroot", f"{storage}/run", "--storage-driver", "vfs")
            await run_program(
                "podman", *places, "pull", "--quiet", "--tls-verify=false", f"{self.registry.host}/{reference}"
            )


@pytest.fixture(params=["docker-registry", "distribution3"])
def program(request: pytest.FixtureRequest) -> str:
    """Debian's docker-registry (2.8), and a Distribution 3 where REGDEX_TEST_DISTRIBUTION3 names its program."""
    if request.param == "docker-registry":
        return "docker-registry"
    program = os.environ.get("REGDEX_TEST_DISTRIBUTION3")
    if not program:
        pytest.skip("REGDEX_TEST_DISTRIBUTION3 does not name a program")
    return program


@pytest_asyncio.fixture
async def scene(tmp_path: Path, program: str) -> AsyncIterator[Scene]:
    require_registry("skopeo")
    storage, home = tmp_path / "registry", tmp_path / "regdex"
    storage.mkdir()
    home.mkdir()
    registry = DockerRegistry(storage, program=program, secret=SECRET)
    async with regdex_up(home, {"prod": registry.url}) as regdex:
        await registry.start(notify=regdex.webhook_url("prod"))
        try:
            yield Scene(regdex, registry, tmp_path)
        finally:
            await registry.stop()


def _at(**parameters: Any) -> dict[str, Any]:
    return {"registry": "prod", "repository": "team/app", **parameters}


async def test_pushes_moves_pulls_and_deletes_are_seen_as_they_happened(scene: Scene, capsys: Any) -> None:
    first = make_image("first", labels={"org.opencontainers.image.description": "payments 支付"})
    await push(first, scene.registry.host, "team/app", "1.0", scene.directory)

    async def first_is_there(api: Api) -> None:
        tag = await api.ask("GetTag", **_at(tag="1.0"))
        assert tag is not None
        assert tag["digest"] == first.digest
        assert tag["exact"] is True
        assert tag["platforms"] == ["linux/amd64"]
        hits = (await api.ask("SearchRepositories", q="tema app"))["hits"]
        assert [hit["repository"] for hit in hits] == ["team/app"]
        for kind, digest in (
            ("manifest", first.digest),
            ("config", first.config_digest),
            ("layer", first.layer_digests[0]),
        ):
            matches = (await api.ask("LookupDigest", digest=digest) or {"matches": []})["matches"]
            assert [(match["kind"], match["manifest_digest"], match["tags"]) for match in matches] == [
                (kind, first.digest, ["1.0"])
            ]

    await scene.see(first_is_there)

    arm, amd = make_image("multi", platform="linux/arm64/v8"), make_image("multi")
    index = make_index([amd, arm])
    await push(index, scene.registry.host, "team/app", "2.0", scene.directory)

    async def index_is_there(api: Api) -> None:
        tag = await api.ask("GetTag", **_at(tag="2.0"))
        assert tag is not None
        assert tag["digest"] == index.digest
        assert sorted(tag["platforms"]) == ["linux/amd64", "linux/arm64/v8"]
        matches = (await api.ask("LookupDigest", digest=arm.digest) or {"matches": []})["matches"]
        assert [(match["kind"], match["platform"], match["tags"]) for match in matches] == [
            ("manifest", "linux/arm64/v8", ["2.0"])
        ]
        assert [match["kind"] for match in (await api.ask("LookupDigest", digest=index.digest))["matches"]] == ["index"]
        reference = f"{scene.registry.host}/team/app:2.0"
        resolved = await api.ask("ResolveReference", reference=reference, platform="linux/arm64")
        assert resolved["platform_digest"] == arm.digest

    await scene.see(index_is_there)

    second = make_image("second")
    await push(second, scene.registry.host, "team/app", "1.0", scene.directory)

    async def tag_has_moved(api: Api) -> None:
        entries = (await api.ask("ListTagHistory", **_at(tag="1.0")))["entries"]
        assert [(entry["change"], entry["digest"], entry["previous_digest"]) for entry in entries] == [
            ("moved", second.digest, first.digest),
            ("created", first.digest, ""),
        ]
        assert entries[0]["at"] > entries[1]["at"]
        assert all(entry["exact"] and entry["source"] == "event" for entry in entries)
        then = await api.ask("GetTag", **_at(tag="1.0", as_of=entries[1]["at"]))
        assert then["digest"] == first.digest

    await scene.see(tag_has_moved)

    sbom = make_artifact("{}", "application/spdx+json", second)
    await put(sbom, scene.registry.url, "team/app")
    await put(make_index([sbom]), scene.registry.url, "team/app", fallback_tag(second))

    async def sbom_is_there(api: Api) -> None:
        referrers = (await api.ask("ListReferrers", **_at(digest=second.digest)))["referrers"]
        assert [(item["digest"], item["artifact_type"]) for item in referrers] == [
            (sbom.digest, "application/spdx+json")
        ]
        assert [tag["tag"] for tag in (await api.ask("ListTags", **_at()))["tags"]] == ["1.0", "2.0"]

    await scene.see(sbom_is_there)

    before = await _counts(scene.regdex.apis[0])
    assert before["downloads"] == 0
    await scene.pull("team/app:1.0")
    await scene.pull("team/app:1.0")
    await scene.podman_pull("team/app:1.0")
    await scene.pull("team/app:2.0")
    await scene.pull("team/app:2.0", "--override-arch=arm64", "--override-variant=v8")
    await scene.podman_pull("team/app:2.0")
    await scene.pull(f"team/app@{second.digest}")

    async def downloads_are_counted(api: Api) -> None:
        by_tag = (await api.ask("GetDownloads", **_at(group_by=["tag"])))["buckets"]
        assert {bucket["tag"]: bucket["downloads"] for bucket in by_tag} == {"1.0": 3, "2.0": 3, "": 1}
        by_platform = (await api.ask("GetDownloads", **_at(tag="2.0", group_by=["platform"])))["buckets"]
        assert {bucket["platform"]: bucket["downloads"] for bucket in by_platform} == {
            "linux/amd64": 2,
            "linux/arm64/v8": 1,
        }
        (top,) = (await api.ask("ListTopRepositories", window="1d"))["repositories"]
        assert top["downloads"] == 7

    await scene.see(downloads_are_counted)

    await delete(f"{scene.registry.url}/v2/team/app/manifests/{second.digest}")

    async def tag_is_gone(api: Api) -> None:
        assert await api.ask("GetTag", **_at(tag="1.0")) is None
        entries = (await api.ask("ListTagHistory", **_at(tag="1.0")))["entries"]
        assert [entry["change"] for entry in entries] == ["deleted", "moved", "created"]
        assert (await api.ask("GetManifest", **_at(digest=second.digest)))["present"] is False
        (match,) = (await api.ask("LookupDigest", digest=second.digest))["matches"]
        assert match["present"] is False

    await scene.see(tag_is_gone)

    if await delete(f"{scene.registry.url}/v2/team/app/manifests/2.0", or_refused=True):

        async def only_the_tag_is_gone(api: Api) -> None:
            assert await api.ask("GetTag", **_at(tag="2.0")) is None
            entries = (await api.ask("ListTagHistory", **_at(tag="2.0")))["entries"]
            assert [entry["change"] for entry in entries] == ["deleted", "created"]
            assert (await api.ask("GetManifest", **_at(digest=index.digest)))["present"] is True

        await scene.see(only_the_tag_is_gone)

    with capsys.disabled():
        left_out = "" if has_podman() else "; podman does not run here and was left out"
        print(f"\nsteps were seen after at most {max(scene.seen_after):.3f} s{left_out}", end=" ")


async def _counts(api: Api) -> Any:
    return await api.ask("GetDownloads", **_at())


async def test_after_lost_webhooks_a_reconcile_equals_the_registry(tmp_path: Path, program: str) -> None:
    require_registry("skopeo")
    storage, home = tmp_path / "registry", tmp_path / "regdex"
    storage.mkdir()
    home.mkdir()
    async with (
        docker_registry(storage, program=program, secret=SECRET) as registry,
        regdex_up(home, {"prod": registry.url}) as regdex,
    ):
        await registry.stop()
        await registry.start(notify=regdex.webhook_url("prod"))
        keep, old, new = make_image("keep"), make_image("old"), make_image("new")
        for image, tag in ((keep, "keep"), (old, "moving"), (old, "leaving")):
            await push(image, registry.host, "team/app", tag, tmp_path)
        await eventually(lambda: _tags_equal(regdex, registry, "team/app"))

        await registry.stop()
        await registry.start(notify="http://127.0.0.1:9/nobody")
        await push(new, registry.host, "team/app", "moving", tmp_path)
        await push(
            make_index([new, make_image("new", platform="linux/arm64")]), registry.host, "team/other", "1", tmp_path
        )
        await delete(f"{registry.url}/v2/team/app/manifests/{old.digest}")
        await registry.stop()
        await registry.start(notify=regdex.webhook_url("prod"))

        for api in regdex.apis:
            run = await api.ask("StartBackfill", registry="prod")
            await eventually(lambda api=api, run=run: _has_ended(api, run["id"]))
            assert (await api.ask("GetBackfill", id=run["id"]))["state"] == "complete"

        await eventually(lambda: _tags_equal(regdex, registry, "team/app"))
        await eventually(lambda: _tags_equal(regdex, registry, "team/other"))
        for api in regdex.apis:
            assert (await api.ask("GetRegistry", registry="prod"))["complete"] is True
            (moved, _) = (await api.ask("ListTagHistory", **_at(tag="moving")))["entries"]
            assert (moved["change"], moved["exact"], moved["source"]) == ("moved", False, "scan")
            assert moved["not_before"] < moved["at"]


async def delete(url: str, *, or_refused: bool = False) -> bool:
    """Whether it is deleted; `or_refused`: Distribution 2.8 cannot delete by tag, and says so."""
    async with aiohttp.ClientSession() as session, session.delete(url) as response:
        assert response.status == 202 or or_refused
        return response.status == 202


async def _has_ended(api: Api, run_id: int) -> bool:
    return (await api.ask("GetBackfill", id=run_id))["state"] not in ("waiting", "running")


async def _tags_equal(regdex: Regdex, registry: DockerRegistry, repository: str) -> None:
    """Tags and the manifests they lead to are the registry's own answer."""
    accept = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"
    async with aiohttp.ClientSession(headers={"Accept": accept}) as session:
        async with session.get(f"{registry.url}/v2/{repository}/tags/list") as response:
            names = (await response.json())["tags"] or []
        truth = {}
        for name in names:
            async with session.get(f"{registry.url}/v2/{repository}/manifests/{name}") as response:
                document = await response.json(content_type=None)
                truth[name] = response.headers["Docker-Content-Digest"]
        for api in regdex.apis:
            answer = await api.ask("ListTags", registry="prod", repository=repository)
            assert answer is not None
            assert {tag["tag"]: tag["digest"] for tag in answer["tags"]} == truth
            for digest in [*truth.values(), *(child["digest"] for child in document.get("manifests", []))]:
                manifest = await api.ask("GetManifest", registry="prod", repository=repository, digest=digest)
                assert manifest is not None
                assert (manifest["present"], manifest["state"]) == (True, "complete")
