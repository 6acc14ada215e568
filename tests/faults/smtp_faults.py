"""What a mail server can do wrong, and what must become of four emails that are sent to it.

Each fault strikes the second of four emails or, where it strikes a session, all of them. The days that follow are
played until every email has come to its end. The table in docs/reliability.md is made of this list.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.common.scripted_smtp import Act, Fault, Stage

EMAILS = 4
GREYLISTED = "450 4.7.1 greylisted, come back later"
PIPELINED = ("PIPELINING", "8BITMIME")


@dataclass(frozen=True)
class SmtpFault:
    """What the server does, and the end that must follow: of the email struck, and of the other three.

    Each end is a state with its reason; `attempts` and `arrived` (how many of the four) count everything.
    """

    name: str
    faults: Sequence[Fault]
    struck: str
    others: str = "sent"
    arrived: int = 4
    options: Mapping[str, str] = field(default_factory=dict)
    """Options of the server's URL."""
    server: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of ScriptedServer."""
    login: bool = False
    tls: bool = False
    trusted: bool = True
    """Whether this process trusts the server's certificate."""


AWAY = "skipped (server-away)"
DOUBT = "uncertain (connection-lost)"
REFUSED = "failed (refused)"
DEAD = "failed (address-refused)"
SECOND = (2,)
SHORT = {"timeout": "0.3"}


def _at(stage: Stage, act: Act = Act.REPLY, words: str = "", *, took: bool = False) -> tuple[Fault, ...]:
    """The fault at the second visit of the stage."""
    return (Fault(stage, act, words, SECOND, took=took),)


def _opening(stage: Stage, act: Act = Act.REPLY, words: str = "") -> tuple[Fault, ...]:
    """The fault in the first session."""
    return (Fault(stage, act, words, (1,)),)


FAULTS: tuple[SmtpFault, ...] = (
    # ------------------------------------------------ no session
    SmtpFault("nobody listens, for days", (), AWAY, AWAY, 0, {"port": "closed"}),
    SmtpFault("421 instead of a banner", _opening(Stage.BANNER, Act.CLOSE, "421 4.3.2 too busy"), "sent"),
    SmtpFault("554 instead of a banner", _opening(Stage.BANNER, words="554 5.3.2 no mail here"), "sent"),
    SmtpFault("hangs up without a banner", _opening(Stage.BANNER, Act.CLOSE), "sent"),
    SmtpFault("slow banner", (Fault(Stage.BANNER, Act.SLOW),), "sent"),
    SmtpFault("no banner, ever", (Fault(Stage.BANNER, Act.STALL),), AWAY, AWAY, 0, SHORT),
    SmtpFault("421 to EHLO", _opening(Stage.EHLO, Act.CLOSE, "421 4.3.2 closing"), "sent"),
    SmtpFault("502 to EHLO, HELO is fine", (Fault(Stage.EHLO, text="502 5.5.1 what?"),), "sent"),
    SmtpFault("550 to EHLO, for days", (Fault(Stage.EHLO, text="550 5.7.1 not you"),), AWAY, AWAY, 0),
    SmtpFault("stalls at EHLO", _opening(Stage.EHLO, Act.STALL), "sent", options=SHORT),
    # ------------------------------------------------ encryption and login
    SmtpFault("454 to STARTTLS", _opening(Stage.STARTTLS, words="454 4.7.0 not now"), "sent", tls=True),
    SmtpFault("554 to STARTTLS, for days", (Fault(Stage.STARTTLS, text="554 5.7.3 no"),), AWAY, AWAY, 0, tls=True),
    SmtpFault("stalls at STARTTLS", _opening(Stage.STARTTLS, Act.STALL), "sent", options=SHORT, tls=True),
    SmtpFault("a certificate that nobody trusts", (), AWAY, AWAY, 0, tls=True, trusted=False),
    SmtpFault("no STARTTLS where it is asked for", (), AWAY, AWAY, 0, {"tls": "starttls"}),
    SmtpFault("454 to AUTH", _opening(Stage.AUTH, words="454 4.7.0 later"), "sent", login=True),
    SmtpFault("wrong credentials, for days", (Fault(Stage.AUTH, text="535 5.7.8 wrong"),), AWAY, AWAY, 0, login=True),
    SmtpFault("stalls at AUTH", _opening(Stage.AUTH, Act.STALL), "sent", options=SHORT, login=True),
    # ------------------------------------------------ the envelope
    SmtpFault("450 to MAIL", _at(Stage.MAIL, words="450 4.2.1 later"), "sent"),
    SmtpFault("550 to MAIL", _at(Stage.MAIL, words="550 5.7.1 not from you"), REFUSED, arrived=3),
    SmtpFault("450 to RCPT", _at(Stage.RCPT, words="450 4.2.1 later"), "sent"),
    SmtpFault("550 5.1.1 to RCPT", _at(Stage.RCPT, words="550 5.1.1 no such user"), DEAD, arrived=3),
    SmtpFault("greylisting of each recipient", (Fault(Stage.RCPT, text=GREYLISTED, on=(1, 2, 3, 4)),), "sent"),
    SmtpFault("552 to MAIL: the message is too large", _at(Stage.MAIL, words="552 5.3.4 too large"), REFUSED,
              arrived=3),
    SmtpFault("SIZE in EHLO below the message's", (), REFUSED, REFUSED, 0, server={"extensions": ("SIZE 500",)}),
    SmtpFault("451 to DATA", _at(Stage.DATA, words="451 4.3.0 later"), "sent"),
    SmtpFault("554 to DATA", _at(Stage.DATA, words="554 5.7.1 no"), REFUSED, arrived=3),
    # ------------------------------------------------ the session ends
    SmtpFault("421 in mid-session, to MAIL", _at(Stage.MAIL, Act.CLOSE, "421 4.3.2 closing"), "sent"),
    SmtpFault("421 in mid-session, to RCPT", _at(Stage.RCPT, Act.CLOSE, "421 4.3.2 closing"), "sent"),
    SmtpFault("421 after the body", _at(Stage.DOT, Act.CLOSE, "421 4.3.2 closing"), "sent"),
    SmtpFault("hangs up before DATA", _at(Stage.DATA, Act.CLOSE), "sent"),
    SmtpFault("hangs up in the body", _at(Stage.BODY, Act.CLOSE), DOUBT, arrived=3),
    SmtpFault("hangs up after the body, not taken", _at(Stage.DOT, Act.CLOSE), DOUBT, arrived=3),
    SmtpFault("takes it, and the reply is lost", _at(Stage.DOT, Act.CLOSE, took=True), DOUBT),
    SmtpFault("takes each, and every reply is lost", (Fault(Stage.DOT, Act.CLOSE, took=True),), DOUBT, DOUBT),
    # ------------------------------------------------ after the body, stalls
    SmtpFault("451 after the body", _at(Stage.DOT, words="451 4.3.0 later"), "sent"),
    SmtpFault("554 after the body", _at(Stage.DOT, words="554 5.7.1 spam"), REFUSED, arrived=3),
    SmtpFault("stalls at MAIL", _at(Stage.MAIL, Act.STALL), "sent", options=SHORT),
    SmtpFault("stalls at RCPT", _at(Stage.RCPT, Act.STALL), "sent", options=SHORT),
    SmtpFault("stalls at DATA", _at(Stage.DATA, Act.STALL), "sent", options=SHORT),
    SmtpFault("stalls in the body", _at(Stage.BODY, Act.STALL), DOUBT, arrived=3, options=SHORT),
    SmtpFault("takes it, and stalls", _at(Stage.DOT, Act.STALL, took=True), DOUBT, options=SHORT),
    # ------------------------------------------------ PIPELINING
    SmtpFault("replies merged and cut anywhere", (), "sent", server={"piece": 7}),
    SmtpFault("a reply too many, to RCPT", _at(Stage.RCPT, words="250 2.1.5 ok\r\n250 2.1.5 ok"), "sent"),
    SmtpFault("a reply is missing, to RCPT", _at(Stage.RCPT, Act.MUTE), "sent", options=SHORT),
    SmtpFault("503 to RCPT: out of step", _at(Stage.RCPT, words="503 5.5.1 out of order"), REFUSED, arrived=3),
    SmtpFault("no reply at all, nonsense instead", _at(Stage.MAIL, words="who is there?"), "sent"),
)  # fmt: skip


def table() -> str:
    """The list as the page has it."""
    lines = ["| what the server does | the email struck | the other three | arrived |", "|---|---|---|---|"]
    lines += [f"| {one.name} | {one.struck} | {one.others} | {one.arrived} |" for one in FAULTS]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(f"{table()}\n")
