"""The email to the operator about what began and what is over: one email for all that there is to tell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from regulars.core.ids import digest
from regulars.delivery.parcel import Parcel
from regulars.ledger.alert_states import Alert
from regulars.render import mime
from regulars.render.mailbox import Mailbox
from regulars.rules.company import Company


def alert_parcels(chosen: Sequence[Alert], company: Company, to: Sequence[str], now: datetime) -> list[Parcel]:
    """The email to each of the operators. The same alerts give the same Message-ID, should it go twice."""
    sender = Mailbox.parse(company.sender)
    text = "\r\n\r\n".join(map(_sentence, chosen)) + "\r\n"
    state = [[one.id, one.ended_at is not None, str(one.began_at)] for one in chosen]
    parcels = []
    for number, address in enumerate(to):
        letter = mime.Letter(
            sender=sender, to=Mailbox.parse(address), subject=_subject(chosen, company.name),
            html="".join(f"<p>{escape(_sentence(one))}</p>\r\n" for one in chosen), text=text, date=now,
            message_id=f"<alert.{digest([state, address])}@{sender.address.rpartition('@')[2]}>",
        )  # fmt: skip
        utf8 = letter.needs_smtputf8
        parcels.append(Parcel(number, sender.wire, (letter.to.wire,), mime.assemble(letter), smtputf8=utf8))
    return parcels


def _subject(chosen: Sequence[Alert], company: str) -> str:
    lasting = [one for one in chosen if one.ended_at is None]
    first = lasting[0] if lasting else chosen[0]
    what = "over" if first.ended_at is not None else "alert"
    words = first.words.split(";")[0].split(": ")[0][:80]
    others = f" and {len(chosen) - 1} more" if len(chosen) > 1 else ""
    return f"Regulars of {company}, {what}: {words}{others}"


def _sentence(one: Alert) -> str:
    since = f"{one.began_at:%Y-%m-%d %H:%M} UTC"
    if one.ended_at is None:
        return f"Since {since}: {one.words}"
    return f"Over since {one.ended_at:%Y-%m-%d %H:%M} UTC, began {since}: {one.words}"
