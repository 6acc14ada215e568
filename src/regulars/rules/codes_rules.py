"""The codes of rules that cannot be right: R0 for errors, R1 for warnings."""

from __future__ import annotations

from collections.abc import Mapping

from regulars.rules.codes import Code, campaign
from regulars.rules.codes_delivery import DELIVERY
from regulars.rules.codes_sequences import SEQUENCES
from regulars.rules.codes_variants import VARIANTS
from regulars.rules.codes_yaml import YAML

COMPANY = "company:\n  name: Studio Ana\n  from: Ana <ana@studio.example>\n  address: 7 Florilor St, Chișinău\n"
ON = "on: purchase"
STEPS = "steps: [{email: a}, {wait: 3 days, email: %s}]"

_REQUEST = "events:\n  request.opened: {%s}\n  request.answered: {%s}\n"
_ENDED = campaign("on: request.opened", "until: request.answered with same id")
_WAVES = "campaigns:\n  news:\n    new: product\n    waves: [{%s}, {%s}]\n"
_CALENDAR = "campaigns:\n  greeting:\n    every: year on %s\n    email: greeting\n"
_SURVEY = (
    "surveys:\n  quality:\n    title: How did we do?\n    questions: [{id: score, ask: How was it, scale: 0-10}]\n"
)


def _test(*lines: str) -> str:
    return campaign(ON) + "tests:\n  - name: thanks\n" + "".join(f"    {line}\n" for line in lines)


RULES = (
    Code(
        "R001",
        "Unknown key",
        "The key does not exist at this place. The message lists those that do.",
        campaign(ON, "prority: 3"),
        campaign(ON, "priority: 3"),
    ),
    Code(
        "R002",
        "Missing key",
        "Something that cannot be left out is not there, or has no value.",
        "company:\n  name: Studio Ana\n  from: Ana <ana@studio.example>\n",
        COMPANY,
    ),
    Code(
        "R003",
        "Value of another kind",
        "The value cannot be read as what this key holds: a duration, a number, a list. The message shows an example.",
        campaign(ON, "late: two days"),
        campaign(ON, "late: 2 days"),
    ),
    Code(
        "R004",
        "Not one of the words",
        "The key takes one of a few words, and this is none of them.",
        campaign(ON, "kind: transaction"),
        campaign(ON, "kind: transactional"),
    ),
    Code(
        "R005",
        "Out of bounds",
        "The value is too small, too large or empty.",
        campaign(ON, "offer: {coupon: {percent: 150}}"),
        campaign(ON, "offer: {coupon: {percent: 50}}"),
    ),
    Code(
        "R006",
        "Not a name",
        "Names stand in addresses, file names and reports, so they are small letters, digits and hyphens.",
        "campaigns:\n  Win Back!:\n    on: purchase\n    email: win-back\n",
        campaign(ON),
    ),
    Code(
        "R007",
        "Not exactly one trigger",
        "A campaign is set off by one thing: an event (`on`), a state (`when`), a new value (`each`), a date that comes"
        " round (`every`), a new product (`new`), set dates (`at`) or a repeating moment (`schedule`).",
        campaign(ON, "at: 2026-12-24 09:00"),
        campaign("at: 2026-12-24 09:00"),
    ),
    Code(
        "R008",
        "Not one of `email`, `steps` and `waves`",
        "A campaign sends one `email`, or a sequence of `steps`, or one of several `waves`.",
        campaign(ON, email=False),
        campaign(ON),
    ),
    Code(
        "R009",
        "Two steps of one name",
        "The ledger remembers what was sent by the step's name, which is its email unless it has an `id`.",
        campaign(ON, STEPS % "a", email=False),
        campaign(ON, STEPS % "a, id: reminder", email=False),
    ),
    Code(
        "R010",
        "Not exactly one benefit",
        "A coupon gives a percentage, an amount, a service or a gift.",
        campaign(ON, "offer: {coupon: {percent: 50, gift: a comb}}"),
        campaign(ON, "offer: {coupon: {gift: a comb}}"),
    ),
    Code(
        "R011",
        "Defined twice",
        "Two files, or two places, define a campaign, event, field or test of the same name.",
        _test("on: 2026-06-10") + "  - name: thanks\n    on: 2026-06-11\n",
        _test("on: 2026-06-10") + "  - name: thanks again\n    on: 2026-06-11\n",
    ),
    Code(
        "R012",
        "Section twice",
        "`company` and `policy` hold for everything, so each stands in one file only.",
        "policy:\n  late: 1 day\n",
        campaign(ON, "late: 1 day"),
    ),
    Code(
        "R013",
        "Unknown event",
        "Events are declared under `events:`; only `purchase` is built in. A misspelt event would never happen.",
        campaign("on: purchased"),
        campaign(ON),
    ),
    Code(
        "R014",
        "Unknown field, or one that is no date",
        "`every` needs a date or instant of the client; tests may use fields that exist.",
        campaign("every: year since customer.birthdate"),
        campaign("every: year since customer.birthday"),
    ),
    Code(
        "R015",
        "Former name that cannot be used",
        "`was` names what a campaign was called before. A name in use, or claimed twice, would mix up two histories.",
        "campaigns:\n  thanks: {on: purchase, email: thanks, was: hello}\n  hello: {on: purchase, email: hello}\n",
        "campaigns:\n  thanks: {on: purchase, email: thanks, was: hello}\n",
    ),
    Code(
        "R016",
        "Not a mailbox",
        "The sender is an address, with or without a name before it.",
        COMPANY.replace("ana@studio.example", "ana.studio.example"),
        COMPANY,
    ),
    Code(
        "R017",
        "Placeholder date",
        "1 January 1900 and 1970 are what systems write when they do not know a date.",
        campaign("at: 1970-01-01"),
        campaign("at: 2026-12-24 09:00"),
    ),
    Code(
        "R018",
        "Unknown language",
        "`locale` is a language, with or without a country: `ro`, `pt-BR`.",
        COMPANY + "  locale: romanian\n",
        COMPANY + "  locale: ro\n",
    ),
    Code(
        "R019",
        "Built in already",
        "Every client and every purchase has this field; it cannot be declared again.",
        "fields:\n  birthday: date\n",
        "fields:\n  name_day: date\n",
    ),
    Code(
        "R020",
        "Test of something that does not exist",
        "A test expects something of a campaign, or of a step, that does not exist.",
        _test("on: 2026-06-10", "expect: {winback: nothing}"),
        _test("on: 2026-06-10", "expect: {win-back: nothing}"),
    ),
    Code(
        "R021",
        "Test with impossible data",
        "A client or event of a test has a value that could not have been imported.",
        _test("on: 2026-06-10", "customer: {birthday: last May}"),
        _test("on: 2026-06-10", "customer: {birthday: 1990-05-17}"),
    ),
    Code(
        "R022",
        "No rules, or no sender",
        "There is no rule file, or none says who sends.",
        "",
        "",
    ),
    Code(
        "R023",
        "Unknown survey",
        "A campaign names a survey that no rule file describes under `surveys`.",
        campaign(ON, "survey: qualty") + _SURVEY,
        campaign(ON, "survey: quality") + _SURVEY,
    ),
    Code(
        "R024",
        "Unknown topic",
        "The workspace names its topics under `topics`, and a campaign speaks of another.",
        campaign(ON, "topic: survays") + "topics:\n  surveys: Questions about how we did\n",
        campaign(ON, "topic: surveys") + "topics:\n  surveys: Questions about how we did\n",
    ),
    Code(
        "R025",
        "Two levels at one number of points",
        "A client would be on both at once; each level begins with a number of its own.",
        COMPANY + "points: {per_visit: 10, levels: {silver: 100, gold: 100}}\n",
        COMPANY + "points: {per_visit: 10, levels: {silver: 100, gold: 500}}\n",
    ),
    Code(
        "R026",
        "Two options of a coupon that exclude each other",
        "A code is made for the client, shared by all, or from a pool; it holds for a while, or until a date.",
        campaign(ON, "offer: {coupon: {percent: 50, valid: 14 days, until: 2026-12-31}}"),
        campaign(ON, "offer: {coupon: {percent: 50, until: 2026-12-31}}"),
    ),
    Code(
        "R027",
        "Ends before it begins",
        "No code of this offer would ever hold.",
        campaign(ON, "offer: {coupon: {percent: 50, from: 2026-12-31, until: 2026-12-01}}"),
        campaign(ON, "offer: {coupon: {percent: 50, from: 2026-12-01, until: 2026-12-31}}"),
    ),
    Code(
        "R030",
        "Instant that the event does not have",
        "A step's `at`, or the calendar file, speaks of an instant that the event of the campaign does not have.",
        "events:\n  visit.booked: {starts_at: instant}\n"
        + campaign("on: visit.booked", "steps: [{email: a, at: 1 day before event.start}]", email=False),
        "events:\n  visit.booked: {starts_at: instant}\n"
        + campaign("on: visit.booked", "steps: [{email: a, at: 1 day before event.starts_at}]", email=False),
    ),
    Code(
        "R031",
        "Field that one event lacks",
        "`until: EVENT with same FIELD` needs that field, of one type, in both events: the one that begins and the one"
        " that ends.",
        _REQUEST % ("request: text", "request: text") + _ENDED,
        _REQUEST % ("id: text", "id: text") + _ENDED,
    ),
    Code(
        "R032",
        "Wave that can get no client",
        "A client gets the email of the first wave whose `to` is true. One without `to` takes all who are left.",
        _WAVES % ("email: a", "email: b, to: customer.purchases > 1"),
        _WAVES % ("email: b, to: customer.purchases > 1", "email: a"),
    ),
    Code(
        "R033",
        "Unknown day of the calendar",
        "A campaign keeps a day that is not under `calendars`, or a day there is given for what is no country.",
        _CALENDAR % "womens-day" + "calendars:\n  new-year: 1 january\n",
        _CALENDAR % "new-year" + "calendars:\n  new-year: {default: 1 january, RU: 31 december}\n",
    ),
    Code(
        "R040",
        "Value that the goal's event does not have",
        "`value` of a goal names a field of the event that is a number, so that it can be added up.",
        "events:\n  booking: {price: number, room: text}\n"
        + campaign(ON, "goal: {event: booking, within: 14 days, value: room}"),
        "events:\n  booking: {price: number, room: text}\n"
        + campaign(ON, "goal: {event: booking, within: 14 days, value: price}"),
    ),
    Code(
        "R049",
        "Program told of an unknown campaign",
        "`notify` names a campaign that does not exist: nothing would ever be told of it.",
        campaign(ON) + "notify:\n  crm: {url: https://crm.example/in, campaigns: [winback]}\n",
        campaign(ON) + "notify:\n  crm: {url: https://crm.example/in, campaigns: [win-back]}\n",
    ),
    Code(
        "R101",
        "Holdout of a transactional email",
        "A control group would be kept from an email that belongs to a service they asked for.",
        campaign(ON, "kind: transactional", "holdout: 10%"),
        campaign(ON, "holdout: 10%", "goal: purchase within 14 days"),
        warning=True,
    ),
    Code(
        "R102",
        "Empty quiet hours",
        "The window begins and ends at the same time, so it is never quiet.",
        COMPANY + "policy:\n  quiet_hours: 20:00-20:00\n",
        COMPANY + "policy:\n  quiet_hours: 20:00-09:00\n",
        warning=True,
    ),
    Code(
        "R103",
        "Deadline too short",
        "Emails that miss the deadline are dropped; within five minutes a busy server loses many.",
        campaign(ON, "send: within 1 minute"),
        campaign(ON, "send: within 2 hours"),
        warning=True,
    ),
    Code(
        "R104",
        "Holdout without a goal",
        "A control group is kept to compare how many reach the goal; without one there is nothing to compare.",
        campaign(ON, "holdout: 10%"),
        campaign(ON, "holdout: 10%", "goal: purchase within 14 days"),
        warning=True,
    ),
    Code(
        "R105",
        "Two deadlines",
        "`send: within` and `late` say the same thing; `send` wins.",
        campaign(ON, "send: within 2 hours", "late: 1 day"),
        campaign(ON, "send: within 2 hours"),
        warning=True,
    ),
    Code(
        "R106",
        "Date written twice",
        "The same moment stands twice under `at`; the email goes once.",
        campaign("at: [2026-12-24 09:00, 2026-12-24 09:00]"),
        campaign("at: [2026-12-24 09:00, 2026-12-31 09:00]"),
        warning=True,
    ),
    Code(
        "R107",
        "Effect read too early",
        "At this size the smaller group has fewer than 50 clients; chance alone then moves the shares by many points.",
        campaign(ON, "holdout: 10%, read at 100", "goal: purchase within 14 days"),
        campaign(ON, "holdout: 10%, read at 2000", "goal: purchase within 14 days"),
        warning=True,
    ),
    Code(
        "R108",
        "Canary outlives the email",
        "Whoever waits for the canary would get the email too late, so it is skipped for all but the first few.",
        campaign(ON, "send: within 2 hours", "canary: 50, then wait 1 day"),
        campaign(ON, "send: within 2 hours", "canary: 50, then wait 30 minutes"),
        warning=True,
    ),
    Code(
        "R110",
        "Goal of an email that is no advertisement",
        "What follows a receipt or a reminder would mostly have come anyway, and an email to a manager is read by no"
        " client; to count it as what a campaign brought misleads.",
        campaign(ON, "kind: transactional", "goal: purchase within 14 days"),
        campaign(ON, "goal: purchase within 14 days"),
        warning=True,
    ),
    Code(
        "R111",
        "Goal without time",
        "A goal counts only after the email and within its time; within none it is never reached.",
        campaign(ON, "goal: purchase within 0 days"),
        campaign(ON, "goal: purchase within 14 days"),
        warning=True,
    ),
    Code(
        "R112",
        "Goal written twice",
        "The same goal stands twice under `goal`; it is counted once.",
        campaign(ON, "goal: [purchase within 14 days, {event: purchase, within: 14 days}]"),
        campaign(ON, "goal: purchase within 14 days"),
        warning=True,
    ),
)


def table() -> Mapping[str, Code]:
    """All codes of rule files by code, those of YAML first."""
    return {code.code: code for code in (*YAML, *RULES, *SEQUENCES, *VARIANTS, *DELIVERY)}
