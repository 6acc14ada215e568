"""`/c/{token}/{place}` and `/o/{token}`: redirects of tracked links, and the tracking pixel.

A link redirects only to its target in the email as sent: it contains no address that could be altered.
"""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from starlette.responses import RedirectResponse, Response

from regulars.consent.preferences import objectors
from regulars.ledger.sent_copies import link_target
from regulars.responses.click_grading import Hit, HitKind, sign
from regulars.responses.clicks import LinkHit
from regulars.web.recipient.link_request import LinkRequest

_TRAP = "0"
_PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
"""A GIF of one transparent pixel."""


def follow(link: LinkRequest) -> Response:
    """Redirects to the link's target; the hidden link has none."""
    place = str(link.request.path_params["place"])
    if place == _TRAP and not link.owner.erased:
        count_hit(link, HitKind.TRAP, "")
        return Response(status_code=204)
    number = int(place) if place.isascii() and place.isdigit() and len(place) < 4 else 0
    address = link_target(link.connection, link.owner.promise, number)
    if address is None or link.owner.erased:
        return link.message("unknown", status=404)
    count_hit(link, HitKind.CLICK, address)
    return RedirectResponse(ascii_host(address), 302)


def show_pixel(link: LinkRequest) -> Response:
    """The picture."""
    count_hit(link, HitKind.OPEN, "")
    return Response(_PIXEL, media_type="image/gif")


def count_hit(link: LinkRequest, kind: HitKind, address: str) -> None:
    """Enqueues a hit for a GET, unless the rules or the client by now forbid tracking."""
    owner, site = link.owner, link.site
    if link.request.method == "HEAD":
        site.head_requests.add(owner.promise, link.now)
        return
    policy = link.book.policy
    asked = owner.campaign.measured(policy) if owner.campaign else policy.tracking
    wanted = asked is not None and (asked.opens if kind is HitKind.OPEN else asked.clicks)
    if owner.erased or not wanted or objectors(link.connection, [owner.customer]):
        return
    found = sign(kind, link.request.headers, peeked=site.head_requests.recent(owner.promise, link.now))
    site.hit_writer.enqueue(LinkHit(owner.promise, Hit(kind, address, link.now, found)))


def ascii_host(address: str) -> str:
    """The address with its host in ASCII for a Location header; the response quotes the rest."""
    if address.isascii():
        return address
    parts = urlsplit(address)
    try:
        host = (parts.hostname or "").encode("idna").decode()
    except UnicodeError:
        return address
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=host + port))
