"""`/v/{token}`: the email as it was sent, in the browser."""

from __future__ import annotations

from starlette.responses import HTMLResponse, Response

from regulars.ledger.sent_copies import copy_html
from regulars.web.recipient.link_request import LinkRequest

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; base-uri 'none'; frame-ancestors 'none'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
)
"""The content security policy of an email: inline styles only."""


def show(link: LinkRequest) -> Response:
    """The HTML as sent, or a page that says it is not stored."""
    html = copy_html(link.connection, link.owner.promise, str(link.request.path_params["token"]))
    if html is None:
        return link.message("unkept", status=404)
    return HTMLResponse(html, headers={"content-security-policy": POLICY})
