"""The options of `import`, read and checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from regulars.importing.consent_columns import ConsentState

KINDS = (
    "customers", "purchases", "products", "events", "managers", "appointments", "coupons", "redemptions",
    "suppressions", "aliases", "consents", "preferences", "ledger",
)  # fmt: skip
NEVER_HINTED = frozenset({"suppressions"})
"""Kinds that are never suggested for a typing mistake: a list of subscribers must not become suppressions."""


def kind_option(_: click.Context, __: click.Parameter, value: str) -> str:
    """A kind of import, or the nearest one."""
    if value in KINDS:
        return value
    from regulars.core.diagnostics import did_you_mean

    hint = (
        did_you_mean(value, [kind for kind in KINDS if kind not in NEVER_HINTED])
        or f"expected one of {', '.join(KINDS)}"
    )
    raise click.BadParameter(f"`{value}` cannot be imported; {hint}")


def mapping_option(_: click.Context, __: click.Parameter, values: Iterable[str]) -> dict[str, str]:
    """COLUMN=FIELD pairs."""
    found = {}
    for value in values:
        theirs, equals, ours = value.rpartition("=")
        if not equals or not theirs:
            raise click.BadParameter(f'`{value}` is not COLUMN=FIELD, such as "E-Mail=email"')
        found[theirs] = ours
    return found


def _pairs(values: Iterable[str], example: str) -> Iterator[tuple[str, str]]:
    for value in values:
        left, equals, right = value.rpartition("=")
        if not equals or not left:
            raise click.BadParameter(f"`{value}` is not like `{example}`")
        yield left, right


def scale_option(_: click.Context, __: click.Parameter, values: Iterable[str]) -> dict[str, Decimal]:
    """Factors of columns of amounts."""
    from regulars.importing.purchases import MONEY

    found = {}
    for column, factor in _pairs(values, "amount=0.01"):
        if column not in MONEY:
            raise click.BadParameter(f"`{column}` is no column of amounts; expected one of {', '.join(MONEY)}")
        try:
            found[column] = Decimal(factor)
        except InvalidOperation:
            raise click.BadParameter(f"`{factor}` is not a number, such as 0.01") from None
        if not (found[column].is_finite() and Decimal("0.0001") <= found[column] <= 1_000_000):
            raise click.BadParameter(f"`{factor}` is not between 0.0001 and 1,000,000")
    return found


def statuses_option(_: click.Context, __: click.Parameter, values: Iterable[str]) -> dict[str, str]:
    """What statuses of orders mean."""
    from regulars.importing.order_status import ANSWERS

    found = dict(_pairs(values, "partially_paid=paid"))
    wrong = next((meaning for meaning in found.values() if meaning not in ANSWERS), None)
    if wrong is not None:
        raise click.BadParameter(f"`{wrong}` is no meaning of a status; expected one of {', '.join(ANSWERS)}")
    return found


def consent_option(_: click.Context, __: click.Parameter, values: Iterable[str]) -> dict[str, ConsentState | None]:
    """What words about consent mean."""
    from regulars.importing.consent_columns import ANSWERS

    found = {}
    for word, answer in _pairs(values, "active=yes"):
        if answer not in ANSWERS:
            raise click.BadParameter(f"`{answer}` is no answer about consent; expected one of {', '.join(ANSWERS)}")
        found[word] = ANSWERS[answer]
    return found


def profile_option(ctx: click.Context, _: click.Parameter, value: str | None) -> str | None:
    """The name of a profile, or the nearest one; `list` prints all and ends."""
    if value is None:
        return None
    from regulars.core.diagnostics import did_you_mean
    from regulars.importing.profiles import PROFILES

    if value == "list":
        for name, profile in PROFILES.items():
            click.echo(f"{name:22}{profile.kind:11}{profile.page}")
        ctx.exit(0)
    if value not in PROFILES:
        hint = did_you_mean(value, PROFILES) or "`--from list` lists them"
        raise click.BadParameter(f"no profile is called `{value}`; {hint}")
    return value
