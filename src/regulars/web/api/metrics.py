"""`/metrics`: an operator's figures in Prometheus' text format, for keys with the scope `metrics`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from regulars.core import clock
from regulars.db import engine as db
from regulars.delivery.latency import BOUNDS_MS
from regulars.insights.operating_figures import OperatingFigures, operating_figures
from regulars.ledger import lane_states, server_states
from regulars.ledger.webhook_outbox import Backlog
from regulars.ledger.worker_activity import Counted
from regulars.operation.clock_check import clock_difference_seconds
from regulars.web.readiness import is_ready
from regulars.web.site import Site


def metrics(site: Site, _: Request, __: Any) -> Response:
    """All metrics, read at this moment."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Scrape(site))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Scrape(Collector):
    """One reading of the database. prometheus_client asks a collector for its metrics when it writes them."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def collect(self) -> Iterator[Metric]:
        ready = is_ready(self._site)
        yield _gauge("regulars_ready", "Whether /readyz answers 200.", ready)
        with db.read(self._site.engine) as connection:
            figures = operating_figures(connection)
            away = lane_states.outages(connection)
            in_pools = {outage.server for outage in server_states.server_outages(connection)}
        yield from _queue(figures)
        yield from _work(figures)
        yield from _state(figures)
        yield from _alerts_and_webhooks(figures)
        yield _latency(figures)
        lanes = GaugeMetricFamily(
            "regulars_server_away", "Lanes whose mail server takes nothing, and why.", labels=["lane", "cause"]
        )
        for outage in away:
            lanes.add_metric([outage.lane, outage.cause], 1)
        yield lanes
        yield _labelled(
            "regulars_pool_server_away", "Servers that others of their pool stand in for.", "server",
            dict.fromkeys(in_pools, 1),
        )  # fmt: skip
        yield _gauge(
            "regulars_clock_ahead_seconds", "This process's clock against the database's; negative: behind.",
            clock_difference_seconds(self._site.engine, clock.system),
        )  # fmt: skip
        yield _gauge("regulars_rules_faulty", "Whether the rule files are faulty.", self._site.faults is not None)


def _queue(figures: OperatingFigures) -> Iterator[Metric]:
    waiting = figures.ready
    yield _labelled(
        "regulars_emails_ready", "Emails that could go now, by kind.", "kind",
        {kind: one.number for kind, one in waiting.items()},
    )  # fmt: skip
    yield _labelled(
        "regulars_queue_age_seconds", "How long the first email in the queue could go already.", "kind",
        {kind: _seconds(figures.at, one.oldest_due) for kind, one in waiting.items()},
    )  # fmt: skip
    yield _labelled("regulars_emails_held", "Emails that wait, by reason.", "reason", figures.held)


def _work(figures: OperatingFigures) -> Iterator[Metric]:
    def tallies(counted: Counted) -> dict[str, tuple[int, float]]:
        return {label: (one.number, one.seconds) for (name, label), one in figures.done.items() if name is counted}

    settled = CounterMetricFamily("regulars_emails_settled", "Emails by what became of them.", labels=["state"])
    for state, (number, _) in tallies(Counted.SETTLED).items():
        settled.add_metric([state], number)
    yield settled
    handed = CounterMetricFamily("regulars_emails_delivered", "Emails handed to a mail server.", labels=["lane"])
    took = CounterMetricFamily("regulars_delivery_seconds", "Time until its replies.", labels=["lane"])
    for lane, (number, seconds) in tallies(Counted.DELIVERED).items():
        handed.add_metric([lane], number)
        took.add_metric([lane], seconds)
    yield from (handed, took)
    for counted, name in ((Counted.PLANS, "plan"), (Counted.TURNS, "dispatch")):
        number, seconds = tallies(counted).get("", (0, 0.0))
        yield CounterMetricFamily(f"regulars_{name}_runs", f"Runs of {name}.", value=number)
        yield CounterMetricFamily(f"regulars_{name}_seconds", f"Time that runs of {name} took.", value=seconds)


def _state(figures: OperatingFigures) -> Iterator[Metric]:
    if figures.last_planned_at is not None:
        age = _seconds(figures.at, figures.last_planned_at)
        yield _gauge("regulars_last_plan_age_seconds", "Time since the last plan.", age)
    if figures.rules_version is not None:
        yield _gauge("regulars_rules_version", "Number of the version in force.", figures.rules_version)
    alive: dict[str, int] = {}
    for worker in figures.workers:
        alive[worker.release] = alive.get(worker.release, 0) + worker.alive
    yield _labelled("regulars_workers", "Living worker processes by release.", "release", alive)
    yield _labelled("regulars_pauses", "Pauses in force, by hand or by a guard.", "scope", figures.paused)
    yield _labelled(
        "regulars_notifications", "What came back, as far as it is kept, by kind.", "kind", figures.came_back
    )
    yield _gauge("regulars_suppressed_addresses", "Suppressed addresses.", figures.suppressed)
    yield _gauge("regulars_customers", "Clients that are not erased.", figures.customers)


def _alerts_and_webhooks(figures: OperatingFigures) -> Iterator[Metric]:
    yield _gauge("regulars_guard_pauses", "Campaigns and lanes that a guard has stopped.", figures.by_guard)
    kinds: dict[str, int] = {}
    for alert in figures.alerts:
        kind = alert.key.partition("/")[0]
        kinds[kind] = kinds.get(kind, 0) + 1
    yield _labelled("regulars_alerts", "Alerts that last, by what they are about.", "about", kinds)
    waiting = {one.name: figures.backlogs.get(one.name, Backlog()) for one in figures.endpoints}
    yield _labelled(
        "regulars_webhooks_waiting", "Messages that wait, by program.", "program",
        {name: one.waiting for name, one in waiting.items()},
    )  # fmt: skip
    yield _labelled(
        "regulars_webhook_age_seconds", "Since when the oldest of these happened.", "program",
        {name: _seconds(figures.at, one.oldest) for name, one in waiting.items()},
    )  # fmt: skip
    yield _labelled(
        "regulars_webhook_dead", "Programs that take nothing for a while, or are disabled.", "program",
        {one.name: one.is_dead(figures.at) for one in figures.endpoints},
    )  # fmt: skip


def _latency(figures: OperatingFigures) -> Metric:
    """From the end of a message until its reply, by server, over all workers."""
    family = HistogramMetricFamily(
        "regulars_smtp_latency_seconds", "From the end of a message until the server's reply.", labels=["server"]
    )
    for server in sorted({server for server, _ in figures.latencies}):
        found = {bound: one for (name, bound), one in figures.latencies.items() if name == server}
        whole = sum(one.number for one in found.values())
        below = 0
        buckets = []
        for bound in BOUNDS_MS:
            below += found[bound].number if bound in found else 0
            buckets.append((str(bound / 1000), float(below)))
        buckets.append(("+Inf", float(whole)))
        family.add_metric([server], buckets, sum(one.seconds for one in found.values()))
    return family


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, value=float(value))


def _labelled(name: str, words: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=[label])
    for value, number in sorted(values.items()):
        family.add_metric([value], number)
    return family


def _seconds(now: datetime, then: datetime | None) -> float:
    """Never negative: both are by the database's clock, but a plan may be for a day to come."""
    return 0.0 if then is None else max((now - then).total_seconds(), 0.0)
