"""The webhook port over real sockets, in front of a real inbox (B01, B02, B05, B12)."""

import asyncio
import base64
import gzip
import zlib

import pytest

from regdex.database import Pool
from tests.harness import wire
from tests.indexer.conftest import MAX_BODY_BYTES, SECRET, SIGNATURE, Port, signature

BODY = b'{"events": []}'
BEARER = ("Authorization", f"Bearer {SECRET}")


async def inbox_bodies(db: Pool) -> list[bytes]:
    return [row["body"] for row in await db.fetch("SELECT body FROM inbox ORDER BY id")]


async def test_delivery_is_in_the_inbox_when_it_is_accepted(port: Port, db: Pool, registry_id: int) -> None:
    answer = await port.post(
        BODY,
        ("Content-Type", "application/vnd.docker.distribution.events.v2+json"),
        ("User-Agent", "Go-http-client/1.1"),
    )

    assert answer.status == 202
    row = await db.fetchrow("SELECT registry_id, headers, body, attempts, received_at FROM inbox")
    assert row is not None
    assert (row["registry_id"], row["body"], row["attempts"]) == (registry_id, BODY, 0)
    assert row["headers"] == {
        "content-type": "application/vnd.docker.distribution.events.v2+json",
        "user-agent": "Go-http-client/1.1",
    }


async def test_only_headers_that_the_kind_wants_are_kept(port: Port, db: Pool) -> None:
    await port.post(
        BODY,
        signature(BODY),
        ("X-Signed-Delivery", "72d3162e"),
        ("ce-id", "1"),
        ("Cookie", "session=1"),
        ("X-Api-Key", "k"),
        ("X-Forwarded-For", "10.0.0.1"),
        path="/webhooks/signed",
        secret="",
    )

    assert await db.fetchval("SELECT headers FROM inbox") == {"x-signed-delivery": "72d3162e"}


async def test_signature_is_of_the_body_as_it_was_sent(port: Port, db: Pool) -> None:
    compressed = gzip.compress(BODY)
    plain = await port.post(BODY, signature(BODY), path="/webhooks/signed", secret="")
    wrapped = await port.post(
        compressed, signature(compressed), ("Content-Encoding", "gzip"), path="/webhooks/signed", secret=""
    )

    assert (plain.status, wrapped.status) == (202, 202)
    assert await inbox_bodies(db) == [BODY, BODY]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [signature(b"another body")],
        [signature(BODY, "another secret")],
        [signature(BODY), signature(BODY)],
        [(SIGNATURE, signature(BODY)[1].removeprefix("sha256="))],
        [(SIGNATURE, "sha256=")],
        [BEARER],
    ],
)
async def test_body_without_its_signature_is_refused(port: Port, db: Pool, headers: list[tuple[str, str]]) -> None:
    answer = await port.post(BODY, *headers, path="/webhooks/signed", secret="")

    assert answer.status == 401
    assert await inbox_bodies(db) == []


async def test_signed_body_that_is_too_large_is_refused_for_its_size(port: Port) -> None:
    large = b"x" * (MAX_BODY_BYTES + 1)

    assert (await port.post(large, signature(large), path="/webhooks/signed", secret="")).status == 413


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/webhooks/hooked/{SECRET}", 202),
        (f"/webhooks/hooked/{SECRET}/", 401),
        ("/webhooks/hooked/wrong", 401),
        ("/webhooks/hooked/", 401),
        ("/webhooks/hooked", 401),
        (f"/webhooks/hooked?{SECRET}", 401),
    ],
)
async def test_secret_in_the_path_is_taken_where_the_kind_can_say_nothing_else(
    port: Port, db: Pool, path: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await port.post(BODY, path=path, secret="")

    assert answer.status == status
    assert len(await inbox_bodies(db)) == (status == 202)
    assert SECRET not in "".join(capsys.readouterr()) + answer.body.decode()


async def test_stranger_cannot_make_the_receiver_read_a_body_where_the_head_has_to_prove_it(port: Port) -> None:
    head = wire.request("POST", "/webhooks/prod", b"", ("Content-Length", str(MAX_BODY_BYTES)))

    answer = await wire.send(port.number, head)

    assert answer is not None
    assert answer.status == 401


@pytest.mark.parametrize("body", [b"", b"\x00\xff not json", b"[" * 5000], ids=["empty", "binary", "deep"])
async def test_content_is_never_judged(port: Port, db: Pool, body: bytes) -> None:
    assert (await port.post(body)).status == 202
    assert await inbox_bodies(db) == [body]


@pytest.mark.parametrize(
    "value",
    [
        f"Bearer {SECRET}",
        f"bearer {SECRET}",
        f"Bearer   {SECRET}",
        SECRET,
        "Basic " + base64.b64encode(f"registry:{SECRET}".encode()).decode(),
    ],
)
async def test_secret_in_the_authorization_header_is_accepted(port: Port, value: str) -> None:
    assert (await port.post(BODY, ("Authorization", value), secret="")).status == 202


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer wrong",
        f"Bearer {SECRET}x",
        f"Bearer {SECRET[:-1]}",
        f"Bearer {SECRET.upper()}",
        f"Token {SECRET}",
        "Bearer sécret",
        "\xff\xfe\xfd",
        "Basic !!!",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(f"{SECRET}:x".encode()).decode(),
        "Bearer " + "x" * 8000,
    ],
)
async def test_wrong_secret_is_refused_and_nothing_stored(port: Port, db: Pool, value: str) -> None:
    answer = await port.post(BODY, ("Authorization", value), secret="")

    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert await inbox_bodies(db) == []


async def test_missing_secret_is_refused(port: Port) -> None:
    assert (await port.post(BODY, secret="")).status == 401


async def test_two_authorization_headers_are_refused(port: Port) -> None:
    assert (await port.post(BODY, ("Authorization", "Bearer other"))).status == 401


@pytest.mark.parametrize("name", ["secret", "token", "password", "authorization"])
async def test_secret_in_the_query_is_refused_and_not_repeated(port: Port, name: str) -> None:
    answer = await port.post(BODY, path=f"/webhooks/prod?{name}={SECRET}", secret="")

    assert answer.status == 401
    assert SECRET.encode() not in answer.body


async def test_registry_that_is_not_configured_is_not_found_with_or_without_a_secret(port: Port) -> None:
    assert (await port.post(BODY, path="/webhooks/other")).status == 404
    assert (await port.post(BODY, path="/webhooks/other", secret="")).status == 404
    assert (await port.post(BODY, path="/webhooks/")).status == 404
    assert (await port.post(BODY, path="/webhooks/prod/x")).status == 404


async def test_paused_registry_is_answered_and_its_deliveries_dropped(port: Port, db: Pool) -> None:
    assert (await port.post(BODY, path="/webhooks/idle")).status == 202
    assert await inbox_bodies(db) == []


async def test_body_of_the_allowed_size_is_accepted_and_one_byte_more_is_not(port: Port, db: Pool) -> None:
    assert (await port.post(b"x" * MAX_BODY_BYTES)).status == 202
    assert (await port.post(b"x" * (MAX_BODY_BYTES + 1))).status == 413
    assert [len(body) for body in await inbox_bodies(db)] == [MAX_BODY_BYTES]


async def test_too_large_a_body_is_refused_before_it_is_sent(port: Port) -> None:
    head = wire.request("POST", "/webhooks/prod", b"", BEARER, ("Content-Length", str(10**9)))

    answer = await wire.send(port.number, head)

    assert answer is not None
    assert (answer.status, answer.closed) == (413, True)


async def test_chunked_body_is_cut_off_at_the_allowed_size(port: Port, db: Pool) -> None:
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"

    answer = await wire.send(
        port.number, wire.request("POST", "/webhooks/prod", chunk * 4, BEARER, ("Transfer-Encoding", "chunked"))
    )

    assert answer is not None
    assert answer.status == 413
    assert await inbox_bodies(db) == []


async def test_chunked_body_is_accepted(port: Port, db: Pool) -> None:
    chunks = b"".join(b"1\r\n" + BODY[at : at + 1] + b"\r\n" for at in range(len(BODY))) + b"0\r\n\r\n"

    answer = await wire.send(
        port.number, wire.request("POST", "/webhooks/prod", chunks, BEARER, ("Transfer-Encoding", "chunked"))
    )

    assert answer is not None
    assert answer.status == 202
    assert await inbox_bodies(db) == [BODY]


@pytest.mark.parametrize(("content_length", "body"), [("4", b"{}"), ("100000", b"x" * 90000)])
async def test_body_shorter_than_its_length_is_not_stored(
    port: Port, db: Pool, content_length: str, body: bytes
) -> None:
    data = wire.request("POST", "/webhooks/prod", body, BEARER, ("Content-Length", content_length))

    answer = await wire.send(port.number, data, end=True)

    assert answer is None or answer.status in (400, 413)
    assert await inbox_bodies(db) == []


async def test_body_that_never_ends_times_out(port: Port, db: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.receiving.receiver.BODY_SECONDS", 0.2)
    data = wire.request("POST", "/webhooks/prod", b"5\r\nhello\r\n", BEARER, ("Transfer-Encoding", "chunked"))

    answer = await wire.send(port.number, data)

    assert answer is not None
    assert (answer.status, answer.closed) == (408, True)
    assert await inbox_bodies(db) == []


async def test_body_longer_than_its_length_is_not_stored(port: Port, db: Pool) -> None:
    data = wire.request("POST", "/webhooks/prod", b'{"events": []}garbage', BEARER, ("Content-Length", "14"))

    answer = await wire.send(port.number, data)

    assert answer is not None
    assert answer.status == 400
    assert await inbox_bodies(db) == []


async def test_sender_that_waits_for_permission_is_told_to_go_on(port: Port) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
    writer.write(
        wire.request("POST", "/webhooks/prod", b"", BEARER, ("Expect", "100-continue"), ("Content-Length", "14"))
    )
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(BODY)
    answer = await wire.read_answer(reader)
    writer.close()

    assert answer is not None
    assert answer.status == 202


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "GZip", "identity"])
async def test_compressed_body_is_stored_plain(port: Port, db: Pool, encoding: str) -> None:
    compressed = {"deflate": zlib.compress(BODY), "identity": BODY}.get(encoding, gzip.compress(BODY))

    assert (await port.post(compressed, ("Content-Encoding", encoding))).status == 202
    assert await inbox_bodies(db) == [BODY]


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress", "nonsense"])
async def test_other_encodings_are_refused(port: Port, encoding: str) -> None:
    assert (await port.post(gzip.compress(gzip.compress(BODY)), ("Content-Encoding", encoding))).status == 415


async def test_only_one_layer_of_compression_is_undone(port: Port, db: Pool) -> None:
    once = gzip.compress(BODY)

    assert (await port.post(gzip.compress(once), ("Content-Encoding", "gzip"))).status == 202
    assert await inbox_bodies(db) == [once]


@pytest.mark.parametrize(
    "body", [b"not gzip", gzip.compress(BODY)[:-3], gzip.compress(BODY) + b"more", gzip.compress(BODY)[:10], b""]
)
async def test_broken_compression_is_refused(port: Port, db: Pool, body: bytes) -> None:
    assert (await port.post(body, ("Content-Encoding", "gzip"))).status == 400
    assert await inbox_bodies(db) == []


async def test_compressed_bomb_is_refused(port: Port, db: Pool) -> None:
    bomb = gzip.compress(bytes(40 * 1024 * 1024))
    assert len(bomb) < MAX_BODY_BYTES

    assert (await port.post(bomb, ("Content-Encoding", "gzip"))).status == 413
    assert await inbox_bodies(db) == []


@pytest.mark.parametrize("method", ["GET", "PUT", "TRACE", "OPTIONS", "DELETE", "PATCH"])
async def test_only_post_is_allowed(port: Port, db: Pool, method: str) -> None:
    answer = await wire.send(port.number, wire.request(method, "/webhooks/prod", b"", BEARER))

    assert answer is not None
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


async def test_method_override_is_ignored(port: Port, db: Pool) -> None:
    answer = await wire.send(
        port.number, wire.request("GET", "/webhooks/prod", b"", BEARER, ("X-HTTP-Method-Override", "POST"))
    )

    assert answer is not None
    assert answer.status == 405


async def test_health_is_answered_while_the_database_is_away(port: Port, db: Pool) -> None:
    await db.expire_connections()
    answer = await wire.send(port.number, wire.request("GET", "/healthz"))

    assert answer is not None
    assert (answer.status, answer.body) == (200, b"ok\n")


async def test_connection_is_kept_for_the_next_delivery(port: Port, db: Pool) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
    statuses = []
    for number in range(3):
        writer.write(wire.request("POST", "/webhooks/prod", b"%d" % number, BEARER))
        answer = await wire.read_answer(reader)
        assert answer is not None
        statuses.append(answer.status)
    writer.close()

    assert statuses == [202, 202, 202]
    assert await inbox_bodies(db) == [b"0", b"1", b"2"]


async def test_thousand_equal_deliveries_at_once_are_all_accepted_and_all_stored(port: Port, db: Pool) -> None:
    data = wire.request("POST", "/webhooks/prod", BODY, BEARER)

    async def deliver(times: int) -> list[int]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
        statuses = []
        for _ in range(times):
            writer.write(data)
            answer = await wire.read_answer(reader)
            assert answer is not None
            statuses.append(answer.status)
        writer.close()
        return statuses

    statuses = await asyncio.gather(*(deliver(10) for _ in range(100)))

    assert [status for one in statuses for status in one] == [202] * 1000
    assert await db.fetchval("SELECT count(*) FROM inbox") == 1000
