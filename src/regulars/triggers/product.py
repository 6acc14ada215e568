"""`new: product`: a product is launched; the occurrence is its sku."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, FromClause, Select, select, true, type_coerce
from sqlalchemy.sql import ColumnElement

from regulars.audience.person import Person
from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext, Ruleset
from regulars.db.tables import products, promises
from regulars.rules.model import Rulebook
from regulars.triggers.base import ClientHistory, Story, Subject, Trigger
from regulars.triggers.candidate_rows import begun, clients, floor, shape, waits_ending, wave
from regulars.triggers.explained import CampaignExplanation, ExplainedClient
from regulars.triggers.upcoming import Upcoming, UpcomingQuery
from regulars.triggers.waits import with_wait


class ProductTrigger(Trigger):
    """A product launch triggers for every client of the audience."""

    @property
    def subject(self) -> Subject:
        return Subject(product=True)

    def occasion(self, rules: Ruleset) -> str:
        return "When a product is launched"

    def backfill_words(self) -> str:
        if self.campaign.backfill.mode == "none":
            return "what happened before the rule is left alone"
        return super().backfill_words()

    def candidates(self, context: PlanContext, active: ActiveCampaign) -> Select[Any]:
        wait = self.campaign.lead
        chosen = [products.c.launched_at > floor(context, active, wait), products.c.launched_at <= begun(context, wait)]
        source, due_at = with_wait(context, products, products.c.launched_at, wait, chosen)
        audience = context.holds("campaigns", self.campaign.name, "audience", product=products)
        joined = clients(context).join(source, true())
        places = wave(context, active, product=products)
        return shape(joined, products.c.sku, due_at, products.c.id, places).where(*chosen, audience)

    def newly_due(self, context: PlanContext, active: ActiveCampaign, after: datetime) -> list[Select[Any]] | None:
        """Everybody, where the wait after a launch ends."""
        ends = waits_ending(context, products.c.launched_at, self.campaign.lead, after)
        launched = context.connection.scalar(select(products.c.id).where(*ends).limit(1))
        return [] if launched is None else None

    def began_at(self, active: ActiveCampaign, row: Any) -> ColumnElement[Any]:
        launched = select(type_coerce(products.c.launched_at, BigInteger)).where(products.c.id == row.c.source_id)
        return launched.correlate(row).scalar_subquery()

    def join_source(self, joined: FromClause, rows: FromClause = promises) -> tuple[FromClause, dict[str, Any]]:
        return joined.outerjoin(products, products.c.id == rows.c.source_id), {"product": products}

    def may_concern(self, context: PlanContext, active: ActiveCampaign, history: ClientHistory) -> bool:
        return history.product_launched

    def possible_in(self, story: Story, book: Rulebook) -> bool:
        return story.product_launched

    def upcoming(self, active: ActiveCampaign, upcoming: Upcoming) -> list[UpcomingQuery]:
        return [upcoming.after_wait(products.c.launched_at, self.campaign.lead)]

    # ---------------------------------------------------------------- one client, for people

    def load_subject(self, context: PlanContext, person: Person) -> bool:
        person.product = _latest(context.connection, context.now)
        return person.product is not None

    def latest_source(self, connection: Connection, customer_id: int, now: datetime) -> int | None:
        latest = _latest(connection, now)
        return None if latest is None else int(latest["id"])

    def explain_next(self, client: ExplainedClient) -> CampaignExplanation:
        product = _latest(client.context.connection, client.now)
        if product is None:
            return CampaignExplanation("Not due: no product was launched yet.")
        launched = product["launched_at"]
        launch = f"the latest product, `{product['sku']}`, was launched on {client.when(launched)}"
        due = client.after_wait(launched, self.campaign.lead)
        if client.promised(product["sku"]):
            return CampaignExplanation(f"Nothing more to come: {launch}.")
        if due > client.now:
            return CampaignExplanation(f"Not due yet: {launch}; due on {client.when(due)}.", due)
        if due <= client.active.since:
            since = client.day(client.active.since)
            return CampaignExplanation(f"Not due: {launch}, before the rule came into force on {since}.")
        if (outside := client.outside_audience()) is not None:
            return outside
        if self.campaign.waves and due > client.now - self.campaign.max_lateness(client.context.rulebook.policy):
            return CampaignExplanation(f"Not due: {launch}, and they belong to none of the waves.")
        return CampaignExplanation(f"Not due: {launch}, too long ago.")


def _latest(connection: Connection, now: datetime) -> Mapping[str, Any] | None:
    """The row of the latest launched product; None without one."""
    query = select(products).where(products.c.launched_at <= now)
    found = connection.execute(query.order_by(products.c.launched_at.desc(), products.c.id.desc()).limit(1))
    row = found.mappings().one_or_none()
    return None if row is None else dict(row)
