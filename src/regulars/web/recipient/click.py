"""`/c/{token}/{place}` and `/o/{token}`: a link of an email followed, and the picture that tells that it was shown.

A link leads only where that link of that email led when it was sent: there is no address in it to be altered.
"""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from starlette.responses import RedirectResponse, Response

from regulars.consent.preferences import objectors
from regulars.ledger.copies import target
from regulars.responses.click_grading import Hit, Kind, sign
from regulars.responses.clicks import Asked
from regulars.web.recipient.link_request import Visit

_TRAP = "0"
_PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
"""A GIF of one transparent pixel."""


def follow(visit: Visit) -> Response:
    """To where the link leads; the link that no person sees leads nowhere."""
    place = str(visit.request.path_params["place"])
    if place == _TRAP and not visit.who.erased:
        count(visit, Kind.TRAP, "")
        return Response(status_code=204)
    number = int(place) if place.isascii() and place.isdigit() and len(place) < 4 else 0
    address = target(visit.connection, visit.who.promise, number)
    if address is None or visit.who.erased:
        return visit.message("unknown", status=404)
    count(visit, Kind.CLICK, address)
    return RedirectResponse(ascii_host(address), 302)


def show_pixel(visit: Visit) -> Response:
    """The picture."""
    count(visit, Kind.OPEN, "")
    return Response(_PIXEL, media_type="image/gif")


def count(visit: Visit, kind: Kind, link: str) -> None:
    """Has a GET written down, unless the rules or the client say by now that nothing is to be measured."""
    who, site = visit.who, visit.site
    if visit.request.method == "HEAD":
        site.peeks.note(who.promise, visit.now)
        return
    policy = visit.book.policy
    asked = who.campaign.measured(policy) if who.campaign else policy.tracking
    wanted = asked is not None and (asked.opens if kind is Kind.OPEN else asked.clicks)
    if who.erased or not wanted or objectors(visit.connection, [who.customer]):
        return
    found = sign(kind, visit.request.headers, peeked=site.peeks.lately(who.promise, visit.now))
    site.scribe.note(Asked(who.promise, Hit(kind, link, visit.now, found)))


def ascii_host(address: str) -> str:
    """The address with its host as a Location can carry it; the rest is quoted by the answer itself."""
    if address.isascii():
        return address
    parts = urlsplit(address)
    try:
        host = (parts.hostname or "").encode("idna").decode()
    except UnicodeError:
        return address
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=host + port))
