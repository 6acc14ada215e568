"""Every table of Regulars, a module for each subject. Migrations under `migrations/` create this schema.

Tables are imported from here (`from regulars.db.tables import promises`): this is the only `__init__` of an inner
room that passes names on, so that importing one table gives `metadata` with all of them.
"""

from __future__ import annotations

from regulars.db.tables._metadata import metadata
from regulars.db.tables.activity import events, purchase_lines, purchases
from regulars.db.tables.campaign_state import campaigns, members, rule_versions, values_seen
from regulars.db.tables.catalogue import product_links, products
from regulars.db.tables.decisions import decisions
from regulars.db.tables.delivery_limits import domain_limits, mail_domains, server_days, server_states
from regulars.db.tables.derived import (
    buying_model,
    facts,
    learned_links,
    next_product_model,
    popular_products,
    return_times,
    worth,
)
from regulars.db.tables.ledger import assignments, buckets, claims, copies, layouts, promises
from regulars.db.tables.notifications import notifications
from regulars.db.tables.offers import coupon_codes, coupons, point_levels, points_tariff
from regulars.db.tables.outbound import alerts, latencies, webhook_endpoints, webhook_messages
from regulars.db.tables.people import aliases, customers, managers
from regulars.db.tables.permissions import consent_log, consents, preferences, refusals, signups, suppressions
from regulars.db.tables.planning import plan_states, touched_clients
from regulars.db.tables.process_states import clock_states, counters, heartbeats, lane_states, write_probes
from regulars.db.tables.responses import deliveries, hits
from regulars.db.tables.stops import canaries, canary_samples, due_tallies, outcome_tallies, restorations, switches
from regulars.db.tables.version_files import (
    applied_versions,
    audit_log,
    file_contents,
    workspace_files,
    workspace_versions,
)

__all__ = [
    "alerts",
    "aliases",
    "applied_versions",
    "assignments",
    "audit_log",
    "buckets",
    "buying_model",
    "campaigns",
    "canaries",
    "canary_samples",
    "claims",
    "clock_states",
    "consent_log",
    "consents",
    "copies",
    "counters",
    "coupon_codes",
    "coupons",
    "customers",
    "decisions",
    "deliveries",
    "domain_limits",
    "due_tallies",
    "events",
    "facts",
    "file_contents",
    "heartbeats",
    "hits",
    "lane_states",
    "latencies",
    "layouts",
    "learned_links",
    "mail_domains",
    "managers",
    "members",
    "metadata",
    "next_product_model",
    "notifications",
    "outcome_tallies",
    "plan_states",
    "point_levels",
    "points_tariff",
    "popular_products",
    "preferences",
    "product_links",
    "products",
    "promises",
    "purchase_lines",
    "purchases",
    "return_times",
    "refusals",
    "restorations",
    "rule_versions",
    "server_days",
    "server_states",
    "signups",
    "suppressions",
    "switches",
    "touched_clients",
    "values_seen",
    "webhook_endpoints",
    "webhook_messages",
    "workspace_files",
    "workspace_versions",
    "worth",
    "write_probes",
]
