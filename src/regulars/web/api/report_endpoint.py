"""`GET /api/report`: the counts of emails and the goals that followed them, as `regulars report --json` gives them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from regulars.db import engine as db
from regulars.insights.attribution import Period
from regulars.insights.campaign_report import report
from regulars.insights.goal_effects import goal_effects
from regulars.insights.goal_report import goal_report
from regulars.web.api.endpoints import json_response
from regulars.web.site import Site


def look_up(site: Site, request: Request, body: Any) -> Response:
    """Of the emails settled from `since` and before `until`, both optional instants with an offset from UTC."""
    since, until = (_instant(request, name) for name in ("since", "until"))
    rulebook, now = site.rules.rulebook, site.clock()
    period = Period(now, since, until)
    with db.read(site.engine) as connection:
        counts = report(connection, rulebook, now, since=since, until=until).to_json()
        goals = goal_report(connection, rulebook, period).to_json()
        effects = [effect.to_json() for effect in goal_effects(connection, rulebook, period)]
    return json_response({**counts, "revenue": {**goals, "effects": effects}})


def _instant(request: Request, name: str) -> datetime | None:
    given = request.query_params.getlist(name)
    if not given:
        return None
    try:
        found = datetime.fromisoformat(given[0])
    except ValueError:
        raise HTTPException(422) from None
    if len(given) > 1 or found.tzinfo is None or not 1970 <= found.year <= 9000:
        raise HTTPException(422)
    return found.astimezone(UTC)
