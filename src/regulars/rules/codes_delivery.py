"""The codes of the section `delivery` and of the policy's windows."""

from __future__ import annotations

from regulars.rules.codes import Code, campaign

_POOL = "delivery:\n  servers: {east: , west: }\n  pools: {default: {%s}}\n"
COMPANY = "company:\n  name: Studio Ana\n  from: Ana <ana@studio.example>\n  address: 7 Florilor St, Chișinău\n"
_WINDOWS = COMPANY + "policy:\n  windows: {monday-friday: 09:00-20:00, saturday: 10:00-14:00}\n"
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
        "R063",
        "Windows that leave no time",
        "Marketing emails go inside a window of the day and outside quiet hours; each day's hours are given once.",
        COMPANY + "policy:\n  quiet_hours: 19:00-10:00\n  windows: {monday-friday: 19:00-22:00}\n",
        COMPANY + "policy:\n  quiet_hours: 20:00-09:00\n  windows: {monday-friday: 09:00-20:00}\n",
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
    Code(
        "R122",
        "Email that no window leaves time for",
        "An email that waits for a window longer than it may be late is dropped. The message names one such time.",
        _WINDOWS + campaign("at: 2026-12-27 10:00", "late: 6 hours"),
        _WINDOWS + campaign("at: 2026-12-28 10:00", "late: 6 hours"),
        warning=True,
    ),
)
