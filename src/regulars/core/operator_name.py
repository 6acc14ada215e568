"""The name of the person at the keyboard, for the log of what people did."""

from __future__ import annotations

import getpass
import os
import socket

VARIABLE = "REGULARS_WHO"
"""The environment variable that says who, where the account's name does not: in CI, or for a shared account."""
_MOST = 100


def operator() -> str:
    """REGULARS_WHO, else `account@machine`; 100 characters at most."""
    given = " ".join(os.environ.get(VARIABLE, "").split())
    if given:
        return given[:_MOST]
    try:
        account = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        account = f"uid {os.getuid()}"
    return f"{account}@{socket.gethostname()}"[:_MOST]
