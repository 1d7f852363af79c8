"""A running service on a fresh database, and clients for both of its transports."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from regdex.database import Pool
from regdex.settings import Grpc, Rest, Settings
from service.process import Addresses, serving
from tests.service.asking import Asker, RestAsker, RpcAsker
from tests.service.seed import Seed

LOCAL = Settings(rest=Rest(listen="127.0.0.1:0"), grpc=Grpc(listen="127.0.0.1:0"))


@pytest.fixture
def seed(db: Pool) -> Seed:
    """Writes rows into the test's database."""
    return Seed(db)


@pytest_asyncio.fixture
async def service(db: Pool) -> AsyncIterator[Addresses]:
    """The service without keys, on loopback."""
    async with serving(LOCAL, db, None) as addresses:
        yield addresses


@pytest.fixture(params=["rest", "grpc"])
def asker(request: pytest.FixtureRequest, service: Addresses) -> Asker:
    """Each test that takes it runs over both transports."""
    return RestAsker(service.rest) if request.param == "rest" else RpcAsker(service.grpc)
