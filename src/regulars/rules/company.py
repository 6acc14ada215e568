"""The section `company` of rule files."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pydantic import Field

from regulars.core.colour import Colour, hexadecimal, parse, readable, text_on
from regulars.core.working import Week, WorkingTime
from regulars.rules.phrase_types import Bounces, Day, Part, Region, WorkingWeek, Zone
from regulars.rules.survey import Texts, in_language

TEMPLATE_FIELDS = (
    "name", "address", "website", "phone", "logo", "color", "on_color", "link_color", "currency", "locale", "timezone",
)  # fmt: skip
"""Fields of the company for emails."""
_BACKGROUNDS: tuple[Colour, ...] = ((255, 255, 255), (250, 246, 238), (245, 242, 236))
"""Of the starter's emails: card, box and page."""


class Company(Part):
    """The sender: shown in every email."""

    names: Texts = Field(alias="name", description="The company's name, once or by language")
    sender: str = Field(alias="from", description="The sender of emails: `Ana <ana@studio.example>`")
    reply_to: str | None = Field(default=None, description="Reply-To address, if not `from`")
    bounces: Bounces | None = Field(
        default=None,
        description="Where emails that cannot be delivered come back, with a token of the email before the `@`",
    )
    addresses: Texts = Field(
        alias="address", description="Postal address, in the footer of marketing emails, once or by language"
    )
    locale: str = Field(default="en", min_length=2, description="Language of clients without one")
    timezone: Zone = Field(default="UTC", description="Time zone of clients without one")
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$", description="Currency of amounts without one")
    website: str | None = Field(default=None, description="Address of the website")
    phone: str | None = Field(default=None, description="Telephone number, for the footer")
    logo: str | None = Field(default=None, description="Address of the logo's picture")
    color: str = Field(default="#2f5d50", pattern=r"^#[0-9a-fA-F]{6}$", description="Accent colour of the emails")
    working_hours: WorkingWeek = Field(
        default=Week.parse("monday-friday 09:00-18:00"), description="Working hours, for waits in working time"
    )
    holidays: Region | None = Field(default=None, description="The country whose public holidays are not working days")
    days_off: tuple[Day, ...] = Field(default=(), description="Further days that are not working days")

    @property
    def name(self) -> str:
        """Its name in its own language."""
        return in_language(self.names, self.locale)

    @property
    def address(self) -> str:
        """Its address in its own language."""
        return in_language(self.addresses, self.locale)

    @property
    def on_color(self) -> str:
        """The colour of text on a surface in the company's colour: white, or dark where that cannot be read."""
        return self._colors["on_color"]

    @property
    def link_color(self) -> str:
        """The company's colour as text: darker where it could not be read on the emails' backgrounds."""
        return self._colors["link_color"]

    @cached_property
    def _colors(self) -> dict[str, str]:
        return derived_colors(self.color)

    @cached_property
    def _localized(self) -> dict[str, Company]:
        """By language what `speaking` has made."""
        return {}

    def localized(self, locale: str) -> Company:
        """The company with its name and address in this language."""
        if locale not in self._localized:
            own = {
                "names": {"": in_language(self.names, locale, self.locale)},
                "addresses": {"": in_language(self.addresses, locale, self.locale)},
            }
            self._localized[locale] = self.model_copy(update=own)
        return self._localized[locale]

    @cached_property
    def _template_values(self) -> dict[str, Mapping[str, Any]]:
        """By language what `shown` has made."""
        return {}

    def template_values(self, locale: str) -> Mapping[str, Any]:
        """The template values of the company in this language."""
        if locale not in self._template_values:
            of = self.localized(locale)
            self._template_values[locale] = {name: getattr(of, name) for name in TEMPLATE_FIELDS}
        return self._template_values[locale]

    @cached_property
    def working_time(self) -> WorkingTime:
        """The company's working time, in its time zone."""
        return WorkingTime(self.working_hours, self.timezone, self.holidays, frozenset(self.days_off))


def derived_colors(color: object) -> dict[str, str]:
    """`on_color` and `link_color` of a company's colour; nothing where it is none."""
    accent = parse(color) if isinstance(color, str) else None
    if accent is None:
        return {}
    return {"on_color": hexadecimal(text_on(accent)), "link_color": hexadecimal(readable(accent, *_BACKGROUNDS))}
