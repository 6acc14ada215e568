"""Tries the links of emails, each once, as a browser would; only where a person asked for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

SECONDS = 10.0
_AT_ONCE = 8
_AGENT = "Mozilla/5.0 (compatible; regulars lint)"
_PRESENT = frozenset({401, 403, 405, 429})
"""Answers of sites that do not let programs in: the page may well be there."""


def broken(links: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The links that cannot be opened, each with the reason."""
    wanted = sorted(set(links))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for link, reason in zip(wanted, pool.map(_tried, wanted), strict=True):
            if reason is not None:
                yield link, reason


def _tried(link: str) -> str | None:
    try:
        with urlopen(Request(link, headers={"User-Agent": _AGENT}), timeout=SECONDS):  # noqa: S310 - http(s) only
            return None
    except HTTPError as error:
        return None if error.code in _PRESENT else f"the site answers {error.code} {error.reason}"
    except (URLError, OSError, ValueError) as error:
        return str(getattr(error, "reason", error))
