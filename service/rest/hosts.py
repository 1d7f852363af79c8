"""Reads the Host and Authorization headers."""

import ipaddress
import re
from functools import lru_cache

from aiohttp import hdrs, web

_WITH_PORT = re.compile(r"(.*):([0-9]{1,5})", re.DOTALL)


def credentials_of(request: web.BaseRequest) -> str | None:
    """Return the value of `Authorization`: None without one; "", which authenticates nobody, if there are several."""
    credentials = request.headers.getall(hdrs.AUTHORIZATION, ())
    return credentials[0] if len(credentials) == 1 else "" if credentials else None


@lru_cache(maxsize=256)
def names_this_machine(host: str) -> bool:
    """Whether a Host header names this machine by a loopback name or address."""
    name = _split(host)[0].strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def names_other_port(request: web.BaseRequest) -> bool:
    """Whether the Host header names another port than the one that received the request.

    Browsers name the port that they connect to, and DNS rebinding changes only the address behind a host name. So such
    a request comes from a proxy that forwards its clients' Host, or from a program, but not from a web page.
    """
    if request.transport is None:
        return False
    own: int = request.transport.get_extra_info("sockname")[1]
    port = _split(request.headers.get(hdrs.HOST, ""))[1] or ("443" if request.secure else "80")
    return int(port) != own


def _split(host: str) -> tuple[str, str]:
    """Return name and port; the port may be empty."""
    match = _WITH_PORT.fullmatch(host)
    return (match[1], match[2]) if match else (host, "")
