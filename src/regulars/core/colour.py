"""Colours: contrast as WCAG 2.2 defines it, and the nearest colour that can be read on a background."""

from __future__ import annotations

import math
import re

Colour = tuple[int, int, int]
"""Red, green and blue, each from 0 to 255."""
READABLE = 4.5
"""The contrast that small text needs (WCAG 2.2, level AA)."""
WHITE, INK, BLACK = (255, 255, 255), (31, 29, 26), (0, 0, 0)
_HEX = re.compile(r"#([0-9a-f]{6}|[0-9a-f]{3})$")
_STEPS = 12
"""Halvings of the search: finer than a step of the 256."""


def parse(text: str) -> Colour | None:
    """Of `#abc` or `#aabbcc`, whatever the case; None for anything else."""
    found = _HEX.match(text.lower())
    if found is None:
        return None
    digits = found[1] if len(found[1]) == 6 else "".join(digit * 2 for digit in found[1])
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def hexadecimal(colour: Colour) -> str:
    """As `#aabbcc`."""
    return "#" + "".join(f"{part:02x}" for part in colour)


def luminance(colour: Colour) -> float:
    """Relative luminance, 0 to 1."""
    red, green, blue = (_linear(part) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Colour, other: Colour) -> float:
    """The ratio of two colours, 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def text_on(background: Colour) -> Colour:
    """White where it can be read on the background, else near-black, and black on the few colours between."""
    return next(one for one in (WHITE, INK, BLACK) if one == BLACK or contrast(one, background) >= READABLE)


def readable(colour: Colour, *backgrounds: Colour, ratio: float = READABLE) -> Colour:
    """The nearest colour of the same hue that has the ratio to each of the backgrounds.

    Lightness is changed, and chroma only as far as the screen's colours end (OKLCH: Björn Ottosson, "A perceptual color
    space for image processing", 2020). Backgrounds are all light or all dark.
    """
    if all(contrast(colour, background) >= ratio for background in backgrounds):
        return colour
    lightness, chroma, hue = _to_oklch(colour)
    darker = sum(map(luminance, backgrounds)) / len(backgrounds) > 0.18
    good, bad = (0.0 if darker else 1.0), lightness
    for _ in range(_STEPS):
        middle = (good + bad) / 2
        if all(contrast(_in_gamut(middle, chroma, hue), background) >= ratio for background in backgrounds):
            good = middle
        else:
            bad = middle
    return _in_gamut(good, chroma, hue)


def _linear(part: int) -> float:
    share = part / 255
    return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)


def _encoded(share: float) -> float:
    return 12.92 * share if share <= 0.0031308 else 1.055 * float(share ** (1 / 2.4)) - 0.055


def _to_oklch(colour: Colour) -> tuple[float, float, float]:
    red, green, blue = (_linear(part) for part in colour)
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    lightness = 0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short
    a = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
    return lightness, math.hypot(a, b), math.atan2(b, a)


def _from_oklch(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    """Shares of linear light; outside 0 to 1 where the screen has no such colour."""
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _in_gamut(lightness: float, chroma: float, hue: float) -> Colour:
    """The colour of this lightness and hue with as much of the chroma as a screen can show."""
    low, high = 0.0, chroma
    if not _exists(_from_oklch(lightness, chroma, hue)):
        for _ in range(_STEPS):
            middle = (low + high) / 2
            if _exists(_from_oklch(lightness, middle, hue)):
                low = middle
            else:
                high = middle
        chroma = low
    red, green, blue = (
        round(255 * _encoded(min(1.0, max(0.0, share)))) for share in _from_oklch(lightness, chroma, hue)
    )
    return red, green, blue


def _exists(shares: tuple[float, float, float]) -> bool:
    return all(-0.0005 <= share <= 1.0005 for share in shares)
