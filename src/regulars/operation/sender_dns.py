"""Looks up what receiving servers look up about the sender: SPF (RFC 7208), DMARC (RFC 7489), the return path's MX."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dns.exception
import dns.resolver

from regulars.core.errors import RegularsError
from regulars.delivery.dkim import DkimKey
from regulars.dispatch.compose import company_mailbox
from regulars.operation.doctor import Finding, fault, ok, warning
from regulars.rules.company import Company

_LIFETIME = 5.0
"""Seconds for one question, over all name servers."""


def examine_sender(company: Company, key: DkimKey | None, resolver: str | None = None) -> Iterator[Finding]:
    """The findings about the domains of `company.sender` and `company.bounces`, and about the key that signs.

    `resolver` is `HOST` or `HOST:PORT` of a name server; without it, those of this machine. Raises RegularsError for
    one that is not an address.
    """
    look = _Lookup(resolver)
    sender = company_mailbox(company.sender).address.rpartition("@")[2].lower()
    envelope = sender if company.bounces is None else company.bounces.rpartition("@")[2].lower()
    try:
        yield _spf(look, envelope)
        yield _return_path(look, envelope)
        yield _dmarc(look, sender)
        yield _alignment(sender, envelope)
        yield _dkim(look, sender, key)
    except dns.exception.DNSException as error:
        yield warning("dns", f"no answer: {error}", "name a server: --resolver HOST")


class _Lookup:
    """Questions to name servers. A name that does not exist has no records."""

    def __init__(self, resolver: str | None) -> None:
        try:
            self._resolver = dns.resolver.Resolver(configure=resolver is None)
            if resolver is not None:
                host, _, port = resolver.partition(":")
                self._resolver.nameservers, self._resolver.port = [host], int(port or 53)
        except (ValueError, dns.exception.DNSException) as error:
            raise RegularsError(f"`{resolver or 'this machine'}` is no name server: {error}") from None
        self._resolver.lifetime = _LIFETIME

    def texts(self, name: str) -> list[str]:
        return ["".join(part.decode(errors="replace") for part in one.strings) for one in self._records(name, "TXT")]

    def exists(self, name: str, kind: str) -> bool:
        return bool(self._records(name, kind))

    def _records(self, name: str, kind: str) -> list[Any]:
        try:
            return list(self._resolver.resolve(name, kind))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []


def _spf(look: _Lookup, domain: str) -> Finding:
    found = [text for text in look.texts(domain) if text.lower().split(" ")[0] == "v=spf1"]
    if not found:
        return warning(
            "SPF", f"{domain} says nothing of who may send for it",
            f'publish TXT {domain} "v=spf1 include:RELAY -all", with the name from the documentation of your relay',
        )  # fmt: skip
    if len(found) > 1:
        return fault("SPF", f"{domain} has {len(found)} records; receivers then read none", "join them into one")
    if any(word.lower() in {"+all", "all"} for word in found[0].split()):
        return warning("SPF", f"{domain}: {found[0]} lets everybody send", "end it with -all or ~all")
    return ok("SPF", f"{domain}: {found[0]}")


def _return_path(look: _Lookup, domain: str) -> Finding:
    if look.exists(domain, "MX"):
        return ok("return path", f"{domain} has a mail server")
    if look.exists(domain, "A") or look.exists(domain, "AAAA"):
        return ok("return path", f"{domain} has no MX; mail for it goes to its address")
    return fault("return path", f"{domain} takes no mail: bounces are lost", f"publish an MX record of {domain}")


def _dmarc(look: _Lookup, domain: str) -> Finding:
    labels = domain.split(".")
    for start in range(len(labels) - 1):  # the domain itself, then those above it
        name = ".".join(labels[start:])
        found = [text for text in look.texts(f"_dmarc.{name}") if text.replace(" ", "").lower().startswith("v=dmarc1")]
        if len(found) > 1:
            return fault("DMARC", f"_dmarc.{name} has {len(found)} records; receivers then read none", "leave one")
        if found:
            return ok("DMARC", f"_dmarc.{name}: {found[0]}")
    return warning(
        "DMARC", f"{domain} has no policy; large providers ask senders of bulk mail for one",
        f'publish TXT _dmarc.{domain} "v=DMARC1; p=none; rua=mailto:postmaster@{domain}"',
    )  # fmt: skip


def _alignment(sender: str, envelope: str) -> Finding:
    if sender == envelope or sender.endswith(f".{envelope}") or envelope.endswith(f".{sender}"):
        return ok("alignment", f"the return path's domain {envelope} belongs to the sender's {sender}")
    return warning(
        "alignment", f"the return path's domain {envelope} is not the sender's {sender}: SPF does not count for DMARC",
        f"let `company.bounces` be of {sender} or of a domain below it, or sign with DKIM",
    )  # fmt: skip


def _dkim(look: _Lookup, sender: str, key: DkimKey | None) -> Finding:
    if key is None:
        return ok("DKIM", "no REGULARS_DKIM_KEY: the relay has to sign")
    name = f"{key.selector}._domainkey.{key.domain}"
    found = look.texts(name)
    published = [dict(part.strip().partition("=")[::2] for part in text.split(";") if part.strip()) for text in found]
    if not any("".join(one.get("p", "").split()) == key.public for one in published):
        state = "has another key" if found else "is not there"
        return fault("DKIM", f"{name} {state}: receivers refuse what is signed", f'publish TXT {name} "{key.record}"')
    if sender != key.domain and not sender.endswith(f".{key.domain}"):
        return warning("DKIM", f"signs for {key.domain}, the sender is {sender}", "sign for the sender's domain")
    return ok("DKIM", f"{name} has the key that signs")
