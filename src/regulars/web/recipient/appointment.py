"""`/y`, `/m`, `/x` and `/i`: confirming a visit, asking for another time, cancelling, and the calendar file.

A page shows the visit as it stands, not as the email told it; its button counts only for what was shown.
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
from regulars.profile.visits import Visit as Booked
from regulars.render.calendar_file import FILE_NAME, MEDIA_TYPE, file
from regulars.responses import visit_answers
from regulars.rules.model import Kind
from regulars.web.recipient.link_request import Visit, form_values

SLOTS = 12
"""Offered times shown at most."""
FARTHEST = timedelta(days=366)

Page = Callable[[Visit, Booked], Response]
Answer = Callable[[Visit, Booked, FormData], Response]


def _shown(page: Page) -> Callable[[Visit], Response]:
    """A page about the visit that the link's email was about."""

    @wraps(page)
    def show(visit: Visit) -> Response:
        booked = _booked(visit)
        return visit.message("unknown", status=404) if booked is None else page(visit, booked)

    return show


def _answered(page: Page, answer: Answer) -> Callable[[Visit, FormData], Response]:
    """What the page's button does: nothing, where the visit is no longer the one that the page showed."""

    @wraps(answer)
    def act(visit: Visit, form: FormData) -> Response:
        booked = _booked(visit)
        if booked is None:
            return visit.message("unknown", status=404)
        if form_values(form, "seen") != str(booked.sequence) or not booked.stands(visit.now):
            return page(visit, booked)
        return answer(visit, booked, form)

    return act


def _booked(visit: Visit) -> Booked | None:
    if visit.who.erased:
        return None
    booked = visit_answers.visit_of(visit.connection, visit.who, visit.now)
    return None if booked is None or booked.starts_at is None else booked


def _confirm_page(visit: Visit, booked: Booked) -> Response:
    return _page(visit, "visit_confirm.html", booked)


def _confirm(visit: Visit, booked: Booked, _: FormData) -> Response:
    visit_answers.confirm(visit.connection, booked, visit.now)
    return visit.again()


def _cancel_page(visit: Visit, booked: Booked) -> Response:
    return _page(visit, "visit_cancel.html", booked)


def _cancel(visit: Visit, booked: Booked, form: FormData) -> Response:
    if visit_answers.cancel(visit.connection, booked, visit.now, form_values(form, "note", visit_answers.NOTE)):
        # A reminder in a worker's hands is looked at once more, and does not go.
        recall(visit.connection, visit.who.customer, [Kind.TRANSACTIONAL, Kind.MARKETING])
    return visit.again()


def _move_page(visit: Visit, booked: Booked, wrong: str = "", status: int = 200) -> Response:
    slots = [(at.isoformat(), _when(visit, at)) for at in booked.slots if at > visit.now and at != booked.starts_at]
    here = visit.now.astimezone(zone(visit.company.timezone))
    return _page(
        visit, "visit_move.html", booked, status=status, slots=slots[:SLOTS], wrong=wrong,
        soonest=f"{here:%Y-%m-%dT%H:%M}", latest=f"{here + FARTHEST:%Y-%m-%dT%H:%M}", longest=visit_answers.NOTE,
        asked="done" in visit.request.query_params and booked.wish is not None,
    )  # fmt: skip


def _move(visit: Visit, booked: Booked, form: FormData) -> Response:
    slot, own, note = form_values(form, "slot"), form_values(form, "own"), form_values(form, "note", visit_answers.NOTE)
    wanted: datetime | None = None
    if slot not in (None, "own"):
        wanted = next((at for at in booked.slots if at.isoformat() == slot and at > visit.now), None)
    elif own is not None:
        wanted = _own_time(own, visit)
    if wanted is None and (own is not None or note is None):
        return _move_page(visit, booked, "time", 400)
    visit_answers.ask_to_move(visit.connection, booked, visit.now, wanted, note)
    return visit.again("?done=1")


def _own_time(text: str, visit: Visit) -> datetime | None:
    """A time on the clock of the place; None for what is no time, or past, or too far off."""
    try:
        local = datetime.fromisoformat(text)
        found = instant(local, visit.company.timezone) if local.tzinfo is None else None
    except (ValueError, OverflowError):
        return None
    return found if found is not None and visit.now < found <= visit.now + FARTHEST else None


def calendar(visit: Visit) -> Response:
    """The visit's calendar file as it stands now: a calendar that has it already is brought up to date."""
    booked = _booked(visit)
    found = None
    if booked is not None:
        found = appointment(booked, visit.book, visit_answers.client_of(visit.connection, booked), visit.company.name)
    if found is None:
        return visit.message("unknown", status=404)
    headers = {"content-disposition": f'inline; filename="{FILE_NAME}"'}
    return Response(file(found), media_type=MEDIA_TYPE, headers=headers)


def _page(visit: Visit, template: str, booked: Booked, *, status: int = 200, **values: object) -> Response:
    assert booked.starts_at is not None
    there = visit.who.timezone or visit.company.timezone
    abroad = (
        booked.starts_at.astimezone(zone(there)).utcoffset()
        != booked.starts_at.astimezone(zone(visit.company.timezone)).utcoffset()
    )
    return visit.page(
        template, status=status, booked=booked, when=_when(visit, booked.starts_at), abroad=abroad,
        stands=booked.stands(visit.now), token=str(visit.request.path_params["token"]), wished=_wished(visit, booked),
        **values,
    )  # fmt: skip


def _wished(visit: Visit, booked: Booked) -> str | None:
    """The time that the client asked for, or their words."""
    if booked.wish is None:
        return None
    at = booked.wish.get("wanted_at")
    return _when(visit, datetime.fromisoformat(at)) if isinstance(at, str) else str(booked.wish.get("note", ""))


def _when(visit: Visit, at: datetime) -> str:
    """Day and time on the clock of the place, in the client's language."""
    local = at.astimezone(zone(visit.company.timezone))
    language = visit.t.language
    return f"{format_date(local, 'full', locale=language)}, {format_time(local, 'short', locale=language)}"


show_confirm, confirm = _shown(_confirm_page), _answered(_confirm_page, _confirm)
show_cancel, cancel = _shown(_cancel_page), _answered(_cancel_page, _cancel)
show_move, move = _shown(_move_page), _answered(_move_page, _move)
