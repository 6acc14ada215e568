"""The codes of conditions, emails and data files, and the page of all codes.

The rules' own codes and their examples are in `rules.codes`. A test checks that the page has every code that the
engine can report, and that docs/diagnostics.md is this page.
"""

from __future__ import annotations

from regulars.rules import codes
from regulars.rules.codes import Code, campaign
from regulars.rules.codes_delivery import DELIVERY
from regulars.rules.codes_rules import RULES
from regulars.rules.codes_sequences import SEQUENCES
from regulars.rules.codes_variants import VARIANTS
from regulars.rules.codes_yaml import YAML

INTRO = """\
# What `regulars check` says

Each message names the file, line and column, underlines the place, and says what was expected. All mistakes of all
files come in one go. An error stops the work until it is mended; a warning does not. `--json` gives the same as data.

The letters: Y a file that is no YAML, R rules, A conditions, T emails, D files of data to import.
"""

_SEGMENTS = "segments:\n  best: %s\n  loyal: %s\n" + campaign("when: in_segment('best')")

CONDITIONS = (
    Code(
        "A001",
        "Condition that cannot be used",
        "A condition speaks of something that does not exist, compares what cannot be compared, or breaks off. The mark"
        " is at the very word.",
        campaign("when: customer.purchase >= 1"),
        campaign("when: customer.purchases >= 1"),
    ),
    Code(
        "A002",
        "Field that is not learned",
        "A rule, or an email that it sends, reads `clv`, `p_alive` or the next product, which `regulars learn` finds"
        " out from everybody's purchases. The packages that it needs are not installed here, so the scheduler does not"
        " run it: install the extra `learn`, or do without the field.",
        "",
        "",
        warning=True,
    ),
    Code(
        "A003",
        "Field without a past",
        "`backfill: since DAY` asks a state or a value once more as of earlier days. What is made of events and"
        " purchases is known for each of them. What an import or the API states, and what is learned, is kept only as"
        " it is now, and is taken to have been the same: a client whose field has changed since may come out on the"
        " wrong side of the day.",
        campaign("when: customer.country == 'MD' and customer.purchases >= 3", "backfill: since 2026-05-01"),
        campaign("when: customer.purchases >= 3", "backfill: since 2026-05-01"),
        warning=True,
    ),
    Code(
        "A004",
        "Chance to buy again of clients who bought once",
        "In the model behind `p_alive` nobody is lost before a second purchase, so it stays 1 for clients who bought"
        " once: `p_alive < 0.5` never finds them, `p_alive > 0.5` always does. `others_returned` tells them apart by"
        " what others did.",
        campaign("when: customer.p_alive < 0.5"),
        campaign("when: customer.p_alive < 0.5 or customer.others_returned >= 0.9"),
        warning=True,
    ),
    Code(
        "A005",
        "Segment that contains itself",
        "A segment's condition uses the segment, or another that leads back to it: nobody could say who is in it. The"
        " message shows the way round.",
        _SEGMENTS % ("in_segment('loyal') and customer.spent > 500", "in_segment('best') or customer.purchases > 9"),
        _SEGMENTS % ("in_segment('loyal') and customer.spent > 500", "customer.purchases > 9"),
    ),
    Code(
        "A006",
        "Segment that nothing uses",
        "No campaign, no other segment and no email uses the segment. Its name may be misspelt where it was meant.",
        "segments:\n  best: customer.spent > 500\n",
        "segments:\n  best: customer.spent > 500\n" + campaign("when: in_segment('best')"),
        warning=True,
    ),
    Code(
        "A007",
        "Segment with a misleading name",
        "A field of clients, an event or a campaign has the same name; readers will take one for the other.",
        "segments:\n  spent: customer.spent > 500\n" + campaign("when: in_segment('spent')"),
        "segments:\n  best: customer.spent > 500\n" + campaign("when: in_segment('best')"),
        warning=True,
    ),
    Code(
        "A008",
        "Nobody is known to have left",
        "Who was in a segment is kept from the first plan after a `left_segment` asks about it. `backfill` would reach"
        " back before that, and find nobody.",
        "segments:\n  best: customer.spent > 500\n" + campaign("when: left_segment('best')", "backfill: all"),
        "segments:\n  best: customer.spent > 500\n" + campaign("when: left_segment('best')"),
    ),
    Code(
        "A009",
        "Function that an email cannot use",
        "An email may ask `in_segment`, `bought`, `did` and `has_upcoming`, as conditions do. The answers are looked"
        " up for all clients of a batch before it is written, so the arguments are texts in quotes, not values.",
        "{% if in_segment(customer.stage) %}…{% endif %}",
        "{% if in_segment('best') %}…{% endif %}",
        language="jinja",
    ),
    Code(
        "A015",
        "Goal's condition about more than the event",
        "Whether a goal was reached is asked weeks after the event, when the client is another: `if` of a goal can ask"
        " about `event.FIELD` alone.",
        campaign("on: visit.done", "goal: {event: purchase, within: 14 days, if: customer.spent > 100}"),
        campaign("on: visit.done", "goal: {event: purchase, within: 14 days, if: event.amount > 100}"),
    ),
)


def _email(code: str, title: str, meaning: str, wrong: str = "", right: str = "", *, warning: bool = False) -> Code:
    return Code(code, title, meaning, wrong, right, warning, language="jinja")


EMAILS = (
    _email(
        "T001",
        "No such email",
        "A campaign names an email that has no folder with a `body.mjml` under `templates/emails/`.",
    ),
    _email(
        "T002",
        "Not Jinja",
        "A tag is not closed, is none that emails know, or is nested too deeply.",
        "{% if customer.first_name %}Dear {{ customer.first_name }}",
        "{% if customer.first_name %}Dear {{ customer.first_name }}{% endif %}",
    ),
    _email(
        "T003",
        "Unknown name",
        "Emails speak of `customer`, `manager`, `company`, `event`, `purchase`, `product`, `coupon`,"
        " `links` and `today`.",
        "{{ client.first_name }}",
        "{{ customer.first_name }}",
    ),
    _email(
        "T004",
        "Unknown field",
        "The name exists, and has no such field in this campaign: there is no coupon without an `offer`, and no event"
        " where no event sets the campaign off.",
        "{{ customer.firstname }}",
        "{{ customer.first_name }}",
    ),
    _email(
        "T005",
        "Missing word",
        "The body uses `t.name`, and the words of a language have no `name`.",
        "{{ t.headline }}",
        "{{ t.heading }}",
    ),
    _email("T006", "Unused word", "A word is written that no body uses; perhaps its name is misspelt.", warning=True),
    _email(
        "T007",
        "Unknown filter",
        "A value is passed through a filter that does not exist.",
        "{{ coupon.amount | currency }}",
        "{{ coupon.amount | money }}",
    ),
    _email("T008", "No subject", "The words of each language need a `subject` and a `preheader`."),
    _email(
        "T009",
        "Missing language",
        "The email has no words in the company's language (an error), or lacks a language that other emails have"
        " (a warning): those clients get it in the company's language.",
    ),
    _email(
        "T010",
        "Not MJML",
        "The body is not MJML: a tag is unknown, not closed or in the wrong place, or an included file is not there.",
        "<mj-txt>Hello</mj-txt>",
        "<mj-text>Hello</mj-text>",
    ),
    _email(
        "T011",
        "Picture without a text",
        "Many readers see no pictures until they ask for them. Say in `alt` what it shows.",
        '<mj-image src="https://studio.example/card.png" />',
        '<mj-image src="https://studio.example/card.png" alt="A birthday card" />',
    ),
    _email(
        "T012",
        "No way to unsubscribe",
        "A marketing email must let its reader leave.",
        "</mj-body>",
        '<mj-include path="_base/footer.mjml" />\n</mj-body>',
    ),
    _email(
        "T013",
        "Link to nowhere",
        "A link has no address, or one that no mail program can open.",
        '<mj-button href="www.studio.example">Book</mj-button>',
        '<mj-button href="https://www.studio.example">Book</mj-button>',
    ),
    _email("T014", "Too large", "Some mail programs cut emails off at 102 kB of HTML.", warning=True),
    _email(
        "T015",
        "File that cannot be read",
        "A file of an email is not YAML or not UTF-8 text, is too large or too"
        " deep, or is a link to a file outside the emails' folder.",
    ),
    _email(
        "T016",
        "Sample that does not fit",
        "`sample.yaml` holds data for a preview without a client, and the email needs more than it has.",
        warning=True,
    ),
    _email(
        "T017",
        "Value that may be missing",
        "Not every client has this value. An email with a gap in it is not sent, so say what stands there instead.",
        "Dear {{ customer.first_name }}",
        "{% if customer.first_name %}Dear {{ customer.first_name }}{% else %}Good day{% endif %}",
        warning=True,
    ),
    _email(
        "T018",
        "Loaded by MJML itself",
        "Some elements of MJML load icons and arrows from sites of their own, or turn a link into another, unless they"
        " are told otherwise. Nothing is loaded from others that the author did not write.",
        '<mj-social-element name="facebook" href="https://studio.example/fb">Us</mj-social-element>',
        '<mj-social-element name="facebook-noshare" src="https://studio.example/fb.png" alt="Facebook"'
        ' href="https://studio.example/fb">Us</mj-social-element>',
    ),
    _email(
        "T019",
        "Value that is not encoded",
        "In the query of a link, behind `?`, the signs `&`, `+` and `#` of a value would have a meaning, and a blank"
        " ends the address. `urlencode` writes the value so that it arrives.",
        '<mj-button href="https://studio.example/login?email={{ customer.email }}">Log in</mj-button>',
        '<mj-button href="https://studio.example/login?email={{ customer.email | urlencode }}">Log in</mj-button>',
        warning=True,
    ),
    _email(
        "T020",
        "Loaded from elsewhere",
        "A picture, font or style from another site tells that site who reads the email and when; one by `http:` or"
        " with half an address is not shown at all. At home are the company's `website` and the domain of `from`, and"
        " all hosts below them.",
        '<mj-image src="http://pictures.example/card.png" alt="A card" />',
        '<mj-image src="https://studio.example/card.png" alt="A card" />',
        warning=True,
    ),
    _email(
        "T021",
        "Too much work",
        "The email's loops go round too often, or make a text too long. The same limits hold where it is sent: 20,000"
        " rounds of all loops, 200,000 characters of one value, 2,000,000 of a finished text.",
        "{% for n in '1' * 1000000 %}…{% endfor %}",
        "{% for product in event.products %}…{% endfor %}",
    ),
    Code(
        "T023",
        "No such words",
        "A variant names other words, and no email of the campaign has them. They are files beside its words, named"
        " `words/LANGUAGE.NAME.yaml`, with the texts that differ.",
        campaign("variants: [{name: plain}, {name: gift, words: present}]"),
        campaign("variants: [{name: plain}, {name: gift, words: gift}]"),
    ),
    Code(
        "T024",
        "Other words that lack a language",
        "Other words are written in every language of the email, else the variants would not differ for those who read"
        " that one.",
        "",
        "",
    ),
    Code(
        "T022",
        "Coupon that has ended",
        "A later email of the sequence shows the coupon when it holds no longer, because `valid` is shorter than the"
        " waits. The email is not sent: it is skipped as `offer-over`.",
        campaign(
            "offer: {coupon: {percent: 20, valid: 3 days}}",
            "steps:",
            "  - email: x",
            "  - {wait: 5 days, email: y}",
            email=False,
        ),
        campaign(
            "offer: {coupon: {percent: 20, valid: 7 days}}",
            "steps:",
            "  - email: x",
            "  - {wait: 5 days, email: y}",
            email=False,
        ),
        warning=True,
    ),
)

DATA = (
    Code("D001", "File that cannot be imported", "The file as a whole cannot be read.", "", ""),
    Code(
        "D002",
        "Column not found",
        "A column that every row needs is not among those that the first line names. `--map` says which one it is.",
        "",
        "",
    ),
    Code("D003", "No such column", "`--map` names a column that the file does not have.", "", ""),
    Code("D004", "Map to an unknown field", "`--map` names a field that does not exist, or one field twice.", "", ""),
    Code(
        "D005",
        "A column that may be about consent",
        "A column's name says that it may be about consent, and what a yes in it means is not known. Nothing is"
        " imported before it is: `--map COLUMN=subscribed`, `--map COLUMN=unsubscribed` or, to leave it out,"
        " `--map COLUMN=-`.",
        "",
        "",
    ),
    Code(
        "D006",
        "Answers that cannot be read",
        "`imports.yaml`, where `regulars import` keeps what columns mean, has something that it does not know.",
        "",
        "",
    ),
    Code(
        "D007",
        "Not the file of that tool",
        "`--from` names a tool whose exports have columns that the file has not.",
        "",
        "",
    ),
)


def page() -> str:
    """All codes as Markdown: the text of docs/diagnostics.md."""
    sections = {
        "Files": YAML,
        "Rules": (*RULES, *SEQUENCES, *VARIANTS, *DELIVERY),
        "Conditions": CONDITIONS,
        "Emails": EMAILS,
        "Data": DATA,
    }
    return codes.page(sections, INTRO)
