"""Claims of workers that died, resolved before a run: what was in their hands goes on, and is told in the log."""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy import Engine

from regulars.core.log_format import log_promises
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
    for claim in found.ended:
        if claim.returned or claim.uncertain:
            _LOG.warning(
                "the lease of worker %s ran out (it died, or could not reach the database in time): of its emails"
                " %d go with the next batches, %d are uncertain",
                claim.worker, claim.returned, len(claim.uncertain),
            )  # fmt: skip
            log_promises(_LOG, "uncertain", claim.uncertain, worker=claim.worker)
    for one in found.poison:
        _LOG.error("%s", one)
    return found
