"""Tables of the ledger: promises, draws, the claims of workers, copies of sent emails, sending rates.

A promise refers to a customer but to no rule: history outlives the rule that made it.
"""

from __future__ import annotations

from sqlalchemy import Column, Double, ForeignKey, Index, LargeBinary, SmallInteger, Table, Text, UniqueConstraint, text

from regulars.db.states import State
from regulars.db.tables._metadata import metadata, partial_index
from regulars.db.types import Instant, Key, Keys

promises = Table(
    "promises",
    metadata,
    Column("id", Key, primary_key=True),
    Column("campaign", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("customer_id", Key, ForeignKey("customers.id"), nullable=False),
    Column("occurrence", Text, nullable=False),
    Column("state", Text, nullable=False),  # db.states.State
    Column("reason", Text),  # db.states.Reason: why it is held, skipped, failed or uncertain
    Column("detail", Text),  # the winner's name, the server's reply
    Column("kind", Text, nullable=False),  # marketing, transactional
    Column("recipient", Text, nullable=False, server_default=text("'customer'")),
    Column("priority", SmallInteger, nullable=False, server_default=text("0")),
    Column("source_id", Key),  # the event or purchase that triggered it
    Column("rule", Text, nullable=False),  # digest of the rule version that promised it
    Column("due_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("next_at", Instant, nullable=False),  # when it is examined again
    Column("created_at", Instant, nullable=False),
    Column("settled_at", Instant),
    Column("claim_id", Key),  # of an uncertain row: the claim that was sending it, which alone may still settle it
    Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
    Column("lost_claims", SmallInteger, nullable=False, server_default=text("0")),  # ledger.poison
    Column("message_id", Text),
    Column("template", Text),  # digest of the template it was rendered with
    Column("data", Text),  # the JSON it was rendered with
    Column("code", SmallInteger),  # the server's last reply code
    # While limits by receiving domain are in force, of planned rows: whose limit counts, `-` for none.
    Column("provider", Text, nullable=False, server_default=text("''")),
    UniqueConstraint("campaign", "step", "customer_id", "occurrence"),
    Index("ix_promises_customer", "customer_id", "created_at"),
    partial_index("ix_promises_lost", "id", where="lost_claims > 0"),
    # By hash, the cheapest: an email that came back, and `show MESSAGE-ID`.
    Index(
        "ix_promises_message_id", "message_id", postgresql_using="hash", sqlite_where=text("message_id IS NOT NULL")
    ),
    # Indexes of open work: small, because settled rows leave them; each in processing order.
    partial_index("ix_promises_held", "next_at", where=f"state = '{State.HELD}'"),
    partial_index("ix_promises_planned", text("priority DESC"), "next_at", "id", where=f"state = '{State.PLANNED}'"),
    partial_index(
        "ix_promises_provider", "provider", text("priority DESC"), "next_at", "id",
        where=f"state = '{State.PLANNED}' AND provider <> ''",
    ),  # for claims under limits by receiving domain; without limits it is empty
)  # fmt: skip

assignments = Table(
    "assignments",
    metadata,
    # Groups of an experiment by mailbox: drawn once, permanent.
    Column("experiment", Text, primary_key=True),  # the campaign's key, which is its first name
    Column("mailbox", Text, primary_key=True),  # profile.shared_mailbox.mailbox_of
    Column("arm", Text, nullable=False),  # ledger.assignments.Arm
    Column("at", Instant, nullable=False),
    Column("customer_id", Key, ForeignKey("customers.id"), nullable=False),  # for whom the mailbox was drawn
    Index("ix_assignments_customer", "customer_id", "experiment"),
)

layouts = Table(
    "layouts",
    metadata,
    # The first email that was made by a version of a template: others of this version differ from it only a little.
    Column("digest", Text, primary_key=True),
    Column("html", LargeBinary, nullable=False),
)

copies = Table(
    "copies",
    metadata,
    # Each email as it was sent, compressed against its layout, for the page that shows it in a browser.
    Column("promise_id", Key, ForeignKey("promises.id", ondelete="CASCADE"), primary_key=True),
    Column("layout", Text, nullable=False),
    Column("html", LargeBinary, nullable=False),
)

claims = Table(
    "claims",
    metadata,
    Column("id", Key, primary_key=True),
    Column("worker", Text, nullable=False),
    Column("taken_at", Instant, nullable=False),  # both by the database's clock
    Column("lease_until", Instant, nullable=False, index=True),
    Column("rows", Keys, nullable=False),  # ids of the claimed promises
    Column("sending", Keys),  # ids of the promises being handed to a server: one chunk at most
)

buckets = Table(
    "buckets",
    metadata,
    # Sending rate per mail provider, shared by every worker.
    Column("provider", Text, primary_key=True),
    Column("tokens", Double, nullable=False),
    Column("filled_at", Instant, nullable=False),
)
