"""What the ledger keeps of one email that was sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from regulars.core.errors import NotFound, RegularsError
from regulars.db.states import State
from regulars.db.tables import campaigns, customers, promises

_SENT = frozenset({State.SENT, State.UNCERTAIN, State.BOUNCED})
_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class SentPromise:
    """`rule` is the digest of the rule that promised it, `template` that of the template it was rendered with.

    `data` is the JSON it was rendered with; None after erasure.
    """

    id: int
    key: str
    campaign: str
    step: str
    customer: str
    state: str
    settled_at: datetime
    message_id: str
    rule: str
    template: str | None
    data: str | None


def sent_promise(connection: Connection, name: str) -> SentPromise:
    """The email with this promise number or Message-ID, with or without `<>`.

    A Message-ID is looked for in the whole ledger: that takes a second for some million rows. Raises NotFound, and
    RegularsError for a promise of which nothing was sent.
    """
    bare = name.strip().strip("<>")
    by_number = bare.isdecimal() and len(bare) <= _MOST_DIGITS
    chosen = promises.c.id == int(bare) if by_number else promises.c.message_id == f"<{bare}>"
    joined = promises.join(customers, customers.c.id == promises.c.customer_id).outerjoin(
        campaigns, campaigns.c.key == promises.c.campaign
    )
    columns = promises.c["id", "campaign", "step", "state", "settled_at", "message_id", "rule", "template", "data"]
    query = select(*columns, customers.c.external_id, campaigns.c.name).select_from(joined).where(chosen)
    row = connection.execute(query.limit(1)).first()
    if row is None:
        raise NotFound("promise or Message-ID", name)
    if row.state not in _SENT or row.settled_at is None:
        raise RegularsError(f"promise {row.id} of `{row.name or row.campaign}` is {row.state}: no email was sent")
    return SentPromise(
        row.id, row.campaign, row.name or row.campaign, row.step, row.external_id, row.state, row.settled_at,
        row.message_id or "", row.rule, row.template, row.data,
    )  # fmt: skip
