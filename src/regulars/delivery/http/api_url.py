"""The URL of a provider's API, such as `postmark://TOKEN@api.postmarkapp.com`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

from regulars.core.errors import EnvironmentFailed

_COMMON = ("connections", "rate", "timeout", "tls")


@dataclass(frozen=True, slots=True)
class ApiUrl:
    """Where the API is, and how it is used. `rate`: messages per second; `timeout`: seconds for a reply.

    `tls` False is for a server on this machine, in tests.
    """

    host: str
    port: int | None
    user: str
    password: str | None = field(repr=False)
    options: dict[str, str]
    connections: int = 10
    rate: float | None = None
    timeout: float = 30.0
    tls: bool = True

    @property
    def server(self) -> str:
        """`host` or `host:port`, for people to read."""
        return self.host if self.port is None else f"{self.host}:{self.port}"

    @property
    def base(self) -> str:
        """The beginning of every address of the API."""
        return f"http{'s' if self.tls else ''}://{self.server}"

    @classmethod
    def parse(cls, url: str, name: str, known: tuple[str, ...]) -> ApiUrl:
        """Reads the URL; `known` are the API's own options. Raises EnvironmentFailed, without a secret in it."""
        try:
            parts = urlsplit(url.strip())
            port = parts.port
        except ValueError:
            _fail(name, "it cannot be read as a URL; special characters of a secret are written as %40 for @")
        if not parts.hostname or not parts.username:
            _fail(name, f"expected {parts.scheme}://KEY@HOST, with the provider's key and the host of its API")
        if parts.path not in {"", "/"} or parts.fragment:
            _fail(name, f"only options may follow the host: {parts.scheme}://KEY@HOST/?connections=10")
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        for key in options:
            if key not in (*_COMMON, *known):
                _fail(name, f"it has no option `{key[:40]}`; there are {', '.join((*_COMMON, *known))}")
        tls = options.get("tls", "on")
        if tls not in {"on", "off"} or (tls == "off" and parts.hostname not in {"127.0.0.1", "localhost", "::1"}):
            _fail(name, "`tls` is on, or off for a server on this machine")
        return cls(
            host=f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname,
            port=port,
            user=unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
            options={key: value for key, value in options.items() if key in known},
            connections=int(_number(options, "connections", 10, name, most=100)),
            rate=_number(options, "rate", 0, name, most=1e6) or None,
            timeout=_number(options, "timeout", 30, name, most=600) or 30.0,
            tls=tls == "on",
        )


def _number(options: dict[str, str], key: str, default: float, name: str, *, most: float) -> float:
    try:
        value = float(options.get(key, default))
    except ValueError:
        value = -1.0
    if not 0 <= value <= most or (key == "connections" and value < 1):
        _fail(name, f"`{key}` must be a number up to {most:g}")
    return value


def _fail(name: str, reason: str) -> NoReturn:
    raise EnvironmentFailed(f"the URL of the mail server `{name}` cannot be used: {reason}")
