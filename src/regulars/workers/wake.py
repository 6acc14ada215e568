"""`python -m regulars.workers.wake`: sends wake-ups to the broker, one for each line `TASK [ISO TIME]` of its input.

For programs that drive workers without importing Celery: the demo, benchmarks, tests.
"""

from __future__ import annotations

import sys

from regulars.workers.app import app


def main() -> None:
    """Reads until the end of input; answers `ok` to each line once the broker has accepted it."""
    for line in sys.stdin:
        name, *arguments = line.split()
        app.send_task(name, arguments, ignore_result=True)
        sys.stdout.write("ok\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
