"""The codes of the section `delivery` and of the policy's windows."""

from __future__ import annotations

from regulars.rules.codes import Code

_POOL = "delivery:\n  servers: {east: , west: }\n  pools: {default: {%s}}\n"
_LIMIT = "delivery:\n  limits: {%s: 20 per second}\n"

DELIVERY = (
    Code(
        "R060",
        "Unknown mail server",
        "A pool names a server that is not under `servers`.",
        _POOL % "east: 3, west: 1, south: 1",
        _POOL % "east: 3, west: 1",
    ),
    Code(
        "R061",
        "Pool of spare servers only",
        "A server of weight 0 is used while no other takes mail, so a pool needs one with a weight.",
        _POOL % "east: 0, west: 0",
        _POOL % "east: 1, west: 0",
    ),
    Code(
        "R062",
        "Not a receiving domain",
        "Limits are by the domain after the `@` of an address, in small letters, or `*` for every domain without one.",
        _LIMIT % "Gmail",
        _LIMIT % "gmail.com",
    ),
    Code(
        "R120",
        "Server that no pool uses",
        "Where `pools` are given, a server sends only for the lanes whose pools name it.",
        _POOL % "east: 1",
        _POOL % "east: 1, west: 0",
        warning=True,
    ),
    Code(
        "R121",
        "Warm-up without effect",
        "The first day would allow as many as there is a limit for at all, so the server has none.",
        "delivery:\n  servers: {east: {warm_up: {start: 500, grow: 1.5 per day, until: 500}}}\n",
        "delivery:\n  servers: {east: {warm_up: {start: 50, grow: 1.5 per day, until: 500}}}\n",
        warning=True,
    ),
)
