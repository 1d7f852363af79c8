"""A registry's notifier: sends each delivery again and again until it is accepted."""

import asyncio

import aiohttp

TIMEOUT = aiohttp.ClientTimeout(total=1.0)
AGAIN_SECONDS = 0.05


async def send_all(url: str, secret: str, bodies: list[bytes], *, connections: int, seconds: float) -> int:
    """Have all accepted, spread over about `seconds`; returns how often one had to be sent again."""
    pace = seconds * connections / len(bodies)
    repeats = 0
    queue = iter(bodies)

    async def send(session: aiohttp.ClientSession) -> None:
        nonlocal repeats
        for body in queue:
            while not await _is_accepted(session, url, body):
                repeats += 1
                await asyncio.sleep(AGAIN_SECONDS)
            await asyncio.sleep(pace)

    headers = {
        "Authorization": f"Bearer {secret}",
        "Content-Type": "application/vnd.docker.distribution.events.v2+json",
    }
    async with aiohttp.ClientSession(timeout=TIMEOUT, headers=headers) as session, asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(send(session))
    return repeats


async def _is_accepted(session: aiohttp.ClientSession, url: str, body: bytes) -> bool:
    try:
        async with session.post(url, data=body) as response:
            await response.read()
            return response.status == 202
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False
