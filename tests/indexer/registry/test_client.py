"""Reading a registry that cannot be trusted: pages, digests, wrong answers, trouble (E05, E09, E11, E12, F36, F37)."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
import pytest_asyncio
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from indexer import manifest as content
from indexer.registry import referrers
from indexer.registry.answered import retry_after_seconds
from indexer.registry.client import Head, Limits, Missing
from regdex.digest import Digest
from regdex.errors import RegistryError
from tests.harness.forgery import forged
from tests.harness.hostile import HASTY, Handler, Hostile, client, document, hostile, plain

MANIFEST = orjson.dumps(
    {
        "schemaVersion": 2,
        "mediaType": content.OCI_MANIFEST,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": str(Digest.of(b"{}")), "size": 2},
        "layers": [],
    }
)
DIGEST = Digest.of(MANIFEST)


@pytest_asyncio.fixture
async def registry() -> AsyncIterator[Hostile]:
    async with hostile() as server:
        yield server


async def _problem(pages: AsyncIterator[object]) -> tuple[int, str]:
    """How many pages came, and what ended them."""
    count = 0
    try:
        async for _ in pages:
            count += 1
    except RegistryError as error:
        return count, error.problem
    return count, ""


@pytest.mark.parametrize(
    "link",
    [
        '</v2/_catalog?last=a&n=2>; rel="next"',
        "</v2/_catalog?last=a&n=2>; rel=next",
        "</v2/_catalog?last=a&n=2>;rel='x'; rel=\"next\"",
        '<_catalog?last=a&n=2>; rel="next"',
        '<?last=a&n=2>; rel="next"',
        '<{url}/v2/_catalog?last=a&n=2>; rel="next"',
        '</v2/_catalog>; rel="first", </v2/_catalog?last=a&n=2>; rel="next"',
        '</v2/_catalog?last=a&n=2>; title="x, y"; rel="prev next"',
    ],
)
async def test_next_page_is_found_in_any_proper_link(registry: Hostile, link: str) -> None:
    registry.answers["/v2/_catalog"] = [
        document({"repositories": ["a"]}, Link=link.format(url=registry.url)),
        document({"repositories": ["b"]}),
    ]
    async with client(registry.url) as reader:
        names = [name async for page in reader.catalog() for name in page.names]
    assert names == ["a", "b"]
    assert [seen.query for seen in registry.seen] == ["n=100", "last=a&n=2"]


@pytest.mark.parametrize(
    "link",
    [
        '</v2/other/tags/list?last=a>; rel="next"',
        '<http://evil.example/v2/other/tags/list?last=a>; rel="next"',
        '</v2/_catalog>; rel="next"',
        '<>; rel="next"',
        '</v2/_catalog?last=a; rel="next"',
        'rel="next"',
        '<http://[::1>; rel="next"',
        "</v2/_catalog?last=" + "a" * 5000 + '>; rel="next"',
    ],
)
async def test_link_that_leads_to_another_listing_or_nowhere_ends_it_after_the_good_page(
    registry: Hostile, link: str
) -> None:
    registry.answers["/v2/_catalog"] = document({"repositories": ["a"]}, Link=link)
    async with client(registry.url) as reader:
        assert await _problem(reader.catalog()) == (1, "list_incomplete")
    assert len(registry.seen) == 1


async def test_pages_that_form_a_circle_end_with_an_error(registry: Hostile) -> None:
    registry.answers["/v2/_catalog"] = [
        document({"repositories": ["a"]}, Link='</v2/_catalog?last=a>; rel="next"'),
        document({"repositories": ["b"]}, Link='</v2/_catalog?last=b>; rel="next"'),
        document({"repositories": ["c"]}, Link='</v2/_catalog?last=a>; rel="next"'),
    ]
    async with client(registry.url) as reader:
        assert await _problem(reader.catalog()) == (3, "list_incomplete")


async def test_page_that_is_its_own_next_ends_with_an_error(registry: Hostile) -> None:
    registry.answers["/v2/_catalog"] = document({"repositories": ["a"]}, Link='</v2/_catalog?last=a>; rel="next"')
    async with client(registry.url) as reader:
        assert await _problem(reader.catalog()) == (1, "list_incomplete")
    assert len(registry.seen) == 2


async def test_listing_without_end_is_capped(registry: Hostile) -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        last = int(request.query.get("last", "0")) + 1
        link = f'</v2/_catalog?last={last}>; rel="next"'
        return web.json_response({"repositories": [f"r{last}"]}, headers={"Link": link})

    registry.answers["/v2/_catalog"] = page
    async with client(registry.url, Limits(pages=25)) as reader:
        assert await _problem(reader.catalog()) == (25, "too_large")


async def test_listing_goes_on_from_a_stored_cursor(registry: Hostile) -> None:
    registry.answers["/v2/app/tags/list"] = document({"name": "app", "tags": ["b"]})
    async with client(registry.url) as reader:
        pages = [page async for page in reader.tags("app", cursor="last=a&n=2")]
    assert [page.names for page in pages] == [("b",)]
    assert [seen.query for seen in registry.seen] == ["last=a&n=2"]


async def test_refused_page_size_is_made_smaller_and_remembered(registry: Hostile) -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        if int(request.query["n"]) > 50:
            return web.json_response({"errors": [{"code": "PAGINATION_NUMBER_INVALID"}]}, status=400)
        return web.json_response({"repositories": ["a"]})

    registry.answers["/v2/_catalog"] = page
    async with client(registry.url, page_size=1000) as reader:
        await reader.catalog_page()
        await reader.catalog_page()
    assert [seen.query for seen in registry.seen] == ["n=1000", "n=100", "n=50", "n=50"]


@pytest.mark.parametrize(
    ("body", "names", "rejected"),
    [
        ({"name": "app", "tags": None}, (), 0),
        ({"name": "app", "tags": []}, (), 0),
        ({"name": "app", "tags": ["b", "a", "b"]}, ("b", "a"), 0),
        ({"name": "app", "tags": ["1", 2, None, {"x": 1}, "", "a b", "x" * 5000, "-a", "é"]}, ("1",), 8),
        ({"name": "app", "tags": ["t\x00"]}, (), 1),
    ],
)
async def test_tags_that_are_none_are_counted_and_left_out(
    registry: Hostile, body: object, names: tuple[str, ...], rejected: int
) -> None:
    registry.answers["/v2/app/tags/list"] = document(body)
    async with client(registry.url) as reader:
        page = await reader.tags_page("app")
    assert (page.names, page.rejected, page.next) == (names, rejected, None)


@pytest.mark.parametrize(
    "body", [{"tags": None}, {"name": "other", "tags": None}, {"name": "other"}, {"name": "app", "tags": "a"}]
)
async def test_null_is_empty_only_where_the_registry_names_the_repository(registry: Hostile, body: object) -> None:
    registry.answers["/v2/app/tags/list"] = document(body)
    async with client(registry.url) as reader:
        with pytest.raises(RegistryError) as refused:
            await reader.tags_page("app")
    assert refused.value.problem == "unexpected_content"


async def test_million_tags_on_one_page_are_read(registry: Hostile) -> None:
    registry.answers["/v2/app/tags/list"] = document({"name": "app", "tags": [f"v{n}" for n in range(1_000_000)]})
    async with client(registry.url, Limits()) as reader:
        assert len((await reader.tags_page("app")).names) == 1_000_000


@pytest.mark.parametrize(
    "answer",
    [
        plain(b"<html>login</html>", media_type="text/html"),
        plain(b'{"repositories": []}', media_type="text/html"),
        plain(b"<html>login</html>"),
        plain(b""),
        plain(b"[]"),
        plain(b"null"),
        plain(b'{"repositories": [NaN]}'),
        plain(b'{"repositories": ' + b"[" * 5000),
        plain(b'{"repositories": ["\xff"]}'),
        plain(status=204),
        plain(b'{"repositories": []}', status=206),
        plain(b'{"repositories": []}', status=203),
        plain(b"<html>not here</html>", status=404, media_type="text/html"),
    ],
)
async def test_answers_that_are_no_listing_are_unexpected_content(registry: Hostile, answer: Handler) -> None:
    registry.answers["/v2/_catalog"] = answer
    async with client(registry.url) as reader:
        with pytest.raises(RegistryError) as refused:
            await reader.catalog_page()
    assert refused.value.problem == "unexpected_content"


@pytest.mark.parametrize(
    "answer",
    [
        plain(b"<html>login</html>", media_type="text/html"),
        plain(b'{"errors": []}', media_type="application/json"),
        plain(b'{"schemaVersion": 2}', media_type="application/json"),
        plain(b"[]", media_type="application/octet-stream"),
        plain(MANIFEST[:-1], media_type="application/octet-stream"),
        plain(b"<html>login</html>", media_type="application/json"),
        plain(b"", media_type="application/octet-stream"),
        plain(b"[]", media_type="application/json"),
        plain(b"[" * 5000, media_type="text/plain"),
        plain(b'{"errors": [{"code": "UNKNOWN"}]}'),
        plain(b'{"schemaVersion": 2}'),
        plain(b'{"schemaVersion": "2", "layers": []}'),
        plain(b'{"mediaType": {"a": 1}, "layers": []}'),
        plain(status=204, media_type=content.OCI_MANIFEST),
        plain(MANIFEST, status=206, media_type=content.OCI_MANIFEST),
        plain(b"", status=404, media_type="text/html"),
    ],
)
async def test_answers_that_are_no_manifest_are_unexpected_content(registry: Hostile, answer: Handler) -> None:
    registry.answers["/v2/app/manifests/1"] = answer
    async with client(registry.url) as reader:
        with pytest.raises(RegistryError) as refused:
            await reader.get_manifest("app", "1")
        assert refused.value.problem == "unexpected_content"


@pytest.mark.parametrize(
    "body", [b"", b'{"errors": []}', b"<html>login</html>", MANIFEST[:-10], b'{"schemaVersion": 2}']
)
@pytest.mark.parametrize("claim", ["", str(DIGEST)])
async def test_content_type_alone_makes_no_manifest_of_a_tag(registry: Hostile, body: bytes, claim: str) -> None:
    headers: dict[str, Any] = {"Docker_Content_Digest": claim}
    registry.answers["/v2/app/manifests/1"] = plain(body, media_type=content.OCI_MANIFEST, **headers)
    async with client(registry.url) as reader:
        with pytest.raises(RegistryError) as refused:
            await reader.get_manifest("app", "1")
    assert refused.value.problem == "unexpected_content"


async def test_damaged_manifest_is_what_a_tag_points_to_where_its_digest_says_so(registry: Hostile) -> None:
    body = b'{"schemaVersion": 2'
    headers: dict[str, Any] = {"Docker_Content_Digest": str(Digest.of(body))}
    registry.answers["/v2/app/manifests/1"] = plain(body, media_type=content.OCI_MANIFEST, **headers)
    async with client(registry.url) as reader:
        assert (await reader.get_manifest("app", "1")).digest == Digest.of(body)


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", "binary/octet-stream", "text/html", "x/y"])
async def test_shape_decides_where_the_content_type_says_nothing(registry: Hostile, media_type: str) -> None:
    headers: dict[str, Any] = {"Docker_Content_Digest": str(DIGEST)}
    registry.answers["/v2/app/manifests/1"] = plain(MANIFEST, media_type=media_type, **headers)
    registry.answers[f"/v2/app/manifests/{DIGEST}"] = plain(MANIFEST, media_type=media_type)
    async with client(registry.url) as reader:
        for reference in ("1", str(DIGEST)):
            fetched = await reader.get_manifest("app", reference)
            assert (fetched.digest, fetched.content) == (DIGEST, MANIFEST)
        head = await reader.head_manifest("app", "1")
    assert isinstance(head, Head)
    assert head.digest == DIGEST


async def test_page_instead_of_a_manifest_is_no_digest_mismatch(registry: Hostile) -> None:
    registry.answers[f"/v2/app/manifests/{DIGEST}"] = plain(b"<html>login</html>", media_type="text/html")
    async with client(registry.url) as reader:
        with pytest.raises(RegistryError) as refused:
            await reader.get_manifest("app", str(DIGEST))
    assert refused.value.problem == "unexpected_content"


@pytest.mark.parametrize("by_tag", [True, False])
async def test_digest_of_a_signed_payload_is_not_that_of_the_document(registry: Hostile, by_tag: bool) -> None:
    body, payload = forged()
    reference = "1" if by_tag else str(Digest.of(payload))
    headers: dict[str, Any] = {"Docker_Content_Digest": str(Digest.of(payload))}
    registry.answers[f"/v2/app/manifests/{reference}"] = plain(body, media_type=content.OCI_MANIFEST, **headers)
    async with client(registry.url) as reader:
        if by_tag:
            assert (await reader.get_manifest("app", reference)).digest == Digest.of(body)
            return
        with pytest.raises(RegistryError) as refused:
            await reader.get_manifest("app", reference)
    assert refused.value.problem == "digest_mismatch"


@pytest.mark.parametrize("claim", ["sha256:" + "0" * 64, "md5:abc", "sha512:" + "0" * 128, ""])
async def test_computed_digest_wins_over_what_the_registry_claims(registry: Hostile, claim: str) -> None:
    headers: dict[str, Any] = {"Docker_Content_Digest": claim, "ETag": '"sha256:1"'}
    registry.answers["/v2/app/manifests/1"] = plain(MANIFEST, media_type=content.OCI_MANIFEST, **headers)
    async with client(registry.url) as reader:
        fetched = await reader.get_manifest("app", "1")
    assert (fetched.digest, fetched.content) == (DIGEST, MANIFEST)


async def test_other_bytes_than_asked_for_are_a_digest_mismatch(registry: Hostile) -> None:
    headers: dict[str, Any] = {"Docker_Content_Digest": str(DIGEST)}
    registry.answers[f"/v2/app/manifests/{DIGEST}"] = plain(MANIFEST + b" ", media_type=content.OCI_MANIFEST, **headers)
    registry.answers[f"/v2/app/blobs/{DIGEST}"] = plain(MANIFEST + b" ")
    async with client(registry.url) as reader:
        for ask in (reader.get_manifest("app", str(DIGEST)), reader.get_blob("app", DIGEST, max_bytes=10_000)):
            with pytest.raises(RegistryError) as refused:
                await ask
            assert refused.value.problem == "digest_mismatch"


async def test_manifest_by_sha512_is_checked_by_sha512(registry: Hostile) -> None:
    digest = Digest(2, hashlib.sha512(MANIFEST).digest())
    registry.answers[f"/v2/app/manifests/{digest}"] = plain(MANIFEST, media_type=content.OCI_MANIFEST)
    async with client(registry.url) as reader:
        assert (await reader.get_manifest("app", str(digest))).digest == digest


async def test_manifest_over_the_cap_is_too_large(registry: Hostile) -> None:
    big = plain(b" " * (4 * 1024 * 1024 + 1), media_type=content.OCI_MANIFEST)
    registry.answers[f"/v2/app/manifests/{DIGEST}"] = big
    async with client(registry.url) as reader:
        with pytest.raises(RegistryError) as refused:
            await reader.get_manifest("app", str(DIGEST))
    assert refused.value.problem == "too_large"


async def test_tag_that_moves_between_head_and_get_is_one_or_the_other(registry: Hostile) -> None:
    other = orjson.dumps({**orjson.loads(MANIFEST), "annotations": {"a": "b"}})

    async def manifest(request: web.Request) -> web.StreamResponse:
        body = MANIFEST if request.method == "HEAD" else other
        headers: dict[str, Any] = {"Docker-Content-Digest": str(Digest.of(body)), "Content-Type": content.OCI_MANIFEST}
        return web.Response(body=body, headers=headers)

    registry.answers["/v2/app/manifests/1"] = manifest
    async with client(registry.url) as reader:
        head, fetched = await reader.head_manifest("app", "1"), await reader.get_manifest("app", "1")
    assert isinstance(head, Head)
    assert head.digest == DIGEST
    assert (fetched.digest, fetched.content) == (Digest.of(other), other)


async def test_full_accept_list_is_sent(registry: Hostile) -> None:
    registry.answers["/v2/app/manifests/1"] = plain(MANIFEST, media_type=content.OCI_MANIFEST)
    async with client(registry.url) as reader:
        await reader.get_manifest("app", "1")
    assert registry.seen[0].headers["Accept"].split(", ") == list(content.MEDIA_TYPES)


async def test_head_of_a_tag_that_is_gone_says_when(registry: Hostile) -> None:
    async with client(registry.url) as reader:
        missing = await reader.head_manifest("app", "1")
    assert isinstance(missing, Missing)
    assert abs(missing.at - datetime.now(UTC)) < timedelta(seconds=2)


@pytest.mark.parametrize(
    ("date", "shift"),
    [
        ("Tue, 24 Nov 2020 10:00:00 GMT", datetime(2020, 11, 24, 10, 0, 0, 999_999, tzinfo=UTC)),
        ("not a date", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
    ],
)
async def test_times_are_on_the_registrys_clock_where_it_has_one(
    registry: Hostile, date: str, shift: datetime | None
) -> None:
    registry.answers["/v2/app/tags/list"] = document({"name": "app", "tags": []}, Date=date)
    async with client(registry.url) as reader:
        at = (await reader.tags_page("app")).at
    assert at == shift if shift else abs(at - datetime.now(UTC)) < timedelta(seconds=2)


async def test_referrers_come_from_the_api_where_there_is_one(registry: Hostile) -> None:
    first, second = Digest.of(b"1"), Digest.of(b"2")
    path = f"/v2/app/referrers/{DIGEST}"
    odd = [{"digest": "md5:x"}, 7, {}, {"digest": str(first)}]
    kind: dict[str, Any] = {"media_type": content.OCI_INDEX}
    registry.answers[path] = [
        plain(orjson.dumps({"manifests": [*odd]}), Link=f'<{path}?page=2>; rel="next"', **kind),
        plain(orjson.dumps({"manifests": [{"digest": str(second)}]}), **kind),
    ]
    async with client(registry.url) as reader:
        found = await reader.referrers("app", DIGEST)
        assert (found.digests, found.supported, reader.referrers_supported) == ((first, second), True, True)
    assert not found.problem


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ("", "more than 2 referrers"),
        ('<{path}?page=2>; rel="next"', "a page of referrers has a Link and nothing new"),
        ('</v2/app/tags/list?page=2>; rel="next"', "leads to another listing"),
        ("<{path}>; rel=next", "has no query"),
    ],
)
async def test_list_of_referrers_that_is_cut_says_so(
    registry: Hostile, monkeypatch: pytest.MonkeyPatch, link: str, problem: str
) -> None:
    monkeypatch.setattr(referrers, "MAX_REFERRERS", 2)
    path = f"/v2/app/referrers/{DIGEST}"
    digests = [Digest.of(text) for text in ((b"1", b"2") if link else (b"1", b"2", b"3"))]
    listing = orjson.dumps({"manifests": [{"digest": str(digest)} for digest in digests]})
    headers = {"Link": link.format(path=path)} if link else {}
    registry.answers[path] = plain(listing, media_type=content.OCI_INDEX, **headers)
    async with client(registry.url) as reader:
        found = await reader.referrers("app", DIGEST)
    assert (found.digests, found.supported) == (tuple(digests[:2]), True)
    assert problem in found.problem


async def test_referrers_api_that_has_answered_is_asked_again_after_a_404(registry: Hostile) -> None:
    entry = {"mediaType": content.OCI_MANIFEST, "digest": str(DIGEST), "size": 2}
    registry.answers[f"/v2/app/referrers/{DIGEST}"] = document({"manifests": [entry]})
    async with client(registry.url) as reader:
        for repository, digests in (("app", (DIGEST,)), ("other", ()), ("app", (DIGEST,))):
            found = await reader.referrers(repository, DIGEST)
            assert (found.digests, found.supported) == (digests, True)


async def test_referrers_api_is_probed_once_and_fallback_tags_used_from_then_on(registry: Hostile) -> None:
    index = {"schemaVersion": 2, "manifests": [{"digest": str(Digest.of(b"1")), "size": 1, "mediaType": "x"}]}
    tag = f"/v2/app/manifests/{str(DIGEST).replace(':', '-')}"
    registry.answers[tag] = plain(orjson.dumps(index), media_type=content.OCI_INDEX)
    async with client(registry.url) as reader:
        found = await reader.referrers("app", DIGEST)
        other = await reader.patient(1).referrers("app", Digest.of(b"other"))
    assert (found.digests, found.supported) == ((Digest.of(b"1"),), False)
    assert (other.digests, other.supported) == ((), False)
    assert sum("/referrers/" in path for path in registry.paths()) == 1


@pytest.mark.parametrize("prefix", ["/artifactory/api/docker/local", "artifactory/api/docker/local/"])
async def test_path_prefix_goes_before_v2_and_links_may_omit_it(registry: Hostile, prefix: str) -> None:
    base = "/artifactory/api/docker/local/v2/_catalog"
    registry.answers[base] = [
        document({"repositories": ["a"]}, Link='</v2/_catalog?last=a>; rel="next"'),
        document({"repositories": ["b"]}, Link=f'<{base}?last=b>; rel="next"'),
        document({"repositories": ["c"]}),
    ]
    async with client(registry.url, path_prefix=prefix) as reader:
        assert [name async for page in reader.catalog() for name in page.names] == ["a", "b", "c"]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_passing_trouble_is_tried_again(registry: Hostile, status: int) -> None:
    registry.answers["/v2/_catalog"] = [plain(status=status), plain(status=status), document({"repositories": []})]
    async with client(registry.url) as reader:
        await reader.catalog_page()
    assert len(registry.seen) == 3


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (400, "unsupported"),
        (403, "forbidden"),
        (404, "not_found"),
        (410, "unexpected_content"),
        (418, "unexpected_content"),
    ],
)
async def test_final_answers_are_not_asked_for_again(registry: Hostile, status: int, problem: str) -> None:
    registry.answers["/v2/app/manifests/1"] = plain(status=status)
    async with client(registry.url) as reader:
        with pytest.raises(RegistryError) as refused:
            await reader.get_manifest("app", "1")
    assert refused.value.problem == problem
    assert len(registry.seen) == 1


async def test_retries_stay_within_a_tenth_of_the_requests(registry: Hostile) -> None:
    registry.answers["/v2/_catalog"] = plain(status=500)
    async with client(registry.url) as reader:
        for _ in range(100):
            with pytest.raises(RegistryError):
                await reader.catalog_page()
    assert len(registry.seen) <= 100 + 10 + 12


async def test_registry_that_asks_to_wait_too_long_is_left_alone(registry: Hostile) -> None:
    registry.answers["/v2/_catalog"] = plain(status=429, Retry_After="3600")
    async with client(registry.url) as reader:
        for _ in range(3):
            with pytest.raises(RegistryError) as refused:
                await reader.catalog_page()
            assert refused.value.problem == "rate_limited"
            assert 890 < refused.value.retry_after_seconds <= 900
        assert 890 < reader.wait_seconds() <= 900
    assert len(registry.seen) == 1


async def test_patient_caller_waits_as_long_as_asked(registry: Hostile) -> None:
    registry.answers["/v2/_catalog"] = [plain(status=429, Retry_After="1"), document({"repositories": []})]
    async with client(registry.url) as reader:
        started = asyncio.get_running_loop().time()
        await reader.patient(10).catalog_page()
        assert asyncio.get_running_loop().time() - started >= 0.9


@pytest.mark.parametrize("value", ["soon", "-1", "", "1e3", "99999999999999999999", "Foo, 99 Bar 2026 99:99:99 GMT"])
async def test_garbage_in_retry_after_means_the_default_pause(registry: Hostile, value: str) -> None:
    registry.answers["/v2/_catalog"] = [plain(status=429, Retry_After=value), document({"repositories": []})]
    async with client(registry.url) as reader:
        await reader.catalog_page()
    assert len(registry.seen) == 2


def test_retry_after_is_read_in_both_forms_and_capped() -> None:
    now = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
    assert retry_after_seconds("7", now) == 7
    assert retry_after_seconds("3600", now) == 900
    assert retry_after_seconds("Tue, 24 Nov 2026 10:01:00 GMT", now) == 60
    assert retry_after_seconds("Tue, 24 Nov 2026 12:00:00 GMT", now) == 900
    assert retry_after_seconds("Tue, 24 Nov 2026 09:00:00 GMT", now) == 0


@given(st.text(max_size=60))
def test_any_retry_after_is_bounded(value: str) -> None:
    seconds = retry_after_seconds(value)
    assert seconds is None or 0 <= seconds <= 900


async def test_breaker_keeps_a_dead_registry_from_being_asked_and_lets_one_probe_through() -> None:
    limits = Limits(backoff_seconds=0.01, patience_seconds=0, breaker_threshold=3, breaker_seconds=0.3, attempts=1)
    async with hostile() as registry, client(registry.url, limits) as reader:
        for name in ("a", "b", "c"):
            registry.answers[f"/v2/{name}/tags/list"] = plain(status=500)
            with pytest.raises(RegistryError):
                await reader.tags_page(name)
        with pytest.raises(RegistryError) as refused:
            await reader.catalog_page()
        assert refused.value.problem == "unavailable"
        assert refused.value.retry_after_seconds > 0
        assert len(registry.seen) == 3
        registry.answers["/v2/_catalog"] = document({"repositories": []})
        await asyncio.gather(*(reader.patient(5).catalog_page() for _ in range(10)))
        assert reader.wait_seconds() == 0


async def test_no_more_requests_at_once_than_configured(registry: Hostile) -> None:
    running, most = 0, 0

    async def slow(_: web.Request) -> web.StreamResponse:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return web.json_response({"repositories": []})

    registry.answers["/v2/_catalog"] = slow
    async with client(registry.url, concurrency=3) as reader:
        await asyncio.gather(*(reader.catalog_page() for _ in range(30)))
    assert most == 3


async def test_registry_that_is_not_there_is_unavailable() -> None:
    async with client("http://127.0.0.1:1", HASTY) as reader:
        with pytest.raises(RegistryError) as refused:
            await reader.ping()
    assert refused.value.problem == "unavailable"
