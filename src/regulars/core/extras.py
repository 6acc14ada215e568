"""Optional dependencies: the modules of each extra of the package, and the error that names a missing extra.

Nothing here imports an optional package; `find_spec` only checks that it exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from regulars.core.errors import EnvironmentFailed

MODULES: Mapping[str, tuple[str, ...]] = {
    "postgres": ("psycopg",),
    "redis": ("redis",),
    "learn": ("numpy", "scipy"),
    "webhooks": ("cryptography",),
    "dkim": ("cryptography",),
    "http": ("httpx",),
    "excel": ("python_calamine",),
}
"""The extras that a running Regulars may need, with the modules that must be importable."""

_BY_SCHEME: Mapping[str, tuple[str, str]] = {
    "postgresql": ("postgres", "PostgreSQL"),
    "postgresql+psycopg": ("postgres", "PostgreSQL"),
    "redis": ("redis", "Redis"),
    "rediss": ("redis", "Redis"),
    "redis+socket": ("redis", "Redis"),
    "sentinel": ("redis", "Redis"),
}


def is_installed(extra: str) -> bool:
    """Whether every module of the extra can be found."""
    return not _missing(extra)


def command(extra: str) -> str:
    """The shell command that installs the extra."""
    return f"pip install 'regulars[{extra}]'"


def require(extra: str, what: str) -> None:
    """Raises EnvironmentFailed when the extra that `what` needs is not installed."""
    missing = _missing(extra)
    if missing:
        raise EnvironmentFailed(f"{what} needs {' and '.join(missing)}, not installed here: {command(extra)}")


def require_for_url(setting: str, url: str) -> None:
    """Raises EnvironmentFailed when the setting's URL names a server whose client library is not installed.

    A broker's URL may name several servers, with `;` between them.
    """
    for each in url.split(";"):
        found = _BY_SCHEME.get(each.strip().partition(":")[0].lower())
        if found is not None:
            extra, server = found
            require(extra, f"{setting} names a {server} server, which")


def _missing(extra: str) -> list[str]:
    return [module for module in MODULES[extra] if not _found(module)]


def _found(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:
        return False
