"""The transports by URL scheme."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from regulars.core.diagnostics import did_you_mean
from regulars.core.errors import EnvironmentFailed
from regulars.delivery.http.postmark_api import open_postmark
from regulars.delivery.http.ses_api import open_ses
from regulars.delivery.smtp.courier import Courier
from regulars.delivery.transport import Transport

TRANSPORTS: Mapping[str, Callable[[str, str], Transport]] = MappingProxyType({
    "smtp": Courier.from_url,
    "smtps": Courier.from_url,
    "ses": open_ses,
    "postmark": open_postmark,
})  # fmt: skip
"""Creates the transport of a URL for the named lane; raises EnvironmentFailed, without a password in it."""
_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]{0,30})://")


def open_transport(url: str, name: str = "default") -> Transport:
    """The transport for the URL; no connection is opened yet.

    Raises EnvironmentFailed for an unknown scheme or an invalid URL.
    """
    found = _SCHEME.match(url)
    scheme = found[1].lower() if found else ""
    make = TRANSPORTS.get(scheme)
    if make is None:
        # Without `://` the beginning may be a user's name, or a password: none of it is quoted.
        given = f"it begins with `{scheme}://`" if scheme else "it names no scheme"
        hint = did_you_mean(scheme, TRANSPORTS) if scheme else None
        *first, last = (f"{known}://" for known in TRANSPORTS)
        known = f"{', '.join(first)} or {last}"
        raise EnvironmentFailed(
            f"the URL of the mail server `{name}` cannot be used: {given}; expected {known}"
            + (f"; {hint}" if hint else "")
        )
    return make(url, name)
