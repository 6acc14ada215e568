"""Assignments of mailboxes to the groups of an experiment: drawn once, permanent.

An experiment is a campaign with a holdout or variants, by its key (its first name). The mailbox is that of
`profile.shared_mailbox`: the hash of the address or, without an address, the client. `customer_id` is the client for
whom the mailbox was drawn; a client who changes address keeps the group, and a mailbox there without one gets it.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import Connection, delete, or_, select, update

from regulars.db.tables import assignments, customers
from regulars.profile.shared_mailbox import mailbox_of


class Arm(StrEnum):
    """The groups of a holdout. The clients of a campaign with variants are in the control group or in a variant."""

    WRITTEN = "written"
    CONTROL = "control"


def merge_assignments(connection: Connection, kept: int, gone: int) -> None:
    """Merges the assignments of two clients: per experiment the earlier draw applies to every mailbox of the two.

    `kept` and `gone` are the clients' keys, both still in the table; afterwards no assignment refers to `gone`.
    """
    theirs = select(mailbox_of(customers)).where(customers.c.id.in_([kept, gone]))
    both = or_(assignments.c.customer_id.in_([kept, gone]), assignments.c.mailbox.in_(theirs))
    rows = connection.execute(
        select(assignments.c.experiment, assignments.c.arm)
        .where(both)
        .order_by(assignments.c.at, assignments.c.customer_id, assignments.c.mailbox)
    )
    first: dict[str, str] = {}
    for experiment, arm in rows:
        first.setdefault(experiment, arm)
    for experiment, arm in first.items():
        connection.execute(update(assignments).where(both, assignments.c.experiment == experiment).values(arm=arm))
    connection.execute(update(assignments).where(assignments.c.customer_id == gone).values(customer_id=kept))


def move_assignments(connection: Connection, old: str, new: str) -> None:
    """Moves assignments to another hash of a mailbox; where the new one was drawn too, the earlier draw stays."""
    drawn = connection.execute(
        select(assignments).where(assignments.c.mailbox.in_([old, new])).order_by(assignments.c.at)
    )
    seen: set[str] = set()
    for row in drawn.mappings().all():
        this_row = (assignments.c.experiment == row["experiment"], assignments.c.mailbox == row["mailbox"])
        if row["experiment"] in seen:
            connection.execute(delete(assignments).where(*this_row))
        seen.add(row["experiment"])
    connection.execute(update(assignments).where(assignments.c.mailbox == old).values(mailbox=new))
