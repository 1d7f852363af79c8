"""The REST port: listening, TLS and shutdown."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from regdex.errors import Misconfigured
from regdex.network.guard import GuardedServer
from regdex.settings import split_address
from service.rest.api import MAX_BODY_BYTES, Api

MAX_REQUEST_BYTES = 2 * MAX_BODY_BYTES
STOP_SECONDS = 10.0


@asynccontextmanager
async def listening(
    api: Api, listen: str, *, tls: ssl.SSLContext | None = None, reuse_port: bool = False
) -> AsyncIterator[str]:
    """Serve at `listen` until the context exits, then wait for running requests. Yield the bound address."""
    runner = web.ServerRunner(
        GuardedServer(api.answer, max_request_bytes=MAX_REQUEST_BYTES), shutdown_timeout=STOP_SECONDS
    )
    await runner.setup()
    try:
        host, port = split_address(listen)
        try:
            await web.TCPSite(runner, host, port, ssl_context=tls, reuse_port=reuse_port or None).start()
        except OSError as error:
            raise Misconfigured(f"rest.listen: cannot listen on {listen}: {error.strerror}") from error
        yield f"{f'[{host}]' if ':' in host else host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def tls_context(section: str, cert_file: Path | None, key_file: Path | None) -> ssl.SSLContext | None:
    """Return a context for TLS 1.2 or newer; None without a certificate. Raise Misconfigured for unusable files."""
    if cert_file is None and key_file is None:
        return None
    if cert_file is None or key_file is None:
        raise Misconfigured(f"{section}: set both cert_file and key_file, or neither")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert_file, key_file)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(f"{section}: cannot use cert_file and key_file: {error}") from error
    return context
