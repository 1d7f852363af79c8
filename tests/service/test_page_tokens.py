"""Page tokens that belong elsewhere or were changed (B22): an error that says so over both transports, never a page."""

import base64

import orjson
import pytest
import pytest_asyncio

from regdex.errors import InvalidArgument
from service.caller import Caller, Scope
from service.models.repositories import ListRepositoriesRequest
from service.paging import read_page
from tests.harness.asking import Asker, Refused
from tests.harness.seed import Seed


@pytest_asyncio.fixture
async def token(seed: Seed, asker: Asker) -> str:
    """Of the second page of three repositories, one a page."""
    await seed.registry("prod")
    for name in ("a/one", "a/two", "b/three"):
        await seed.repository("prod", name)
    answer = await asker.ask("ListRepositories", registry="prod", page_size=1)
    found: str = answer["next_page_token"]
    return found


async def refused(asker: Asker, method: str, **fields: object) -> bool:
    try:
        await asker.ask(method, **fields)
    except Refused as error:
        return error.code == "INVALID_ARGUMENT" and "page_token" in error.detail
    return False


async def test_a_token_goes_on_with_another_page_size_only(asker: Asker, token: str) -> None:
    rest = await asker.ask("ListRepositories", registry="prod", page_size=100, page_token=token)

    assert [item["repository"] for item in rest["repositories"]] == ["a/two", "b/three"]
    assert await refused(asker, "ListRepositories", registry="other", page_token=token)
    assert await refused(asker, "ListRepositories", registry="prod", match="*", page_token=token)
    assert await refused(asker, "ListRepositories", registry="prod", project="a", page_token=token)
    assert await refused(asker, "ListRepositories", page_token=token)


async def test_a_token_of_another_list_is_refused(asker: Asker, token: str) -> None:
    assert await refused(asker, "ListProjects", registry="prod", page_token=token)
    assert await refused(asker, "ListRegistries", page_token=token)


async def test_a_cut_or_changed_token_is_refused_or_another_place_in_the_same_list(asker: Asker, token: str) -> None:
    """Tokens are not signed: what is visible is decided anew for every page, wherever it begins."""
    for end in range(1, len(token)):
        assert await refused(asker, "ListRepositories", registry="prod", page_token=token[:end])
    content = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    for position, part in enumerate(content):
        for other in (None, [], {}, True, -1, 2**70 if not isinstance(part, int) else 1.5, "\0", "x" * 2000):
            changed = [*content[:position], other, *content[position + 1 :]]
            try:
                packed = base64.urlsafe_b64encode(orjson.dumps(changed)).decode()
            except TypeError:  # it does not go into JSON
                continue
            assert await refused(asker, "ListRepositories", registry="prod", page_token=packed), changed


def test_a_token_is_of_use_only_to_those_who_see_the_same() -> None:
    request = ListRepositoriesRequest(registry="prod")
    sees_all = Caller(scope=Scope.READ)
    given = read_page("ListRepositories", sees_all, request, str, str).token(("prod", "a/one"))
    later = request.model_copy(update={"page_token": given})

    assert read_page("ListRepositories", sees_all, later, str, str).after == ("prod", "a/one")
    with pytest.raises(InvalidArgument, match="page_token"):
        read_page("ListRepositories", Caller(scope=Scope.READ, project_ids=frozenset({1})), later, str, str)
