"""The elements of MJML, by their permitted content."""

from __future__ import annotations

CONTAINERS = frozenset(
    [
        "mjml",
        "mj-head",
        "mj-body",
        "mj-attributes",
        "mj-html-attributes",
        "mj-section",
        "mj-wrapper",
        "mj-group",
        "mj-column",
        "mj-hero",
        "mj-accordion",
        "mj-accordion-element",
        "mj-carousel",
        "mj-navbar",
        "mj-social",
    ]
)
ENDINGS = frozenset(
    [
        "mj-text",
        "mj-button",
        "mj-table",
        "mj-raw",
        "mj-style",
        "mj-title",
        "mj-preview",
        "mj-navbar-link",
        "mj-social-element",
        "mj-accordion-title",
        "mj-accordion-text",
        "mj-selector",
        "mj-html-attribute",
    ]
)
EMPTY_ELEMENTS = frozenset(
    [
        "mj-image",
        "mj-divider",
        "mj-spacer",
        "mj-font",
        "mj-breakpoint",
        "mj-carousel-image",
        "mj-include",
        "mj-all",
        "mj-class",
    ]
)
ELEMENTS = CONTAINERS | ENDINGS | EMPTY_ELEMENTS
VOID = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])
PLAIN = frozenset(("mj-title", "mj-preview", "mj-style", "mj-selector", "mj-html-attribute"))
"""Elements whose content is text, not markup: a comment in them would be shown."""
