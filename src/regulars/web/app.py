"""The application and its routes."""

from __future__ import annotations

import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from regulars.core import clock, settings
from regulars.core.errors import RegularsError
from regulars.db import upgrade
from regulars.db.engine import open_engine
from regulars.dispatch.manager_copy import PATH as COPY_PATH
from regulars.feedback.webhooks.provider_registry import configured
from regulars.importing.report import Kind
from regulars.operation.database_upgrade import require_address_secret, upgrade_database
from regulars.operation.lanes import lane_kinds
from regulars.web import readiness
from regulars.web.api import endpoints, mail_webhooks, pause_endpoints, report_endpoint, suppression_endpoints, webhooks
from regulars.web.api.metrics import metrics
from regulars.web.api.openapi import BATCHES, document
from regulars.web.middleware import API_PATHS, OuterMiddleware
from regulars.web.recipient import appointment, book, click, data, join, preferences, survey, unsubscribe, view
from regulars.web.recipient.link_request import Endpoint, by_link, message_page
from regulars.web.recipient.page_templates import stylesheet
from regulars.web.site import Site

_PAGE = ["GET", "POST"]


def create(site: Site) -> ASGIApp:
    """Creates the application for a site."""
    app = Starlette(
        routes=[
            Route("/healthz", _health),
            Route("/readyz", readiness.endpoint),
            Route("/metrics", endpoints.endpoint("metrics", metrics)),
            Route("/style.css", _style),
            Route("/u/{token}", _unsubscribe(), methods=_PAGE),
            Route("/p/{token}", by_link(preferences.show, preferences.act, permanent=True), methods=_PAGE),
            Route("/v/{token}", by_link(view.show)),
            Route("/c/{token}/{place}", by_link(click.follow)),
            Route("/o/{token}", by_link(click.show_pixel)),
            *_api(),
            Route("/d/{token}", by_link(data.show, data.act), methods=_PAGE),
            Route("/b/{token}", by_link(book.show, book.act), methods=_PAGE),
            Route("/s/{token}", by_link(survey.show, survey.act), methods=_PAGE),
            Route("/y/{token}", by_link(appointment.show_confirm, appointment.confirm), methods=_PAGE),
            Route("/m/{token}", by_link(appointment.show_move, appointment.move), methods=_PAGE),
            Route("/x/{token}", by_link(appointment.show_cancel, appointment.cancel), methods=_PAGE),
            Route("/i/{token}.ics", by_link(appointment.calendar)),
            Route(f"/{COPY_PATH}/{{what}}", _copy),
            Route("/join", join.endpoint, methods=_PAGE),
            Route("/j/{token}", by_link(join.show, join.act), methods=_PAGE),
        ],
        exception_handlers={HTTPException: _refused, Exception: _failed},
    )
    app.router.redirect_slashes = False  # that would redirect to any host named by the caller
    app.state.site = site
    return OuterMiddleware(app, site.prefix)


def _unsubscribe() -> Endpoint:
    return by_link(unsubscribe.show, unsubscribe.act, permanent=True, any_body=True)


def _api() -> list[Route]:
    batches = [
        Route(f"/api/{kind}", endpoints.endpoint(kind, endpoints.batch(Kind(kind))), methods=["POST"])
        for kind in BATCHES
        if kind != Kind.SUPPRESSIONS
    ]
    code = "/api/coupons/{code}"
    return [
        *batches,
        Route(f"{code}/check", endpoints.endpoint("coupons", endpoints.check_coupon), methods=["POST"]),
        Route(f"{code}/redeem", endpoints.endpoint("coupons", endpoints.redeem_coupon), methods=["POST"]),
        Route(
            "/api/suppressions",
            endpoints.endpoint("suppressions", suppression_endpoints.look_up_or_add),
            methods=["GET", "POST"],  # one route, so that a 405 lists every method of the path
        ),
        Route(
            "/api/suppressions/remove", endpoints.endpoint("suppressions", suppression_endpoints.lift), methods=["POST"]
        ),
        Route("/api/pauses", endpoints.endpoint("pauses", pause_endpoints.list_or_pause), methods=["GET", "POST"]),
        Route("/api/pauses/resume", endpoints.endpoint("pauses", pause_endpoints.resume), methods=["POST"]),
        Route("/api/pauses/cancel", endpoints.endpoint("pauses", pause_endpoints.cancel), methods=["POST"]),
        Route("/api/report", endpoints.endpoint("report", report_endpoint.look_up)),
        Route("/hooks/{hook}", webhooks.receive, methods=["POST"]),
        Route("/hooks/mail/{provider}", mail_webhooks.receive, methods=["POST"]),
        Route("/hooks/mail/{provider}/{secret}", mail_webhooks.receive, methods=["POST"]),
        Route("/openapi.json", _openapi),
    ]


def from_environment() -> ASGIApp:
    """The application of the workspace in REGULARS_WORKSPACE, for an ASGI server's `--factory`."""
    found = settings.load(Path(os.environ.get("REGULARS_WORKSPACE", ".")))
    engine = open_engine(found.database_url)
    if engine.dialect.name == "sqlite":
        upgrade_database(engine, secret=found.address_secret)
    else:
        upgrade.require_current(engine)
    require_address_secret(engine, found.address_secret)
    site = Site(
        engine, found.workspace, found.web_url, found.secret, clock.system,
        old_secrets=found.old_secrets, address_secret=found.address_secret,
        mail_webhooks=configured(found.mail_webhooks), lanes=lane_kinds(found),
    )  # fmt: skip
    return create(site)


async def _health(_: Request) -> Response:
    """The process answers."""
    return PlainTextResponse("ok\n")


async def _copy(request: Request) -> Response:
    """Where the links of a manager's copy lead: nothing is done in the client's name."""
    site: Site = request.app.state.site
    return await run_in_threadpool(message_page, request, site, "copy", 200)


async def _style(request: Request) -> Response:
    site: Site = request.app.state.site
    css = await run_in_threadpool(lambda: stylesheet(site.rules.rulebook.company.color))
    return Response(css, media_type="text/css", headers={"cache-control": "public, max-age=300"})


async def _openapi(_: Request) -> Response:
    return endpoints.json_response(document())


def _for_programs(request: Request) -> bool:
    return any(part in str(request.scope["path"]) for part in API_PATHS)


async def _refused(request: Request, error: Exception) -> Response:
    """An unknown path, a method that is not allowed, an invalid form."""
    assert isinstance(error, HTTPException)
    site: Site = request.app.state.site
    if _for_programs(request):
        found = endpoints.json_response({"error": error.detail}, error.status_code)
        found.headers.update(error.headers or {})
        return found
    name = {404: "unknown", 405: "unclear"}.get(error.status_code, "unclear")
    found = await run_in_threadpool(message_page, request, site, name, error.status_code)
    found.headers.update(error.headers or {})
    return found


async def _failed(request: Request, error: Exception) -> Response:
    """An internal error or an unreachable database: a friendly page without details."""
    site: Site = request.app.state.site
    status = 503 if isinstance(error, RegularsError) else 500
    if _for_programs(request):
        return endpoints.json_response({"error": "not available now"}, status)
    try:
        return await run_in_threadpool(message_page, request, site, "failed", status)
    except RegularsError:
        return PlainTextResponse("not available now\n", 503)
