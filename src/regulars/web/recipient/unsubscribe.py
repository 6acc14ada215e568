"""`/u/{token}`: leaving. GET shows one button and the way back; POST does it, also from a mail program (RFC 8058)."""

from __future__ import annotations

from starlette.datastructures import FormData
from starlette.responses import PlainTextResponse, Response

from regulars.consent.rights import MARKETING
from regulars.consent.subscription import How, come_back, leave, standing
from regulars.ledger.recall import recall
from regulars.web.recipient.link_request import Visit, form_values
from regulars.web.recipient.topics import label


def show(visit: Visit) -> Response:
    """The page: what they get, the button, or that they have left and how to come back."""
    now = standing(visit.connection, visit.who.customer)
    topic = visit.who.topic
    return visit.page(
        "unsubscribe.html",
        gone=now.gone,
        topic=None if topic == MARKETING else label(visit.book, topic, visit.t),
        topic_left=topic in now.left,
        erased=visit.who.erased,
    )


def act(visit: Visit, form: FormData) -> Response:
    """Leaves, or comes back. A mail program's own button means everything, and gets no redirect."""
    if form_values(form, "List-Unsubscribe") == "One-Click":
        _leave(visit, MARKETING, "one-click")
        return PlainTextResponse(visit.t("left_title") + "\n")
    what = form_values(form, "leave")
    topics = {"all": MARKETING, "topic": visit.who.topic}
    if what in topics:
        _leave(visit, topics[what], "page")
    elif what == "back" and not visit.who.erased:
        now = standing(visit.connection, visit.who.customer)
        back = [topic for topic in (MARKETING, visit.who.topic) if topic in now.left]
        come_back(visit.connection, visit.who, back, visit.now, "page", visit.t("come_back"))
    else:
        return visit.message("unclear", status=400)
    return visit.again()


def _leave(visit: Visit, topic: str, how: How) -> None:
    if leave(visit.connection, visit.who, [topic], visit.now, how):
        recall(visit.connection, visit.who.customer)
