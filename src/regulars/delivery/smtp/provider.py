"""The mail server of a workspace, parsed from its URL. A password never appears, not even in an error."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn, TypeVar
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from regulars.core.errors import EnvironmentFailed

_T = TypeVar("_T")
_TLS = ("none", "starttls", "tls")
_KNOWN = ("tls", "connections", "per_connection", "rate", "timeout", "pipelining", "verify", "helo")


@dataclass(frozen=True, slots=True)
class Provider:
    """One server and its connection options.

    `per_connection` is how many messages one connection carries before a new one is opened, `rate` the
    maximum messages per second (None: no limit), `timeout` the seconds to wait for any one
    reply (four times as long for the reply to a body, which may be scanned first). `pipelining` False means
    one command per round trip even where the server offers PIPELINING. `verify` False accepts any certificate.
    `helo` is the EHLO name; None means the host name.
    """

    name: str
    host: str
    port: int
    tls: str = "none"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    connections: int = 4
    per_connection: int = 1000
    rate: float | None = None
    timeout: float = 30.0
    pipelining: bool = True
    verify: bool = True
    helo: str | None = None

    @property
    def server(self) -> str:
        """`host:port`, for people to read."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @classmethod
    def parse(cls, url: str, name: str = "default") -> Provider:
        """The provider that `smtp://user:pass@host:587/?tls=starttls&connections=4` describes.

        `smtps://` is TLS from the first byte. Without `tls=`, a server on this machine is used without
        TLS, and any other must offer STARTTLS. Raises EnvironmentFailed, without the password in it.
        """
        parts, port = _split(url, name)
        options = _options(parts, name)
        host = parts.hostname or ""
        tls = options.pop("tls", None) or _default_tls(parts.scheme, host)
        if tls not in _TLS or (parts.scheme == "smtps" and tls != "tls"):
            _fail(name, "`tls` must be none, starttls or tls, and tls with smtps://")
        if (parts.username is None) != (parts.password is None):
            _fail(name, "a user needs a password and a password a user: smtp://user:password@host")
        return cls(
            name=name,
            host=host,
            port=port or {"tls": 465, "starttls": 587, "none": 25}[tls],
            tls=tls,
            user=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
            connections=_number(options, "connections", 4, int, name, most=100),
            per_connection=_number(options, "per_connection", 1000, int, name, most=1_000_000),
            rate=_number(options, "rate", 0.0, float, name, most=1e6) or None,
            timeout=_number(options, "timeout", 30.0, float, name, most=600),
            pipelining=_switch(options, "pipelining", "auto", name),
            verify=_switch(options, "verify", "on", name),
            helo=options.get("helo"),
        )


def _split(url: str, name: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        # urlsplit's own message quotes the invalid part, which may be the password.
        _fail(name, "it cannot be read as a URL; special characters of a password are written as %40 for @")
    if parts.scheme not in {"smtp", "smtps"}:
        _fail(name, "it must begin with smtp:// or smtps://")
    if not parts.hostname or any(c.isspace() for c in parts.hostname):
        _fail(name, "it names no host: smtp://host:port")
    if parts.path not in {"", "/"} or parts.fragment:
        _fail(name, "only options may follow the port: smtp://host:port/?connections=4")
    return parts, port


def _options(parts: SplitResult, name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        if key not in _KNOWN:
            _fail(name, f"it has no option `{key[:40]}`; there are {', '.join(_KNOWN)}")
        found[key] = value
    helo = found.get("helo")
    if helo is not None and (not helo or not helo.isascii() or not helo.isprintable() or " " in helo):
        _fail(name, "`helo` must be a host name")
    return found


def _default_tls(scheme: str, host: str) -> str:
    if scheme == "smtps":
        return "tls"
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    return "none" if local else "starttls"


def _number(options: dict[str, str], key: str, default: _T, kind: Callable[[str], _T], name: str, *, most: float) -> _T:
    given = options.get(key)
    if given is None:
        return default
    try:
        value = kind(given)
    except ValueError:
        _fail(name, f"`{key}` is `{given[:40]}`; expected a number")
    if not 0 < float(str(value)) <= most:
        _fail(name, f"`{key}` is `{given[:40]}`; expected a number above zero, at most {most:g}")
    return value


def _switch(options: dict[str, str], key: str, on: str, name: str) -> bool:
    given = options.get(key, on)
    if given not in {on, "off"}:
        _fail(name, f"`{key}` is `{given[:40]}`; expected {on} or off")
    return given == on


def _fail(name: str, why: str) -> NoReturn:
    raise EnvironmentFailed(f"the URL of the mail server `{name}` cannot be used: {why}") from None
