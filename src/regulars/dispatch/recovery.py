"""Claims of workers that died, resolved before a run: what was in their hands goes on, and is told in the log."""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy import Engine

from regulars.db import engine as db
from regulars.dispatch.compose import company_mailbox
from regulars.ledger.claims import Recovery, recover
from regulars.rules.model import Rulebook

_LOG = logging.getLogger(__name__)


def recover_claims(engine: Engine, rulebook: Rulebook, now: datetime) -> Recovery:
    """Resolves every claim whose lease has expired, as the policy says; logs what became of its emails."""
    resend = rulebook.policy.uncertain == "resend"
    domain = company_mailbox(rulebook.company.sender).address.rpartition("@")[2]
    with db.write(engine) as connection:
        found = recover(connection, now=now, resend=resend, domain=domain)
    if found.returned or found.uncertain:
        _LOG.warning(
            "a worker died: of the emails it had in hand %d go with the next batches, %d are uncertain",
            found.returned - len(found.poison), found.uncertain,
        )  # fmt: skip
    for one in found.poison:
        _LOG.error("%s", one)
    return found
