"""A promise from which to compose an email: the client's latest one, or a temporary one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from regulars.context.active_campaign import ActiveCampaign
from regulars.db.states import State
from regulars.db.tables import promises
from regulars.triggers.kinds import trigger_of


@dataclass(frozen=True, slots=True)
class Place:
    """The position of a campaign's email for one client: its promise, or the sequence it would belong to."""

    promise: int | None
    occurrence: str | None
    source_id: int | None


def latest_place(connection: Connection, active: ActiveCampaign, step: str, customer_id: int, now: datetime) -> Place:
    """The latest sequence of the campaign that the client has, with this step's promise if it was made."""
    query = select(promises.c.id, promises.c.step, promises.c.occurrence, promises.c.source_id).where(
        promises.c.campaign == active.key, promises.c.customer_id == customer_id
    )
    found = connection.execute(query.order_by(promises.c.due_at.desc(), promises.c.id.desc())).all()
    if not found:
        return Place(None, None, trigger_of(active.campaign).latest_source(connection, customer_id, now))
    sequence = [row for row in found if row.occurrence == found[0].occurrence]
    promise = next((int(row.id) for row in sequence if row.step == step), None)
    return Place(promise, str(found[0].occurrence), found[0].source_id)


def stand_in(
    connection: Connection, active: ActiveCampaign, step: str, customer_id: int, place: Place, now: datetime
) -> int:  # fmt: skip
    """Writes a temporary promise, in a transaction that will be rolled back; returns its key."""
    campaign = active.campaign
    row = {
        "campaign": active.key, "step": step, "customer_id": customer_id, "occurrence": place.occurrence or "preview",
        "state": State.SKIPPED, "kind": campaign.kind, "recipient": campaign.to, "source_id": place.source_id,
        "rule": campaign.digest, "due_at": now, "expires_at": now, "next_at": now, "created_at": now,
    }  # fmt: skip
    return int(connection.execute(insert(promises).values(row).returning(promises.c.id)).scalar_one())
