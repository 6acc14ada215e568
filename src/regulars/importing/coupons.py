"""Coupons from files: codes made elsewhere, into a pool; and redemptions of codes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import orjson
from sqlalchemy import Connection

from regulars.coupons.redemption import CheckedCoupon, CouponStatus, Use, add_codes, redeem_all
from regulars.db.types import from_micros
from regulars.importing import cells, column_names, date_formats
from regulars.importing.columns import Column
from regulars.importing.history import History
from regulars.importing.refused import Refused
from regulars.importing.rows import Importer, Row, Written

_POOL = re.compile(r"[a-z][a-z0-9-]*")
_LONGEST = 40
_text = cells.text(_LONGEST)


def code(raw: Any) -> str | None:
    """A code made elsewhere."""
    value: str | None = _text(raw)
    if value is not None and not value.isprintable():
        raise Refused("is not a code", "expected letters, digits and signs that can be typed")
    return value


class Codes(Importer):
    """Codes of a pool, to be assigned one by one."""

    needed: ClassVar = (("code",),)

    def columns(self) -> Sequence[Column]:
        readers: Mapping[str, cells.Reader] = {"code": code, "pool": cells.text(_LONGEST)}
        return [Column(name, read, column_names.COUPONS[name]) for name, read in readers.items()]

    def check(self, row: Row) -> None:
        pool = row.values.setdefault("pool", self.options.pool)
        if row.get("code") is None:
            row.refuse("has no code", name="code")
        elif pool is None:
            row.refuse("does not say which pool the code is for", "name it: `--pool NAME`", "pool")
        elif not _POOL.fullmatch(pool):
            row.refuse(f"`{pool}` cannot be the name of a pool", "expected small letters, digits and hyphens", "pool")
        else:
            self.refuse_twin(row, "code", "code")

    def write(self, connection: Connection, units: Sequence[list[Row]]) -> Written:
        added = refused = 0
        for pool in sorted({row.get("pool") for (row,) in units}):
            rows = [row for (row,) in units if row.get("pool") == pool]
            new, foreign = add_codes(connection, pool, [row.get("code") for row in rows], self.now)
            added += new
            for row in rows:
                if row.get("code") in foreign:
                    row.refuse("is of another pool already, or a client's own code", name="code")
                    refused += 1
        return Written(added, 0, len(units) - added - refused)


class Redemptions(History):
    """Redemptions of codes, by their reference (an order, a receipt), or else by their content."""

    needed: ClassVar = (("code",),)

    def columns(self) -> Sequence[Column]:
        options = self.options
        readers: Mapping[str, cells.Reader] = {
            "code": code,
            "reference": cells.text(100),
            "customer": cells.text(254),
            "email": cells.email,
            "occurred_at": date_formats.moment(options.dates, options.timezone, self.now),
        }
        return [Column(name, read, column_names.REDEMPTIONS[name]) for name, read in readers.items()]

    def check(self, row: Row) -> None:
        if row.get("code") is None:
            row.refuse("has no code", name="code")
            return
        if row.get("reference") is None:
            at = row.get("occurred_at")
            content = orjson.dumps([row.get("code"), at and at.written, row.get("customer"), row.get("email")])
            mark = hashlib.blake2b(content, digest_size=12).hexdigest()
            row.values["reference"] = f"file-{mark}-{self.seen.times(mark)}"

    def write(self, connection: Connection, units: Sequence[list[Row]]) -> Written:
        rows = [row for (row,) in units]
        self.find_customers(connection, [row for row in rows if row.get("customer") or row.get("email")])
        rows = [row for row in rows if not row.faults]
        return use_all(self, connection, rows, [self._use(row) for row in rows])

    def _use(self, row: Row) -> Use:
        at = row.get("occurred_at")
        moment = self.now if at is None else from_micros(at.micros)
        return Use(row.get("code"), row.get("reference"), moment, row.get("customer_id"))


def use_all(importer: Importer, connection: Connection, rows: Sequence[Row], uses: Sequence[Use]) -> Written:
    """Redeems the coupon of each row; refuses a row whose coupon cannot be used."""
    added = same = 0
    for row, (coupon, new) in zip(rows, redeem_all(connection, uses, importer.now), strict=True):
        if coupon.standing is CouponStatus.REDEEMED:
            added, same = added + new, same + (not new)
        else:
            row.refuse(*_why(coupon), "code")
    return Written(added, 0, same)


def _why(coupon: CheckedCoupon) -> tuple[str, str | None]:
    name = f"coupon `{coupon.code}`"
    match coupon.standing:
        case CouponStatus.USED_UP:
            return f"{name} is used up", None
        case CouponStatus.EXPIRED:
            return f"{name} had expired", None
        case CouponStatus.NOT_YET:
            return f"{name} was not valid yet", None
        case CouponStatus.NOT_THEIRS:
            return f"{name} is another client's", None
        case CouponStatus.WHOSE:
            return f"{name} is shared by many", "name the customer"
    return f"{name} was never given to anybody", None
