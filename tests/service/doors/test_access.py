"""Who gets through the doors: keys as bearer and as a password, scopes, and what a website's page may not do."""

import re
from base64 import b64encode
from typing import Any

import aiohttp
import pytest
from prometheus_client import generate_latest

from regdex.database import Pool
from regdex.settings import Grpc, Rest, Settings
from service import auth
from service.auth import Gate
from service.caller import Caller, Scope
from service.doors.table import DOORS
from service.operations import Operation
from service.process import serving
from tests.harness.registries import free_port
from tests.harness.seed import Seed, digest_of
from tests.service.conftest import LOCAL
from tests.service.doors.conftest import Stage, open_stage


def basic(password: str, user: str = "anybody") -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


def path_of(door: Operation) -> str:
    return door.path.format_map({"name": "prod/app", "reference": "1.0", "digest": digest_of("x")})


async def status_of(stage: Stage, path: str, **headers: str) -> int:
    async with stage.session.get(path, headers=headers, allow_redirects=False) as response:
        return response.status


async def test_every_door_needs_a_key_once_there_is_one(db: Pool, seed: Seed) -> None:
    await seed.registry("prod")
    await seed.repository("prod", "app")
    key = await auth.create_key(db, name="portal", scope=Scope.READ)
    async with open_stage(db) as stage:
        for door in DOORS:
            path = path_of(door)
            for headers in ({}, basic("wrong"), basic(key[:-1]), {"Authorization": f"Token {key}"}):
                async with stage.session.get(path, headers=headers, allow_redirects=False) as response:
                    assert response.status == 401, path
                    assert response.headers["WWW-Authenticate"] == 'Basic realm="Regdex"'
                    answer = await response.json()
                    assert answer.keys() == ({"error"} if path.startswith("/v1/") else {"errors"})
                    assert "errors" not in answer or answer["errors"][0]["code"] == "UNAUTHORIZED"
            expected = 307 if "{name}" in door.path and not door.path.endswith("list") else 200
            for headers in (basic(key), basic(key, ""), basic(key, "a b"), {"Authorization": f"Bearer {key}"}):
                assert await status_of(stage, path, **headers) == expected, path


async def test_a_scope_below_that_of_a_door_does_not_open_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """No scope is below read today; the doors ask all the same, as this shows with a caller who has none."""

    async def nobody(*_: object, **__: object) -> Caller:
        scope: Any = 0
        return Caller(scope=scope)

    monkeypatch.setattr(Gate, "admit", nobody)
    for door in DOORS:
        async with stage.session.get(path_of(door), allow_redirects=False) as response:
            assert response.status == 403, door.path
            answer = await response.json()
            assert "errors" not in answer or answer["errors"][0]["code"] == "DENIED"


def test_a_door_without_a_scope_cannot_be_made() -> None:
    for door in DOORS:
        scope: Any = None
        with pytest.raises(TypeError, match="no scope"):
            Operation(
                rpc=door.rpc, http=door.http, run=door.run, request=door.request, response=door.response, scope=scope
            )


def test_doors_have_names_of_their_own_and_the_fields_of_their_paths() -> None:
    assert len({door.rpc for door in DOORS}) == len(DOORS)
    for door in DOORS:
        assert door.verb == "GET"
        assert set(re.findall(r"{(\w+)}", door.path)) <= door.request.model_fields.keys()


async def test_basic_is_for_the_doors_only(db: Pool) -> None:
    key = await auth.create_key(db, name="portal", scope=Scope.ADMIN)
    async with open_stage(db) as stage:
        assert await status_of(stage, "/v2/", **basic(key)) == 200
        assert await status_of(stage, "/api/v1/registries", **basic(key)) == 401


async def test_basic_that_is_none_is_no_key(db: Pool) -> None:
    await auth.create_key(db, name="portal", scope=Scope.READ)
    async with open_stage(db) as stage:
        for text in ("", " ", " =", " é", " " + "x" * 5000, " " + b64encode(b"\xff:\xff").decode(), " Og=="):
            assert await status_of(stage, "/v2/", Authorization=f"Basic{text}") in (400, 401), text


async def test_answers_have_the_shape_of_their_models(db: Pool, seed: Seed) -> None:
    await seed.registry("prod")
    await seed.tag(await seed.repository("prod", "app"), "1.0", "image")
    async with open_stage(db) as stage:
        for door in DOORS:
            async with stage.session.get(path_of(door), allow_redirects=False) as response:
                if response.status == 307:
                    door.response.model_validate({"url": response.headers["Location"]})
                    continue
                answer = await response.json()
                more = {"has_more": False} if "has_more" in door.response.model_fields else {}
                door.response.model_validate(answer | more)


async def test_a_page_that_was_rebound_to_this_machine_gets_nothing(stage: Stage) -> None:
    """A browser sends the name that the page came from, with the port that it connects to."""
    await stage.seed.registry("prod", hosts=["prod.example.com", f"prod.example.com:{stage.port}"])
    for host in ("evil.example.com", f"evil.example.com:{stage.port}", f"prod.example.com:{stage.port}", ""):
        assert await status_of(stage, "/v1/search?q=x", Host=host) == 401, host
        assert await status_of(stage, "/v2/_catalog", Host=host) == 401, host


async def test_a_proxy_that_passes_on_a_registrys_host_needs_no_key_before_there_is_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "RELOAD_SECONDS", 0.0)
    await stage.seed.registry("prod", hosts=["prod.example.com", "prod.example.com:5000"])
    for host in ("prod.example.com", "prod.example.com:5000"):
        assert await status_of(stage, "/v1/search?q=x", Host=host) == 200, host
        assert await status_of(stage, "/api/v1/registries", Host=host) == 401, host
    assert await status_of(stage, "/v1/search?q=x", Host="prod.example.com:5001") == 401

    await auth.create_key(stage.db, name="portal", scope=Scope.READ)
    assert await status_of(stage, "/v1/search?q=x", Host="prod.example.com") == 401


async def test_off_loopback_no_host_stands_in_for_a_key(db: Pool, seed: Seed) -> None:
    await seed.registry("prod", hosts=["prod.example.com"])
    await auth.create_key(db, name="portal", scope=Scope.READ)
    port = free_port()
    settings = Settings(rest=Rest(listen=f"0.0.0.0:{port}"), grpc=Grpc(listen="127.0.0.1:0"))
    async with serving(settings, db, None), aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        for host in ("prod.example.com", f"127.0.0.1:{port}"):
            async with session.get("/v2/_catalog", headers={"Host": host}) as response:
                assert response.status == 401


async def test_what_a_caller_may_not_see_is_behind_no_door(
    db: Pool, seed: Seed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for registry in ("prod", "secret"):
        await seed.registry(registry)
        for name in ("open/app", "closed/app"):
            await seed.tag(await seed.repository(registry, name), "1.0", f"{registry}/{name}")
    visible = frozenset([await seed.project_id("prod", "open")])

    async def half_blind(*_: object, **__: object) -> Caller:
        return Caller(scope=Scope.READ, project_ids=visible)

    monkeypatch.setattr(Gate, "admit", half_blind)
    async with open_stage(db) as stage:
        assert await stage.ask("/v2/_catalog") == {"repositories": ["prod/open/app"]}
        for term in ("app", "closed", "secret/", "secret/app", "prod/closed", "registry:secret", ""):
            found = await stage.ask("/v1/search", params={"q": term})
            assert {result["name"] for result in found["results"]} <= {"prod/open/app"}, term
            assert found["num_results"] <= 1
        for name in ("prod/closed/app", "secret/open/app"):
            for rest in ("tags/list", "manifests/1.0", f"blobs/{digest_of('x')}"):
                assert await status_of(stage, f"/v2/{name}/{rest}") == 404
        assert await stage.ask("/v2/_catalog", headers={"Host": "secret.example.com"}) == {"repositories": []}
        assert await status_of(stage, "/v2/open/app/tags/list", Host="secret.example.com") == 404
        assert await status_of(stage, "/v2/prod/open/app/manifests/1.0") == 307


async def test_counted_by_door_never_by_name(stage: Stage) -> None:
    await stage.seed.registry("prod")
    await stage.seed.repository("prod", "of-no-label")
    for door in DOORS:
        await status_of(stage, path_of(door).replace("prod/app", "prod/of-no-label"))
    text = generate_latest().decode()
    for door in DOORS:
        assert f'route="{door.rpc}"' in text
    assert "of-no-label" not in text


async def test_cross_origin_pages_are_allowed_as_everywhere(db: Pool) -> None:
    settings = LOCAL.model_copy(update={"rest": Rest(listen="127.0.0.1:0", cors_origins=("https://portal.example",))})
    async with serving(settings, db, None) as addresses, aiohttp.ClientSession(f"http://{addresses.rest}") as session:
        for origin, allowed in (("https://portal.example", True), ("https://evil.example", False)):
            async with session.get("/v2/", headers={"Origin": origin}) as response:
                assert ("Access-Control-Allow-Origin" in response.headers) == allowed
