"""A registry in the catalog, and a receiver on a port of its own in front of a real inbox."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest_asyncio

from indexer.kinds.distribution import Distribution
from indexer.kinds.verification import Presented, has_path_secret, has_signature
from indexer.receiving.endpoints import Endpoint, SecretFile, by_name
from indexer.receiving.intake import Intake
from indexer.receiving.receiver import Receiver, ReceiverServer
from regdex.database import Pool
from tests.harness import wire

SECRET = "correct-horse-battery"
MAX_BODY_BYTES = 64 * 1024
SIGNATURE = "X-Signed-Signature"


@dataclass(slots=True)
class Port:
    """A running receiver: where it listens, and where its secret is."""

    number: int
    secret_file: Path
    intake: Intake

    async def post(
        self, body: bytes = b"{}", *headers: tuple[str, str], path: str = "/webhooks/prod", secret: str = SECRET
    ) -> wire.Answer:
        authorization = [("Authorization", f"Bearer {secret}")] if secret else []
        answer = await wire.send(self.number, wire.request("POST", path, body, *authorization, *headers))
        assert answer is not None
        return answer


@pytest_asyncio.fixture
async def registry_id(db: Pool) -> int:
    """Number of the registry `prod`."""
    number: int = await db.fetchval(
        """
        INSERT INTO registry (name, kind, url, hosts)
        VALUES ('prod', 'distribution', 'http://registry.example.com:5000', '{registry.example.com:5000}')
        RETURNING id
        """
    )
    return number


class Signed(Distribution):
    """A kind whose senders sign the body."""

    kept_headers = frozenset({"x-signed-delivery"})
    signs_body = True

    def verify(self, presented: Presented, secrets: Sequence[bytes]) -> bool:
        return has_signature(presented, secrets, header=SIGNATURE, algorithm="sha256", prefix="sha256=")


class Hooked(Distribution):
    """A kind whose senders can say nothing but a URL."""

    takes_path_secret = True

    def verify(self, presented: Presented, secrets: Sequence[bytes]) -> bool:
        return has_path_secret(presented, secrets)


def signature(body: bytes, secret: str = SECRET) -> tuple[str, str]:
    """The header by which `Signed` is convinced."""
    return SIGNATURE, "sha256=" + hmac.new(secret.encode(), body, "sha256").hexdigest()


@pytest_asyncio.fixture
async def port(db: Pool, registry_id: int, tmp_path: Path) -> AsyncIterator[Port]:
    """The receiver of `prod`, of `idle`, which is paused, and of `signed` and `hooked`, which are of other kinds."""
    secret_file = tmp_path / "secret"
    secret_file.write_text(f"{SECRET}\n")
    secret = SecretFile(secret_file)
    intake = Intake(db, max_waiting=1000)
    endpoints = by_name(
        [
            Endpoint("prod", registry_id, Distribution(), secret),
            Endpoint("idle", registry_id, Distribution(), secret, paused=True),
            Endpoint("signed", registry_id, Signed(), secret),
            Endpoint("hooked", registry_id, Hooked(), secret),
        ]
    )
    server = ReceiverServer(
        Receiver(intake, endpoints, max_body_bytes=MAX_BODY_BYTES),
        host="127.0.0.1",
        port=0,
        max_body_bytes=MAX_BODY_BYTES,
    )
    writing = asyncio.create_task(intake.run())
    await server.start()
    yield Port(server.port, secret_file, intake)
    await server.stop()
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
