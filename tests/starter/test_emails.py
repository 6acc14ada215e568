"""The starter's emails: each in every language, with its sample and with as little data as a client may have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from lxml import html

from regulars.core.settings import load
from regulars.preview.preview import preview
from regulars.render.compile import Templates
from regulars.render.message import Rendered, render
from regulars.rules.model import Kind
from regulars.workspace.folder import open_workspace

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[2] / "templates" / "emails"
LANGUAGES = ("en", "uk", "ru", "ro", "et")
GREETING = FOLDER.parents[1] / "campaigns" / "holiday-greeting.yaml"
STAFF = (
    "complaint-unresolved",
    "key-client-at-risk",
    "materials-due",
    "request-unanswered",
    "unhappy-answer",
)
CLIENTS = (
    "accessories",
    "appointment-reminder",
    "appointment-soon",
    "ask-advice",
    "birthday",
    "client-anniversary",
    "complaint-followup",
    "complaint-resolved",
    "confirm-subscription",
    "holiday-greeting",
    "loyalty-reward",
    "maintenance",
    "materials-requested",
    "meeting-summary",
    "new-arrivals",
    "new-arrivals-first",
    "new-arrivals-personal",
    "next-purchase",
    "personal-note",
    "price-list",
    "product-check-in",
    "quality-survey",
    "rebooking",
    "referral-thanks",
    "refusal-reason",
    "regulars-list",
    "service-slip",
    "thank-you",
    "visit-change",
    "win-back",
    "win-back-last-day",
    "your-data",
)
EMAILS = tuple(sorted((*CLIENTS, *STAFF)))
SERVICE = (
    "appointment-reminder",
    "appointment-soon",
    "complaint-followup",
    "complaint-resolved",
    "confirm-subscription",
    "materials-requested",
    "meeting-summary",
    "service-slip",
    "visit-change",
    "your-data",
)
"""What a client or a manager did not agree to by a list that they could leave: part of a service."""
EACH = [(email, language) for email in EMAILS for language in LANGUAGES]

# Words that are rightly the same in English: they consist of a value alone.
SAME = {("_base", "coupon_gift"), ("holiday-greeting", "subject"), ("regulars-list", "less")}
TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")
URL = re.compile(r"(?:https?://|mailto:|tel:)\S+")
WORD = re.compile(r"[^\W_]+")
UNSEEN = "script style title template"


@pytest.fixture(scope="module")
def templates() -> Templates:
    return Templates([FOLDER], company_locale="ro")


def words_of(email: str, language: str) -> dict[str, str]:
    words: dict[str, str] = yaml.safe_load((FOLDER / email / "words" / f"{language}.yaml").read_text("utf-8"))
    return words


def sample(templates: Templates, email: str, **changes: Any) -> dict[str, Any]:
    """An email's sample; `customer={…}` and the like change single fields."""
    values = templates.sample(email)
    for name, value in changes.items():
        values[name] = {**(values.get(name) or {}), **value} if isinstance(value, dict) else value
    return values


def filled(templates: Templates, email: str, language: str, **changes: Any) -> Rendered:
    return render(templates.compiled(email, language), sample(templates, email, **changes))


def page(source: str) -> Any:
    """The tree of an email's HTML."""
    return html.document_fromstring(source.encode(), html.HTMLParser(encoding="utf-8"))


def seen(node: Any) -> Iterator[str]:
    """The text a reader of the HTML sees, piece by piece."""
    if not isinstance(node.tag, str) or node.tag in UNSEEN.split() or "display:none" in (node.get("style") or ""):
        return
    yield node.text or ""
    for child in node:
        yield from seen(child)
        yield child.tail or ""


def seen_words(source: str) -> list[str]:
    return WORD.findall(URL.sub("", " ".join(seen(page(source).body))))


def test_the_starter_is_whole(templates: Templates) -> None:
    assert templates.names() == list(EMAILS)
    for email in EMAILS:
        assert set(templates.languages(email)) == set(LANGUAGES)


@pytest.mark.parametrize(("email", "language"), EACH)
def test_renders_with_its_sample(templates: Templates, email: str, language: str) -> None:
    message = filled(templates, email, language)
    assert message.subject
    assert message.preheader
    assert not message.warnings
    for text in (message.subject, message.preheader, message.html, message.text):
        assert not re.search(r"\{\{|\{%|\}\}|%\}|\bNone\b|jqz", text)
    assert len(message.subject) <= 78, "a phone shows little of it"
    assert message.preheader != message.subject


@pytest.mark.parametrize(("email", "language"), EACH)
def test_text_has_the_words_of_the_html(templates: Templates, email: str, language: str) -> None:
    message = filled(templates, email, language)
    # An address that the HTML hides behind a button is spelt out in the text.
    written = message.text
    for address in re.findall(r'href="mailto:([^"?]+)', message.html):
        if address not in " ".join(seen(page(message.html))):
            written = written.replace(address, "")
    assert WORD.findall(URL.sub("", written)) == seen_words(message.html)


@pytest.mark.parametrize(("email", "language"), EACH)
def test_renders_for_a_client_of_whom_little_is_known(templates: Templates, email: str, language: str) -> None:
    known: dict[str, Any] = sample(templates, email)["customer"]
    needed = ("first_purchase_at", "last_purchase_at", "next_product")
    customer = {name: value if name in needed else None for name, value in known.items()}
    customer["next_product"] = dict.fromkeys(known["next_product"]) | {"name": "Chainsaw"}
    event = sample(templates, email)["event"]
    nothing: dict[str, Any] = {
        "company": {"phone": None, "website": None, "logo": None},
        "event": {name: None for name in event if name != "at"},
        "manager": None,
        "purchase": None,
    }
    message = filled(templates, email, language, customer=customer, **nothing)
    greeting = {"en": "Hello,", "uk": "Віта", "ru": "Здравствуйте!", "ro": "Bună ziua!", "et": "Tere!"}[language]
    assert email in STAFF or greeting in message.text
    assert not re.search(r"\bNone\b|,\s*[!,]|\(\s*\)", message.text + message.subject)


@pytest.mark.parametrize("email", ["_base", *EMAILS])
@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_no_word_is_left_in_english(email: str, language: str) -> None:
    english, own = words_of(email, "en"), words_of(email, language)
    assert set(english) <= set(own)
    assert set(own) - set(english) <= {"greeting"}
    for name, text in own.items():
        if (email, name) not in SAME:
            assert text != english.get(name), name


@pytest.mark.parametrize("email", ["_base", *EMAILS])
@pytest.mark.parametrize(
    ("language", "foreign"),
    [("uk", "[a-zA-ZыэъёЫЭЪЁ]"), ("ru", "[a-zA-ZіїєґІЇЄҐ]"), ("ro", "[şţŞŢ]|[а-я]"), ("et", "[а-я]")],
)
def test_letters_belong_to_the_language(email: str, language: str, foreign: str) -> None:
    for name, text in words_of(email, language).items():
        assert not re.search(foreign, TAG.sub("", text)), name


@pytest.mark.parametrize(
    ("language", "years", "subject"),
    [
        ("en", 1, "1 year together: thank you"),
        ("en", 3, "3 years together: thank you"),
        ("uk", 1, "1 рік разом: дякуємо Вам"),
        ("uk", 2, "2 роки разом: дякуємо Вам"),
        ("uk", 5, "5 років разом: дякуємо Вам"),
        ("uk", 11, "11 років разом: дякуємо Вам"),
        ("uk", 21, "21 рік разом: дякуємо Вам"),
        ("ru", 1, "1 год вместе: спасибо Вам"),
        ("ru", 4, "4 года вместе: спасибо Вам"),
        ("ru", 12, "12 лет вместе: спасибо Вам"),
        ("ru", 22, "22 года вместе: спасибо Вам"),
        ("ro", 1, "1 an împreună: vă mulțumim"),
        ("ro", 19, "19 ani împreună: vă mulțumim"),
        ("ro", 20, "20 de ani împreună: vă mulțumim"),
        ("et", 1, "1 aasta koos: aitäh Teile"),
        ("et", 7, "7 aastat koos: aitäh Teile"),
    ],
)
def test_years_take_the_right_form(templates: Templates, language: str, years: int, subject: str) -> None:
    assert filled(templates, "client-anniversary", language, today=date(2023 + years, 3, 5)).subject == subject


def test_every_agreement_is_listed_with_its_owner_and_date(templates: Templates) -> None:
    message = filled(templates, "meeting-summary", "ru")
    agreements = sample(templates, "meeting-summary")["event"]["agreements"]
    assert [a["due"] for a in agreements] == [date(2026, 3, 6), date(2026, 3, 12), date(2026, 3, 13)]
    for agreement in agreements:
        line = f"{agreement['owner']}, до {agreement['due'].day} марта 2026"
        assert re.search(re.escape(agreement["what"]) + r"\s+" + re.escape(line), message.text)


def test_an_agreement_may_lack_an_owner_or_a_date(templates: Templates) -> None:
    agreements = [{"what": "Wait for rain"}, {"what": "Call", "owner": "Ana"}, {"what": "Pay", "due": "2026-04-01"}]
    message = filled(templates, "meeting-summary", "et", event={"agreements": agreements})
    assert "Wait for rain\n- Call\nAna\n- Pay\ntähtaeg 1. aprill 2026" in message.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_survey_has_a_link_for_each_of_ten_scores(templates: Templates, language: str) -> None:
    message = filled(templates, "quality-survey", language)
    links = {a.text_content(): a.get("href") for a in page(message.html).iter("a") if "score=" in (a.get("href") or "")}
    survey = sample(templates, "quality-survey")["links"]["survey"]
    assert links == {str(score): f"{survey}?score={score}" for score in range(1, 11)}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("email", ["win-back", "win-back-last-day"])
def test_the_discount_comes_from_the_rule(templates: Templates, email: str, language: str) -> None:
    message = filled(templates, email, language, coupon={"percent": 35})
    assert "35" in message.subject
    assert "50" not in message.subject + message.text
    assert sample(templates, email)["coupon"]["code"] in message.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_day_of_the_calendar_has_a_greeting_of_its_own(templates: Templates, language: str) -> None:
    days: dict[str, str] = yaml.safe_load(GREETING.read_text("utf-8"))["calendars"]["greeting-day"]
    made = {day: filled(templates, "holiday-greeting", language, holiday={"day": day}) for day in days.values()}
    general = filled(templates, "holiday-greeting", language, holiday={"day": "2 may"})
    assert len({message.subject for message in (*made.values(), general)}) == len(made) + 1
    assert len({message.text for message in (*made.values(), general)}) == len(made) + 1
    western = filled(templates, "holiday-greeting", language, holiday={"day": "easter"})
    assert western.subject == made["orthodox easter"].subject


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_price_list_has_the_machine_that_is_new(templates: Templates, language: str) -> None:
    machine = sample(templates, "new-arrivals")["product"]
    message = filled(templates, "price-list", language, product=machine)
    assert machine["name"] in message.subject
    assert re.search(rf"{machine['name']}\s.*249", message.text)
    assert machine["name"] not in filled(templates, "price-list", language).text


def test_the_gift_is_named_in_the_words_of_the_language(templates: Templates) -> None:
    message = filled(templates, "birthday", "uk")
    assert "Одне безкоштовне заточування" in message.text
    assert "blade" not in message.text


@pytest.mark.parametrize(("email", "language"), [each for each in EACH if each[0] not in (*STAFF, *SERVICE)])
def test_the_sender_can_be_found_and_left(templates: Templates, email: str, language: str) -> None:
    message = filled(templates, email, language)
    values = sample(templates, email)
    assert values["company"]["address"] in message.text
    assert values["links"]["unsubscribe"] in message.text
    assert f'href="{values["links"]["unsubscribe"]}"' in message.html


@pytest.mark.parametrize(("email", "language"), [each for each in EACH if each[0] in (*STAFF, *SERVICE)])
def test_a_service_offers_no_way_out_of_it(templates: Templates, email: str, language: str) -> None:
    message = filled(templates, email, language)
    assert "/u/" not in message.html + message.text
    assert "/p/" not in message.html + message.text
    assert words_of("_base", language)["unsubscribe"] not in message.html + message.text
    assert sample(templates, email)["company"]["name"] in message.text


def test_a_preview_shows_a_way_out_where_the_email_that_is_sent_has_one(templates: Templates) -> None:
    workspace = open_workspace(FOLDER.parents[1])
    settings = load(FOLDER.parents[1], {"REGULARS_SECRET": "preview", "REGULARS_WEB_URL": "https://us.example"})
    now = datetime(2026, 6, 10, 12, tzinfo=UTC)
    for campaign in workspace.rulebook.campaigns.values():
        left = campaign.kind is Kind.MARKETING and campaign.to == "customer"
        for step in campaign.all_steps:
            (one,) = preview(
                None, workspace, campaign.name, customer=None, step=step.key, now=now, locale="en", settings=settings
            )
            assert ("https://us.example/u/" in one.html) is left, step.email
            assert ("https://us.example/u/" in one.text) is left, step.email
            assert (b"List-Unsubscribe" in one.eml) is left, step.email
            assert (sample(templates, step.email)["links"]["unsubscribe"] is not None) is left, step.email
            assert (step.email not in (*STAFF, *SERVICE)) is left, step.email


@pytest.mark.parametrize(
    ("language", "name", "place"),
    [("uk", "Верде Гарден", "Кишинів"), ("ru", "Верде Гарден", "Кишинёв"), ("et", "Verde Garden Machines", "Chișinău")],
)
def test_the_company_is_called_as_the_reader_writes_it(language: str, name: str, place: str) -> None:
    root = FOLDER.parents[1]
    (made,) = preview(
        None, open_workspace(root), "birthday", customer=None, step=None, now=datetime(2026, 3, 8, 10, tzinfo=UTC),
        locale=language, settings=load(root, {"REGULARS_SECRET": "starter"}),
    )  # fmt: skip
    assert made.sender.startswith(f'"{name}" <')
    for text in (made.text, made.html):
        assert text.count(name) >= 3
        assert place in text
    assert ("Verde" in made.text) is (language == "et")


@pytest.mark.parametrize("email", EMAILS)
def test_an_email_is_the_same_with_no_more_of_the_client_than_it_reads(templates: Templates, email: str) -> None:
    reads = templates.reads(email)
    assert reads is not None
    whole = sample(templates, email)
    bare = {**whole, "customer": {name: whole["customer"].get(name) for name in {*reads, "locale", "timezone"}}}
    for language in LANGUAGES:
        made = templates.compiled(email, language)
        assert render(made, bare) == render(made, whole)


@pytest.mark.parametrize(("email", "language"), [each for each in EACH if each[0] in STAFF])
def test_a_manager_sees_whom_it_is_about_and_how_to_reach_them(templates: Templates, email: str, language: str) -> None:
    message = filled(templates, email, language)
    client = sample(templates, email)["customer"]
    assert client["name"] in message.subject
    assert all(client[name] in message.text for name in ("name", "company", "phone", "email"))
    assert f'href="mailto:{client["email"]}"' in message.html
    assert "unsubscribe" not in message.html
