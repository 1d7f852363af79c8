"""Webhooks as Distribution 3 sends them: one event per envelope, in order, each repeated until the answer is 2xx.

The queue is in memory and lost at a restart, as in Distribution. Source: distribution `notifications/`, docs
"Notifications".
"""

import asyncio
import uuid
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
import orjson

MEDIA_TYPE = "application/vnd.docker.distribution.events.v2+json"
MAX_WAITING = 100_000


@dataclass(frozen=True, slots=True)
class Request:
    """The fields of an event that describe the request which caused it."""

    method: str
    host: str
    address: str
    user_agent: str
    actor: str


@dataclass(slots=True)
class Notifications:
    """Sends events to `endpoint`, or none if it is empty. `source` is the registry's own address.

    Events of `ignored_media_types` are not sent: blobs, as in the webhook configuration that Regdex prints.
    """

    endpoint: str
    secret: str
    source: str = ""
    timeout_seconds: float = 1.0
    backoff_seconds: float = 1.0
    ignored_media_types: frozenset[str] = frozenset(("application/octet-stream",))
    instance: str = field(default_factory=lambda: str(uuid.uuid4()))
    _waiting: deque[bytes] = field(default_factory=lambda: deque(maxlen=MAX_WAITING))
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def announce(self, action: str, target: dict[str, object], request: Request) -> None:
        if not self.endpoint or target.get("mediaType") in self.ignored_media_types:
            return
        event = {
            "id": str(uuid.uuid4()),
            "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z",
            "action": action,
            "target": target,
            "request": {
                "id": str(uuid.uuid4()),
                "addr": request.address,
                "host": request.host,
                "method": request.method,
                "useragent": request.user_agent,
            },
            "actor": {"name": request.actor} if request.actor else {},
            "source": {"addr": self.source, "instanceID": self.instance},
        }
        self._waiting.append(orjson.dumps({"events": [event]}))
        self._more.set()

    async def run(self) -> None:
        """Send until cancelled."""
        headers = {"Content-Type": MEDIA_TYPE, "Authorization": f"Bearer {self.secret}", "User-Agent": "regdex-demo"}
        timeout = aiohttp.ClientTimeout(total=self.timeout_seconds)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            while True:
                await self._more.wait()
                self._more.clear()
                while self._waiting:
                    body = self._waiting[0]
                    if not await self._send(session, body):
                        await asyncio.sleep(self.backoff_seconds)
                    elif self._waiting and self._waiting[0] is body:
                        self._waiting.popleft()

    async def _send(self, session: aiohttp.ClientSession, body: bytes) -> bool:
        try:
            async with session.post(self.endpoint, data=body) as response:
                return response.ok
        except (aiohttp.ClientError, TimeoutError):
            return False
