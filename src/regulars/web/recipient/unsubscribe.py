"""`/u/{token}`: unsubscribe. GET shows a button, POST applies it, also from a mail program (RFC 8058)."""

from __future__ import annotations

from starlette.datastructures import FormData
from starlette.responses import PlainTextResponse, Response

from regulars.consent.rights import MARKETING
from regulars.consent.subscription import How, resubscribe, subscriptions_of, unsubscribe
from regulars.ledger.recall import recall
from regulars.web.recipient.link_request import LinkRequest, form_value
from regulars.web.recipient.topics import label


def show(link: LinkRequest) -> Response:
    """The page with the button to unsubscribe, or to resubscribe."""
    now = subscriptions_of(link.connection, link.owner.customer)
    topic = link.owner.topic
    return link.page(
        "unsubscribe.html",
        gone=now.left_all,
        topic=None if topic == MARKETING else label(link.book, topic, link.t),
        topic_left=topic in now.left,
        erased=link.owner.erased,
    )


def act(link: LinkRequest, form: FormData) -> Response:
    """Unsubscribes or resubscribes. A mail program's own button means all topics, and gets no redirect.

    Some programs post an empty body, or `List-Unsubscribe=One-Click` with another content type: a POST without fields
    also counts as one-click, since the buttons of the page always send one.
    """
    if not form or form_value(form, "List-Unsubscribe") == "One-Click":
        _leave(link, MARKETING, "one-click")
        return PlainTextResponse(link.t("left_title") + "\n")
    what = form_value(form, "leave")
    topics = {"all": MARKETING, "topic": link.owner.topic}
    if what in topics:
        _leave(link, topics[what], "page")
    elif what == "back" and not link.owner.erased:
        now = subscriptions_of(link.connection, link.owner.customer)
        back = [topic for topic in (MARKETING, link.owner.topic) if topic in now.left]
        resubscribe(link.connection, link.owner, back, link.now, "page", link.t("come_back"))
    else:
        return link.message("unclear", status=400)
    return link.redirect_to_self()


def _leave(link: LinkRequest, topic: str, how: How) -> None:
    if unsubscribe(link.connection, link.owner, [topic], link.now, how):
        recall(link.connection, link.owner.customer)
