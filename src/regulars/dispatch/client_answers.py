"""Answers to the questions of emails about their clients, looked up for a whole batch by one query."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from sqlalchemy import func, select

from regulars.audience.expression import Expression, parse
from regulars.audience.rule_catalogue import catalogue_of
from regulars.audience.vocabulary import Catalogue
from regulars.context.plan_context import PlanContext
from regulars.db.key_lists import among
from regulars.db.tables import customers
from regulars.dispatch.compose import ComposeRules
from regulars.dispatch.load import Job


class ClientQuestions:
    """The questions of all emails, each parsed once; an email without questions costs a look-up in a dict."""

    def __init__(self, rules: ComposeRules) -> None:
        self._rules = rules
        self._known: dict[str, dict[str, Expression]] = {}

    @cached_property
    def _catalogue(self) -> Catalogue:
        return catalogue_of(self._rules.rulebook)

    def of(self, email: str) -> dict[str, Expression]:
        """The conditions of an email's questions, by the text of the call."""
        if email not in self._known:
            texts = {question.text for question in self._rules.templates.asks(email)}
            self._known[email] = {text: parse(text, self._catalogue) for text in texts if text is not None}
        return self._known[email]

    def answer(self, context: PlanContext, jobs: Sequence[Job]) -> None:
        """Sets the answers of these jobs as of the context's instant; no query where no email asks."""
        asked = {text: node for email in {job.step.email for job in jobs} for text, node in self.of(email).items()}
        if not asked:
            return
        texts = sorted(asked)
        columns = (func.coalesce(asked[text].sql(context.scope), False) for text in texts)
        joined = customers.join(context.facts, context.facts.c.customer_id == customers.c.id)
        chosen = among(customers.c.id, sorted({job.customer_id for job in jobs}))
        rows = context.connection.execute(select(customers.c.id, *columns).select_from(joined).where(chosen))
        answers = {key: dict(zip(texts, map(bool, found), strict=True)) for key, *found in rows}
        for job in jobs:
            own = self.of(job.step.email)
            found = answers.get(job.customer_id, {})
            job.answers = {text: found.get(text, False) for text in own} if own else None
