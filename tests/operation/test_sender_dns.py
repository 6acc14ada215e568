"""What receiving servers look up about the sender, asked of a real name server on this machine."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from regulars.core.errors import RegularsError
from regulars.delivery.dkim import DkimKey, load_key
from regulars.operation.doctor import Finding, Verdict
from regulars.operation.sender_dns import examine_sender
from regulars.rules.company import Company

Records = Mapping[tuple[str, str], list[str]]
GOOD: Records = {
    ("studio.example", "TXT"): ['"verification=1"', '"v=spf1 include:relay.example -all"'],
    ("studio.example", "MX"): ["10 mx.studio.example."],
    ("_dmarc.studio.example", "TXT"): ['"v=DMARC1; p=reject"'],
}


class _Answer(socketserver.BaseRequestHandler):
    records: ClassVar[Records] = {}

    def handle(self) -> None:
        data, socket = self.request
        query = dns.message.from_wire(data)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        asked = query.question[0]
        name = asked.name.to_text(omit_final_dot=True).lower()
        found = self.records.get((name, dns.rdatatype.to_text(asked.rdtype)))
        if found:
            response.answer.append(dns.rrset.from_text_list(asked.name, 60, asked.rdclass, asked.rdtype, found))
        elif not any(known == name for known, _ in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        socket.sendto(response.to_wire(), self.client_address)


@contextmanager
def name_server(records: Records) -> Iterator[str]:
    handler = type("_Here", (_Answer,), {"records": records})
    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def found(records: Records, key: DkimKey | None = None, bounces: str | None = None) -> dict[str, Finding]:
    company = Company.model_validate(
        {"name": "Studio", "from": "Studio <hello@studio.example>", "address": "1 Main St", "bounces": bounces}
    )
    with name_server(records) as server:
        return {one.check: one for one in examine_sender(company, key, server)}


def test_a_sender_that_receivers_believe() -> None:
    assert {one.verdict for one in found(GOOD).values()} == {Verdict.OK}


@pytest.mark.parametrize(
    ("changed", "check", "verdict", "words"),
    [
        ({("studio.example", "TXT"): []}, "SPF", Verdict.WARNING, "says nothing"),
        ({("studio.example", "TXT"): ['"v=spf1 -all"', '"v=spf1 a -all"']}, "SPF", Verdict.FAULT, "2 records"),
        ({("studio.example", "TXT"): ['"v=spf1 +all"']}, "SPF", Verdict.WARNING, "everybody"),
        ({("studio.example", "MX"): []}, "return path", Verdict.FAULT, "takes no mail"),
        ({("_dmarc.studio.example", "TXT"): []}, "DMARC", Verdict.WARNING, "no policy"),
    ],
)
def test_what_receivers_miss(changed: Records, check: str, verdict: Verdict, words: str) -> None:
    one = found({**GOOD, **changed})[check]
    assert (one.verdict, words in one.words) == (verdict, True)
    assert one.advice


def test_the_policy_of_a_domain_holds_for_those_below_it() -> None:
    records = {**GOOD, ("mail.studio.example", "TXT"): ['"v=spf1 a -all"'], ("mail.studio.example", "A"): ["192.0.2.1"]}
    assert {one.verdict for one in found(records, bounces="b@mail.studio.example").values()} == {Verdict.OK}


def test_a_return_path_elsewhere_does_not_count_for_dmarc() -> None:
    records = {**GOOD, ("relay.example", "TXT"): ['"v=spf1 a -all"'], ("relay.example", "MX"): ["10 mx.relay.example."]}
    assert found(records, bounces="b@relay.example")["alignment"].verdict is Verdict.WARNING


def test_the_key_that_signs_is_the_one_that_is_published(tmp_path: Path) -> None:
    pem = tmp_path / "key.pem"
    private = ed25519.Ed25519PrivateKey.generate()
    pem.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key = load_key(pem, "studio.example", "s1")
    place = ("s1._domainkey.studio.example", "TXT")
    assert found({**GOOD, place: [f'"{key.record}"']}, key)["DKIM"].verdict is Verdict.OK
    missing = found(GOOD, key)["DKIM"]
    assert (missing.verdict, key.record in missing.advice) == (Verdict.FAULT, True)
    other = found({**GOOD, place: ['"v=DKIM1; k=ed25519; p=AAAA"']}, key)["DKIM"]
    assert (other.verdict, "another key" in other.words) == (Verdict.FAULT, True)


def test_a_resolver_that_is_none_is_said() -> None:
    company = Company.model_validate({"name": "S", "from": "hello@studio.example", "address": "1 Main St"})
    with pytest.raises(RegularsError, match="no name server"):
        list(examine_sender(company, None, "not an address"))
