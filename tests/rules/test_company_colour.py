"""A company's colour can be read: as text, and under text."""

from __future__ import annotations

import colorsys
import random

import pytest

from regulars.core.colour import (
    BLACK,
    INK,
    READABLE,
    WHITE,
    Colour,
    contrast,
    hexadecimal,
    luminance,
    parse,
    readable,
    text_on,
)
from regulars.rules.company import Company

CARD, BOX, PAGE = WHITE, (250, 246, 238), (245, 242, 236)
_DICE = random.Random(7)
SAMPLES: list[Colour] = [(_DICE.randrange(256), _DICE.randrange(256), _DICE.randrange(256)) for _ in range(1500)]
SAMPLES += [(red, green, blue) for red in (0, 128, 255) for green in (0, 128, 255) for blue in (0, 128, 255)]


def company(color: str) -> Company:
    return Company.model_validate(
        {"name": "Studio", "from": "Studio <hello@studio.example>", "address": "7 Flower Street", "color": color}
    )


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000", "#FFFFFF", 21.0), ("#ffd400", "#ffffff", 1.43), ("#777777", "#ffffff", 4.48), ("#2f5d50", "#fff", 7.49)],
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    first, second = parse(one), parse(other)
    assert first is not None
    assert second is not None
    assert contrast(first, second) == contrast(second, first) == pytest.approx(ratio, abs=0.01)


@pytest.mark.parametrize("text", ["", "#12", "#12345", "red", "#gggggg", "#1234567"])
def test_what_is_no_colour(text: str) -> None:
    assert parse(text) is None


def test_every_colour_can_be_read_as_text_and_under_text() -> None:
    for sample in SAMPLES:
        own = company(hexadecimal(sample))
        link, on = parse(own.link_color), parse(own.on_color)
        assert link is not None
        for background in (CARD, BOX, PAGE):
            assert contrast(link, background) >= READABLE, own.color
        assert on in (WHITE, INK, BLACK)
        assert contrast(on, sample) >= READABLE, own.color


def test_what_can_be_read_stays_as_it_is() -> None:
    own = company("#2f5d50")
    assert (own.link_color, own.on_color) == ("#2f5d50", "#ffffff")


def test_a_darker_colour_keeps_its_hue() -> None:
    yellow = readable((255, 212, 0), CARD)
    hue, _, _ = colorsys.rgb_to_hsv(*(part / 255 for part in yellow))
    assert 0.11 < hue < 0.16
    assert READABLE <= contrast(yellow, CARD) < 4.7  # the nearest, not just any
    assert text_on((255, 212, 0)) == INK


def test_on_a_dark_background_it_becomes_lighter() -> None:
    dark = (24, 26, 27)
    for sample in SAMPLES[:200]:
        found = readable(sample, dark)
        assert contrast(found, dark) >= READABLE
        assert luminance(found) >= luminance(sample) - 1e-9
