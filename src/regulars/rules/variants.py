"""Variants of a campaign (A/B/n): which words, email, sender, offer or steps some clients get instead, and how many.

A variant with `steps` is another way through the sequence; every other one changes what an email is, never who gets it
or when. Every step keeps its name, so that nobody gets it twice because variants are added, edited or removed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, cast

from pydantic import Field, PlainSerializer, PrivateAttr

from regulars.core.email_names import email_folder, with_words
from regulars.core.ids import SHARES
from regulars.rules.offer import Offer
from regulars.rules.phrase_types import Name, Part, phrase
from regulars.rules.route import Route
from regulars.rules.steps import Branch, Choose, Split, Step, StepItem, WaitFor, Wave

RESERVED = ("control", "written")
"""Names of the groups of a holdout."""


def variant_share(text: str) -> int:
    """`"50%"` as parts in ten thousand, from 0 % to 100 %; raises ValueError."""
    found = re.match(r"^\s*(\d{1,3}(?:\.\d{1,2})?)\s*%\s*$", text)
    if not found or float(found[1]) > 100:
        raise ValueError(f"`{text}` is not a share such as `50%`")
    return round(float(found[1]) * 100)


_v, _vs = phrase(variant_share, (int,), "a share", "50%", r"^\s*\d{1,3}(\.\d{1,2})?\s*%\s*$")
VariantShare = Annotated[int, _v, _vs, PlainSerializer(lambda parts: f"{parts / 100:g}%")]


class Variant(Part):
    """One variant of a campaign; what it does not name is as in the campaign."""

    name: Name = Field(description="The variant's permanent name, under which it is drawn and counted")
    share: VariantShare | None = Field(
        default=None, description="Its share of the clients; those without one share the rest equally"
    )
    words: Name | None = Field(
        default=None, description="Other words of the same email: `gift` are those of `words/LANGUAGE.gift.yaml`"
    )
    email: Name | dict[Name, Name] | None = Field(
        default=None, description="Another email; in a sequence `{STEP: EMAIL}` for the steps that differ"
    )
    sender: Literal["company", "manager"] | None = Field(
        default=None, alias="from", description="Instead of the campaign's sender"
    )
    offer: Offer | None = Field(default=None, description="Instead of the campaign's offer")
    steps: tuple[StepItem, ...] = Field(default=(), description="Instead of the campaign's steps: another sequence")

    @property
    def alters(self) -> tuple[object, ...]:
        """What it changes; equal for variants between which there is no difference."""
        return (self.words, str(self.email), self.sender, self.offer, self.steps)

    def emails(self, steps: Sequence[Step]) -> dict[str, str]:
        """The email of each step, by the step's name."""
        named = self.email if isinstance(self.email, Mapping) else {}
        alone = self.email if isinstance(self.email, str) else None
        chosen = {step.key: named.get(step.key) or alone or step.email for step in steps}
        if self.words is None:
            return chosen
        return {key: with_words(email, self.words) for key, email in chosen.items()}

    def altered(
        self, emails_of: tuple[Step, ...], steps: tuple[StepItem, ...], waves: tuple[Wave, ...]
    ) -> dict[str, Any]:
        """The fields of the campaign that differ in this variant; `emails_of` are the campaign's emails."""
        if self.steps and not waves:
            steps, emails_of = self.steps, Route.of(self.steps).emails
        emails = self.emails(emails_of)
        found: dict[str, Any] = {"variants": ()}
        if waves:
            sender = {} if self.sender is None else {"sender": None}
            found["waves"] = tuple(
                wave.model_copy(update={"email": emails[wave.key], "id": wave.key, **sender}) for wave in waves
            )
        else:
            found["email"] = None
            found["steps"] = _with_emails(steps or emails_of, emails)
        if self.sender is not None:
            found["sender"] = self.sender
        if self.offer is not None:
            found["offer"] = self.offer
        return found


def _with_emails(items: tuple[StepItem, ...], emails: Mapping[str, str]) -> tuple[StepItem, ...]:
    """The steps, in all branches, with these emails by name; each keeps its name."""
    return tuple(_with_email(item, emails) for item in items)


def _with_email(item: StepItem, emails: Mapping[str, str]) -> StepItem:
    match item:
        case Step():
            return item.model_copy(update={"email": emails[item.key], "id": item.key})
        case WaitFor():
            parts = {"then": _with_emails(item.then, emails), "otherwise": _with_emails(item.otherwise, emails)}
            return item.model_copy(update=parts)
        case Choose():
            branches = tuple(
                one.model_copy(update={"steps": _with_emails(one.steps, emails), "id": one.key}) for one in item.choose
            )
            return item.model_copy(update={"choose": branches})
        case _:
            return item


class Varied(Part):
    """A campaign, which may have variants; each form of it is the campaign as one variant has it."""

    _variant: Variant | None = PrivateAttr(default=None)

    if TYPE_CHECKING:

        @property
        def all_steps(self) -> tuple[Step, ...]: ...

    @cached_property
    def by_variant(self) -> dict[str, Self]:
        """The campaign as it is in each variant, by the variant's name."""
        own: dict[str, Any] = {name: getattr(self, name) for name in type(self).model_fields}
        found: dict[str, Self] = {}
        for one in own["variants"]:
            form = cast(
                "Self", type(self).model_construct(**{**own, **one.altered(self.all_steps, own["steps"], own["waves"])})
            )
            form.__pydantic_private__ = {"_variant": one}
            found[one.name] = form
        return found

    def for_arm(self, arm: str | None, step: str | None = None) -> Self:
        """The campaign as the clients of a group get it: without variants where the rule has none of that name.

        Neither has one whose steps have not the given `step`: a client may be on a way that an edit took from them.
        """
        form = self.by_variant.get(arm or "", self)
        return form if step is None or form.has(step) else self

    def has(self, step: str) -> bool:
        """Whether one of its emails is the step of this name."""
        return step in self._steps_by_key

    @cached_property
    def forms(self) -> tuple[Self, ...]:
        """The campaign without variants, and in each of them."""
        return (self, *self.by_variant.values())

    def step(self, key: str) -> Step:
        """The step of this name; raises KeyError."""
        return self._steps_by_key[key]

    @cached_property
    def _steps_by_key(self) -> dict[str, Step]:
        return {step.key: step for step in self.all_steps}

    @property
    def variant(self) -> str | None:
        """The variant whose form this is; None for the campaign itself."""
        return None if self._variant is None else self._variant.name

    @property
    def own_offer(self) -> bool:
        """Whether its offer is the variant's own."""
        return self._variant is not None and self._variant.offer is not None

    @property
    def email_folders(self) -> set[str]:
        """The folders of all its emails, in all variants."""
        return {email_folder(step.email) for form in self.forms for step in form.all_steps}


def ways(variants: Sequence[Variant], common: tuple[StepItem, ...]) -> tuple[StepItem | Split, ...]:
    """The campaign's steps, or the split at their begin where variants have steps of their own."""
    own = [(place, one) for place, one in enumerate(variants) if one.steps]
    if not own:
        return common
    branches = tuple(Branch(id=one.name, steps=one.steps) for _, one in own)
    return (Split(branches=branches, places=tuple(place for place, _ in own), common=common),)


def shares(variants: Sequence[Variant]) -> dict[str, int]:
    """The share of each variant by name, in parts of ten thousand; they add up where the rule is sound."""
    return dict(zip((one.name for one in variants), divided([one.share for one in variants]), strict=True))


def divided(given: Sequence[int | None]) -> list[int]:
    """The shares, those that are not given an equal part of the rest; the first get what does not divide."""
    lacking = sum(share is None for share in given)
    rest = max(0, SHARES - sum(share for share in given if share is not None))
    each, more = divmod(rest, lacking) if lacking else (0, 0)
    found = []
    for share in given:
        if share is None:
            found.append(each + (more > 0))
            more -= 1
        else:
            found.append(share)
    return found
