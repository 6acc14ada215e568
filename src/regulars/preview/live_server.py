"""`preview --live`: every language, variant and step of a campaign side by side, new whenever a file is saved.

For one person on their own machine: it answers only to names of this machine, shows the samples' data and no
client's unless one is asked for, and changes nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from regulars.core.clock import Clock
from regulars.core.diagnostics import render
from regulars.core.errors import Invalid, RegularsError
from regulars.core.settings import Settings
from regulars.preview.live_files import LiveFiles
from regulars.preview.preview import Preview, preview
from regulars.workspace.folder import Workspace

_PAGE = Path(__file__).with_name("pages") / "live.html"
_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
_QUIET = 15.0
"""Seconds after which a waiting browser hears that the server is still there."""
_DARK = "(prefers-color-scheme: dark)"
_POLICY = "default-src 'self' 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_FRAME = {
    "Content-Security-Policy": "sandbox allow-popups; default-src * data: 'unsafe-inline'; script-src 'none'",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class LiveServer:
    """What the pages need: the files, the data of one client or of the samples, the clock."""

    files: LiveFiles
    settings: Settings
    clock: Clock
    engine: Engine | None = None
    customer: str | None = None

    def application(self) -> Starlette:
        """The pages."""
        routes = [
            Route("/", self._page),
            Route("/state", self._state),
            Route("/changes", self._changes),
            Route("/email/{campaign}/{step}/{variant}/{locale}", self._email),
        ]
        return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS)])

    async def _page(self, _: Request) -> Response:
        policy = (
            "default-src 'self' 'unsafe-inline'; frame-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"
        )
        return HTMLResponse(_PAGE.read_text("utf-8"), headers={"Content-Security-Policy": policy})

    async def _state(self, _: Request) -> Response:
        state = self.files.state
        campaigns = {} if state.workspace is None else _campaigns(state.workspace)
        return JSONResponse({"number": state.emails, "faults": state.faults, "campaigns": campaigns})

    async def _changes(self, _: Request) -> Response:
        return StreamingResponse(self.events(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def events(self) -> AsyncIterator[str]:
        """Server-sent events: one for each change, and a comment now and then."""
        number = self.files.state.number
        while True:
            state = await asyncio.to_thread(self.files.wait, number, _QUIET)
            if state.number == number:
                yield ": still here\n\n"
                continue
            number = state.number
            yield f"data: {json.dumps({'number': number})}\n\n"

    async def _email(self, request: Request) -> Response:
        return await run_in_threadpool(self._rendered, request)

    def _rendered(self, request: Request) -> Response:
        given, workspace = request.path_params, self.files.state.workspace
        if workspace is None:
            return _problem("the rules cannot be read; the faults stand above")
        variant = None if given["variant"] == "-" else given["variant"]
        try:
            (one, *_) = preview(
                self.engine, workspace, given["campaign"], customer=self.customer, step=given["step"],
                now=self.clock(), locale=given["locale"], settings=self.settings, variant=variant,
            )  # fmt: skip
        except Invalid as error:
            return _problem(render(error.diagnostics, error.sources))
        except RegularsError as error:
            return _problem(str(error))
        if "meta" in request.query_params:
            return JSONResponse({"subject": one.subject, "preheader": one.preheader, "warnings": list(one.warnings)})
        return HTMLResponse(_in_mode(one, request.query_params.get("mode", "light")), headers=_FRAME)


def _campaigns(workspace: Workspace) -> dict[str, list[dict[str, object]]]:
    """By campaign its emails, each with the variants and languages that there are."""
    found: dict[str, list[dict[str, object]]] = {}
    for name, rule in sorted(workspace.rulebook.campaigns.items()):
        shown = found.setdefault(name, [])
        forms = list(rule.by_variant.items()) or [("-", rule)]
        for variant, form in forms:
            for step in form.all_steps:
                try:
                    languages = workspace.templates.languages(step.email)
                except RegularsError:
                    languages = [workspace.rulebook.company.locale]
                shown.append({"step": step.key, "email": step.email, "variant": variant, "languages": languages})
    return found


def _in_mode(one: Preview, mode: str) -> str:
    """The email as a reader with a light or a dark screen sees it, whatever this browser's own setting."""
    return one.html.replace(_DARK, "all" if mode == "dark" else "not all")


def _problem(words: str) -> Response:
    style = "font:14px/1.5 ui-monospace,monospace;white-space:pre-wrap;padding:16px;color:#8a1c1c;background:#fff"
    return HTMLResponse(f'<!doctype html><meta charset="utf-8"><body style="{style}">{escape(words)}', 500, _FRAME)
