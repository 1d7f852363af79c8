"""Tells public addresses from inner ones, and makes sockets that connect to public addresses only."""

import ipaddress
import socket
from contextvars import ContextVar

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NEVER = (
    ipaddress.ip_network("192.0.0.0/24"),  # protocol assignments; partly global for Python
    ipaddress.ip_network("192.88.99.0/24"),  # 6to4 relays
    ipaddress.ip_network("64:ff9b:1::/48"),  # NAT64 of private networks
    ipaddress.ip_network("fec0::/10"),  # site-local: deprecated, still in use
    ipaddress.ip_network("2001::/32"),  # Teredo: the client chooses the address inside
)
refused_addresses: ContextVar[list[str]] = ContextVar("refused_addresses")


def is_public(address: str) -> bool:
    """Return whether `address` is reachable from anywhere: not loopback, private, link-local, shared or reserved.

    Multicast is not public. IPv4 inside IPv6 (mapped, NAT64, 6to4) is judged by the IPv4 address; Teredo is never
    public.
    """
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(str(inner))
    denied = ip.is_private or ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_link_local
    return ip.is_global and not denied and not any(ip.version == net.version and ip in net for net in _NEVER)


def is_literal_of_inner_address(host: str) -> bool:
    """Return whether `host` is an address, in any spelling that a resolver takes, and not a public one."""
    try:
        address = str(ipaddress.ip_address(host))
    except ValueError:
        try:
            address = socket.inet_ntoa(socket.inet_aton(host))
        except (OSError, UnicodeEncodeError):
            return False
    return not is_public(address)


def public_socket(info: tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]) -> socket.socket:
    """Make the socket for a connection; OSError where the resolved address is not public.

    aiohttp calls this for every address that it is about to connect to. The address is added to `refused_addresses`,
    which the caller of aiohttp sets to a list before the request.
    """
    family, kind, protocol, _, address = info
    if not is_public(address[0]):
        refused_addresses.get().append(address[0])
        raise OSError("address not allowed")
    return socket.socket(family, kind, protocol)
