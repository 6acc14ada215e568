"""`/hooks/mail/PROVIDER`: what a sending provider says of bounces, complaints and requests to unsubscribe.

A provider is open if its key is in the environment. A request is recorded as a whole before it is answered; what the
provider repeats has the same ids and counts once.
"""

from __future__ import annotations

import http.client
import logging

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from regulars.db import engine as db
from regulars.feedback.effects import record
from regulars.feedback.promise_search import Receiver
from regulars.feedback.webhooks import sns_signature
from regulars.feedback.webhooks.provider_interface import NotGenuine, NotReadable, Received, WebhookRequest
from regulars.web.api.endpoints import json_response
from regulars.web.recipient.link_request import client_source
from regulars.web.site import Site

_LOG = logging.getLogger(__name__)


async def receive(request: Request) -> Response:
    """Receives one request of a provider."""
    return await run_in_threadpool(_receive, request.app.state.site, request, await request.body())


def _receive(site: Site, request: Request, body: bytes) -> Response:
    name = str(request.path_params["provider"])
    source = f"hook {client_source(request)}"
    given = WebhookRequest(
        {key.lower(): value for key, value in request.headers.items()},
        body,
        str(request.path_params.get("secret", "")),
        site.clock(),
    )
    try:
        received = _read(site, name, given)
    except NotGenuine as error:
        # A provider that is not set up is answered like a wrong signature, so that nobody learns which are.
        _LOG.warning("a request to /hooks/mail/%s was refused: %s", name[:40], error)
        if not site.wrong.allows(source):
            raise HTTPException(429) from None
        raise HTTPException(401) from None
    except NotReadable as error:
        raise HTTPException(400, str(error)) from None
    if received.confirm_url is not None:
        return _confirm(received.confirm_url)
    if not site.keys.allows(f"hook mail {name}"):
        raise HTTPException(429)
    receiver = Receiver(site.rules.rulebook, site.secrets, site.address_secret, name, trusted=True)
    with db.write(site.engine) as connection:
        recorded = record(connection, received.notifications, given.now, receiver)
    return json_response({"received": len(received.notifications), "recorded": recorded})


def _read(site: Site, name: str, given: WebhookRequest) -> Received:
    provider = site.mail_webhooks.get(name)
    if provider is None:
        raise NotGenuine("this provider is not set up")
    return provider.read(given)


def _confirm(url: str) -> Response:
    """Opens the URL with which a subscription begins; only one on a pinned host comes here."""
    try:
        sns_signature.fetch(url)
    except (OSError, http.client.HTTPException) as error:
        _LOG.warning("the subscription could not be confirmed: %s", error)
        raise HTTPException(503, "the subscription could not be confirmed now") from None
    _LOG.info("a subscription to bounces and complaints was confirmed")
    return json_response({"confirmed": True})
