"""Messages stored as files: `000017-3f2a9c1d.eml`, by order of arrival and a hash of the Message-ID.

Each message begins with trace lines as in a mailbox (`Delivered-To`, `Return-Path`): its envelope.
A file appears under its name only when it is complete.
"""

from __future__ import annotations

import email
import email.policy
from dataclasses import dataclass
from email.message import EmailMessage
from hashlib import blake2b
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One stored message: its envelope, and its bytes exactly as they were sent."""

    number: int
    path: Path
    sender: str
    recipients: tuple[str, ...]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        """The message as parsed by the standard library."""
        return email.message_from_bytes(self.content, policy=email.policy.default)


def stored(folder: Path) -> list[StoredMessage]:
    """The messages stored in the folder, in order of arrival."""
    return [_read(path) for path in sorted(folder.glob("*.eml"), key=lambda path: (number(path), path.name))]


def keep(folder: Path, place: int, sender: str, recipients: list[str], content: bytes) -> Path:
    """Writes the message as number `place`; returns its file."""
    headers = email.message_from_bytes(content)
    mark = blake2b(str(headers["message-id"] or place).encode("utf-8", "replace"), digest_size=4).hexdigest()
    path = folder / f"{place:06d}-{mark}.eml"
    trace = [f"Delivered-To: {recipient}" for recipient in recipients] + [f"Return-Path: <{sender}>"]
    part = folder / f".{path.name}.part"
    part.write_bytes("".join(f"{line}\r\n" for line in trace).encode("utf-8", "surrogateescape") + content)
    part.replace(path)
    return path


def _read(path: Path) -> StoredMessage:
    content = path.read_bytes()
    recipients: list[str] = []
    line, _, rest = content.partition(b"\r\n")
    while line.startswith(b"Delivered-To: "):
        recipients.append(line[14:].decode("utf-8", "replace"))
        line, _, rest = rest.partition(b"\r\n")
    sender = line.removeprefix(b"Return-Path: <").removesuffix(b">").decode("utf-8", "replace")
    if not line.startswith(b"Return-Path: "):  # a file from elsewhere
        sender, recipients, rest = "", [], content
    return StoredMessage(number(path), path, sender, tuple(recipients), rest)


def number(path: Path) -> int:
    """The file's number in the order of arrival; 0 for a file from elsewhere."""
    digits = path.name.partition("-")[0]
    return int(digits) if digits.isascii() and digits.isdigit() else 0
