"""`/readyz`: whether this process and its workspace can work, and if not, the faults.

The page is public, so the answer names files, lines and revisions, but quotes neither rules nor database messages:
those are in the log, once as long as the fault stays the same.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from regulars.core import clock
from regulars.core.errors import Invalid, RegularsError
from regulars.db import upgrade
from regulars.operation.stored_version import UnsoundVersion
from regulars.operation.surroundings import stopped, troubles
from regulars.web.site import Site

_LOG = logging.getLogger(__name__)
_DRAFT = "the files on this machine differ from the applied version, which is in force: `regulars diff` shows how"


async def endpoint(request: Request) -> Response:
    """200 when the database has the right shape, the rules are sound and mail can go, else 503 with the reasons.

    A pause is no fault: it is a warning below "ready".
    """
    site: Site = request.app.state.site
    found = await run_in_threadpool(lambda: _reasons(site))
    same = "; ".join(one.same or one.logged for one in found)
    if found and same != site.unready:
        _LOG.error("not ready: %s", "; ".join(one.logged for one in found))
    site.unready = same
    if found:
        return PlainTextResponse(f"not ready: {'; '.join(one.answered for one in found)}\n", 503)
    draft = await run_in_threadpool(lambda: site.draft)
    notes = [*(f"warning: {one.brief}\n" for one in site.stopped), *([] if draft is None else [f"note: {_DRAFT}\n"])]
    return PlainTextResponse("".join(["ready\n", *notes]))


def is_ready(site: Site) -> bool:
    """Whether `/readyz` would answer 200."""
    return not _reasons(site)


@dataclass(frozen=True, slots=True)
class _Reason:
    answered: str
    logged: str
    same: str = ""
    """The identity of the fault, where `logged` contains times."""


def _reasons(site: Site) -> list[_Reason]:
    # A database of another shape or none at all answers no further question.
    return _database(site) or [*_surroundings(site), *_rules(site)]


def _surroundings(site: Site) -> list[_Reason]:
    """Outages, clock differences, a full disk; checked every few seconds at most."""
    if time.monotonic() - site.surroundings_at >= site.surroundings_seconds:
        try:
            site.surroundings = list(troubles(site.engine, clock.system))
            site.stopped = stopped(site.engine)
        except RegularsError as error:
            return [_Reason("the database does not answer", str(error))]
        site.surroundings_at = time.monotonic()
    return [_Reason(one.brief, one.full, one.brief) for one in site.surroundings]


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
    try:
        faults = site.faults
    except UnsoundVersion as error:
        return [_Reason("the rules in force are not sound for this release: the log tells more", str(error))]
    if faults is None:
        return []
    summary = _summary(faults, site.root)
    return [_Reason(summary, summary)]


def _summary(faults: Invalid, root: Path) -> str:
    number = len(faults.diagnostics)
    summary = f"the rules have {number} error{'' if number == 1 else 's'}"
    span = next((one.span for one in faults.diagnostics if one.span is not None), None)
    where = f", the first in {_below(span.path, root)}, line {span.line}" if span else ""
    return f"{summary}{where}: `regulars check` tells more"


def _below(path: str, root: Path) -> str:
    """The path relative to the workspace: its location on this machine is not revealed."""
    found = Path(path)
    return found.relative_to(root).as_posix() if found.is_relative_to(root) else found.name
