"""The exceptions of Regulars, one for each thing a caller can act on.

RegularsError
├── Invalid            the person's files or data are wrong (exit code 1); carries diagnostics
├── NotFound           something named by the person does not exist (exit code 1)
└── EnvironmentFailed  a server, a database or a file system failed (exit code 3)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regulars.core.diagnostics import Diagnostic


class RegularsError(Exception):
    """Base of every error that Regulars raises on purpose."""

    exit_code = 1


class Invalid(RegularsError):
    """What the person wrote is wrong; `diagnostics` say where and how to correct it."""

    def __init__(self, diagnostics: Sequence[Diagnostic], sources: Mapping[str, str] | None = None) -> None:
        self.diagnostics = list(diagnostics)
        self.sources = dict(sources or {})
        super().__init__("; ".join(d.message for d in self.diagnostics) or "invalid input")


class NotFound(RegularsError):
    """A campaign, customer, file or email that the person named does not exist."""

    def __init__(self, what: str, name: str, nearest: str | None = None) -> None:
        hint = f"; did you mean `{nearest}`?" if nearest else ""
        super().__init__(f"no {what} `{name}`{hint}")


class EnvironmentFailed(RegularsError):
    """The database, broker, mail server or disk failed, not the person's input."""

    exit_code = 3
