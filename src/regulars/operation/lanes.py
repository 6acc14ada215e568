"""Which kind of email goes by which mail server."""

from __future__ import annotations

from regulars.core.settings import Settings
from regulars.delivery.smtp.courier import Courier
from regulars.delivery.smtp.provider import Provider
from regulars.dispatch.dispatcher import Lane
from regulars.rules.model import Kind


def lanes(settings: Settings) -> tuple[list[Courier], list[Lane]]:
    """One server for everything, or one more for transactional emails, which then never queue behind marketing."""
    main = Provider.parse(settings.smtp_url)
    courier = Courier(main)
    if settings.smtp_transactional_url is None:
        return [courier], [Lane(main.name, frozenset(Kind), courier, main.rate)]
    quick = Provider.parse(settings.smtp_transactional_url, "transactional")
    other = Courier(quick)
    return [other, courier], [
        Lane(quick.name, frozenset({Kind.TRANSACTIONAL}), other, quick.rate),
        Lane(main.name, frozenset({Kind.MARKETING}), courier, main.rate),
    ]
