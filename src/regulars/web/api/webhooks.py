"""`/hooks/NAME`: signed messages from a shop or CRM, mapped by the workspace's `hooks`.

A message is imported like a file, row by row. Its id is stored only when every row was accepted: a refused message,
for example with a client not known yet, is processed again when its sender repeats it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from regulars.core import webhook_signing
from regulars.core.errors import Invalid
from regulars.core.webhook_signing import SignedMessage
from regulars.db import engine as db
from regulars.importing.report import Kind
from regulars.responses import received_hooks
from regulars.rules.webhook_rules import HookKind
from regulars.web.api.endpoints import import_batch, json_response, parsed
from regulars.web.recipient.link_request import client_source
from regulars.web.site import Site


async def receive(request: Request) -> Response:
    """Receives one message."""
    return await run_in_threadpool(_receive, request.app.state.site, request, await request.body())


def _receive(site: Site, request: Request, body: bytes) -> Response:
    name = str(request.path_params["hook"])
    hook = site.rules.rulebook.hooks.get(name)
    signed = webhook_signing.verify(request.headers, body, hook.signers, site.secrets, site.clock()) if hook else None
    if hook is None or signed is None:
        # An unknown hook is answered like a wrong signature, so that names cannot be guessed.
        if not site.wrong.allows(f"hook {client_source(request)}"):
            raise HTTPException(429)
        identity = request.headers.get("webhook-id", "")
        raise HTTPException(401, None if webhook_signing.is_id(identity) else webhook_signing.ID_RULE)
    if not site.keys.allows(f"hook {signed.key}"):
        raise HTTPException(429)
    message = parsed(body)
    with db.read(site.engine) as connection:
        if received_hooks.was_received(connection, name, signed.id):
            return json_response({"type": None, "repeated": True, "rows": []})
    kind = hook.type.find(message)
    take = hook.take.get(kind) if isinstance(kind, str) else None
    rows = list(take.rows(message)) if take else []
    reports = [_import_row(site, name, signed, kind, row) for kind, row in rows]
    if any(report["refused"] for report in reports):
        return json_response({"error": [reason for report in reports for reason in report["reasons"]]}, 422)
    with db.write(site.engine) as connection:
        received_hooks.remember_message(connection, name, signed.id, site.clock())
    return json_response({"type": kind if take else None, "repeated": False, "rows": reports})


def _import_row(site: Site, hook: str, signed: SignedMessage, kind: HookKind, row: Mapping[str, Any]) -> dict[str, Any]:
    """Imports one row."""
    if kind != "customers":
        row = {"occurred_at": signed.at.isoformat(), **row}
        row = {"id": f"{hook}/{signed.id}", **row}
    try:
        report = import_batch(site, Kind(kind), [row], source=f"hook {hook}")
    except Invalid as error:
        return {"refused": 1, "reasons": [f"{kind}: {fault.message}" for fault in error.diagnostics]}
    reasons = [f"{kind}: {bad.column + ': ' if bad.column else ''}{bad.reason}" for bad in report.bad]
    counts = {name: getattr(report, name) for name in ("added", "changed", "unchanged", "refused")}
    return {"kind": kind, **counts, "reasons": reasons}
