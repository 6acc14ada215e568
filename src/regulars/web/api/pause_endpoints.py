"""`/api/pauses`: stop emails, let them go on, call them off; as `regulars pause`, `resume` and `cancel` do.

Each is a line in the log of what people did, in the name of the key.
"""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from regulars.core.errors import Invalid, NotFound
from regulars.ledger.switches import Scope, Target
from regulars.operation import pausing
from regulars.operation.pausing import Person
from regulars.operation.stored_version import UnsoundVersion
from regulars.web.api.endpoints import json_response
from regulars.web.site import Site

LONGEST_WHY = 500
"""Maximum characters of the reason."""
_MEANT = {"campaign", "lane", "all"}


def list_or_pause(site: Site, request: Request, body: Any) -> Response:
    """GET lists what is paused, POST pauses."""
    if request.method in ("GET", "HEAD"):
        found, names = pausing.open_pauses(site.engine)
        return json_response({"pauses": [one.to_json(names) for one in found]})
    target = _target(site, body)
    done = pausing.pause(site.engine, target, _person(site, request, body))
    names = pausing.open_pauses(site.engine)[1]
    paused = done.pause.to_json(names)
    return json_response({"paused": paused, "fresh": done.fresh, "open": done.open, "sending": done.sending})


def resume(site: Site, request: Request, body: Any) -> Response:
    """Ends the pause of exactly this."""
    done = pausing.resume(site.engine, _target(site, body), _person(site, request, body))
    names = pausing.open_pauses(site.engine)[1]
    left = [one.to_json(names) for one in done.left]
    return json_response({"resumed": done.ended, "open": done.open, "still_paused": left})


def cancel(site: Site, request: Request, body: Any) -> Response:
    """Skips what is planned or held of it; this cannot be undone."""
    return json_response(
        {"cancelled": pausing.call_off(site.engine, _target(site, body), _person(site, request, body))}
    )


def _target(site: Site, body: Any) -> Target:
    """What is meant: `campaign`, `lane`, or `all`. Refuses anything else with 422, an unknown name with 404."""
    given = {key: value for key, value in body.items() if key in _MEANT} if isinstance(body, dict) else {}
    if len(given) != 1 or set(body) - _MEANT - {"why"}:
        raise HTTPException(422, "name one `campaign`, or one `lane`, or `all`: true; and `why`")
    [(what, name)] = given.items()
    if what == "all":
        if name is not True:
            raise HTTPException(422, "`all` is true")
        return Target(Scope.ALL)
    if not isinstance(name, str) or not 0 < len(name) <= 200 or not name.isprintable():
        raise HTTPException(422, f"`{what}` is a name")
    try:
        return (
            pausing.lane_target(site.lanes, name)
            if what == "lane"
            else pausing.campaign_target(site.engine, name, _campaigns(site))
        )
    except NotFound as error:
        raise HTTPException(404, str(error)) from None


def _campaigns(site: Site) -> list[str]:
    """Those of the rules; none while they are faulty, which keeps nobody from pausing."""
    try:
        return list(site.rules.rulebook.campaigns)
    except (Invalid, UnsoundVersion):
        return []


def _person(site: Site, request: Request, body: dict[str, Any]) -> Person:
    why = body.get("why", "")
    if not isinstance(why, str) or len(why) > LONGEST_WHY or not why.isprintable():
        raise HTTPException(422, f"`why` is a text of up to {LONGEST_WHY} characters")
    return Person(f"key {request.state.key}", why or None, site.clock())
