"""`/y`, `/m`, `/x` and `/i`: confirming a visit, asking for another time, cancelling, and the calendar file.

A page shows the current state of the visit, not that of the email; its button applies only to the state shown.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps

from babel.dates import format_date, format_time
from starlette.datastructures import FormData
from starlette.responses import Response

from regulars.core.calendar import instant, zone
from regulars.dispatch.template_context import appointment
from regulars.ledger.recall import recall
from regulars.profile.visits import Visit
from regulars.render.calendar_file import FILE_NAME, MEDIA_TYPE, file
from regulars.responses import visit_answers
from regulars.rules.model import Kind
from regulars.web.recipient.link_request import LinkRequest, form_value

SLOTS = 12
"""Maximum offered times shown."""
MAX_AHEAD = timedelta(days=366)

Page = Callable[[LinkRequest, Visit], Response]
Answer = Callable[[LinkRequest, Visit, FormData], Response]


def _visit_page(page: Page) -> Callable[[LinkRequest], Response]:
    """A page about the visit of the link's email."""

    @wraps(page)
    def show(link: LinkRequest) -> Response:
        visit = _current_visit(link)
        return link.message("unknown", status=404) if visit is None else page(link, visit)

    return show


def _visit_action(page: Page, answer: Answer) -> Callable[[LinkRequest, FormData], Response]:
    """The action of the page's button; none if the visit has changed since the page was shown."""

    @wraps(answer)
    def act(link: LinkRequest, form: FormData) -> Response:
        visit = _current_visit(link)
        if visit is None:
            return link.message("unknown", status=404)
        if form_value(form, "seen") != str(visit.sequence) or not visit.is_upcoming(link.now):
            return page(link, visit)
        return answer(link, visit, form)

    return act


def _current_visit(link: LinkRequest) -> Visit | None:
    if link.owner.erased:
        return None
    visit = visit_answers.visit_of(link.connection, link.owner, link.now)
    return None if visit is None or visit.starts_at is None else visit


def _confirm_page(link: LinkRequest, visit: Visit) -> Response:
    return _page(link, "visit_confirm.html", visit)


def _confirm(link: LinkRequest, visit: Visit, _: FormData) -> Response:
    visit_answers.confirm(link.connection, visit, link.now)
    return link.redirect_to_self()


def _cancel_page(link: LinkRequest, visit: Visit) -> Response:
    return _page(link, "visit_cancel.html", visit)


def _cancel(link: LinkRequest, visit: Visit, form: FormData) -> Response:
    if visit_answers.cancel(link.connection, visit, link.now, form_value(form, "note", visit_answers.NOTE_LENGTH)):
        # A claimed reminder is recalled and not sent.
        recall(link.connection, link.owner.customer, [Kind.TRANSACTIONAL, Kind.MARKETING])
    return link.redirect_to_self()


def _move_page(link: LinkRequest, visit: Visit, wrong: str = "", status: int = 200) -> Response:
    slots = [(at.isoformat(), _when(link, at)) for at in visit.slots if at > link.now and at != visit.starts_at]
    here = link.now.astimezone(zone(link.company.timezone))
    return _page(
        link, "visit_move.html", visit, status=status, slots=slots[:SLOTS], wrong=wrong,
        soonest=f"{here:%Y-%m-%dT%H:%M}", latest=f"{here + MAX_AHEAD:%Y-%m-%dT%H:%M}",
        longest=visit_answers.NOTE_LENGTH, asked="done" in link.request.query_params and visit.wish is not None,
    )  # fmt: skip


def _move(link: LinkRequest, visit: Visit, form: FormData) -> Response:
    slot, own, note = (
        form_value(form, "slot"),
        form_value(form, "own"),
        form_value(form, "note", visit_answers.NOTE_LENGTH),
    )
    wanted: datetime | None = None
    if slot not in (None, "own"):
        wanted = next((at for at in visit.slots if at.isoformat() == slot and at > link.now), None)
    elif own is not None:
        wanted = _parse_local_time(own, link)
    if wanted is None and (own is not None or note is None):
        return _move_page(link, visit, "time", 400)
    visit_answers.request_move(link.connection, visit, link.now, wanted, note)
    return link.redirect_to_self("?done=1")


def _parse_local_time(text: str, link: LinkRequest) -> datetime | None:
    """A local time of the place; None if invalid, past, or too far in the future."""
    try:
        local = datetime.fromisoformat(text)
        found = instant(local, link.company.timezone) if local.tzinfo is None else None
    except (ValueError, OverflowError):
        return None
    return found if found is not None and link.now < found <= link.now + MAX_AHEAD else None


def calendar(link: LinkRequest) -> Response:
    """The visit's current calendar file, which updates an existing calendar entry."""
    visit = _current_visit(link)
    found = None
    if visit is not None:
        found = appointment(visit, link.book, visit_answers.client_of(link.connection, visit), link.company.name)
    if found is None:
        return link.message("unknown", status=404)
    headers = {"content-disposition": f'inline; filename="{FILE_NAME}"'}
    return Response(file(found), media_type=MEDIA_TYPE, headers=headers)


def _page(link: LinkRequest, template: str, visit: Visit, *, status: int = 200, **values: object) -> Response:
    assert visit.starts_at is not None
    there = link.owner.timezone or link.company.timezone
    abroad = (
        visit.starts_at.astimezone(zone(there)).utcoffset()
        != visit.starts_at.astimezone(zone(link.company.timezone)).utcoffset()
    )
    return link.page(
        template, status=status, visit=visit, when=_when(link, visit.starts_at), abroad=abroad,
        stands=visit.is_upcoming(link.now), token=str(link.request.path_params["token"]),
        wished=_requested_time(link, visit), **values,
    )  # fmt: skip


def _requested_time(link: LinkRequest, visit: Visit) -> str | None:
    """The time that the client requested, or their note."""
    if visit.wish is None:
        return None
    at = visit.wish.get("wanted_at")
    return _when(link, datetime.fromisoformat(at)) if isinstance(at, str) else str(visit.wish.get("note", ""))


def _when(link: LinkRequest, at: datetime) -> str:
    """Local day and time of the place, in the client's language."""
    local = at.astimezone(zone(link.company.timezone))
    language = link.t.language
    return f"{format_date(local, 'full', locale=language)}, {format_time(local, 'short', locale=language)}"


show_confirm, confirm = _visit_page(_confirm_page), _visit_action(_confirm_page, _confirm)
show_cancel, cancel = _visit_page(_cancel_page), _visit_action(_cancel_page, _cancel)
show_move, move = _visit_page(_move_page), _visit_action(_move_page, _move)
