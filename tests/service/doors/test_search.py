"""/v1/: what docker and podman ask when somebody searches, request by request as they send it."""

import aiohttp
import pytest
import pytest_asyncio

from tests.service.doors.conftest import Stage

# As moby's daemon asks (daemon/pkg/registry, search.go and search_endpoint_v1.go), and containers/image 5.23.
DOCKER = {
    "User-Agent": "docker/28.2.2 go/go1.24.3 kernel/6.1 os/linux arch/amd64 UpstreamClient(Docker-Client/28.2.2)",
    "X-Docker-Token": "true",
    "Accept-Encoding": "gzip",
}
PODMAN = {
    "User-Agent": "containers/5.23.1 (github.com/containers/image)",
    "Docker-Distribution-Api-Version": "registry/2.0",
    "Connection": "close",
}


@pytest_asyncio.fixture(scope="module", autouse=True)
async def catalog(shared_stage: Stage) -> None:
    seed = shared_stage.seed
    for registry in ("edge", "prod"):
        await seed.registry(registry)
    await seed.repository("prod", "team/nginx", description="Serves\n\x1b[31m pages", downloads_30d=5)
    await seed.repository("prod", "nginx", downloads_30d=9)
    await seed.repository("edge", "nginx-exporter")
    for number in range(120):
        await seed.repository("edge", f"many/app-{number:03}", downloads_30d=120 - number)


async def names(stage: Stage, query: str, **headers: str) -> list[str]:
    answer = await stage.ask(f"/v1/search?{query}", headers=headers)
    return [result["name"] for result in answer["results"]]


async def test_docker_pings_and_searches(shared_stage: Stage) -> None:
    async with shared_stage.session.get("/v1/_ping", headers={"User-Agent": DOCKER["User-Agent"]}) as response:
        assert response.status == 200
        assert response.headers["X-Docker-Registry-Standalone"] == "true"
    answer = await shared_stage.ask("/v1/search?q=team%2Fnginx&n=25", headers=DOCKER)

    assert answer == {
        "num_results": 1,
        "query": "team/nginx",
        "num_pages": 1,
        "page": 1,
        "page_size": 25,
        "results": [
            {
                "name": "prod/team/nginx",
                "description": "Serves [31m pages",
                "star_count": 0,
                "is_official": False,
                "is_automated": False,
                "is_trusted": False,
            }
        ],
    }


async def test_docker_sends_basic_without_a_user_when_nobody_is_logged_in(shared_stage: Stage) -> None:
    """moby's daemon does over TLS, and the registry's own credentials when somebody is: neither is a wrong key here."""
    for authorization in ("Basic Og==", "Basic dXNlcjpwYXNzd29yZA=="):
        answer = await shared_stage.ask("/v1/search?q=nginx&n=25", headers={**DOCKER, "Authorization": authorization})
        assert answer["num_results"] == 3


async def test_podman_searches(shared_stage: Stage) -> None:
    assert await shared_stage.ask("/v2/", headers=PODMAN) == {}
    assert sorted(await names(shared_stage, "n=25&q=nginx", **PODMAN)) == [
        "edge/nginx-exporter",
        "prod/nginx",
        "prod/team/nginx",
    ]


@pytest.mark.parametrize(
    ("term", "found"),
    [
        ("prod%2Fnginx", ["prod/nginx", "prod/team/nginx"]),
        ("prod%2Fteam%2Fnginx", ["prod/team/nginx"]),
        ("edge%2Fnginx", ["edge/nginx-exporter"]),
        ("prod%2F", ["prod/nginx", "prod/team/nginx"]),
        ("team%2Fnginx", ["prod/team/nginx"]),
        ("nowhere%2Fnginx", []),
    ],
)
async def test_a_term_may_begin_with_a_registry_or_a_project(shared_stage: Stage, term: str, found: list[str]) -> None:
    assert sorted(await names(shared_stage, f"q={term}")) == found


async def test_a_project_that_is_called_as_a_registry_is_found_too(shared_stage: Stage) -> None:
    await shared_stage.seed.repository("edge", "prod/gateway")

    assert await names(shared_stage, "q=prod%2Fgateway") == ["edge/prod/gateway"]


async def test_under_a_registrys_host_results_are_bare_and_its_own(shared_stage: Stage) -> None:
    there = {"Host": "prod.example.com"}

    assert sorted(await names(shared_stage, "q=nginx", **there)) == ["nginx", "team/nginx"]
    assert await names(shared_stage, "q=many", **there) == []
    assert sorted(await names(shared_stage, "q=nginx", **{"X-Forwarded-Host": "prod.example.com"})) == [
        "edge/nginx-exporter",
        "prod/nginx",
        "prod/team/nginx",
    ]


async def test_pages_follow_each_other(shared_stage: Stage) -> None:
    first = await shared_stage.ask("/v1/search?q=many&n=50")
    pages = [await names(shared_stage, f"q=many&n=50&page={page}") for page in (1, 2, 3, 4)]

    assert (first["num_results"], first["num_pages"], first["page_size"]) == (120, 3, 50)
    assert [len(page) for page in pages] == [50, 50, 20, 0]
    assert len({name for page in pages for name in page}) == 120


@pytest.mark.parametrize(("n", "length"), [("", 25), ("0", 25), ("7", 7), ("100", 100), ("101", 100), ("9999", 100)])
async def test_more_than_a_hundred_at_once_are_a_hundred(shared_stage: Stage, n: str, length: int) -> None:
    answer = await shared_stage.ask("/v1/search", params={"q": "many", "n": n})

    assert len(answer["results"]) == answer["page_size"] == length


async def test_an_empty_term_finds_everything(shared_stage: Stage) -> None:
    assert len(await names(shared_stage, "n=100&q=")) == 100
    assert len(await names(shared_stage, "")) == 25


@pytest.mark.parametrize(
    "query",
    [
        "q=x&n=-1",
        "q=x&n=ten",
        "q=x&page=0",
        "q=x&page=21&n=50",
        "q=%FF",
        "q=%22open",
        "q=prod%2F%22open",
        "q=" + "x" * 513,
        "q=x&z=" + "y" * 5000,
    ],
)
async def test_what_cannot_be_used_is_refused_as_docker_knows_it(shared_stage: Stage, query: str) -> None:
    async with shared_stage.session.get(aiohttp.client.URL(f"/v1/search?{query}", encoded=True)) as response:
        assert response.status == 400
        assert response.content_type == "application/json"
        assert (await response.json()).keys() == {"error"}


async def test_nothing_else_is_below_v1(shared_stage: Stage) -> None:
    async with shared_stage.session.get("/v1/repositories/prod/nginx/images") as response:
        assert (response.status, (await response.json()).keys()) == (404, {"error"})
    async with shared_stage.session.put("/v1/repositories/prod/nginx/", json={}) as response:
        assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")


async def test_stars_and_what_the_platform_team_vouches_for_are_told(shared_stage: Stage) -> None:
    for registry, name, stars in (
        ("prod", "library/python", 7),
        ("edge", "blessed/python", 0),
        ("prod", "x/python", 1),
    ):
        await shared_stage.seed.repository(registry, name, stars=stars)

    results = (await shared_stage.ask("/v1/search?q=python"))["results"]
    assert {result["name"]: (result["star_count"], result["is_official"]) for result in results} == {
        "prod/library/python": (7, True),
        "edge/blessed/python": (0, True),
        "prod/x/python": (1, False),
    }
