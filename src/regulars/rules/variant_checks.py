"""Checks of a campaign's variants: shares that add up, names, differences, and the steps whose email they replace."""

from __future__ import annotations

from regulars.core.diagnostics import Severity, did_you_mean
from regulars.core.ids import SHARES
from regulars.rules.rule_test_reader import step_keys
from regulars.rules.tree import Entries, Items, Loc, Node, Scalar, child, data
from regulars.rules.validation_messages import ValidationMessages
from regulars.rules.variants import RESERVED, divided, variant_share


def check(messages: ValidationMessages, loc: Loc, campaign: Entries) -> None:
    """Adds the diagnostics of the campaign's variants."""
    section = child(campaign, "variants")
    if not isinstance(section, Items):
        return
    own: Loc = (*loc, "variants")
    variants = [one for one in section.items if isinstance(one, Entries)]
    if len(section.items) == 1:
        hint = "add what it is compared with: `- name: plain` is the campaign as it is"
        messages.add("R052", "one variant alone is compared with nothing", (*own, 0, "name"), hint=hint)
    if len(variants) < len(section.items):
        return  # reported by the model
    _shares(messages, own, variants)
    _names(messages, own, variants)
    _differences(messages, own, variants)
    for index, variant in enumerate(variants):
        _emails(messages, (*own, index), variant, campaign)
    if variants and child(campaign, "goal") is None:
        hint = "add one, such as `goal: purchase within 14 days`"
        message = "without a `goal` the variants have nothing to be compared by"
        messages.add("R123", message, own, key=True, hint=hint, severity=Severity.WARNING)


def _shares(messages: ValidationMessages, loc: Loc, variants: list[Entries]) -> None:
    given: list[int | None] = []
    for variant in variants:
        text = _text(variant, "share")
        try:
            given.append(None if text is None else variant_share(text))
        except ValueError:
            return  # reported by the model
    total = sum(divided(given))
    stated = sum(share for share in given if share is not None)
    if total == SHARES and not (None in given and stated == SHARES):
        return
    places = [index for index, share in enumerate(given) if share is not None]
    place: Loc = (*loc, places[-1], "share")
    written = " + ".join(f"{given[index] / 100:g} %" for index in places)  # type: ignore[operator]
    if None in given:
        message = f"the shares are {written} = {stated / 100:g} %, so nothing is left for the variants without one"
    else:
        message = f"the shares are {written} = {stated / 100:g} %, not 100 %"
    messages.add("R050", message, place, hint="leave out `share` for equal shares, or for those that share the rest")


def _names(messages: ValidationMessages, loc: Loc, variants: list[Entries]) -> None:
    seen: set[str] = set()
    for index, variant in enumerate(variants):
        name = _text(variant, "name")
        if name is None:
            continue
        if name in RESERVED:
            hint = "the groups of a `holdout` have this name; call it `plain`"
            messages.add("R051", f"`{name}` cannot be the name of a variant", (*loc, index, "name"), hint=hint)
        elif name in seen:
            hint = "clients are drawn and counted under it: give each a name of its own"
            messages.add("R051", f"two variants are named `{name}`", (*loc, index, "name"), hint=hint)
        seen.add(name)


def _differences(messages: ValidationMessages, loc: Loc, variants: list[Entries]) -> None:
    seen: dict[str, str] = {}
    for index, variant in enumerate(variants):
        alters = repr(
            sorted((key, data(e.value)) for key, e in variant.entries.items() if key not in ("name", "share"))
        )
        name = _text(variant, "name") or str(index + 1)
        if alters in seen:
            message = f"`{name}` is no different from `{seen[alters]}`"
            hint = "give one of them other `words`, another `email`, `from` or `offer`"
            messages.add("R053", message, (*loc, index, "name"), hint=hint)
        seen.setdefault(alters, name)


def _emails(messages: ValidationMessages, loc: Loc, variant: Entries, campaign: Entries) -> None:
    """Whether the steps exist whose email the variant replaces."""
    emails = child(variant, "email")
    keys = list(step_keys(campaign))
    if child(variant, "steps") is not None:
        _own_steps(messages, loc, variant, campaign)
        return
    several = any(isinstance(child(campaign, kind), Items) for kind in ("steps", "waves"))
    if isinstance(emails, Scalar) and not emails.null and several and len(keys) > 1:
        hint = f"name the step: `email: {{{keys[0]}: {emails.text}}}`"
        messages.add("R054", "a campaign of several emails, and one email in their place", (*loc, "email"), hint=hint)
    if isinstance(emails, Entries):
        for name in emails.entries:
            if name not in keys:
                expected = "one of " + ", ".join(f"`{key}`" for key in keys)
                message, close = f"there is no step `{name}` whose email could be another", did_you_mean(name, keys)
                messages.add("R054", message, (*loc, "email", name), key=True, expected=expected, hint=close)


def _own_steps(messages: ValidationMessages, loc: Loc, variant: Entries, campaign: Entries) -> None:
    """A variant with steps of its own: what cannot stand beside them."""
    steps = child(variant, "steps")
    if not isinstance(steps, Items) or not steps.items:
        expected = "a list of steps: `steps: [{email: NAME}]`"
        messages.add("R055", "this variant has no steps", (*loc, "steps"), key=True, expected=expected)
    if child(variant, "email") is not None:
        hint = "name each email in its step"
        messages.add("R055", "a variant has `steps` or an `email`", (*loc, "email"), key=True, hint=hint)
    if child(campaign, "waves") is not None:
        message = "clients get one of the `waves`, so a variant of them cannot have `steps`"
        hint = "give the variant another `email: {WAVE: EMAIL}`, or write the waves as `choose`"
        messages.add("R055", message, (*loc, "steps"), key=True, hint=hint)


def _text(node: Node | None, key: str) -> str | None:
    value = child(node, key)
    return value.text if isinstance(value, Scalar) and not value.null else None
