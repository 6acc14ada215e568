"""The source that a person names: `imaps://…`, `maildir:PATH`, `mbox:PATH`, a folder, a file, or `-`."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from regulars.core.errors import EnvironmentFailed
from regulars.feedback.file_sources import MaildirSource, MboxSource, PipeSource
from regulars.feedback.imap_source import ImapSource
from regulars.feedback.incoming import Source

EXPECTED = "`imaps://user:password@host/INBOX`, `maildir:PATH`, `mbox:PATH`, a Maildir, an mbox, or `-`"


def open_source(text: str, var: Path) -> Source:
    """The source; `var` is where messages from a pipe are kept that cannot be read.

    Raises EnvironmentFailed for text that names none, without repeating what may hold a password.
    """
    scheme, colon, rest = text.partition(":")
    if text == "-":
        return PipeSource(sys.stdin.buffer, var / "failed-bounces")
    if scheme in ("imaps", "imap") and colon:
        return ImapSource.parse(text)
    if scheme in ("maildir", "mbox") and colon:
        path = Path(unquote(urlsplit(text).path) if rest.startswith("//") else rest)
        return MaildirSource(path) if scheme == "maildir" else MboxSource(path)
    if "://" in text:
        raise EnvironmentFailed(f"`{scheme}://` is no place that bounces are read from; expected {EXPECTED}")
    path = Path(text)
    if not path.exists():
        raise EnvironmentFailed(f"`{text}` is not there; expected {EXPECTED}")
    return MaildirSource(path) if path.is_dir() else MboxSource(path)
