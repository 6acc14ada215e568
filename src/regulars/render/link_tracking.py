"""Link tracking of one message: redirects of counted links, and UTM tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

TRACKING, TRAP, PIXEL = "_trail", "_trap", "_pixel"
"""The context's own names; `check` does not know them, so no author can use one."""
WEB = ("https://", "http://")
_KNOWN = 4096
"""Size of the address cache: the emails of one run have few addresses."""


class LinkRules:
    """The rules for addresses of a campaign's emails: which are counted, which get tags.

    Addresses below `own` (our pages) and addresses that are not web addresses do not change. `tags`, such as
    `utm_source`, are added to addresses of `website`, with or without `www.`.
    """

    def __init__(self, own: str, website: str | None = None, tags: Mapping[str, str] | None = None) -> None:
        self._own, self._tags = own, dict(tags or {})
        self._host = _host(website if not website or "//" in website else f"//{website}")
        self.known: dict[str, tuple[str, bool]] = {}
        """By address as written: its target with tags, and whether it is counted."""

    def find(self, url: str) -> tuple[str, bool]:
        """Computes the entry of `known` for the address."""
        if len(self.known) >= _KNOWN:
            self.known.clear()
        clean = url if url.isprintable() else "".join(filter(str.isprintable, url))
        web = clean.startswith(WEB) and not clean.startswith(self._own)
        found = self.known[url] = (self._tagged(clean), True) if web else (url, False)
        return found

    def _tagged(self, url: str) -> str:
        if not self._tags or self._host is None or _host(url) != self._host:
            return url
        parts = urlsplit(url)
        if any(name.startswith("utm_") for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
            return url
        query = "&".join(filter(None, (parts.query, urlencode(self._tags))))
        return urlunsplit(parts._replace(query=query))


def _host(url: str | None) -> str | None:
    try:
        found = urlsplit(url or "").hostname
    except ValueError:
        return None
    return found.removeprefix("www.") if found else None


@dataclass(slots=True)
class LinkTracking:
    """Collects the targets of one message's links while it is rendered; `targets` has them in order.

    Link number 1 is printed as `base` + `1`, and so on; 0 is the hidden link. Without a base, links are printed as
    their targets.
    """

    ways: LinkRules
    base: str | None = None
    pixel: str | None = None
    _places: dict[str, int] = field(default_factory=dict)

    def lead(self, url: str) -> str:
        """What is printed for a link to `url`."""
        target, counted = self.ways.known.get(url) or self.ways.find(url)
        if not counted or self.base is None:
            return target
        places = self._places
        return f"{self.base}{places.setdefault(target, len(places) + 1)}"

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets of links 1, 2, …."""
        return tuple(self._places)

    def values(self) -> dict[str, Any]:
        """The context variables for the compiled email."""
        return {TRACKING: self, TRAP: None if self.base is None else f"{self.base}0", PIXEL: self.pixel}


@pass_context
def followed(context: Context, url: Any) -> Any:
    """The printed address of a link to `url`. The compiler applies it to links, never an author."""
    tracking: LinkTracking | None = context.parent.get(TRACKING)
    if tracking is None or not isinstance(url, str):
        return url
    return tracking.lead(url if type(url) is str else Markup.unescape(url))  # type: ignore[arg-type]
