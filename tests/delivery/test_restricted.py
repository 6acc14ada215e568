"""REGULARS_ONLY_TO: nobody else is mailed, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from regulars.core.errors import EnvironmentFailed
from regulars.core.settings import load, only_to
from regulars.delivery.parcel import Outcome, Parcel, Result
from regulars.delivery.restricted import RestrictedTransport, allowed
from regulars.delivery.transport import Delivery, Outage, Transport
from regulars.operation.lanes import open_lanes

OURS = allowed(["@Studio.example", "ana@client.example"])


class _Recorder(Transport):
    rate = 5.0
    server = "mail.example:25"

    def __init__(self, outage: Outage | None = None) -> None:
        self.outage = outage
        self.recipients: list[tuple[str, ...]] = []

    async def deliver(self, parcels: Sequence[Parcel]) -> Delivery:
        self.recipients += [parcel.recipients for parcel in parcels]
        return Delivery([Result(parcel.key, Outcome.ACCEPTED, 250, "ok") for parcel in parcels], self.outage)

    async def close(self) -> None: ...


def parcel(key: int, *recipients: str) -> Parcel:
    return Parcel(key, "b@studio.example", recipients, b"")


@pytest.mark.parametrize("address", ["x@studio.example", "X@STUDIO.example", "ANA@client.example"])
def test_we_can_be_mailed(address: str) -> None:
    assert address in OURS


@pytest.mark.parametrize(
    "address",
    ["bo@client.example", "x@mail.studio.example", "x@studio.example.org", "studio.example",
     "@studio.example@other.org", "ana@client.example.org", "xana@client.example"],
)  # fmt: skip
def test_nobody_else_can(address: str) -> None:
    assert address not in OURS


def test_each_parcel_has_its_own_result_in_order() -> None:
    inner = _Recorder()
    parcels = [parcel(1, "bo@client.example"), parcel(2, "x@studio.example"),
               parcel(3, "x@studio.example", "bo@client.example")]  # fmt: skip
    found = asyncio.run(RestrictedTransport(inner, OURS).deliver(parcels))
    assert [(one.key, one.outcome) for one in found.results] == [
        (1, Outcome.UNSENT), (2, Outcome.ACCEPTED), (3, Outcome.UNSENT),
    ]  # fmt: skip
    assert inner.recipients == [("x@studio.example",)]
    assert "REGULARS_ONLY_TO" in found.results[0].text


def test_an_outage_is_passed_on() -> None:
    outage = Outage("mail.example:25", "away")
    transport = RestrictedTransport(_Recorder(outage), OURS)
    assert asyncio.run(transport.deliver([parcel(1, "x@studio.example")])).outage is outage
    assert (transport.rate, transport.server) == (5.0, "mail.example:25")


def test_every_lane_is_restricted(tmp_path: Path) -> None:
    settings = load(
        tmp_path, {"REGULARS_ONLY_TO": "@studio.example", "REGULARS_SMTP_TRANSACTIONAL_URL": "smtp://[::1]"}
    )
    assert [type(lane.transport) for lane in open_lanes(settings)] == [RestrictedTransport] * 2


@pytest.mark.parametrize("value", ["", " ", "studio.example", "@", "@studio.example, bo"])
def test_a_restriction_that_says_nothing_is_a_mistake(value: str) -> None:
    with pytest.raises(EnvironmentFailed, match="REGULARS_ONLY_TO"):
        only_to({"REGULARS_ONLY_TO": value})
    assert only_to({}) == ()
