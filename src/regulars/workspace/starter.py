"""Where the starter is: in the package as installed, or in the checkout it was installed from."""

from __future__ import annotations

from pathlib import Path

import regulars

ROOMS = ("campaigns", "templates")


def starter() -> Path:
    """The folder with the `campaigns/` and `templates/` that a new workspace begins with."""
    package = Path(regulars.__file__).resolve().parent
    installed = package / "starter"
    return installed if installed.is_dir() else package.parents[1]
