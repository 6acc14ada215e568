"""The bytes of a message and its headers, according to Standard Webhooks 1.0: https://www.standardwebhooks.com."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from regulars.core import ids, webhook_signing
from regulars.core.errors import EnvironmentFailed
from regulars.core.settings import Settings
from regulars.ledger.webhook_outbox import Message
from regulars.rules.notify_rules import Notify


def body(message: Message) -> bytes:
    """`type`, `timestamp` and `data`. It says who a client is by the outside id, and has no address."""
    about: dict[str, Any] = {
        "customer": message.customer, "email": message.promise, "campaign": message.campaign, "step": message.step,
        "message_id": message.message_id,
    }  # fmt: skip
    known = {name: value for name, value in about.items() if value is not None}
    return encoded(message.event, message.at, {**known, **message.data})


def encoded(event: str, at: datetime, data: Mapping[str, Any]) -> bytes:
    """One message as JSON."""
    return orjson.dumps({"type": event, "timestamp": at.isoformat(), "data": dict(data)})


def identity(subject: str) -> str:
    """The `webhook-id`: the same for every attempt and every restored database, so that a receiver knows repeats."""
    return f"msg_{ids.digest(subject)}"


def secrets_of(
    name: str, rule: Notify | None, settings: Settings, environ: Mapping[str, str] | None = None
) -> list[str]:
    """The secrets that sign messages to the program, the newest first.

    Raises EnvironmentFailed when the rule names a variable that is missing or has no secrets.
    """
    if rule is None or rule.secret is None:
        return [webhook_signing.outbound_secret(name, one) for one in settings.secrets]
    text = (os.environ if environ is None else environ).get(rule.secret, "")
    try:
        return webhook_signing.read_secrets(text)
    except ValueError as error:
        missing = "is missing" if not text.strip() else f"cannot be used: {error}"
        raise EnvironmentFailed(f"webhook {name}: the variable {rule.secret} {missing}") from None
