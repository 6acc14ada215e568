"""Service events of the demo: requests, complaints and answers of clients, and entries of managers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

Person = dict[str, Any]
Event = dict[str, Any]


def demo_event(person: Person, name: str, at: str, data: dict[str, Any]) -> Event:
    """An event of the client as a line of the import; `at` is local time of the company."""
    return {"id": f"{name}-{person['id']}", "customer": person["id"], "name": name, "occurred_at": at, "data": data}


def service_events(day: date, take: Callable[[str], Person]) -> list[Event]:
    """Complaints, requests, a refusal and a slip; `take` gives a client of a time zone with an empty history."""
    return [*_complaints(day, take), *_requests(day, take), *_deals(day, take)]


def _complaints(day: date, take: Callable[[str], Person]) -> list[Event]:
    fresh, waiting, settled = take("Europe/Kyiv"), take("Europe/Chisinau"), take("Europe/Tallinn")
    before, yesterday = day - timedelta(days=2), day - timedelta(days=1)
    squeal = {"complaint": "R-31", "about": "The new belt squeals"}
    loose = {"complaint": "R-29", "about": "The handle is loose"}
    smoke = {"complaint": "R-28", "about": "The saw smokes when cold", "done": "We cleaned the filter"}
    return [
        demo_event(fresh, "complaint.opened", f"{day}T10:15", squeal),
        demo_event(waiting, "complaint.opened", f"{before}T09:40", loose),
        demo_event(settled, "complaint.resolved", f"{yesterday}T11:30", smoke),
    ]


def _requests(day: date, take: Callable[[str], Person]) -> list[Event]:
    asked, slow, unanswered = take("Europe/Bucharest"), take("Europe/Kyiv"), take("Europe/Chisinau")
    catalogue = "https://gradina.example/files/park-2026.pdf"
    files = [{"name": "Park machines 2026 (PDF, 2 MB)", "url": catalogue, "note": None}]
    what = {"request": "M-12", "what": "Machines for a park"}
    drawings = {"request": "M-13", "what": "Drawings of the saw bench"}
    question = {"request": "Q-77", "about": "Can you service a saw by Friday?"}
    return [
        demo_event(asked, "materials.requested", f"{day}T09:10", what),
        demo_event(asked, "materials.prepared", f"{day}T09:50", {**what, "files": files}),
        demo_event(slow, "materials.requested", f"{day}T10:20", drawings),
        demo_event(unanswered, "request.opened", f"{day}T09:05", question),
    ]


def _deals(day: date, take: Callable[[str], Person]) -> list[Event]:
    refused, slipped, unhappy = take("Europe/Chisinau"), take("Europe/London"), take("Europe/Tallinn")
    slip = {
        "service": "Service of your mower",
        "what": "Your mower will not be ready tomorrow as we agreed.",
        "cause": "I ordered the wrong belt and noticed it only when the mower was open.",
        "remedy": "The right belt is on its way, and I will bring the mower to you myself.",
        "by": f"{day + timedelta(days=2)}",
        "amends": "You pay for the belt only.",
    }
    school = {"deal": "D-9", "about": "Mowers for the school"}
    poor = {"survey": "quality", "score": 4, "words": "I had to call three times"}
    return [
        demo_event(refused, "deal.refused", f"{day - timedelta(days=1)}T15:00", school),
        demo_event(slipped, "service.slipped", f"{day}T11:20", slip),
        demo_event(unhappy, "survey.answered", f"{day}T11:40", poor),
    ]
