"""`python -m regulars.workers.broker_check`: whether the broker of a workspace can be reached, or why not.

`regulars doctor` starts it: only this room knows Celery.
"""

from __future__ import annotations

import sys

from regulars.workers.app import app

_TIMEOUT = 5
"""Seconds to connect."""


def main() -> int:
    """Connects once; the exit code is 0 if the broker answered."""
    try:
        with app.connection_for_write(connect_timeout=_TIMEOUT, transport_options={"max_retries": 0}) as connection:
            connection.ensure_connection(max_retries=1, timeout=_TIMEOUT)
            connection.default_channel  # noqa: B018 - opens it, and the tables of the embedded broker
    except Exception as error:  # noqa: BLE001 - each transport has exceptions of its own
        sys.stderr.write(f"{type(error).__name__}: {error}\n"[:300])
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
