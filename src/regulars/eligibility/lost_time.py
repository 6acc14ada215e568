"""Holds what a plan has just promised, where a database that is lost may have sent it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, or_, update

from regulars.context.active_campaign import ActiveCampaign
from regulars.db.states import Reason, State
from regulars.db.tables import members, promises, values_seen
from regulars.ledger.restorations import hold, open_restorations
from regulars.triggers.kinds import trigger_of


def hold_restored(connection: Connection, active_campaigns: Mapping[str, ActiveCampaign]) -> int:
    """Holds new promises that were due while the lost database worked; returns their number.

    When a state or a value began is known only from plans. As long as nothing is released, data of the lost time may
    come in late, so all that they promise is held.
    """
    windows = open_restorations(connection)
    if not windows:
        return 0
    watching = watching_campaigns(active_campaigns)
    return hold(
        connection,
        promises.c.state == State.HELD,
        promises.c.reason.in_([Reason.NEW, Reason.WAVE]),
        or_(promises.c.due_at <= max(one.until for one in windows), promises.c.campaign.in_(watching)),
    )


def watching_campaigns(active_campaigns: Mapping[str, ActiveCampaign]) -> list[str]:
    """The keys of campaigns whose occurrences are instants of plans, so that another database has other ones."""
    return sorted(key for key, active in active_campaigns.items() if trigger_of(active.campaign).watches)


def begin_earlier(connection: Connection, planned_at: datetime, earlier: datetime) -> None:
    """Lets states and values that the plan at `planned_at` has found begin at `earlier`, the first instant possible."""
    for table, began in ((members, members.c.entered_at), (values_seen, values_seen.c.at)):
        connection.execute(update(table).where(began == planned_at).values({began: earlier}))
