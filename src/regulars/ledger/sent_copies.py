"""Copies of sent emails: to show one in a browser, whatever has changed since, and to resolve its links.

Emails of one template differ little, so each is compressed against the first email of the template: some hundred bytes
instead of thousands. The links' token is left out and put back when the page is shown; the database
holds no secret.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from regulars.db.engine import insert
from regulars.db.states import State
from regulars.db.tables import copies, layouts, promises

_MARK = "\0"
"""Placeholder for the token; no email contains this character."""
_LINKS = "\1"
"""Separates the HTML from the targets of tracked links, one per line."""
_SENT_STATES = (State.PLANNED, State.SENT, State.UNCERTAIN, State.BOUNCED)
"""States of a promise whose email a client may have: it may be settled a moment after it has arrived."""
_WINDOW = 32_000
"""The window of deflate in bytes, less its look-ahead."""


@dataclass(frozen=True, slots=True)
class SentCopy:
    """One email: its promise, the digest of its template, its HTML, the token in its links, their targets."""

    promise: int
    layout: str
    html: str
    token: str
    targets: tuple[str, ...] = ()


def save_copies(connection: Connection, emails: Iterable[SentCopy]) -> None:
    """Stores the emails; an email that is sent again replaces its copy."""
    bare = {sent.promise: (sent.layout, _without_token(sent)) for sent in emails}
    if not bare:
        return
    first = dict(bare.values())
    known = _layouts(connection, first)
    rows = [
        {"promise_id": promise, "layout": layout, "html": _pack(html, known[layout])}
        for promise, (layout, html) in bare.items()
    ]
    statement = insert(connection, copies)
    given = statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["promise_id"], set_={"layout": given.layout, "html": given.html}
        ),
        rows,
    )


def copy_html(connection: Connection, promise: int, token: str) -> str | None:
    """The HTML of the email as sent; None when there is no copy, or it was never sent."""
    whole = _unpacked(connection, promise)
    return None if whole is None else whole.partition(_LINKS)[0].replace(_MARK, token)


def link_target(connection: Connection, promise: int, place: int) -> str | None:
    """The target of the link of that number (from 1) in the email as sent; None if it has no such link."""
    whole = _unpacked(connection, promise)
    targets = whole.partition(_LINKS)[2].split("\n") if whole else []
    return (targets[place - 1] or None) if 0 < place <= len(targets) else None


def _without_token(sent: SentCopy) -> bytes:
    html = sent.html.replace(sent.token, _MARK)
    return (html + _LINKS + "\n".join(sent.targets) if sent.targets else html).encode()


def _unpacked(connection: Connection, promise: int) -> str | None:
    row = connection.execute(
        select(copies.c.html, layouts.c.html.label("layout"))
        .select_from(
            copies.join(layouts, layouts.c.digest == copies.c.layout).join(
                promises, promises.c.id == copies.c.promise_id
            )
        )
        .where(copies.c.promise_id == promise, promises.c.state.in_(_SENT_STATES))
    ).first()
    if row is None:
        return None
    unpack = zlib.decompressobj(zdict=zlib.decompress(row.layout)[:_WINDOW])
    return unpack.decompress(row.html).decode()


def _layouts(connection: Connection, first: dict[str, bytes]) -> dict[str, bytes]:
    """The layout of each digest: the stored one, or these."""
    had = select(layouts.c.digest, layouts.c.html).where(layouts.c.digest.in_(sorted(first)))
    found = {row.digest: zlib.decompress(row.html) for row in connection.execute(had)}
    fresh = [{"digest": d, "html": zlib.compress(html)} for d, html in sorted(first.items()) if d not in found]
    if not fresh:
        return found
    connection.execute(insert(connection, layouts).on_conflict_do_nothing(), fresh)
    return {row.digest: zlib.decompress(row.html) for row in connection.execute(had)}


def _pack(html: bytes, layout: bytes) -> bytes:
    pack = zlib.compressobj(level=4, zdict=layout[:_WINDOW])
    return pack.compress(html) + pack.flush()
