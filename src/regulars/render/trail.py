"""Where the links of one message lead when its clicks are counted, and the tags that they carry."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

TRAIL, TRAP, PIXEL = "_trail", "_trap", "_pixel"
"""The context's own names; `check` knows none of them, so no author comes to lean on one."""
WEB = ("https://", "http://")
_KNOWN = 4096
"""Addresses remembered with their tags: the emails of one run lead to few."""


class Tags:
    """Adds `utm_source` and the like to links to one host, with or without `www.`."""

    def __init__(self, host: str, values: dict[str, str]) -> None:
        self.host, self.values = _bare(host), values
        self._known: dict[str, str] = {}

    def on(self, url: str) -> str:
        """The address with its tags; others, and those that have tags of their own, as they are."""
        known = self._known.get(url)
        if known is None:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            known = self._known[url] = self._tagged(url)
        return known

    def _tagged(self, url: str) -> str:
        try:
            parts = urlsplit(url)
            host = parts.hostname
        except ValueError:
            return url
        if parts.scheme not in ("http", "https") or not host or _bare(host) != self.host:
            return url
        if any(name.startswith("utm_") for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
            return url
        query = "&".join(filter(None, (parts.query, urlencode(self.values))))
        return urlunsplit(parts._replace(query=query))


def _bare(host: str) -> str:
    return host.lower().removeprefix("www.")


@dataclass(slots=True)
class Trail:
    """Where the links of one message lead: it is rendered with this, and `targets` then has them in order.

    Link number 1 is printed as `base` + `1`, and so on; 0 is the link that no person sees. Without a base, links lead
    where they lead. Addresses below `own`, our pages, are left alone.
    """

    own: str
    base: str | None = None
    pixel: str | None = None
    tags: Tags | None = None
    _places: dict[str, int] = field(default_factory=dict)

    def lead(self, url: str) -> str:
        """What is printed for a link to `url`."""
        if not url.startswith(WEB) or url.startswith(self.own):
            return url
        if not url.isprintable():
            url = "".join(filter(str.isprintable, url))
        if self.tags is not None:
            url = self.tags.on(url)
        if self.base is None:
            return url
        places = self._places
        return f"{self.base}{places.setdefault(url, len(places) + 1)}"

    @property
    def targets(self) -> tuple[str, ...]:
        """The addresses that links 1, 2, … stand for."""
        return tuple(self._places)

    def values(self) -> dict[str, Any]:
        """What the compiled email needs of it."""
        return {TRAIL: self, TRAP: None if self.base is None else f"{self.base}0", PIXEL: self.pixel}


@pass_context
def followed(context: Context, url: Any) -> Any:
    """What a link to `url` is printed as. Put around links by the compiler, never by an author."""
    if isinstance(url, Markup):
        url = url.unescape()
    trail: Trail | None = context.parent.get(TRAIL)
    return trail.lead(url) if trail is not None and isinstance(url, str) else url
