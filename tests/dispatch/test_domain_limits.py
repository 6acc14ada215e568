"""Limits by receiving domain: mail providers are found by their exchangers, and nobody waits for another provider."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

import pytest
import yaml
from sqlalchemy import Engine, func, select, update

from regulars.db.engine import read, write
from regulars.db.tables import buckets, domain_limits, mail_domains, promises
from regulars.explain.explain import explain
from regulars.operation.provider_lookup import ProviderLookup, registered_domain
from tests.common.bench import at
from tests.common.smtp import Inbox
from tests.common.workspace import write_workspace
from tests.dispatch.conftest import Open
from tests.dispatch.office import NEWS, NOON, VISIT, Office
from tests.operation.test_sender_dns import name_server

pytestmark = pytest.mark.slow
EXCHANGERS: Mapping[tuple[str, str], list[str]] = {
    ("slow.example", "MX"): ["20 b.mx.big.example.", "10 a.mx.big.example."],
    ("guest.example", "MX"): ["5 c.mx.big.example."],
    ("own.example", "MX"): ["5 mail.own.example."],
}


def limited(office: Office, limits: Mapping[str, str]) -> None:
    """A workspace with these limits."""
    write_workspace(office.root, {"news": NEWS, "visit": VISIT})
    rules = yaml.safe_dump({"delivery": {"limits": dict(limits)}})
    (office.root / "campaigns" / "delivery.yaml").write_text(rules, encoding="utf-8")


def clients(office: Office, domain: str, number: int) -> None:
    for each in range(number):
        office.clients(f"{domain.partition('.')[0]}-{each}", email=f"{each}@{domain}")


def sent_by_domain(inbox: Inbox) -> Counter[str]:
    return Counter(one.recipients[0].rpartition("@")[2] for one in inbox.messages)


def labels(engine: Engine) -> dict[str, int]:
    query = select(promises.c.provider, func.count()).group_by(promises.c.provider)
    with read(engine) as connection:
        return dict(connection.execute(query).all())


def test_rows_of_a_provider_at_its_limit_are_passed_over(open_office: Open, smtp_inbox: Inbox) -> None:
    with name_server(EXCHANGERS) as resolver:
        office = open_office(smtp_inbox.url, REGULARS_DNS=resolver)
        limited(office, {"slow.example": "2 per second", "own.example": "3 per hour"})
        clients(office, "slow.example", 8)
        clients(office, "guest.example", 4)  # promised first, and of the same provider
        clients(office, "own.example", 3)
        clients(office, "free.example", 20)
        office.plan()
        assert labels(office.engine) == {"big.example": 12, "own.example": 3, "-": 20}
        office.dispatch(stop=lambda: sent_by_domain(smtp_inbox)["free.example"] == 20)
    went = sent_by_domain(smtp_inbox)
    assert went["slow.example"] + went["guest.example"] == 2, "a second's worth, for both domains together"
    assert went["own.example"] == 1
    waits = next(row["customer"] for row in office.rows() if row["state"] == "planned")
    told = explain(office.engine, office.runtime.rules, waits, "news", at(NOON)).campaigns[0].sentence
    assert "may go, but no more than " in told
    assert " go to big.example, and " in told or " go to own.example, and " in told
    office.dispatch(stop=lambda: sum(sent_by_domain(smtp_inbox).values()) >= 25)
    assert sent_by_domain(smtp_inbox)["own.example"] == 1, "the hour's second one is not due"
    assert sum(sent_by_domain(smtp_inbox).values()) < 28, "by turns of half a second"


def test_each_other_domain_has_the_limit_of_the_rest_and_changed_limits_label_anew(
    open_office: Open, smtp_inbox: Inbox
) -> None:
    office = open_office(smtp_inbox.url, REGULARS_DNS="off")
    limited(office, {"*": "1 per hour"})
    clients(office, "one.example", 2)
    clients(office, "two.example", 2)
    office.plan()
    office.dispatch(stop=lambda: len(smtp_inbox.messages) == 2)
    assert sent_by_domain(smtp_inbox) == {"one.example": 1, "two.example": 1}
    limited(office, {"one.example": "1 per hour"})
    clients(office, "late.example", 1)
    office.plan("2026-06-10T13:00")
    office.dispatch("2026-06-10T13:00", stop=lambda: len(smtp_inbox.messages) == 4)
    assert sent_by_domain(smtp_inbox) == {"one.example": 1, "two.example": 2, "late.example": 1}
    with read(office.engine) as connection:
        assert connection.execute(select(domain_limits)).all() == [("one.example", 1 / 3600)]
    limited(office, {})
    assert office.tick("2026-06-10T14:00").sent == 1, "without limits nothing waits"


def test_answers_expire_and_an_unreachable_name_server_changes_nothing(engine: Engine) -> None:
    limits = {"slow.example": 2.0}
    with name_server(EXCHANGERS) as resolver:
        ProviderLookup(engine, resolver).refresh(limits)
    with write(engine) as connection:
        (row,) = connection.execute(select(mail_domains))
        assert (row.domain, row.provider) == ("slow.example", "big.example")
        old = row.expires_at - timedelta(days=8)
        connection.execute(update(mail_domains).values(expires_at=old))
        connection.execute(buckets.insert().values(provider="domain:gone.example", tokens=1, filled_at=old))
    ProviderLookup(engine, "127.0.0.1:1").refresh(limits)
    ProviderLookup(engine, "no name server").refresh(limits)
    with read(engine) as connection:
        (row,) = connection.execute(select(mail_domains))
        assert (row.provider, row.expires_at > old) == ("big.example", True), "the answer before counts on"
        assert connection.scalars(select(buckets.c.provider)).all() == []
        assert connection.execute(select(domain_limits)).all() == [("big.example", 2.0)]


def test_the_registered_domain_of_an_exchanger() -> None:
    hosts = ["aspmx.l.google.com", "mx.mail.co.uk", "mx.co.uk", "example.md", "x"]
    assert list(map(registered_domain, hosts)) == ["google.com", "mail.co.uk", "mx.co.uk", "example.md", "x"]


def test_transactional_mail_counts_by_the_same_limit(open_office: Open, smtp_inbox: Inbox) -> None:
    office = open_office(smtp_inbox.url, REGULARS_DNS="off", REGULARS_SMTP_TRANSACTIONAL_URL=smtp_inbox.url)
    limited(office, {"one.example": "1 per hour"})
    clients(office, "one.example", 2)
    office.plan("2026-06-10T09:00")
    office.visit("one-0", "2026-06-10T11:30")
    office.plan()
    office.dispatch(NOON, stop=lambda: len(smtp_inbox.messages) == 1)
    assert [row["campaign"] for row in office.rows() if row["state"] == "sent"] == ["visit"], "the urgent lane first"
