"""Statuses of orders, payments and deals: which count as a purchase, and what a refund takes back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from regulars.importing import cells, date_formats
from regulars.importing.cells import Reader
from regulars.importing.columns import plain_name
from regulars.importing.refused import Refused


class OrderStatus(StrEnum):
    """What a status means for the purchase."""

    PAID = "paid"
    UNPAID = "unpaid"
    """Cancelled, failed, lost, or not paid yet."""
    REFUNDED = "refunded"
    PARTLY_REFUNDED = "partly-refunded"
    """The refunded amount is in a column of its own."""


_WORDS: Mapping[OrderStatus, str] = {
    OrderStatus.PAID: (
        "paid, completed, complete, processing, in progress, processing in progress, succeeded, success,"
        " successful, shipped, partially shipped, delivered, fulfilled, confirmed, captured, settled, closed won,"
        " won, payment accepted, remote payment accepted, sale, sales order, invoiced, on backorder (paid),"
        " оплачен, оплачено, выполнен, завершен, завершён, доставлен, виконано, завершено, доставлено, plătit,"
        " plătită, finalizat, finalizată, livrat, livrată, makstud, tasutud, täidetud"
    ),
    OrderStatus.UNPAID: (
        "unpaid, void, voided, cancelled, canceled, cancel, failed, failure, declined, rejected, closed lost,"
        " lost, abandoned, expired, deleted, trash, payment error, fraud, suspected fraud, pending, pending"
        " payment, payment pending, awaiting payment, on hold, holded, draft, checkout draft, quotation, quotation"
        " sent, authorized, authorised, payment review, awaiting bank wire payment, awaiting check payment,"
        " awaiting cash on delivery validation, on backorder (not paid), requires payment method, incomplete,"
        " uncaptured, appointment scheduled, qualified to buy, presentation scheduled, decision maker bought-in,"
        " contract sent, prospecting, qualification, needs analysis, value proposition, id. decision makers,"
        " perception analysis, proposal/price quote, negotiation/review,"
        " отменен, отменён, не оплачен, скасовано, не оплачено, anulat, anulată, neplătit, neplătită, tühistatud,"
        " maksmata"
    ),
    OrderStatus.REFUNDED: (
        "refunded, refund, fully refunded, returned, charged back, chargeback, reversed, возврат, возвращен,"
        " возвращён, повернено, rambursat, rambursată, returnat, returnată, tagastatud"
    ),
    OrderStatus.PARTLY_REFUNDED: "partially refunded, partly refunded, partial refund, partial refunded",
}  # fmt: skip
_MEANINGS = MappingProxyType(
    {plain_name(word): meaning for meaning, words in _WORDS.items() for word in words.split(",")}
)
_PREFIX = re.compile(r"(?:wc|status|order|payment)[\s_-]+", re.IGNORECASE)
ANSWERS = ("paid", "unpaid", "refunded")
"""What a user can say that a status means."""
_SILENT = [None, None, None]
_WORST_FIRST = (OrderStatus.UNPAID, OrderStatus.REFUNDED, OrderStatus.PARTLY_REFUNDED, OrderStatus.PAID)


def reader(answers: Mapping[str, str]) -> Reader:
    """A reader of statuses; `answers` are the user's own words. An unknown status is refused, never guessed."""
    meanings = _MEANINGS | {plain_name(word): OrderStatus(meaning) for word, meaning in answers.items()}

    def read(raw: Any) -> OrderStatus | None:
        value = cells.plain(raw).strip()
        if not value:
            return None
        found = meanings.get(plain_name(value)) or meanings.get(plain_name(_PREFIX.sub("", value)))
        if found is None:
            hint = f'say whether such an order counts: `--status "{value[:40]}=paid"`, `=unpaid` or `=refunded`'
            raise Refused("is a status that we do not know", hint)
        return found

    return read


def cancelled(raw: Any) -> bool | None:
    """Whether the order was cancelled: yes or no, or the time of the cancellation."""
    if isinstance(raw, bool):
        return raw
    try:
        return cells.yes_or_no(raw)
    except Refused:
        date_formats.stated(raw)
        return True


def combined(row: Mapping[str, Any]) -> OrderStatus | None:
    """The status of a row by all of its columns; the one that takes back most holds."""
    found = [row.get("status"), row.get("payment_status"), OrderStatus.UNPAID if row.get("cancelled") else None]
    if found == _SILENT:  # most rows; four times per purchase
        return None
    return next((status for status in _WORST_FIRST if status in found), None)
