"""`/api/suppressions`: whether an address is suppressed, and lifting that; adding is a batch like any other.

An erased person's address is not lifted by a program: `regulars unsuppress --erased` does it, by an operator's hand.
"""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from regulars.consent.suppression import lift_suppressions, suppression_of
from regulars.core.errors import Invalid
from regulars.core.ids import address_hash
from regulars.db import engine as store
from regulars.importing.addresses import read_addresses
from regulars.importing.report import BadRow, Kind
from regulars.importing.row_source import MappingSource
from regulars.web.api.endpoints import ROWS, batch, json_response
from regulars.web.site import Site

_ADD = batch(Kind.SUPPRESSIONS)
LONGEST_NOTE = 500
"""Maximum characters of the reason for lifting."""


def look_up_or_add(site: Site, request: Request, body: Any) -> Response:
    """GET looks an address up, POST takes a batch."""
    return _look_up(site, request) if request.method in ("GET", "HEAD") else _ADD(site, request, body)


def _look_up(site: Site, request: Request) -> Response:
    """Whether the address in `?email=` is suppressed, and how."""
    given = request.query_params.getlist("email")
    if len(given) != 1:
        raise HTTPException(422)
    hashes, bad = _hashes(site, given)
    if bad:
        return json_response({"error": [f"email: {fault.reason}" for fault in bad]}, 422)
    with store.read(site.engine) as connection:
        found = suppression_of(connection, hashes[0])
    if found is None:
        return json_response({"suppressed": False})
    bar = found.suppression
    known = {"reason": bar.reason, "scope": bar.scope, "since": bar.at.isoformat(), "clients": list(found.clients)}
    return json_response({"suppressed": True, **known})


def lift(site: Site, request: Request, body: Any) -> Response:
    """Lifts the suppressions of a list of addresses, but for those of erased people; `why` goes into the log."""
    given, why = (body.get("emails"), body.get("why")) if isinstance(body, dict) else (None, None)
    if not isinstance(given, list) or not 0 < len(given) <= ROWS or not all(isinstance(one, str) for one in given):
        raise HTTPException(422)
    if not isinstance(why, str) or not why.strip() or len(why) > LONGEST_NOTE or not why.isprintable():
        raise HTTPException(422)
    try:
        hashes, bad = _hashes(site, given)
    except Invalid as error:
        return json_response({"error": [fault.message for fault in error.diagnostics]}, 422)
    with store.write(site.engine) as connection:
        done = lift_suppressions(connection, hashes, now=site.clock(), by="api", why=why)
    report = {"lifted": done.lifted, "not_suppressed": done.not_suppressed, "erased": done.erased}
    return json_response({**report, "bad": [fault.to_dict() for fault in bad]})


def _hashes(site: Site, addresses: list[str]) -> tuple[list[str], list[BadRow]]:
    found, bad = read_addresses(MappingSource([{"email": one} for one in addresses]))
    return [address_hash(address, site.address_secret) for address in found], bad
