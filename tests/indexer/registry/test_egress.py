"""What leaves, and to where: addresses, redirects, bounds of answers (E02, E03, E04, E10)."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from indexer.registry.addresses import is_public
from indexer.registry.egress import USER_AGENT, Egress
from regdex.digest import Digest
from regdex.errors import RegistryError
from regdex.settings import Registry
from tests.harness.certificates import make_certificate
from tests.harness.hostile import HASTY, client, document, hostile, plain, raw

BLOB = Digest.of(b"{}")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("64:ff9b::5db8:d822", True),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("172.16.3.4", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("192.0.0.8", False),
        ("192.88.99.1", False),
        ("198.18.0.1", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("::127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b:1::7f00:1", False),
        ("2002:7f00:1::", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("fec0::1", False),
        ("2001:db8::1", False),
    ],
)
def test_only_addresses_reachable_from_anywhere_are_public(address: str, expected: bool) -> None:
    assert is_public(address) is expected


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "0x7f.1",
        "2130706433",
        "localhost",
        "169.254.169.254",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "0.0.0.0",
    ],
)
async def test_redirect_to_an_inner_address_is_refused_at_connect(host: str) -> None:
    async with hostile() as registry:
        registry.answers[f"/v2/app/blobs/{BLOB}"] = plain(status=307, Location=f"http://{host}/secret")
        async with client(registry.url) as reader:
            with pytest.raises(RegistryError) as refused:
                await reader.get_blob("app", BLOB, max_bytes=100)
    # aiohttp itself knows a number to be no host.
    assert refused.value.problem == ("redirect_refused" if host.isdecimal() else "blob_host_not_allowed")


async def test_redirect_to_another_port_of_the_same_host_is_refused() -> None:
    async with hostile() as registry, hostile() as other:
        registry.answers[f"/v2/app/blobs/{BLOB}"] = plain(status=307, Location=f"{other.url}/secret")
        async with client(registry.url) as reader:
            with pytest.raises(RegistryError) as refused:
                await reader.get_blob("app", BLOB, max_bytes=100)
        assert other.seen == []
    assert refused.value.problem == "blob_host_not_allowed"


async def test_redirect_to_an_allowed_host_carries_nothing_of_ours(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter2")
    async with hostile() as registry, hostile() as store:

        async def blob(request: web.Request) -> web.StreamResponse:
            if "Authorization" not in request.headers:
                return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
            headers = {"Location": f"http://localhost:{store.port}/there?signed=1", "Set-Cookie": "a=b; Path=/"}
            return web.Response(status=307, headers=headers)

        registry.answers[f"/v2/app/blobs/{BLOB}"] = blob
        store.answers["/there"] = plain(b"{}")
        settings: dict[str, Any] = {
            "auth_hosts": ["localhost"],
            "username": "me",
            "password_file": tmp_path / "password",
        }
        async with client(registry.url, **settings) as reader:
            assert await reader.get_blob("app", BLOB, max_bytes=100) == b"{}"
        [seen] = store.seen
        assert seen.query == "signed=1"
        assert set(seen.headers) == {"Host", "User-Agent", "Accept", "Accept-Encoding"}
        assert seen.headers["User-Agent"] == USER_AGENT


async def test_redirect_within_the_registry_keeps_credentials(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter2")
    async with hostile() as registry:
        registry.answers["/v2/"] = [
            plain(status=401, WWW_Authenticate='Basic realm="x"'),
            plain(status=302, Location="/v2/else"),
        ]
        registry.answers["/v2/else"] = document({})
        async with client(registry.url, username="me", password_file=tmp_path / "password") as reader:
            await reader.ping()
        assert registry.seen[-1].headers["Authorization"].startswith("Basic ")


async def test_redirects_stop_at_the_third_hop() -> None:
    async with hostile() as registry:
        for hop in range(20):
            registry.answers[f"/hop{hop}"] = plain(status=302, Location=f"/hop{hop + 1}")
        registry.answers["/v2/"] = plain(status=302, Location="/hop0")
        async with client(registry.url) as reader:
            with pytest.raises(RegistryError) as refused:
                await reader.ping()
        assert len(registry.seen) == 4
    assert refused.value.problem == "redirect_refused"


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "http://me:secret@127.0.0.1/",
        "http://[::1",
        "http://",
        "//",
        "x://",
    ],
)
async def test_redirect_to_what_is_no_plain_url_is_refused(location: str) -> None:
    async with hostile() as registry:
        registry.answers["/v2/"] = plain(status=302, Location=location)
        async with client(registry.url) as reader:
            with pytest.raises(RegistryError) as refused:
                await reader.ping()
    assert refused.value.problem in ("redirect_refused", "address_not_allowed", "unexpected_content")


async def test_https_needs_a_known_ca_and_never_goes_on_in_http(tmp_path: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*await make_certificate(tmp_path))
    async with hostile() as plain_http:

        async def redirect(_: web.Request) -> web.StreamResponse:
            return web.Response(status=302, headers={"Location": f"{plain_http.url}/v2/"})

        application = web.Application()
        application.router.add_get("/v2/", redirect)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        url = f"https://localhost:{runner.addresses[0][1]}"
        host = f"127.0.0.1:{plain_http.port}"
        async with client(url) as stranger:
            with pytest.raises(RegistryError) as untrusted:
                await stranger.ping()
        async with client(url, ca_file=tmp_path / "ca.pem", auth_hosts=[host]) as reader:
            with pytest.raises(RegistryError) as refused:
                await reader.ping()
        await runner.cleanup()
        assert plain_http.seen == []
    assert untrusted.value.problem == "unavailable"
    assert refused.value.problem == "redirect_refused"


async def test_credentials_may_not_go_from_https_to_http() -> None:
    egress = Egress(Registry(name="prod", url="https://registry.example.com", auth_hosts=("auth.example.com",)))
    assert egress.may_authenticate(URL("https://registry.example.com/token"))
    assert egress.may_authenticate(URL("https://auth.example.com:8443/token"))
    assert not egress.may_authenticate(URL("http://auth.example.com/token"))
    assert not egress.may_authenticate(URL("https://registry.example.com.evil.example/token"))
    assert not egress.may_authenticate(URL("https://registry.example.com:444/token"))
    assert not egress.may_authenticate(URL("https://registry.example.com@evil.example/token"))
    assert not egress.may_authenticate(URL("file:///token"))


async def test_environment_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with hostile() as registry:
        registry.answers["/v2/"] = document({})
        async with client(registry.url) as reader:
            await reader.ping()


async def test_configured_proxy_is_used_and_inner_addresses_stay_refused() -> None:
    async with hostile() as proxy:
        proxy.answers["/v2/"] = [document({}), plain(status=302, Location="http://0x7f.1/")]
        async with client("http://registry.invalid", proxy=proxy.url) as reader:
            await reader.ping()
            with pytest.raises(RegistryError) as refused:
                await reader.ping()
        assert [seen.headers["Host"] for seen in proxy.seen] == ["registry.invalid", "registry.invalid"]
    assert refused.value.problem == "address_not_allowed"


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


async def test_gzip_bomb_is_cut_at_the_cap() -> None:
    async with hostile() as registry:

        async def bomb(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            response.enable_compression(web.ContentCoding.gzip)
            await response.prepare(request)
            for _ in range(300):
                await response.write(bytes(1024 * 1024))
            return response

        registry.answers[f"/v2/app/blobs/{BLOB}"] = bomb
        async with client(registry.url) as reader:
            with pytest.raises(RegistryError) as refused:
                await reader.get_blob("app", BLOB, max_bytes=4 * 1024 * 1024)
    assert refused.value.problem == "too_large"


async def test_declared_and_endless_bodies_are_cut_at_the_cap() -> None:
    async with (
        raw(OK + b"Content-Length: 999999999\r\n\r\n") as declared,
        raw(OK + b"Transfer-Encoding: chunked\r\n\r\n", endless=b"400\r\n" + bytes(1024) + b"\r\n") as endless,
    ):
        for url in (declared, endless):
            async with client(url) as reader:
                with pytest.raises(RegistryError) as refused:
                    await reader.get_blob("app", BLOB, max_bytes=100_000)
            assert refused.value.problem == "too_large"


@pytest.mark.parametrize(("pause_seconds", "endless"), [(0.1, b"1\r\nx\r\n"), (10, b"1\r\nx\r\n")])
async def test_dripping_and_standing_bodies_are_given_up(pause_seconds: float, endless: bytes) -> None:
    head = OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"
    async with raw(head, pause_seconds=pause_seconds, endless=endless) as url, client(url) as reader:
        async with asyncio.timeout(8):
            with pytest.raises(RegistryError) as refused:
                await reader.get_blob("app", BLOB, max_bytes=100_000)
    assert refused.value.problem == "too_slow"


async def test_no_answer_at_all_is_given_up_in_time() -> None:
    limits = HASTY.http
    async with raw(b"", pause_seconds=30) as url:
        egress = Egress(Registry(name="prod", url=url), limits)
        with pytest.raises(RegistryError) as refused:
            await egress.send("GET", URL(url), max_bytes=10, total_seconds=0.2)
        await egress.close()
    assert refused.value.problem == "unavailable"


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 100\r\n\r\n{",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"",
    ],
)
async def test_broken_off_answers_are_unavailable_after_retries(answer: bytes) -> None:
    async with raw(answer) as url, client(url) as reader:
        with pytest.raises(RegistryError) as refused:
            await reader.get_blob("app", BLOB, max_bytes=1000)
        assert refused.value.problem == "unavailable"
        assert reader.request_count == HASTY.attempts


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nbroken\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_what_is_not_http_is_unexpected(answer: bytes) -> None:
    async with raw(answer) as url, client(url) as reader:
        with pytest.raises(RegistryError) as refused:
            await reader.ping()
    assert refused.value.problem == "unexpected_content"


@pytest.mark.parametrize(
    ("url", "words"),
    [("http://127.0.0.1:9", "nothing answers at its address"), ("http://nowhere.invalid", "its host has no address")],
)
async def test_a_registry_that_cannot_be_reached_says_why(url: str, words: str) -> None:
    async with client(url) as reader:
        with pytest.raises(RegistryError, match=words) as refused:
            await reader.ping()
    assert refused.value.problem == "unavailable"


async def _tls_server(folder: Path) -> web.AppRunner:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*await make_certificate(folder))
    runner = web.AppRunner(web.Application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    return runner


async def test_wrong_scheme_and_untrusted_certificate_say_what_to_change(tmp_path: Path) -> None:
    runner = await _tls_server(tmp_path)
    async with hostile() as registry:
        async with client(f"http://127.0.0.1:{runner.addresses[0][1]}") as reader:
            with pytest.raises(RegistryError, match="begin the url with https://"):
                await reader.ping()
        for url, words in (
            (f"https://127.0.0.1:{registry.port}", "begin the url with http://"),
            (f"https://localhost:{runner.addresses[0][1]}", "is ca_file set"),
        ):
            async with client(url) as reader:
                with pytest.raises(RegistryError, match=words) as refused:
                    await reader.ping()
            assert refused.value.problem == "unavailable"
    await runner.cleanup()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
        b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
        b"<center>The plain HTTP request was sent to HTTPS port</center>",
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
        b"Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"\x15\x03\x03\x00\x02\x02\x0a",
        b"",
    ],
)
async def test_http_url_of_a_tls_port_says_what_to_change(answer: bytes) -> None:
    async with raw(answer) as url, client(url) as reader:
        with pytest.raises(RegistryError, match="begin the url with https://") as refused:
            await reader.catalog_page()
    assert refused.value.problem == "unavailable"


async def test_redirect_to_https_names_the_address(tmp_path: Path) -> None:
    async with hostile() as registry:
        registry.answers["/v2/_catalog"] = plain(status=301, Location="https://127.0.0.1:8443/v2/_catalog")
        async with client(registry.url) as reader:
            with pytest.raises(RegistryError, match=r"redirected to https://127\.0\.0\.1:8443"):
                await reader.catalog_page()


@pytest.mark.parametrize("location", ["https://registry.invalid", "//registry.invalid:8443", "http://127.0.0.1:1"])
async def test_redirect_to_a_host_that_does_not_answer_names_the_host(location: str) -> None:
    async with hostile() as registry:
        registry.answers["/v2/"] = plain(status=301, Location=f"{location}/v2/?key=hidden")
        async with client(registry.url, auth_hosts=["127.0.0.1:1"]) as reader:
            with pytest.raises(RegistryError, match="redirected to http") as refused:
                await reader.ping()
    assert location.removeprefix("//") in str(refused.value)
    assert "hidden" not in str(refused.value)
