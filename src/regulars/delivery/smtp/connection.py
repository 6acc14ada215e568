"""Opening a session: connect, EHLO, TLS and login with aiosmtplib, then take over its connection.

STARTTLS is never skipped because a server does not offer it, and certificates are checked unless the URL
says otherwise.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
from dataclasses import replace
from functools import cache
from typing import cast

import aiosmtplib

from regulars.core.outage_cause import OutageCause
from regulars.delivery.smtp.envelope import Server
from regulars.delivery.smtp.provider import Provider
from regulars.delivery.smtp.replies import clean
from regulars.delivery.smtp.session import Session
from regulars.delivery.transport import Outage, tls_cause

NO_STARTTLS = (
    "it offers no STARTTLS, and nothing is sent without; `tls=tls` in its URL is for a port with TLS from the first"
    " byte, and `tls=none` lets everybody on the way read the messages"
)


class Unreachable(Exception):
    """No session could be opened; with the reason of the outage. Never contains a secret."""

    def __init__(self, outage: Outage) -> None:
        self.outage = outage
        super().__init__(str(outage))


class _StarttlsRefused(aiosmtplib.SMTPResponseException):
    """The server offers STARTTLS, and refuses it."""


async def connect(provider: Provider, *, pipelining: bool = True) -> Session:
    """A session ready for messages, without pipelining if the argument or the URL says so.

    Raises Unreachable.
    """
    client = aiosmtplib.SMTP(
        hostname=provider.host,
        port=provider.port,
        local_hostname=provider.helo or "localhost",
        timeout=provider.timeout,
        use_tls=provider.tls == "tls",
        start_tls=False,
        validate_certs=provider.verify,
    )
    try:
        await _handshake(client, provider)
    except aiosmtplib.SMTPResponseException as error:
        client.close()
        code = error.code if 400 <= error.code < 600 else None  # aiosmtplib's -1: not a reply at all
        answer = f"it answered {code or ''} {error.message}"
        raise Unreachable(Outage(provider.server, _safe(answer, provider), code, cause=_cause(error))) from None
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        client.close()
        raise Unreachable(Outage(provider.server, _safe(_reason(error), provider), cause=_cause(error))) from None
    except BaseException:
        client.close()
        raise
    # A cast, since uvloop's transports are not classes of asyncio's.
    transport = cast("asyncio.Transport | None", client.transport)
    if transport is None or not client.is_connected:
        raise Unreachable(Outage(provider.server, "the connection was lost"))
    offered = replace(capabilities(client, pipelining=pipelining and provider.pipelining), name=provider.server)
    session = Session(transport, offered, limit=provider.per_connection, timeout=provider.timeout)
    transport.set_protocol(session)
    return session


async def _handshake(client: aiosmtplib.SMTP, provider: Provider) -> None:
    await client.connect()
    if provider.helo is None:
        client.local_hostname = await _own_name(client)
    if provider.tls == "starttls":
        try:
            await client.starttls()
        except aiosmtplib.SMTPResponseException as error:
            raise _StarttlsRefused(error.code, error.message) from None
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError as error:
        if error.code not in {500, 502, 504}:
            raise
        await client.helo()
    if provider.user is not None and provider.password is not None:
        await client.login(provider.user, provider.password)


def capabilities(client: aiosmtplib.SMTP, *, pipelining: bool) -> Server:
    """The extensions of the server's EHLO that are used here."""
    size = client.esmtp_extensions.get("size", "").strip()
    return Server(
        pipelining=pipelining and client.supports_extension("pipelining"),
        eight_bit=client.supports_extension("8bitmime"),
        smtputf8=client.supports_extension("smtputf8"),
        declares_size=client.supports_extension("size"),
        size=int(size) if size.isascii() and size.isdigit() and len(size) < 19 else 0,
    )


async def _own_name(client: aiosmtplib.SMTP) -> str:
    """The machine's full name, or its address literal (RFC 5321, 4.1.3) when it has none."""
    name = await asyncio.to_thread(_full_name)
    if "." in name and name.isascii() and name.isprintable() and " " not in name:
        return name
    own = client.get_transport_info("sockname")
    try:
        address = ipaddress.ip_address(str(own[0]).partition("%")[0])
    except (ValueError, TypeError, IndexError):
        return "localhost"
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"


@cache
def _full_name() -> str:
    """Cached: it may query a slow name server."""
    return socket.getfqdn()


def _reason(error: Exception) -> str:
    """The library's message; ours where it does not help, and the error class where it has none."""
    if type(error) is aiosmtplib.SMTPException and "STARTTLS extension" in str(error):
        return NO_STARTTLS
    return str(error) or type(error).__name__


def _cause(error: Exception) -> OutageCause:
    match error:
        case aiosmtplib.SMTPAuthenticationError():
            return OutageCause.LOGIN if error.code >= 500 else OutageCause.AWAY
        case _StarttlsRefused():
            return OutageCause.TLS
        case aiosmtplib.SMTPException() if type(error) is aiosmtplib.SMTPException:
            words = str(error)
            if "STARTTLS extension" in words:
                return OutageCause.NO_STARTTLS
            return OutageCause.LOGIN if "AUTH" in words else OutageCause.AWAY
    return tls_cause(error) or OutageCause.AWAY


def _safe(text: str, provider: Provider) -> str:
    """The text without the password, in case a server or a library repeats it in any form."""
    if provider.password:
        user, password = (provider.user or "").encode(), provider.password.encode()
        plain = base64.b64encode(b"\0" + user + b"\0" + password).decode()
        for secret in (plain, base64.b64encode(password).decode(), provider.password):
            text = text.replace(secret, "(hidden)")
    return clean(text)
