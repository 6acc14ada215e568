"""Coupon codes: one for each client and sequence, minted for a whole batch at once, and kept at every attempt."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from regulars.dispatch.load import Job
from regulars.store.tables import coupons

_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"  # nothing that is misread aloud or on paper
_LENGTH = 8  # 30**8 is 6.5e11: a guess hits one of a million codes once in 650,000 tries


def mint(connection: Connection, jobs: Sequence[Job], now: datetime) -> None:
    """Gives every job whose campaign makes an offer its code."""
    wanted = {(j.key, j.customer_id, j.occurrence): j for j in jobs if j.campaign.offer is not None}
    if not wanted:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(coupons).on_conflict_do_nothing(), [_new(job, now) for job in wanted.values()])
    key = tuple_(coupons.c.campaign, coupons.c.customer_id, coupons.c.occurrence)
    rows = connection.execute(select(coupons).where(key.in_(list(wanted)))).mappings()
    minted = {(r["campaign"], r["customer_id"], r["occurrence"]): r for r in rows}
    for job in jobs:
        row = minted.get((job.key, job.customer_id, job.occurrence))
        if row is not None:
            benefit = {"percent": None, "amount": None, "gift": None, **row["offer"]}
            job.coupon = {"code": row["code"], "valid_until": row["valid_until"], "uses": row["uses"], **benefit}


def _new(job: Job, now: datetime) -> dict[str, Any]:
    assert job.campaign.offer is not None
    offer = job.campaign.offer.coupon
    code = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    return {
        "code": f"{offer.prefix}-{code}" if offer.prefix else code,
        "campaign": job.key,
        "customer_id": job.customer_id,
        "occurrence": job.occurrence,
        "offer": offer.benefit,
        "uses": offer.uses,
        "used": 0,
        "valid_from": now,
        "valid_until": now + offer.valid,
    }
