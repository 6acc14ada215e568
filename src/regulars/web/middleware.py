"""Middleware for all answers, including errors: security headers, body size limits, the path behind a proxy."""

from __future__ import annotations

import re
from contextlib import suppress

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE_BYTES = 64 * 1024
API_BYTES = 4 * 1024 * 1024
"""Maximum body sizes: of a form, and of an API batch."""

API_PATHS = ("/api/", "/hooks/")
"""Path prefixes for programs: answered in JSON."""

_LINK = re.compile(r"(.*/[a-z]/[A-Za-z0-9_-]+(?:/[0-9]+|\.ics)?)(?:[^\w/-]|&(?:gt|quot|#[0-9]+);)+", re.DOTALL)
"""The path of a link with a token, and trailing punctuation, possibly as HTML entities."""
_LONGEST_LINK = 1000
"""Maximum characters of such a path."""

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' https: data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex, nofollow",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
"""Headers of every answer, unless it sets them itself. A link is a secret: it is never cached or sent as a referrer."""


class OuterMiddleware:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self.app, self.prefix = app, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope = self._below(scope)
        most = API_BYTES if any(part in scope["path"] for part in API_PATHS) else PAGE_BYTES

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if _announced(scope) > most:
            await PlainTextResponse("too large\n", 413)(scope, receive, guarded)
            return
        # A client that disconnects in the middle of a request gets no answer; this is not an error.
        with suppress(ClientDisconnect):
            await self.app(scope, _counted(receive, most), guarded)

    def _below(self, scope: Scope) -> Scope:
        """A proxy may strip the public prefix or keep it; both lead to the same page."""
        scope = _without_punctuation(scope)
        if self.prefix and not scope.get("root_path") and scope["path"].startswith(self.prefix + "/"):
            return {**scope, "root_path": self.prefix}
        return scope


def _without_punctuation(scope: Scope) -> Scope:
    """Removes a full stop or bracket that a mail program included in a link; no link ends with one."""
    found = _LINK.fullmatch(scope["path"]) if len(scope["path"]) <= _LONGEST_LINK else None
    return {**scope, "path": found[1]} if found else scope


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _counted(receive: Receive, most: int) -> Receive:
    got = 0

    async def counted() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > most:
            raise HTTPException(413)
        return message

    return counted
