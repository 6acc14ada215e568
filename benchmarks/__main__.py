"""`make bench`: every benchmark after another. Timings belong here, not in tests."""

from __future__ import annotations

from benchmarks import dispatch


def main() -> None:
    """Runs them all."""
    dispatch.main()


if __name__ == "__main__":
    main()
