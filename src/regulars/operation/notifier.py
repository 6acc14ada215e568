"""Tells others what happens: webhooks of the outbox, and alerts to programs and to the operator's mailbox.

It runs beside dispatch, some times a minute. An alert is recorded in the database, which makes it told once by however
many processes. Where the database itself cannot be written, each process tells it by email once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC

from sqlalchemy import Engine

from regulars.core.clock import Clock
from regulars.core.errors import EnvironmentFailed
from regulars.core.settings import Settings
from regulars.db import engine as db
from regulars.delivery.parcel import Outcome
from regulars.delivery.transport import Transport
from regulars.ledger.alert_states import Alert, emailed, forget_alerts, not_emailed, reconcile, take_for_email
from regulars.ledger.webhook_outbox import forget_messages
from regulars.operation.alert_conditions import AlertConditions
from regulars.operation.alert_email import alert_parcels
from regulars.outbound.webhook_delivery import Deliveries, deliver
from regulars.rules.model import Rulebook

_LOG = logging.getLogger(__name__)
_LOOK_EVERY = 20.0
"""Seconds between two looks at everything that an alert can be about."""
_FORGET_EVERY = 3600.0
_WARN_EVERY = 600.0
"""Seconds between two lines in the log that an email to the operator cannot go."""


class Notifier:
    """One process's part of it. `transport` is that of transactional email; `elapsed` returns monotonic seconds."""

    def __init__(
        self, engine: Engine, settings: Settings, transport: Transport, wall: Clock,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._engine, self._settings, self._transport = engine, settings, transport
        self._wall, self._elapsed = wall, elapsed
        self._conditions = AlertConditions(engine, wall, elapsed)
        self._looked_at = self._forgot_at = self._warned_at = float("-inf")
        self._unwritable = False

    async def run(self, book: Rulebook, rules_fault: str | None, stop: Callable[[], bool]) -> Deliveries:
        """One run: alerts, if it is time, then what is in the outbox."""
        if self._elapsed() - self._looked_at >= _LOOK_EVERY:
            self._looked_at = self._elapsed()
            await self._alert(book, rules_fault)
        return await deliver(self._engine, book.notify, self._settings, self._wall, stop)

    async def _alert(self, book: Rulebook, rules_fault: str | None) -> None:
        try:
            found = self._conditions.look(rules_fault)
            with db.write(self._engine) as connection:
                changes = reconcile(connection, found)
                chosen = take_for_email(connection) if self._settings.alert_email else []
            self._forget()
        except EnvironmentFailed as error:
            await self._email_without_database(book, error)
            return
        self._unwritable = False
        for one in changes.began:
            _LOG.warning("alert: %s", one.words)
        for one in changes.ended:
            _LOG.warning("alert is over: %s", one.words)
        if chosen:
            sent = await self._email(book, chosen)
            with db.write(self._engine) as connection:
                (emailed if sent else not_emailed)(connection, chosen)

    def _forget(self) -> None:
        if self._elapsed() - self._forgot_at >= _FORGET_EVERY:
            self._forgot_at = self._elapsed()
            with db.write(self._engine) as connection:
                forget_messages(connection)
                forget_alerts(connection)

    async def _email(self, book: Rulebook, chosen: Sequence[Alert]) -> bool:
        """Sends one email; returns whether it went, or may have gone, to somebody."""
        delivery = await self._transport.deliver(
            alert_parcels(chosen, book.company, self._settings.alert_email, self._wall())
        )
        gone = [one for one in delivery.results if one.outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN)]
        if len(gone) < len(delivery.results) and self._elapsed() - self._warned_at >= _WARN_EVERY:
            self._warned_at = self._elapsed()
            why = next(one.text for one in delivery.results if one not in gone)
            _LOG.warning("the email about %d alerts did not go to every operator: %s", len(chosen), why)
        return bool(gone)

    async def _email_without_database(self, book: Rulebook, error: EnvironmentFailed) -> None:
        if self._unwritable:
            return
        self._unwritable = True
        now = self._wall()
        words = f"the database does not answer or cannot be written: {error}; nothing is planned or sent"
        _LOG.error("alert: %s", words)
        if self._settings.alert_email:
            await self._email(book, [Alert(0, "database", words, now.astimezone(UTC), None, begin_told=False)])
