"""Which group of an experiment a mailbox is in: as it was drawn, else as it would be drawn now.

The draw is a function of the experiment's name and the clients' buckets (`core.ids.bucket`), so another database with
the same clients draws the same. The control group and the variants are drawn by two independent numbers: the shares of
the variants hold among those who are not held out, whatever the holdout is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, Text, case, cast, func, literal, or_, select, union_all
from sqlalchemy.sql import ColumnElement

from regulars.core import ids
from regulars.db.engine import insert
from regulars.db.key_lists import among
from regulars.db.tables import assignments, customers, promises
from regulars.db.types import Instant
from regulars.ledger.assignments import Arm
from regulars.profile.shared_mailbox import mailbox_of, shares_mailbox, with_same_mailbox
from regulars.rules.model import Campaign

GLOBAL = "policy.holdout"
"""The experiment of the global holdout: no campaign has a name with a dot."""
_COLUMNS = ["experiment", "mailbox", "arm", "at", "customer_id"]


def variants_of(key: str) -> str:
    """The name by which the variants of an experiment are drawn."""
    return f"{key} variants"


def assigned_arm(experiment: str | ColumnElement[str]) -> ColumnElement[str | None]:
    """The group of the mailbox of the client in `customers` as it is written; NULL for one that was not drawn."""
    assigned = (assignments.c.experiment == experiment, assignments.c.mailbox == mailbox_of(customers))
    return select(assignments.c.arm).where(*assigned).correlate_except(assignments).scalar_subquery()


def place_in_draw(name: str) -> ColumnElement[int]:
    """The place in [0, SHARES) of the mailbox of the client in `customers`: `ids.share` in SQL."""
    a, b = ids.salt(name)
    twin = customers.alias("twin")
    # Of several clients at one mailbox the smallest number counts, so that the order does not matter.
    least = select(func.min(twin.c.bucket)).where(twin.c.email_hash == customers.c.email_hash)
    bucket = func.coalesce(least.correlate(customers).scalar_subquery(), customers.c.bucket)
    return (cast(bucket, BigInteger) * a + b) % ids.PRIME % ids.SHARES


def emailed_arm(key: str, campaign: Campaign) -> ColumnElement[str]:
    """The group of a client in `customers` who is not held out, by the draw."""
    if not campaign.variants:
        return literal(Arm.WRITTEN, Text)
    place, end, found = place_in_draw(variants_of(key)), 0, []
    for name, share in campaign.variant_shares.items():
        end += share
        found.append((place < end, literal(name, Text)))
    return case(*found, else_=literal(campaign.variants[-1].name, Text))


def arm_of(key: str, campaign: Campaign) -> ColumnElement[str]:
    """The group of the client in `customers`: as it is written, or by the draw."""
    drawn = emailed_arm(key, campaign)
    if campaign.holdout:
        drawn = case((place_in_draw(key) < campaign.holdout.share, literal(Arm.CONTROL, Text)), else_=drawn)
    return func.coalesce(assigned_arm(key), drawn)


def arm_by_bucket(bucket: int, key: str, campaign: Campaign) -> str:
    """`arm_of` in Python, for a mailbox that was not drawn yet."""
    if campaign.holdout and ids.share(bucket, key) < campaign.holdout.share:
        return Arm.CONTROL
    return variant_by_bucket(bucket, key, campaign) or Arm.WRITTEN


def variant_by_bucket(bucket: int, key: str, campaign: Campaign) -> str | None:
    """The variant that is drawn for a mailbox that is not held out; None without variants."""
    place, end = ids.share(bucket, variants_of(key)), 0
    for name, share in campaign.variant_shares.items():
        end += share
        if place < end:
            return name
    return campaign.variants[-1].name if campaign.variants else None


def arm_of_client(
    connection: Connection, key: str, campaign: Campaign, customer_id: int
) -> tuple[str, datetime | None]:
    """The client's group, and when it was drawn, for the mailbox or for a client who has it; None: not drawn yet."""
    written = _written_arm(connection, key, customer_id)
    return written or (arm_by_bucket(_least_bucket(connection, customer_id), key, campaign), None)


def global_arm(connection: Connection, share: int, customer_id: int) -> tuple[str, datetime | None]:
    """The client's group of a global holdout of this share, and when it was drawn; None: not drawn yet."""
    written = _written_arm(connection, GLOBAL, customer_id)
    if written is not None:
        return written
    held_out = ids.share(_least_bucket(connection, customer_id), GLOBAL) < share
    return Arm.CONTROL if held_out else Arm.WRITTEN, None


def _written_arm(connection: Connection, experiment: str, customer_id: int) -> tuple[str, datetime] | None:
    theirs = with_same_mailbox(customer_id)
    own = assignments.c.mailbox.in_(select(mailbox_of(customers)).where(customers.c.id == customer_id))
    written = (
        select(assignments.c.arm, assignments.c.at)
        .where(assignments.c.experiment == experiment, or_(own, assignments.c.customer_id.in_(theirs)))
        .order_by(own.desc(), assignments.c.at, assignments.c.mailbox)
    )
    row = connection.execute(written.limit(1)).first()
    return None if row is None else (str(row.arm), row.at)


def _least_bucket(connection: Connection, customer_id: int) -> int:
    """The least of the numbers of the clients with this client's mailbox."""
    theirs = with_same_mailbox(customer_id)
    return int(connection.execute(select(func.min(customers.c.bucket)).where(customers.c.id.in_(theirs))).scalar_one())


def arms_of_promises(connection: Connection, promised: Sequence[int], campaigns: Collection[str]) -> dict[int, str]:
    """By promise of one of these campaigns (keys), the group that is written for its client; others are left out.

    A client who has another address since keeps the group, as in the draw.
    """
    if not campaigns:
        return {}
    chosen = (among(promises.c.id, promised), promises.c.campaign.in_(sorted(campaigns)))
    joined = promises.join(customers, customers.c.id == promises.c.customer_id)
    same = assignments.c.experiment == promises.c.campaign
    own = joined.join(assignments, same & (assignments.c.mailbox == mailbox_of(customers)))
    found = dict(connection.execute(select(promises.c.id, assignments.c.arm).select_from(own).where(*chosen)).all())
    lacking = [one for one in connection.scalars(select(promises.c.id).where(*chosen)) if one not in found]
    if lacking:
        holder, rest = customers.alias("holder"), among(promises.c.id, lacking)
        columns = (promises.c.id, assignments.c.arm, assignments.c.at, assignments.c.mailbox)
        moved = joined.join(assignments, same & (assignments.c.customer_id == customers.c.id))
        twins = joined.join(holder, shares_mailbox(customers, holder)).join(
            assignments, same & (assignments.c.customer_id == holder.c.id)
        )
        elsewhere = union_all(
            select(*columns).select_from(moved).where(rest), select(*columns).select_from(twins).where(rest)
        ).subquery("elsewhere")
        order = (elsewhere.c.at.desc(), elsewhere.c.mailbox.desc())  # the earliest is written last
        found |= dict(connection.execute(select(elsewhere.c.id, elsewhere.c.arm).order_by(*order)).all())
    return {int(key): str(arm) for key, arm in found.items()}


def first_of_mailbox(
    experiment: str, arm: ColumnElement[str], rows: Any, chosen: Sequence[ColumnElement[bool]], now: datetime
) -> Select[Any]:
    """New assignments: one for each mailbox of the clients of chosen `rows` (`customer_id`, `id`), from `now` on."""
    mailbox = mailbox_of(customers)
    place = func.row_number().over(partition_by=mailbox, order_by=rows.c.id)
    each = (
        select(mailbox.label("mailbox"), arm.label("arm"), rows.c.customer_id, place.label("place"))
        .join(customers, customers.c.id == rows.c.customer_id)
        .where(*chosen)
        .subquery()
    )
    columns = (literal(experiment, Text), each.c.mailbox, each.c.arm, literal(now, Instant()), each.c.customer_id)
    return select(*columns).where(each.c.place == 1)


def assign(connection: Connection, found: Select[Any]) -> None:
    """Writes assignments; those that exist stay."""
    connection.execute(insert(connection, assignments).from_select(_COLUMNS, found).on_conflict_do_nothing())


def carry_along(connection: Connection, experiment: str, chosen: ColumnElement[bool], rows: Any = promises) -> None:
    """Assigns mailboxes of chosen `rows` without a group the one that a client of theirs got at another address."""
    of_experiment = assignments.c.experiment == experiment
    if connection.scalar(select(assignments.c.experiment).where(of_experiment).limit(1)) is None:
        return
    waiting = (
        select(customers.c.id, customers.c.email_hash, mailbox_of(customers).label("mailbox"))
        .join(rows, rows.c.customer_id == customers.c.id)
        .where(chosen)
        .distinct()
        .cte("waiting", nesting=True)
    )
    holder = customers.alias("holder")
    drawn = (assignments.c.arm, assignments.c.at, assignments.c.customer_id)
    own = select(waiting.c.mailbox, *drawn).join(assignments, assignments.c.customer_id == waiting.c.id)
    shared = (
        select(waiting.c.mailbox, *drawn)
        .join(holder, shares_mailbox(waiting, holder))
        .join(assignments, assignments.c.customer_id == holder.c.id)
    )
    moved = (of_experiment, assignments.c.mailbox != waiting.c.mailbox)
    found = union_all(own.where(*moved), shared.where(*moved)).subquery("found")
    order = (found.c.at, found.c.customer_id, found.c.arm)
    place = func.row_number().over(partition_by=found.c.mailbox, order_by=order)
    first = select(found, place.label("place")).subquery("first")
    columns = (literal(experiment, Text), first.c.mailbox, first.c.arm, first.c.at, first.c.customer_id)
    assign(connection, select(*columns).where(first.c.place == 1))
