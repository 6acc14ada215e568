"""`/api`: for tills, shops and a CRM. Coupons are checked and redeemed; clients, purchases and events come in batches.

A batch goes the way of a file: `regulars import` reads it, so both judge alike, and a batch sent again adds nothing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from regulars.core import api_keys
from regulars.core.errors import Invalid
from regulars.coupons.redemption import Coupon, Standing, Use, check, redeem
from regulars.db import engine as store
from regulars.importing.report import ImportReport, Kind, Options
from regulars.importing.service import import_file
from regulars.web.recipient.link_request import caller
from regulars.web.site import Site

ROWS = 10_000
"""Rows of one batch at most."""
_STATUS = {
    Standing.VALID: 200, Standing.REDEEMED: 200, Standing.UNKNOWN: 404, Standing.USED_UP: 409,
    Standing.NOT_YET: 409, Standing.EXPIRED: 409, Standing.NOT_THEIRS: 409, Standing.WHOSE: 409,
}  # fmt: skip

Work = Callable[[Site, Request, Any], Response]


def endpoint(scope: str, work: Work) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint for keys with the scope; the body is JSON, or empty."""

    async def answer(request: Request) -> Response:
        site: Site = request.app.state.site
        key = api_keys.read(request.headers.get("authorization"), site.secret)
        if key is None:
            if not site.wrong.allows(f"key {caller(request)}"):
                raise HTTPException(429)
            raise HTTPException(401, headers={"www-authenticate": "Bearer"})
        if scope not in key[1]:
            raise HTTPException(403)
        if not site.keys.allows(key[0]):
            raise HTTPException(429)
        return await run_in_threadpool(work, site, request, parsed(await request.body()))

    return answer


def parsed(body: bytes) -> Any:
    """The JSON of a body, None of an empty one; else a refusal."""
    try:
        return orjson.loads(body) if body.strip() else None
    except orjson.JSONDecodeError:
        raise HTTPException(400) from None


def said(body: Mapping[str, Any], status: int = 200) -> Response:
    """JSON as an answer."""
    return Response(orjson.dumps(body), status, media_type="application/json")


def check_coupon(site: Site, request: Request, body: Any) -> Response:
    """What a code is worth, to a `customer` if one is named."""
    with store.read(site.engine) as connection:
        return _coupon(check(connection, _code(request), site.clock(), _customer(body)))


def redeem_coupon(site: Site, request: Request, body: Any) -> Response:
    """Uses a code for a `reference`."""
    reference = body.get("reference") if isinstance(body, dict) else None
    if not isinstance(reference, str) or not 0 < len(reference) <= 100 or not reference.isprintable():
        raise HTTPException(422)
    now = site.clock()
    with store.write(site.engine) as connection:
        used, _ = redeem(connection, Use(_code(request), reference, now, _customer(body)), now)
        return _coupon(used)


def _customer(body: Any) -> str | None:
    """The client's external id, where the till knows whose code it is."""
    named = body.get("customer") if isinstance(body, dict) else None
    if named is not None and (not isinstance(named, str) or not 0 < len(named) <= 254 or not named.isprintable()):
        raise HTTPException(422)
    return named


def _code(request: Request) -> str:
    code = str(request.path_params["code"])
    if len(code) > 40 or not code.isprintable():
        raise HTTPException(404)
    return code


def _coupon(found: Coupon) -> Response:
    return said(asdict(found), _STATUS[found.standing])


def batch(kind: Kind) -> Work:
    """Takes a list of rows as `regulars import` reads them from a file."""

    def work(site: Site, _: Request, body: Any) -> Response:
        if not isinstance(body, list) or len(body) > ROWS or not all(isinstance(row, dict) for row in body):
            raise HTTPException(422)
        try:
            return said(bring(site, kind, body, source="api").to_dict())
        except Invalid as error:
            return said({"error": [fault.message for fault in error.diagnostics]}, 422)

    return work


def bring(site: Site, kind: Kind, rows: Sequence[Mapping[str, Any]], *, source: str) -> ImportReport:
    """Imports the rows as `regulars import` does those of a file. Raises Invalid where they cannot be read as such."""
    book = site.rules.rulebook
    options = Options(
        timezone=book.company.timezone, currency=book.company.currency, fields=book.fields, events=book.events,
        source=source,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="regulars-") as folder:
        path = Path(folder) / "batch.jsonl"
        path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
        return import_file(site.engine, kind, path, now=site.clock(), secret=site.secret, options=options)
