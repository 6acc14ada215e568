"""The files of the demo's business: about 200 clients with three years of history, the same every time.

Most of it comes from a seeded random generator. Some clients are added so that the day shows
every campaign, and every reason for which an email is not sent: quiet hours, the cap, holdouts, opt-outs.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from regulars.demo.names import COMPANIES, MANAGERS, PRODUCTS, REGIONS, Region
from regulars.demo.service_events import demo_event, service_events

DAY = date(2026, 6, 10)
"""The day of the demo: a Wednesday."""
_PRICES = {sku: float(price) for sku, _, _, price, *_ in PRODUCTS}
_PARTS = ("blade", "chain", "line", "gloves")


def write_files(folder: Path) -> dict[str, Path]:
    """Writes managers, products, customers, purchases and events; returns their paths, in the order of import."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(1888)  # noqa: S311 - the same business every time
    people = _people(draw)
    orders = [order for person in people for order in _history(draw, person)]
    events: list[dict[str, Any]] = []
    _add_scenarios(people, orders, events)
    for person in people:
        person.pop("_zone", None)
    paths = {kind: folder / f"{kind}.csv" for kind in ("managers", "products", "customers", "purchases")}
    paths["events"] = folder / "events.jsonl"
    _csv(paths["managers"], ("id", "name", "title", "email", "phone", "locale"), MANAGERS)
    header = ("sku", "name", "category", "price", "next", "accessories", "launched_at")
    _csv(paths["products"], header, PRODUCTS)
    _csv(paths["customers"], tuple(people[0]), [tuple(p.values()) for p in people])
    _csv(paths["purchases"], ("order", "customer", "date", "products", "amount"), orders)
    lines = (json.dumps(event, ensure_ascii=False) for event in events)
    paths["events"].write_text("\n".join(lines) + "\n", encoding="utf-8")
    return paths


def _csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def _people(draw: random.Random) -> list[dict[str, Any]]:
    people: list[dict[str, Any]] = []
    for region in REGIONS:
        for _ in range(region.share):
            number = len(people) + 1
            people.append(_person(draw, region, number))
    return people


def _person(draw: random.Random, region: Region, number: int) -> dict[str, Any]:
    firsts, lasts = draw.choice((region.men, region.women))
    birthday = date(1955, 1, 1) + timedelta(days=draw.randrange(17_000))
    if birthday.month == DAY.month and abs(birthday.day - DAY.day) <= 1:
        birthday += timedelta(days=40)  # the day and the day before belong to the added clients
    return {
        "id": f"v-{number:03}",
        "email": f"client{number:03}@mail.example",
        "first_name": draw.choice(firsts),
        "last_name": draw.choice(lasts),
        "company": draw.choice(COMPANIES) if draw.random() < 0.15 else "",
        "locale": region.locale,
        "timezone": draw.choice(region.zones),
        "country": region.country,
        "birthday": birthday.isoformat() if draw.random() < 0.8 else "",
        "source": draw.choice(("a neighbour", "the market", "the web", "an advert")),
        "manager": draw.choice(MANAGERS)[0],
        "consent": "no" if draw.random() < 0.04 else "yes",
    }


def _history(draw: random.Random, person: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Purchases up to two weeks before the day: a machine first, then further machines and parts."""
    if draw.random() < 0.12:
        return []
    moment = date(2023, 2, 1) + timedelta(days=draw.randrange(1150))
    orders: list[tuple[Any, ...]] = []
    machines = iter(("mower", "chainsaw", "brush-cutter"))
    while moment < DAY - timedelta(days=14) and len(orders) < 9:
        sku = next(machines, None) if not orders or draw.random() < 0.3 else None
        orders.append(_order(person, len(orders), moment, sku or draw.choice(_PARTS)))
        moment += timedelta(days=draw.randrange(35, 240))
    return orders


def _order(person: dict[str, Any], number: int, day: date, *skus: str) -> tuple[Any, ...]:
    amount = sum(_PRICES[sku] for sku in skus)
    return (f"o-{person['id'][2:]}-{number + 1}", person["id"], day.isoformat(), "; ".join(skus), f"{amount:.2f}")


def _add_scenarios(people: list[dict[str, Any]], orders: list[tuple[Any, ...]], events: list[dict[str, Any]]) -> None:
    """The added clients, whose campaigns trigger on the day."""
    by_zone: dict[str, list[dict[str, Any]]] = {}
    for person in people:
        by_zone.setdefault(person["timezone"], []).append(person)

    def take(zone: str) -> dict[str, Any]:
        person = by_zone[zone].pop()
        person["consent"] = "yes"
        orders[:] = [order for order in orders if order[1] != person["id"]]
        return person

    def bought(person: dict[str, Any], *days_and_skus: tuple[str, str]) -> None:
        orders.extend(_order(person, n, date.fromisoformat(d), s) for n, (d, s) in enumerate(days_and_skus))

    silent_since = (DAY - timedelta(days=91)).isoformat()
    for index, zone in enumerate(("Europe/Chisinau", "Europe/Kyiv", "Europe/Tallinn", "America/New_York")):
        born = take(zone)
        born["birthday"] = f"19{68 + 7 * index}-06-10"
        bought(born, ("2024-03-02", "mower"), ("2026-04-20", "gloves"))
        years = take(zone)
        bought(years, (f"{2025 - index}-06-10", "mower"), ("2026-05-03", "blade"))
        for _ in range(2):
            gone = take(zone)
            bought(gone, (silent_since, "brush-cutter"))
        slower = take(zone)  # used to buy every month, and has been away for two
        bought(slower, *(((DAY - timedelta(days=days)).isoformat(), "line") for days in (120, 90, 60)))
        fresh = take(zone)
        bought(fresh, ("2026-06-10", "mower"))
    everything = take("Europe/Bucharest")  # birthday, anniversary and long absence on one day: the cap decides
    everything["birthday"] = "1979-06-10"
    bought(everything, ("2025-06-10", "mower"), (silent_since, "brush-cutter"))
    left = take("Europe/Bucharest")
    left["birthday"] = "1985-06-10"
    left["consent"] = "no"
    for _ in range(2):  # a mower ninety days ago: a chainsaw is due
        due = take("Europe/Kyiv")
        bought(due, ((DAY - timedelta(days=90)).isoformat(), "mower"), ("2026-05-30", "gloves"))
    upset = take("Europe/Chisinau")
    bought(upset, (silent_since, "brush-cutter"))
    events.append(demo_event(upset, "complaint.opened", "2026-06-01T10:20", {"about": "Waited three weeks for a part"}))
    _meetings(take, events)
    _visits(take, events)
    _aftercare(take, bought, events)
    events += service_events(DAY, take)
    _key_client(take, bought, orders, events)
    _by_motive(take, bought, events)
    _news_and_greetings(take, bought, orders)


def _key_client(take: Any, bought: Any, orders: list[tuple[Any, ...]], events: list[dict[str, Any]]) -> None:
    """Spent a thousand euros, and is unhappy."""
    key = take("Europe/Chisinau")
    bought(key, ("2024-05-02", "mower"), ("2025-04-11", "chainsaw"), ("2026-03-20", "brush-cutter"))
    orders.append(_order(key, 3, date(2026, 5, 12), "blade"))
    events.append(demo_event(key, "survey.answered", f"{DAY}T12:20", {"survey": "nps", "score": 5}))


def _aftercare(take: Any, bought: Any, events: list[dict[str, Any]]) -> None:
    """Those who bought a machine four days, two weeks or a month ago, or had one sharpened six weeks ago."""
    for zone, days in (("Europe/Tallinn", 4), ("Europe/Bucharest", 4), ("Europe/Kyiv", 14), ("America/New_York", 14),
                       ("Europe/Chisinau", 30), ("Europe/London", 30)):  # fmt: skip
        bought(take(zone), ((DAY - timedelta(days=days)).isoformat(), "mower"))
    for zone in ("Europe/Chisinau", "Europe/Kyiv"):
        data = {"service": "sharpening"}
        events.append(demo_event(take(zone), "visit.done", f"{DAY - timedelta(weeks=6)}T11:20", data))
    for zone, friend in (("Europe/Tallinn", "Anu"), ("Europe/Bucharest", "Ilie")):
        events.append(demo_event(take(zone), "referral.bought", f"{DAY}T10:15", {"friend": friend}))


def _by_motive(take: Any, bought: Any, events: list[dict[str, Any]]) -> None:
    """Clients of each motivation: price, belonging, regular buyers, stability."""
    for zone in ("Europe/Chisinau", "Europe/Kyiv"):
        thrifty = take(zone)
        bought(thrifty, ("2025-08-21", "blade"))
        for number, month in enumerate((2, 3, 4), start=1):
            asked = demo_event(thrifty, "price.requested", f"2026-{month:02}-04T11:00", {})
            events.append(asked | {"id": f"{asked['id']}-{number}"})
        friend = take(zone)
        bought(friend, ("2025-08-31", "brush-cutter"))
        events.append(demo_event(friend, "planning.proposed", "2026-02-02T10:00", {}))
        events.append(demo_event(friend, "advice.given", "2026-04-14T10:00", {}))
        regular = take(zone)  # three times within the year, soon after launch
        bought(regular, ("2025-06-20", "line"), ("2025-06-25", "gloves"), ("2026-05-05", "line"))
        steady = take(zone)
        bought(steady, ("2025-11-11", "mower"), ("2026-01-26", "blade"), ("2026-04-12", "blade"))


def _news_and_greetings(take: Any, bought: Any, orders: list[tuple[Any, ...]]) -> None:
    """A machine was launched yesterday: news for novelty seekers and for the best clients. Portugal has a holiday.

    Two buy again, and their points reach a new level.
    """
    for zone in ("Europe/Chisinau", "Europe/Tallinn"):
        bought(take(zone), ("2026-04-20", "trimmer"))  # soon after its launch
    best = take("Europe/Bucharest")
    orders.append(_order(best, 0, date(2025, 4, 18), "mower", "chainsaw", "brush-cutter"))
    orders.append(_order(best, 1, date(2026, 4, 30), "blade"))
    for zone in ("Europe/Bucharest", "Europe/Kyiv"):
        abroad = take(zone)
        abroad["country"] = "PT"
        abroad["timezone"] = "Europe/Lisbon"
        bought(abroad, ("2026-04-09", "gloves"))
    for zone, first, second in (("Europe/Chisinau", "mower", "brush-cutter"), ("Europe/Tallinn", "chain", "chainsaw")):
        bought(take(zone), ("2026-04-20", first), (DAY.isoformat(), second))  # their points reach gold, and silver


def _meetings(take: Any, events: list[dict[str, Any]]) -> None:
    for zone, hour, topic in (
        ("Europe/Chisinau", "11:05", "Care of the park, season of 2026"),
        ("Europe/Tallinn", "14:40", "Machines for the new orchard"),
        ("America/New_York", "16:10", "Service contract, second year"),
    ):
        agreements = [
            {"what": "Send the offer with the service plan", "owner": "Ion Munteanu", "due": "2026-06-12"},
            {"what": "Choose the first two machines", "owner": "you", "due": "2026-06-19"},
        ]
        data = {"topic": topic, "place": "our showroom, 14 Columna St", "agreements": agreements}
        events.append(demo_event(take(zone), "meeting.completed", f"{DAY}T{hour}", data))
    for zone in ("Europe/Chisinau", "Europe/Kyiv"):
        data = {"contract": "S-2026-17", "project": "Spring service of five machines", "completed_on": "2026-06-09"}
        events.append(demo_event(take(zone), "contract.completed", f"{DAY - timedelta(days=1)}T13:30", data))
    night = {"contract": "S-2026-21", "project": "Winter storage", "completed_on": "2026-06-09"}
    events.append(demo_event(take("Europe/Bucharest"), "contract.completed", f"{DAY - timedelta(days=1)}T20:30", night))


def _visits(take: Any, events: list[dict[str, Any]]) -> None:
    """Visits: tomorrow, booked in the morning for the afternoon, moved, and cancelled."""
    tomorrow = DAY + timedelta(days=1)
    place = "our workshop, 14 Columna St"

    def book(person: dict[str, Any], at: str, starts_at: str, service: str, number: int = 1) -> dict[str, Any]:
        data = {"visit": f"w-{person['id']}", "service": service, "place": place, "starts_at": starts_at}
        event = demo_event(person, "visit.booked", at, {**data, "duration": 60})
        event["id"] += f"-{number}"
        events.append(event)
        return data

    first = take("Europe/Chisinau")
    chains = book(first, "2026-06-02T11:20", f"{tomorrow}T10:00", "Sharpening of the chains")
    wish = {"visit": chains["visit"], "wanted_at": f"{DAY + timedelta(days=5)}T09:30", "note": "After the rain, please"}
    events.append(demo_event(first, "visit.move-requested", f"{DAY}T10:25", wish))
    book(take("Europe/Kyiv"), f"{DAY}T08:10", f"{DAY}T14:00", "Spring service of the mower")
    mover = take("Europe/Chisinau")
    book(mover, "2026-06-01T09:30", f"{tomorrow}T12:00", "Spring service of the mower")
    moved = book(mover, "2026-06-05T10:10", f"{DAY + timedelta(days=5)}T12:00", "Spring service of the mower", 2)
    events.append(demo_event(mover, "visit.moved", "2026-06-05T10:10", {"visit": moved["visit"]}))
    ill = take("Europe/Tallinn")
    gone = book(ill, "2026-06-03T13:00", f"{tomorrow}T15:00", "New blade")
    events.append(demo_event(ill, "visit.cancelled", f"{DAY}T08:40", {"visit": gone["visit"], "by": "client"}))
    events.append(demo_event(take("Europe/Bucharest"), "signup.requested", f"{DAY}T11:50", {"source": "footer"}))
    events.append(demo_event(take("Europe/Tallinn"), "data.requested", f"{DAY}T12:35", {}))
