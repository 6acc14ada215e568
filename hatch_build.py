"""Ships the repository's own campaigns/, templates/ and starters/ inside the wheel, as the starter of `regulars init`.

One source, no drift: what a new workspace begins with is what the tests of this repository run on.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOMS = ("campaigns", "templates", "starters")


class StarterHook(BuildHookInterface[Any]):
    """Adds the starter to a wheel; an editable install reads the checkout's own folders."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it collects files."""
        if version != "editable":
            for room in ROOMS:
                build_data["force_include"][room] = f"regulars/starter/{room}"
