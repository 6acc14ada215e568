"""One POST request to an address that a rule file names: with limits, and never into a private network.

The name is resolved once, every address that it has must be public or in an allowed network, and the connection goes to
that address: a name that resolves differently a moment later (DNS rebinding) leads nowhere else. Redirects are not
followed, proxies of the environment not used, and the reply is read up to a limit.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from regulars.core import extras
from regulars.core.settings import Network

if TYPE_CHECKING:
    import httpx

TIMEOUT = 10.0
"""Seconds for the whole request: name, connection, TLS, and reply."""
MOST_REPLY = 16_000
"""Bytes of a reply that are read."""
_LONGEST_WORDS = 200
_TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
"""IPv6 networks whose addresses stand for IPv4 addresses: NAT64, 6to4, Teredo."""
_ONCE_MORE = "; redirects are not followed: name the final address"


class Refused(Exception):
    """The address must not be used; the words say why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply: its status, None without one; what went wrong in words; and for how many seconds it asks to wait."""

    status: int | None
    words: str
    retry_after: float | None = None

    @property
    def accepted(self) -> bool:
        """Whether the receiver has the message."""
        return self.status is not None and 200 <= self.status < 300


def client() -> httpx.AsyncClient:
    """A client for `post`. Raises EnvironmentFailed where the extra `http` is not installed."""
    extras.require("http", "the section `notify`, which")
    import httpx

    limits = httpx.Limits(max_connections=20, max_keepalive_connections=10)
    return httpx.AsyncClient(
        verify=ssl.create_default_context(), trust_env=False, follow_redirects=False, limits=limits, timeout=TIMEOUT
    )


async def post(
    over: httpx.AsyncClient, url: str, headers: Mapping[str, str], body: bytes, allowed: Sequence[Network] = ()
) -> Answer:
    """Posts the body; never raises for what the receiver or the network does."""
    import httpx

    try:
        async with asyncio.timeout(TIMEOUT):
            address = await _address(url, allowed)
            return await _post(over, url, address, headers, body)
    except TimeoutError:
        return Answer(None, f"no answer within {TIMEOUT:g} s")
    except Refused as error:
        return Answer(None, str(error))
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
        return Answer(None, (str(error) or type(error).__name__)[:_LONGEST_WORDS])


async def _post(over: httpx.AsyncClient, url: str, address: str, headers: Mapping[str, str], body: bytes) -> Answer:
    parts = urlsplit(url)
    host = f"[{address}]" if ":" in address else address
    port = f":{parts.port}" if parts.port else ""
    pinned = urlunsplit((parts.scheme, host + port, parts.path or "/", parts.query, ""))
    given = {**headers, "host": parts.netloc, "content-type": "application/json", "user-agent": "Regulars"}
    request = over.build_request(
        "POST", pinned, headers=given, content=body, extensions={"sni_hostname": parts.hostname or ""}
    )
    reply = await over.send(request, stream=True)
    try:
        text = await _beginning(reply)
    finally:
        await reply.aclose()
    if 200 <= reply.status_code < 300:
        return Answer(reply.status_code, "")
    hint = _ONCE_MORE if 300 <= reply.status_code < 400 else ""
    words = f"{reply.status_code} {reply.reason_phrase}{hint}{': ' + text if text and not hint else ''}"
    return Answer(reply.status_code, words[:_LONGEST_WORDS], _seconds(reply.headers.get("retry-after")))


async def _beginning(reply: httpx.Response) -> str:
    """The beginning of the reply in one line. The rest is not read: it may have no end."""
    read = b""
    async for piece in reply.aiter_raw():
        read += piece[: MOST_REPLY - len(read)]
        if len(read) >= MOST_REPLY:
            break
    text = read[: 4 * _LONGEST_WORDS].decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()


def _seconds(value: str | None) -> float | None:
    return float(value) if value is not None and value.isascii() and value.isdigit() and len(value) < 7 else None


async def _address(url: str, allowed: Sequence[Network]) -> str:
    """The IP address to connect to. Raises Refused, and OSError for a name without one."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    addresses = [str(one[4][0]) for one in found]
    for address in addresses:
        require_usable(address, parts.scheme, allowed)
    return addresses[0]


def require_usable(address: str, scheme: str, allowed: Sequence[Network]) -> None:
    """Raises Refused unless the address is public and the scheme `https`, or the address in an allowed network."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if any(ip.version == network.version and ip in network for network in allowed):
        return
    translated = any(ip.version == network.version and ip in network for network in _TRANSLATED)
    if not ip.is_global or ip.is_multicast or translated:
        raise Refused(f"{ip} is not a public address; REGULARS_WEBHOOK_NETWORKS can allow its network")
    if scheme != "https":
        raise Refused("only https:// leaves the networks in REGULARS_WEBHOOK_NETWORKS")
