"""Requests by email to get no more: a message that holds only such a word, or was made from our `mailto:` link."""

from __future__ import annotations

import re

from regulars.feedback.message_parts import Headers

SUBJECT = "unsubscribe"
"""The subject that the `mailto:` link of List-Unsubscribe carries (RFC 2369)."""

_REQUESTS = """
unsubscribe, unsubscribe me, please unsubscribe, please unsubscribe me, unsubscribe please, opt out, opt-out, optout
remove, remove me, please remove me, stop, stop it, stop email, stop emails, no more emails, cancel
відписатися, відписатись, відпишіть, відпишіть мене, відпишіть мене будь ласка, відписка, відпиши мене, стоп
скасувати підписку
не надсилайте, не пишіть, не пишіть мені, отписаться, отпишите, отпишите меня, отписка, отменить подписку
abmelden, bitte abmelden, abmeldung, newsletter abmelden, abbestellen, bitte abbestellen, austragen, bitte austragen
keine emails mehr, keine e-mails mehr, stopp
wypisz, wypisz mnie, proszę wypisać, proszę mnie wypisać, proszę o wypisanie, wypisać, wypisz się, rezygnuję, rezygnacja
anuluj subskrypcję
dezabonare, dezabonați-mă, dezabonati-ma, dezabonează-mă, dezaboneaza-ma, mă dezabonez, ma dezabonez, renunț
nu mai trimiteți
désabonner, se désabonner, désinscription, désinscrire, désinscrivez-moi, darse de baja, baja, dar de baja
cancelar suscripción, disiscrivimi, cancellami, cancella iscrizione, uitschrijven, afmelden, odhlásit, odhlásiť
"""
_WORDS = frozenset(word.strip() for line in _REQUESTS.split("\n") for word in line.split(",") if word.strip())
"""Whole requests: nothing else may stand in the message. "Stop" in a longer sentence is for a person to read."""
_REPLY = re.compile(r"^(?:(?:re|aw|fwd?|wg|odp|pd|відп|відповідь|răsp|răspuns|ref|sv|vs|tr)\s?:\s?)+", re.IGNORECASE)
_QUOTE = re.compile(
    r"^\s*(?:>|-{2,}|_{5,}|on .{4,200}(?:wrote|writes)|am .{4,200}(?:schrieb|geschrieben)|from:|von:|od:|de la:"
    r"|від:|w dniu .{4,200}"
    r"|în data .{4,200}|.{4,200}(?:wrote|schrieb|napisał\(?a?\)?|пише|написав|написала|a scris)\s?.{0,100}:\s*$)",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(
    r"^\s*(?:sent from my|get outlook|gesendet von|von meinem|надіслано з|wysłane z|trimis de pe|envoyé de"
    r"|enviado desde)",
    re.IGNORECASE,
)
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")


def asks_by_subject(headers: Headers, text: str) -> bool:
    """Whether the subject is a request, as our `mailto:` link makes it; the body may hold a program's words."""
    subject = headers.first("subject").strip()[:200]
    return not _REPLY.match(subject) and _plain(subject) in _WORDS and len(_own_words(text)) <= 200


def is_unsubscribe(headers: Headers, text: str) -> bool:
    """Whether the message asks for no more emails and says nothing else."""
    return asks_by_subject(headers, text) or _own_words(text) in _WORDS


def _own_words(text: str) -> str:
    """What the person wrote: without the quotation and a mail program's signature."""
    lines: list[str] = []
    for line in text[:8000].split("\n"):
        if _QUOTE.match(line[:400]):
            break
        if line.strip() and not _SIGNATURE.match(line[:100]):
            lines.append(line)
    return _plain(" ".join(lines))


def _plain(text: str) -> str:
    return " ".join(_EDGES.sub("", text[:300].casefold()).replace(",", " ").replace(".", " ").split())
