"""`/readyz`: whether this process and its workspace can work, and if not, what is wrong.

Anybody may ask, so the answer names files, lines and revisions, but quotes neither rules nor the database's own words:
those are in the log, once for as long as the trouble is the same.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from regulars.core.errors import Invalid, RegularsError
from regulars.db import upgrade
from regulars.web.site import Site

_LOG = logging.getLogger(__name__)


async def endpoint(request: Request) -> Response:
    """200 when the database has the shape this version needs and the rules are sound, else 503 with the reasons."""
    site: Site = request.app.state.site
    found = await run_in_threadpool(lambda: [*_database(site), *_rules(site)])
    logged = "; ".join(one.logged for one in found)
    if logged and logged != site.unready:
        _LOG.error("not ready: %s", logged)
    site.unready = logged
    if found:
        return PlainTextResponse(f"not ready: {'; '.join(one.answered for one in found)}\n", 503)
    return PlainTextResponse("ready\n")


@dataclass(frozen=True, slots=True)
class _Reason:
    answered: str
    logged: str


def _database(site: Site) -> list[_Reason]:
    try:
        upgrade.current(site.engine)
    except RegularsError as error:
        return [_Reason("the database does not answer", str(error))]
    try:
        upgrade.require_current(site.engine)
    except RegularsError as error:
        return [_Reason(str(error), str(error))]
    return []


def _rules(site: Site) -> list[_Reason]:
    faults = site.faults
    if faults is None:
        return []
    summary = _summary(faults, site.root)
    return [_Reason(summary, summary)]


def _summary(faults: Invalid, root: Path) -> str:
    number = len(faults.diagnostics)
    said = f"the rules have {number} error{'' if number == 1 else 's'}"
    span = next((one.span for one in faults.diagnostics if one.span is not None), None)
    where = f", the first in {_below(span.path, root)}, line {span.line}" if span else ""
    return f"{said}{where}: `regulars check` tells more"


def _below(path: str, root: Path) -> str:
    """The path from the workspace on: where that is on this machine is nobody's business."""
    found = Path(path)
    return found.relative_to(root).as_posix() if found.is_relative_to(root) else found.name
