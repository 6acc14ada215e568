"""`/s/{token}`: the survey of the campaign that the email belongs to.

A tap in the email (`?score=9`) chooses an answer on the page; only its button records.
"""

from __future__ import annotations

from starlette.datastructures import FormData
from starlette.responses import Response

from regulars.responses.answers import LONGEST, answer, answered, record
from regulars.responses.click_grading import Kind
from regulars.rules.survey import Survey
from regulars.web.recipient.click import count
from regulars.web.recipient.link_request import Visit, form_values


def show(visit: Visit) -> Response:
    """The questions, with what was answered before and what was tapped just now."""
    survey = _survey(visit)
    if survey is None:
        return visit.message("unknown", status=404)
    kept = answered(visit.connection, visit.who, survey)
    if "done" in visit.request.query_params:
        return visit.page("thanks.html", survey=survey)
    count(visit, Kind.CLICK, "survey")
    tapped = {q.id: answer(q, visit.request.query_params.get(q.id)) for q in survey.questions}
    chosen = {**kept, **{name: value for name, value in tapped.items() if value is not None}}
    return visit.page("survey.html", survey=survey, chosen=chosen, again=bool(kept), longest=LONGEST)


def act(visit: Visit, form: FormData) -> Response:
    """Records what was answered; an empty form records nothing and says so."""
    survey = _survey(visit)
    if survey is None:
        return visit.message("unknown", status=404)
    answers = {q.id: answer(q, form_values(form, q.id, LONGEST)) for q in survey.questions}
    if all(value is None for value in answers.values()):
        return visit.page(
            "survey.html", status=400, survey=survey, chosen=answered(visit.connection, visit.who, survey),
            again=False, longest=LONGEST, empty=True,
        )  # fmt: skip
    record(visit.connection, visit.who, survey, answers, visit.now)
    return visit.again("?done=1")


def _survey(visit: Visit) -> Survey | None:
    campaign = visit.who.campaign
    if campaign is None or campaign.survey is None or visit.who.erased:
        return None
    return visit.book.surveys.get(campaign.survey)
