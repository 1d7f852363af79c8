"""Lists as odd registries send them: whatever ends without an error is whole, all else says why it is not."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import orjson
import pytest
import pytest_asyncio
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.registry.client import Limits, NamePage
from indexer.registry.links import find_next, is_same_listing
from indexer.registry.listing import Listing, PageSize
from regdex.errors import RegistryError
from regdex.reference import check_tag
from tests.harness.hostile import HASTY, Hostile, client, document, hostile, plain


@pytest_asyncio.fixture
async def registry() -> AsyncIterator[Hostile]:
    async with hostile() as server:
        yield server


async def read(pages: AsyncIterator[NamePage]) -> tuple[list[str], str]:
    """The names on all pages, and why there were not more; empty where the list is whole."""
    names: list[str] = []
    try:
        async for page in pages:
            names += page.names
    except RegistryError as error:
        return names, str(error)
    return names, ""


@pytest.mark.parametrize(
    "link",
    [
        "http://registry.example.internal:5000/v2/team/app/tags/list?n=1&last=a",
        "https://127.0.0.1/v2/team/app/tags/list?n=1&last=a",
        "//{recorder}/v2/team/app/tags/list?n=1&last=a",
        "http://{recorder}/v2/team/app/tags/list?n=1&last=a",
        "http://me:pw@{recorder}/v2/team/app/tags/list?n=1&last=a",
        "/registry/v2/team/app/tags/list?n=1&last=a",
        "/team/app/tags/list?n=1&last=a",
        "/v2/app/tags/list?n=1&last=a",
        "/v2/docker-local/team/app/tags/list?n=1&last=a",
        "/v2/team%2Fapp/tags/list/?n=1&last=a",
        "/api?n=1&last=a",
        "file:///etc/passwd?n=1&last=a",
        "../../app/tags/list?n=1&last=a",
        "list?n=1&last=a#fragment",
    ],
)
@pytest.mark.parametrize("rel", ['rel="next"', "REL=Next", "rel='next'", 'title="x"; rel = "prev NEXT"'])
async def test_nothing_but_the_query_of_a_link_is_used(registry: Hostile, link: str, rel: str) -> None:
    path = "/v2/team/app/tags/list"
    async with hostile() as recorder:
        target = link.format(recorder=f"127.0.0.1:{recorder.port}")
        registry.answers[path] = [
            document({"name": "team/app", "tags": ["a"]}, Link=f"<{target}>; {rel}"),
            document({"name": "team/app", "tags": []}),
        ]
        async with client(registry.url) as reader:
            assert await read(reader.tags("team/app")) == (["a"], "")
        assert [(seen.path, seen.query) for seen in registry.seen] == [(path, "n=100"), (path, "n=1&last=a")]
        assert recorder.seen == []


@pytest.mark.parametrize(
    "link",
    [
        "/v2/team/other/tags/list?last=a",
        "/v2/other/tags/list?last=a",
        "../../../other/tags/list?last=a",
        "http://evil.example/v2/_catalog?last=a",
        "/v2/team/app/referrers/sha256:1?last=a",
        "/v2/team/myapp/tags/list?last=a",
    ],
)
async def test_link_to_another_listing_is_refused_and_named(registry: Hostile, link: str) -> None:
    registry.answers["/v2/team/app/tags/list"] = document({"tags": ["a", "b"]}, Link=f'<{link}>; rel="next"')
    async with client(registry.url) as reader:
        names, reason = await read(reader.tags("team/app"))
    assert names == ["a", "b"]
    assert reason == f"list_incomplete: the Link <{link}> leads to another listing"
    registry.answers["/v2/team/app/tags/list"] = document({"tags": []}, Link=f'<{link}>; rel="next"')
    async with client(registry.url) as reader:
        assert await read(reader.tags("team/app")) == ([], reason)


async def test_of_several_links_the_first_that_leads_on_is_followed(registry: Hostile) -> None:
    links = '</v2/other/tags/list?last=x>; rel="next", </v2/app/tags/list?n=9>; rel="prev", <?last=a>; rel="next"'
    registry.answers["/v2/app/tags/list"] = [document({"tags": ["a"]}, Link=links), document({"tags": ["b"]})]
    async with client(registry.url) as reader:
        assert await read(reader.tags("app")) == (["a", "b"], "")
    assert registry.seen[-1].query == "last=a"


def test_what_a_reason_shows_of_a_link_is_printable_short_and_without_credentials() -> None:
    found = find_next(["<http://me:secret@h/v2/é\x07/tags/list?x" + "y" * 9000 + '>; rel="next"'], "/v2/app/tags/list")
    assert found is not None
    assert found.problem.isprintable()
    assert "secret" not in found.problem
    assert len(found.problem) < 300


@given(
    st.lists(st.text(max_size=60) | st.from_regex(r'<[^<>]{0,40}>; *rel="?next"?'), max_size=4), st.text(max_size=30)
)
def test_any_link_is_followed_within_the_listing_or_refused(headers: list[str], path: str) -> None:
    found = find_next(headers, path)
    if found is not None:
        assert bool(found.cursor) != bool(found.problem)
        assert all("!" <= char <= "~" for char in found.cursor)
        assert "#" not in found.cursor


def test_only_another_listing_is_another_listing() -> None:
    assert is_same_listing("/v2/_catalog", "/x/y/_catalog/")
    assert not is_same_listing("/v2/_catalog", "/v2/a/tags/list")
    assert not is_same_listing("/v2/a/tags/list", "/v2/_catalog")
    assert not is_same_listing("/v2/a/referrers/sha256:1", "/v2/a/referrers/sha256:2")


class Lister:
    """A registry's way to list, by its rules; `names` in its own order.

    `links`: none, absolute (wrong host), or opaque. `most` is how many names it puts on a page at most.
    """

    def __init__(self, names: list[str], *, honours_n: bool, honours_last: bool, links: str, most: int = 10**6) -> None:
        self.names = names
        self.honours_n = honours_n
        self.honours_last = honours_last
        self.links = links
        self.most = most
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        self.asked.append(request.query_string)
        start = 0
        if "token" in query:
            start = int(base64.urlsafe_b64decode(query["token"]))
        elif self.honours_last and query.get("last") in self.names:
            start = self.names.index(query["last"]) + 1
        size = min(int(query["n"]) if self.honours_n and "n" in query else 10**6, self.most)
        page = self.names[start : start + size]
        headers = {}
        if start + size < len(self.names) and self.links:
            token = quote(base64.urlsafe_b64encode(str(start + size).encode()))
            last = quote(page[-1], safe="")
            following = f"token={token}" if self.links == "opaque" else f"last={last}"
            headers["Link"] = f'<http://inner:5000{request.path}?n={size}&{following}>; rel="next"'
        return web.json_response({"name": "app", "tags": page}, headers=headers)


NAMES = [f"v{number:03}" for number in range(300)]


@pytest.mark.parametrize("count", [0, 1, 49, 50, 99, 100, 101, 150, 200, 230])
@pytest.mark.parametrize(
    "rules",
    [
        {"honours_n": True, "honours_last": True, "links": ""},
        {"honours_n": True, "honours_last": True, "links": "last"},
        {"honours_n": True, "honours_last": False, "links": "opaque"},
        {"honours_n": False, "honours_last": False, "links": ""},
        {"honours_n": False, "honours_last": True, "links": ""},
        {"honours_n": False, "honours_last": False, "links": "opaque", "most": 50},
        {"honours_n": True, "honours_last": True, "links": "", "most": 50},
        {"honours_n": True, "honours_last": True, "links": "last", "most": 50},
        {"honours_n": True, "honours_last": True, "links": "", "most": 64},
        {"honours_n": True, "honours_last": True, "links": "", "most": 33},
        {"honours_n": False, "honours_last": True, "links": "", "most": 10},
    ],
)
async def test_lists_of_any_length_are_whole(registry: Hostile, count: int, rules: dict[str, Any]) -> None:
    lister = Lister(NAMES[:count], **rules)
    registry.answers["/v2/app/tags/list"] = lister.answer
    async with client(registry.url) as reader:
        assert await read(reader.tags("app")) == (NAMES[:count], "")
    assert len(lister.asked) <= count // min(rules.get("most", 50), 50) + 3


async def test_short_page_is_followed_only_where_no_page_of_the_registry_was_longer(registry: Hostile) -> None:
    listers = {
        f"r{number}": Lister(NAMES[:number], honours_n=True, honours_last=True, links="") for number in range(60)
    }
    async with client(registry.url) as reader:
        for name, lister in reversed(listers.items()):
            registry.answers[f"/v2/{name}/tags/list"] = lister.answer
            assert await read(reader.tags(name)) == (lister.names, "")
    assert [name for name, lister in listers.items() if len(lister.asked) > 1] == ["r59"]


@pytest.mark.parametrize("honours_last", [True, False])
async def test_short_pages_of_one_length_are_followed_once(registry: Hostile, honours_last: bool) -> None:
    listers = [Lister(NAMES[:20], honours_n=True, honours_last=honours_last, links="") for _ in range(10)]
    async with client(registry.url) as reader:
        for number, lister in enumerate(listers):
            registry.answers[f"/v2/r{number}/tags/list"] = lister.answer
            assert await read(reader.tags(f"r{number}")) == (lister.names, "")
    assert [len(lister.asked) for lister in listers] == [2, *[1] * 9]


async def test_maximum_that_was_lowered_is_found_in_the_next_read(registry: Hostile) -> None:
    registry.answers["/v2/_catalog"] = document({"repositories": ["app"]})
    lister = Lister(NAMES[:60], honours_n=True, honours_last=True, links="")
    registry.answers["/v2/app/tags/list"] = lister.answer
    async with client(registry.url) as reader:
        await read(reader.tags("app"))
        lister = Lister(NAMES[:60], honours_n=True, honours_last=True, links="", most=20)
        registry.answers["/v2/app/tags/list"] = lister.answer
        await read(reader.catalog())
        assert await read(reader.tags("app")) == (lister.names, "")


@pytest.mark.parametrize("count", [100, 150])
async def test_list_that_is_cut_and_leads_nowhere_is_partial(registry: Hostile, count: int) -> None:
    lister = Lister(NAMES[:count], honours_n=True, honours_last=False, links="")
    registry.answers["/v2/app/tags/list"] = lister.answer
    async with client(registry.url) as reader:
        names, reason = await read(reader.tags("app"))
    assert names == NAMES[:100]
    assert reason.startswith("list_incomplete: a page of 100 names")
    assert lister.asked == ["n=100", "n=100&last=v099", "n=1"]


async def test_names_that_are_followed_are_encoded(registry: Hostile) -> None:
    names = [f"a{number}" for number in range(99)] + ["b c&n=1#ü"]
    registry.answers["/v2/app/tags/list"] = [document({"tags": names}), document({"tags": ["z"]})]
    async with client(registry.url) as reader:
        assert await read(reader.tags("app")) == ([*names[:99], "z"], "")
    assert registry.seen[1].query == "n=100&last=b c%26n%3D1#ü"


@pytest.mark.parametrize("status", [400, 404, 405])
async def test_last_that_is_refused_is_decided_by_a_page_of_one(registry: Hostile, status: int) -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        if "last" in request.query:
            return web.json_response({"errors": []}, status=status)
        return web.json_response({"tags": NAMES[:100]})

    registry.answers["/v2/app/tags/list"] = page
    async with client(registry.url) as reader:
        assert await read(reader.tags("app")) == (NAMES[:100], "")


@settings(max_examples=200, deadline=None)
@given(
    names=st.lists(st.from_regex(r"\A[a-z0-9]{1,3}\Z"), unique=True, max_size=40),
    size=st.integers(1, 12),
    honours_n=st.booleans(),
    honours_last=st.booleans(),
    links=st.sampled_from(["", "last", "opaque"]),
    most=st.sampled_from([10**6, 10**6, 50, 12, 7, 3]),
)
def test_listing_without_an_error_is_whole(
    names: list[str], size: int, honours_n: bool, honours_last: bool, links: str, most: int
) -> None:
    """What cannot be told from a whole list: no Link, and a cap on the page that has nothing to do with `n`.

    One page that is full may be all there is; where `last` is ignored, nothing says so.
    """
    lister = Lister(names, honours_n=honours_n, honours_last=honours_last or links == "last", links=links, most=most)
    may_be_cut = not lister.honours_last and len(names) == size
    is_cut_in_secret = not links and most < 10**6 and (most < size or not honours_n)

    async def run() -> tuple[list[str], str]:
        async with hostile() as server:
            server.answers["/v2/app/tags/list"] = lister.answer
            async with client(server.url, page_size=size) as reader:
                return await read(reader.tags("app"))

    found, reason = asyncio.run(run())
    assert found == names[: len(found)]
    if not reason and not is_cut_in_secret:
        assert found == names
    if (links and not may_be_cut) or (honours_n and honours_last):
        assert reason == ""


@pytest.mark.parametrize("status", [404, 400])
async def test_list_whose_later_page_is_refused_is_partial(registry: Hostile, status: int) -> None:
    registry.answers["/v2/app/tags/list"] = [
        document({"tags": ["a"]}, Link='<?last=a>; rel="next"'),
        plain(b'{"errors": []}', status=status),
    ]
    async with client(registry.url) as reader:
        names, reason = await read(reader.tags("app"))
    assert names == ["a"]
    assert reason.startswith("list_incomplete: the page ?last=a of its Link")


@pytest.mark.parametrize("tags", [["a", "b"], ["b", "a", "b"], [], ["a", 7, None]])
async def test_page_without_a_new_name_ends_the_list_as_partial(registry: Hostile, tags: list[object]) -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        number = int(request.query.get("page", "0"))
        link = {"Link": f'<?page={number + 1}>; rel="next"'}
        return web.json_response({"tags": tags if number else ["a", "b"]}, headers=link)

    registry.answers["/v2/app/tags/list"] = page
    async with client(registry.url) as reader:
        names, reason = await read(reader.tags("app"))
    assert (names, len(registry.seen)) == (["a", "b"], 2)
    assert reason.startswith("list_incomplete: the pages form a circle")


async def test_empty_page_at_the_end_of_the_links_is_the_end(registry: Hostile) -> None:
    registry.answers["/v2/_catalog"] = [
        document({"repositories": ["a"]}, Link='<?last=a>; rel="next"'),
        document({"repositories": []}),
    ]
    async with client(registry.url) as reader:
        assert await read(reader.catalog()) == (["a"], "")


async def test_catalog_whose_entries_are_no_text_is_counted(registry: Hostile) -> None:
    entries = [7, None, {"name": "a"}, ["b"], True, 1.5]
    registry.answers["/v2/_catalog"] = document({"repositories": entries})
    async with client(registry.url) as reader:
        [page] = [page async for page in reader.catalog()]
        assert (page.names, page.rejected) == ((), 6)
        registry.answers["/v2/_catalog"] = document({"repositories": [7] * 100})
        assert (await read(reader.catalog()))[1].startswith("list_incomplete")


@pytest.mark.parametrize(
    ("name", "is_empty"),
    [
        ("team/app", True),
        ("app", True),
        ("proxy/team/app", True),
        ("other", False),
        ("", False),
        (None, False),
        (7, False),
    ],
)
async def test_null_is_empty_under_the_name_as_proxies_spell_it(
    registry: Hostile, name: object, is_empty: bool
) -> None:
    registry.answers["/v2/team/app/tags/list"] = document({"name": name, "tags": None})
    async with client(registry.url) as reader:
        names, reason = await read(reader.tags("team/app"))
    assert names == []
    assert reason == ("" if is_empty else "unexpected_content: tags is not a list")


@pytest.mark.parametrize(("name", "is_empty"), [("team/app", True), ("other", False), (None, False)])
async def test_list_left_out_is_empty_under_its_name(registry: Hostile, name: object, is_empty: bool) -> None:
    registry.answers["/v2/team/app/tags/list"] = document({"name": name})
    registry.answers["/v2/_catalog"] = document({})
    async with client(registry.url) as reader:
        names, reason = await read(reader.tags("team/app"))
        assert (await read(reader.catalog()))[1] == "unexpected_content: repositories is not a list"
    assert names == []
    assert reason == ("" if is_empty else "unexpected_content: tags is not a list")


@pytest.mark.parametrize("status", [400, 405, 413, 416, 422, 501])
async def test_number_of_names_that_is_refused_is_lowered(registry: Hostile, status: int) -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        if int(request.query.get("n", "0")) > 10:
            return web.json_response({"errors": [{"code": "PAGINATION_NUMBER_INVALID"}]}, status=status)
        return web.json_response({"tags": ["a"]})

    registry.answers["/v2/app/tags/list"] = page
    async with client(registry.url) as reader:
        assert await read(reader.tags("app")) == (["a"], "")


@pytest.mark.parametrize("media_type", ["text/plain", "binary/octet-stream", "application/octet-stream", ""])
async def test_lists_of_any_type_but_a_web_page_are_read(registry: Hostile, media_type: str) -> None:
    registry.answers["/v2/_catalog"] = plain(b'{"repositories": ["a"]}', media_type=media_type)
    async with client(registry.url) as reader:
        assert await read(reader.catalog()) == (["a"], "")


async def test_five_million_names_on_one_page_are_refused_unread(registry: Hostile) -> None:
    body = b'{"repositories": [' + b",".join(b'"a%07d"' % number for number in range(5_000_000)) + b"]}"

    async def page(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type="application/json")

    registry.answers["/v2/_catalog"] = page
    async with client(registry.url, Limits()) as reader:
        names, reason = await read(reader.catalog())
    assert names == []
    assert reason.startswith("too_large: more than 16777216 bytes")


@pytest.mark.parametrize("entry", [b"{}", b"[]", b"1", b'"a"'])
async def test_page_of_very_many_entries_is_refused_before_it_is_parsed(registry: Hostile, entry: bytes) -> None:
    registry.answers["/v2/_catalog"] = plain(b'{"repositories": [' + b",".join([entry] * 2_500_000) + b"]}")
    async with client(registry.url, Limits()) as reader:
        assert await read(reader.catalog()) == ([], "too_large: more than 2000000 entries on a page")


async def test_more_names_than_the_cap_are_read_up_to_it(registry: Hostile) -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        start = int(request.query.get("last", "0"))
        link = {"Link": f'<?last={start + 40}>; rel="next"'}
        return web.json_response({"repositories": [f"r{n}" for n in range(start, start + 40)]}, headers=link)

    registry.answers["/v2/_catalog"] = page
    registry.answers["/v2/app/tags/list"] = document({"tags": NAMES[:150]})
    async with client(registry.url, Limits(names=100)) as reader:
        names, reason = await read(reader.catalog())
        assert (len(names), reason) == (120, "list_incomplete: more than 100 names")
        assert await read(reader.tags("app")) == (NAMES[:100], "list_incomplete: more than 100 names")


async def test_other_tasks_run_while_a_huge_page_is_sorted(registry: Hostile) -> None:
    body = orjson.dumps({"tags": [f"v{number}" for number in range(300_000)]})
    registry.answers["/v2/app/tags/list"] = plain(body)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with client(registry.url, HASTY) as reader:
        answer = await reader._get("/v2/app/tags/list", "ping", 2**24)
        listing = Listing(
            "/v2/app/tags/list",
            lambda _: asyncio.sleep(0, answer),
            lambda answer: list(orjson.loads(answer.body)["tags"]),
            check_tag,
            PageSize(100),
            max_pages=2,
            max_names=10**6,
        )
        counting = asyncio.create_task(count())
        names, _ = await read(listing.pages(None))
        counting.cancel()
    assert len(names) == 300_000
    assert turns >= 30
