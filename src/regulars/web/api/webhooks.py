"""`/hooks/NAME`: signed messages from a shop or CRM, mapped by the workspace's `hooks`.

A message is imported like a file, row by row. Its id is stored only when every row was accepted: a refused message,
for example with a client not known yet, is processed again when its sender repeats it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from regulars.core import webhook_signing
from regulars.core.errors import Invalid
from regulars.core.shop_signatures import is_ping, secrets_of, verify_shop
from regulars.db import engine as db
from regulars.importing.report import Kind
from regulars.responses import received_hooks
from regulars.rules.webhook_rules import Hook, HookKind, Take
from regulars.web.api.endpoints import import_batch, in_a_line, json_response, parsed
from regulars.web.recipient.link_request import client_source
from regulars.web.site import Site

_log = logging.getLogger(__name__)


async def receive(request: Request) -> Response:
    """Receives one message."""
    return await run_in_threadpool(_receive, request.app.state.site, request, await request.body())


@dataclass(frozen=True, slots=True)
class _Genuine:
    """A message whose signature is valid. `ids` are those that it is remembered under."""

    ids: tuple[str, ...]
    at: datetime
    key: str
    topic: str | None = None


def _receive(site: Site, request: Request, body: bytes) -> Response:
    name = str(request.path_params["hook"])
    hook = site.rules.rulebook.hooks.get(name)
    genuine = _verified(site, hook, request, body) if hook else None
    if hook is None or genuine is None:
        if is_ping(body):  # answered by any name, so that it tells nothing about names
            return json_response({"type": None, "repeated": False, "rows": []})
        # An unknown hook is answered like a wrong signature, so that names cannot be guessed.
        if not site.wrong.allows(f"hook {client_source(request)}"):
            raise HTTPException(429)
        identity = request.headers.get("webhook-id")
        rule = identity is None or webhook_signing.is_id(identity)
        raise HTTPException(401, None if rule else webhook_signing.ID_RULE)
    if not site.keys.allows(f"hook {genuine.key}"):
        raise HTTPException(429)
    message = parsed(body)
    with db.read(site.engine) as connection:
        if any(received_hooks.was_received(connection, name, one) for one in genuine.ids):
            return json_response({"type": None, "repeated": True, "rows": []})
    kind = hook.type_of(message, genuine.topic)
    take = hook.take.get(kind) if kind is not None else None
    rows = list(take.rows(message)) if take else []
    reports = [_import_row(site, name, genuine, kind, row, _factors(take)) for kind, row in rows]
    if any(report["refused"] for report in reports):
        return json_response({"error": [reason for report in reports for reason in report["reasons"]]}, 422)
    with db.write(site.engine) as connection:
        for one in genuine.ids:
            received_hooks.remember_message(connection, name, one, site.clock())
    return json_response({"type": kind if take else None, "repeated": False, "rows": reports})


def _factors(take: Take | None) -> dict[str, Decimal]:
    return {str(column): factor for column, factor in take.scale.items()} if take else {}


def _verified(site: Site, hook: Hook, request: Request, body: bytes) -> _Genuine | None:
    if hook.signature == "standard":
        signed = webhook_signing.verify(request.headers, body, hook.signers, site.secrets, site.clock())
        return _Genuine((signed.id,), signed.at, signed.key) if signed else None
    secrets = secrets_of(hook.secret or "")
    if not secrets:
        _log.error(
            "hook %s: the environment variable %s has no secret, so its messages are refused", hook.name, hook.secret
        )
        return None
    found = verify_shop(hook.signature, request.headers, body, secrets, site.clock())
    return _Genuine(found.ids, found.at, hook.name, found.topic) if found else None


def _import_row(
    site: Site, hook: str, genuine: _Genuine, kind: HookKind, row: Mapping[str, Any], scale: Mapping[str, Decimal]
) -> dict[str, Any]:
    """Imports one row."""
    if kind != "customers":
        row = {"occurred_at": genuine.at.isoformat(), **row}
        row = {"id": f"{hook}/{genuine.ids[0]}", **row}
    try:
        factors = scale if kind == "purchases" else {}
        report = import_batch(site, Kind(kind), [row], source=f"hook {hook}", scale=factors)
    except Invalid as error:
        return {"refused": 1, "reasons": [f"{kind}: {in_a_line(fault)}" for fault in error.diagnostics]}
    reasons = [
        f"{kind}: {bad.column + ': ' if bad.column else ''}{bad.reason}{'; ' + bad.hint if bad.hint else ''}"
        for bad in report.bad
    ]
    counts = {name: getattr(report, name) for name in ("added", "changed", "unchanged", "refused")}
    return {"kind": kind, **counts, "reasons": reasons}
