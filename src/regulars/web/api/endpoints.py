"""`/api`: for tills, shops and a CRM. Coupons are checked and redeemed; clients, purchases and events come in batches.

A batch and a file of `regulars import` are both row sources, so both are read by the same code; sending a batch again
adds nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, replace
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from regulars.core import api_keys
from regulars.core.diagnostics import Diagnostic
from regulars.core.errors import Invalid
from regulars.coupons.redemption import CheckedCoupon, CouponStatus, Use, check, redeem
from regulars.db import engine as db
from regulars.importing.options import options_for
from regulars.importing.purchases import MONEY
from regulars.importing.report import ImportReport, Kind
from regulars.importing.row_source import MappingSource
from regulars.importing.service import import_rows
from regulars.web.recipient.link_request import client_source
from regulars.web.site import Site

ROWS = 10_000
"""Maximum rows of one batch."""
_STATUS = {
    CouponStatus.VALID: 200, CouponStatus.REDEEMED: 200, CouponStatus.UNKNOWN: 404, CouponStatus.USED_UP: 409,
    CouponStatus.NOT_YET: 409, CouponStatus.EXPIRED: 409, CouponStatus.NOT_THEIRS: 409, CouponStatus.WHOSE: 409,
}  # fmt: skip

Work = Callable[[Site, Request, Any], Response]


def endpoint(scope: str, work: Work) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint for keys with the scope; the body is JSON, or empty."""

    async def answer(request: Request) -> Response:
        site: Site = request.app.state.site
        key = api_keys.read(request.headers.get("authorization"), site.secrets)
        if key is None:
            if not site.wrong.allows(f"key {client_source(request)}"):
                raise HTTPException(429)
            raise HTTPException(401, headers={"www-authenticate": "Bearer"})
        if scope not in key[1]:
            raise HTTPException(403)
        if not site.keys.allows(key[0]):
            raise HTTPException(429)
        request.state.key = key[0]
        return await run_in_threadpool(work, site, request, parsed(await request.body()))

    return answer


def parsed(body: bytes) -> Any:
    """The JSON of a body, None of an empty one; else a refusal."""
    try:
        return orjson.loads(body) if body.strip() else None
    except orjson.JSONDecodeError:
        raise HTTPException(400) from None


def json_response(body: Mapping[str, Any], status: int = 200) -> Response:
    """A JSON response."""
    return Response(orjson.dumps(body), status, media_type="application/json")


def check_coupon(site: Site, request: Request, body: Any) -> Response:
    """The current value of a code, for a `customer` if given."""
    with db.read(site.engine) as connection:
        return _coupon(check(connection, _code(request), site.clock(), _customer(body)))


def redeem_coupon(site: Site, request: Request, body: Any) -> Response:
    """Redeems a code for a `reference`."""
    reference = body.get("reference") if isinstance(body, dict) else None
    if not isinstance(reference, str) or not 0 < len(reference) <= 100 or not reference.isprintable():
        raise HTTPException(422)
    now = site.clock()
    with db.write(site.engine) as connection:
        used, _ = redeem(connection, Use(_code(request), reference, now, _customer(body)), now)
        return _coupon(used)


def _customer(body: Any) -> str | None:
    """The client's external id, if the till knows it."""
    named = body.get("customer") if isinstance(body, dict) else None
    if named is not None and (not isinstance(named, str) or not 0 < len(named) <= 254 or not named.isprintable()):
        raise HTTPException(422)
    return named


def _code(request: Request) -> str:
    code = str(request.path_params["code"])
    if len(code) > 40 or not code.isprintable():
        raise HTTPException(404)
    return code


def _coupon(found: CheckedCoupon) -> Response:
    return json_response(asdict(found), _STATUS[found.standing])


def batch(kind: Kind) -> Work:
    """Imports a list of rows, like `regulars import` from a file."""

    def work(site: Site, request: Request, body: Any) -> Response:
        if not isinstance(body, list) or len(body) > ROWS or not all(isinstance(row, dict) for row in body):
            return json_response({"error": [f"expected a list of up to {ROWS:,} objects, one for each row"]}, 422)
        try:
            scale = _scale(kind, request.query_params.getlist("scale"))
            return json_response(import_batch(site, kind, body, source="api", scale=scale).to_dict())
        except Invalid as error:
            return json_response({"error": [in_a_line(fault) for fault in error.diagnostics]}, 422)

    return work


def in_a_line(fault: Diagnostic) -> str:
    """The message with what was expected and the hint, as the command line tells them."""
    expected = f"expected {fault.expected}" if fault.expected else None
    return "; ".join(part for part in (fault.message, expected, fault.hint) if part)


def _scale(kind: Kind, given: Sequence[str]) -> dict[str, Decimal]:
    """Factors of amounts from `?scale=amount=0.01`; raises Invalid."""
    found = {}
    for one in given:
        column, _, factor = one.partition("=")
        try:
            number = Decimal(factor)
        except InvalidOperation:
            number = Decimal(0)
        usable = number.is_finite() and Decimal("0.0001") <= number <= 1_000_000
        if kind is not Kind.PURCHASES or column not in MONEY or not usable:
            expected = f"COLUMN=FACTOR of purchases, such as `amount=0.01`; columns are {', '.join(MONEY)}"
            raise Invalid([Diagnostic("D004", f"`scale={one[:60]}` cannot be used", expected=expected)])
        found[column] = number
    return found


def import_batch(
    site: Site, kind: Kind, rows: Sequence[Mapping[str, Any]], *, source: str,
    scale: Mapping[str, Decimal] = MappingProxyType({}),
) -> ImportReport:  # fmt: skip
    """Imports the rows, like `regulars import` those of a file. Raises Invalid if the list is invalid."""
    options = replace(options_for(site.rules.rulebook), source=source, scale=scale)
    given = MappingSource(rows)
    return import_rows(site.engine, kind, given, now=site.clock(), secret=site.address_secret, options=options)
