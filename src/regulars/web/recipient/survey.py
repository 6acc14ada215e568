"""`/s/{token}`: the survey of the campaign that the email belongs to.

A tap in the email (`?score=9`) preselects an answer on the page; only its button records it.
"""

from __future__ import annotations

from starlette.datastructures import FormData
from starlette.responses import Response

from regulars.responses.answers import LONGEST, answers_of, parse_answer, record_answers
from regulars.responses.click_grading import HitKind
from regulars.rules.survey import Survey
from regulars.web.recipient.click import count_hit
from regulars.web.recipient.link_request import LinkRequest, form_value


def show(link: LinkRequest) -> Response:
    """The questions, with earlier answers and the tapped one."""
    survey = _survey(link)
    if survey is None:
        return link.message("unknown", status=404)
    kept = answers_of(link.connection, link.owner, survey)
    if "done" in link.request.query_params:
        return link.page("thanks.html", survey=survey)
    count_hit(link, HitKind.CLICK, "survey")
    tapped = {q.id: parse_answer(q, link.request.query_params.get(q.id)) for q in survey.questions}
    chosen = {**kept, **{name: value for name, value in tapped.items() if value is not None}}
    return link.page("survey.html", survey=survey, chosen=chosen, again=bool(kept), longest=LONGEST)


def act(link: LinkRequest, form: FormData) -> Response:
    """Records the answers; an empty form records nothing and shows a message."""
    survey = _survey(link)
    if survey is None:
        return link.message("unknown", status=404)
    answers = {q.id: parse_answer(q, form_value(form, q.id, LONGEST)) for q in survey.questions}
    if all(value is None for value in answers.values()):
        return link.page(
            "survey.html", status=400, survey=survey, chosen=answers_of(link.connection, link.owner, survey),
            again=False, longest=LONGEST, empty=True,
        )  # fmt: skip
    record_answers(link.connection, link.owner, survey, answers, link.now)
    return link.redirect_to_self("?done=1")


def _survey(link: LinkRequest) -> Survey | None:
    campaign = link.owner.campaign
    if campaign is None or campaign.survey is None or link.owner.erased:
        return None
    return link.book.surveys.get(campaign.survey)
