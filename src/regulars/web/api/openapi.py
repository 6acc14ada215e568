"""The OpenAPI document of `/api`, with an example of each request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from regulars import __version__
from regulars.db.states import SuppressionReason

BATCHES = ("customers", "purchases", "events", "appointments", "suppressions")
"""The kinds of batches."""
EXAMPLES: Mapping[str, Any] = {
    "customers": [{"id": "c-17", "email": "ada@client.example", "first_name": "Ada", "locale": "en"}],
    "purchases": [{"id": "p-901", "customer": "c-17", "occurred_at": "2026-06-09T16:20:00+03:00", "amount": "149.90"}],
    "events": [
        {
            "id": "v-4", "customer": "c-17", "name": "visit.booked", "occurred_at": "2026-06-09T16:25:00+03:00",
            "service": "Spring service",
        }
    ],
    "appointments": [
        {
            "id": "w-118", "customer": "c-17", "service": "Spring service", "starts_at": "2026-06-11T10:00:00+03:00",
            "duration": 90, "place": "14 Columna St", "slots": ["2026-06-12T10:00:00+03:00"],
        }
    ],
    "suppressions": [
        {"email": "bo@client.example", "reason": "complained", "scope": "all", "date": "2026-06-09T16:20:00+03:00"}
    ],
    "remove": {"emails": ["bo@client.example"], "why": "wrote from this address again"},
    "redeem": {"reference": "receipt 2026-118"},
    "pause": {"campaign": "win-back", "why": "a wrong price"},
    "hook": {"type": "order.paid", "data": {"number": "118", "total": "149.90", "buyer": {"id": "c-17"}}},
}  # fmt: skip
_REFUSALS = {
    "400": {"description": "not JSON"},
    "401": {"description": "no genuine key"},
    "403": {"description": "the key may not do this"},
    "413": {"description": "too much at once"},
    "422": {"description": "JSON of another shape"},
    "429": {"description": "too often"},
}
_ERROR = {"type": "object", "required": ["error"]}
_CODE = [{"name": "code", "in": "path", "required": True, "schema": {"type": "string", "maxLength": 40}}]
_COUPON = {
    "type": "object",
    "required": ["standing", "code"],
    "properties": {
        "standing": {"enum": ["valid", "redeemed", "used-up", "not-yet", "expired", "not-theirs", "whose", "unknown"]},
        "code": {"type": "string"},
        "offer": {"type": ["object", "null"]},
        "uses_left": {"type": "integer"},
        "valid_until": {"type": ["string", "null"], "format": "date-time"},
        "customer": {"type": ["string", "null"]},
    },
}


def document() -> dict[str, Any]:
    """The document as JSON-ready data."""
    paths: dict[str, Any] = {f"/api/{kind}": {"post": _batch(kind)} for kind in BATCHES}
    paths["/api/coupons/{code}/check"] = {"post": _coupon("What a code is worth; changes nothing.")}
    redeem = _coupon("Use a code once; the same reference again uses nothing more.")
    one = {
        "type": "object",
        "required": ["reference"],
        "properties": {"reference": {"type": "string", "maxLength": 100}, "customer": {"type": "string"}},
    }
    redeem["requestBody"] = _body(one, EXAMPLES["redeem"])
    paths["/api/coupons/{code}/redeem"] = {"post": redeem}
    paths["/api/suppressions"]["get"] = _suppression()
    paths["/api/suppressions/remove"] = {"post": _lift()}
    paths["/api/pauses"] = {"get": _pauses(), "post": _stop("Stop emails within a second.", _PAUSED)}
    paths["/api/pauses/resume"] = {"post": _stop("Let them go on.", ["resumed", "open", "still_paused"])}
    paths["/api/pauses/cancel"] = {"post": _stop("Skip what is planned or held; it cannot be undone.", ["cancelled"])}
    paths["/api/report"] = {"get": _report()}
    paths["/hooks/{hook}"] = {"post": _hook()}
    paths["/hooks/mail/{provider}"] = {"post": _mail_hook()}
    paths["/hooks/mail/{provider}/{secret}"] = {"post": _mail_hook("secret")}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Regulars", "version": __version__},
        "paths": paths,
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
        "security": [{"key": []}],
    }


def _suppression() -> dict[str, Any]:
    description = {
        "type": "object",
        "required": ["suppressed"],
        "properties": {
            "suppressed": {"type": "boolean"},
            "reason": {"enum": list(map(str, SuppressionReason))},
            "scope": {"enum": ["all", "marketing"]},
            "since": {"type": "string", "format": "date-time"},
            "clients": {"type": "array", "items": {"type": "string"}},
        },
    }
    address = {"name": "email", "in": "query", "required": True, "schema": {"type": "string", "format": "email"}}
    answers = {"200": {"description": "yes or no", "content": {"application/json": {"schema": description}}}}
    return {
        "summary": "Whether an address is suppressed, why, and which clients have it now.",
        "parameters": [address],
        "responses": {**answers, **_REFUSALS},
    }


def _report() -> dict[str, Any]:
    instant = {"type": "string", "format": "date-time"}
    asked = [{"name": name, "in": "query", "required": False, "schema": instant} for name in ("since", "until")]
    answer = {
        "type": "object",
        "required": ["now", "campaigns", "revenue"],
        "properties": {
            "now": instant,
            "campaigns": {"type": "object"},
            "revenue": {
                "type": "object",
                "required": ["attribution", "goals", "total", "claimed_in_all", "effects"],
                "properties": {"attribution": {"enum": ["last email", "any"]}, "goals": {"type": "array"}},
            },
        },
    }
    answers = {"200": {"description": "counts and goals", "content": {"application/json": {"schema": answer}}}}
    return {
        "summary": "What was sent, held and skipped by campaign, and the goals that followed, with their value.",
        "parameters": asked,
        "responses": {**answers, **_REFUSALS},
    }


def _lift() -> dict[str, Any]:
    asked = {
        "type": "object",
        "required": ["emails", "why"],
        "properties": {
            "emails": {"type": "array", "minItems": 1, "maxItems": 10_000, "items": {"type": "string"}},
            "why": {"type": "string", "minLength": 1, "maxLength": 500},
        },
    }
    report = {"type": "object", "required": ["lifted", "not_suppressed", "erased", "bad"]}
    answers = {"200": {"description": "how many were lifted", "content": {"application/json": {"schema": report}}}}
    return {
        "summary": "Let addresses be written to again; those of erased people stay suppressed.",
        "requestBody": _body(asked, EXAMPLES["remove"]),
        "responses": {**answers, **_REFUSALS},
    }


_PAUSED = ("paused", "fresh", "open", "sending")


def _pauses() -> dict[str, Any]:
    report = {"type": "object", "required": ["pauses"]}
    answers = {"200": {"description": "what is paused", "content": {"application/json": {"schema": report}}}}
    return {"summary": "What is paused: since when, by whom, why.", "responses": {**answers, **_REFUSALS}}


def _stop(summary: str, keys: Sequence[str]) -> dict[str, Any]:
    asked = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "campaign": {"type": "string", "minLength": 1, "maxLength": 200},
            "lane": {"type": "string", "minLength": 1, "maxLength": 200},
            "all": {"const": True},
            "why": {"type": "string", "maxLength": 500},
        },
        "oneOf": [{"required": [key]} for key in ("campaign", "lane", "all")],
    }
    report = {"type": "object", "required": list(keys)}
    answers = {"200": {"description": "done", "content": {"application/json": {"schema": report}}}}
    unknown = {"404": {"description": "no such campaign or lane"}}
    return {
        "summary": summary,
        "requestBody": _body(asked, EXAMPLES["pause"]),
        "responses": {**answers, **unknown, **_REFUSALS},
    }


def _mail_hook(*secrets: str) -> dict[str, Any]:
    report = {"type": "object", "anyOf": [{"required": ["received", "recorded"]}, {"required": ["confirmed"]}]}
    named = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in ("provider", *secrets)
    ]
    taken = {"description": "recorded", "content": {"application/json": {"schema": report}}}
    return {
        "summary": "Bounces and complaints, as the sending provider reports them.",
        "security": [],
        "parameters": named,
        "requestBody": _body({}, {}),
        "responses": {
            "200": taken,
            **{status: _REFUSALS[status] for status in ("400", "413", "429")},
            "401": {"description": "the provider is not set up, or the request is not genuine"},
            "503": {"description": "the subscription could not be confirmed now"},
        },
    }


def _hook() -> dict[str, Any]:
    headers = [
        {"name": name, "in": "header", "required": False, "schema": {"type": "string", "minLength": 1}}
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    ]
    name = {"name": "hook", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    report = {"type": "object", "required": ["type", "repeated", "rows"]}
    return {
        "summary": "A message signed as the hook says, taken as the workspace's `hooks` say.",
        "security": [],
        "parameters": [name, *headers],
        "requestBody": _body({}, EXAMPLES["hook"]),
        "responses": {
            "200": {"description": "taken, or let pass", "content": {"application/json": {"schema": report}}},
            **{status: _REFUSALS[status] for status in ("400", "413", "429")},
            "401": {"description": "no such hook, no genuine signature, or an old one"},
            "422": {"description": "a row was refused, with the reason; the message may come again"},
        },
    }


def _batch(kind: str) -> dict[str, Any]:
    rows = {"type": "array", "maxItems": 10_000, "items": {"type": "object"}}
    scale = {
        "name": "scale", "in": "query", "schema": {"type": "array", "items": {"type": "string"}},
        "description": "Factors of columns of amounts, such as `amount=0.01` where they are in cents; repeatable.",
    }  # fmt: skip
    return {
        **({"parameters": [scale]} if kind == "purchases" else {}),
        "summary": f"Bring in {kind}, as `regulars import {kind}` does. Sent again, a batch adds nothing.",
        "requestBody": _body(rows, EXAMPLES[kind]),
        "responses": {"200": {"description": "what was added, changed, and refused with the reason"}, **_REFUSALS},
    }


def _coupon(summary: str) -> dict[str, Any]:
    shown = {"application/json": {"schema": _COUPON}}
    unknown = {"application/json": {"schema": {"anyOf": [_COUPON, _ERROR]}}}
    answers = {
        "200": {"description": "valid, or redeemed", "content": shown},
        "404": {
            "description": "no such code",
            "content": unknown,
        },
        "409": {
            "description": "used up, not yet valid, expired, another client's; or shared, and no `customer` named",
            "content": shown,
        },
    }
    return {"summary": summary, "parameters": _CODE, "responses": {**answers, **_REFUSALS}}


def _body(schema: Mapping[str, Any], example: Any) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}
