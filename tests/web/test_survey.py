"""Surveys: a tap chooses, the button records, later answers are added, the event can start a campaign."""

from __future__ import annotations

import pytest

from tests.web.shop import NOW, Shop


def sheet(shop: Shop, **fields: str) -> str:
    """The link of a quality survey that was sent to Ada."""
    return shop.link("s", shop.promise(shop.customer(**fields), "quality-survey"))


def test_a_tap_in_the_email_chooses_and_records_nothing(shop: Shop) -> None:
    path = sheet(shop)
    before = shop.everything()
    page = shop.get(path + "?score=9").text
    assert 'name="score" value="9" checked' in page
    assert page.count(" checked") == 1
    assert page.count("<button") == 1
    assert shop.everything() == before


def test_the_button_records_one_event(shop: Shop) -> None:
    path = sheet(shop)
    for _ in range(2):
        answer = shop.post(path + "?score=9", score="9", on_time="agreed", words="")
        assert (answer.status, answer.headers["location"]) == (303, path.rpartition("/")[2] + "?done=1")
    (event,) = shop.rows("events")
    assert (event["name"], event["occurred_at"]) == ("survey.answered", NOW)
    assert event["data"] == {"survey": "quality", "score": 9, "on_time": "agreed"}
    assert shop.rows("facts")[0]["sci"] == 0.9
    assert "Thank you" in shop.get(path + "?done=1").text


def test_answers_are_kept_in_parts_and_can_be_changed(shop: Shop) -> None:
    path = sheet(shop)
    shop.post(path, score="3")
    shop.post(path, words="Too late by a week")
    shop.post(path, score="4")
    (event,) = shop.rows("events")
    assert event["data"] == {"survey": "quality", "score": 4, "words": "Too late by a week"}
    page = shop.get(path).text
    assert 'name="score" value="4" checked' in page
    assert "Too late by a week</textarea>" in page


@pytest.mark.parametrize(
    "fields",
    [{}, {"score": ""}, {"score": "11"}, {"score": "9.5"}, {"on_time": "never"}, {"unasked": "1"}, {"words": "  "}],
)
def test_what_is_no_answer_is_not_recorded(shop: Shop, fields: dict[str, str]) -> None:
    answer = shop.post(sheet(shop), **fields)
    assert answer.status == 400
    assert 'role="alert"' in answer.text
    assert shop.count("events") == 0


def test_words_come_back_as_text_and_are_cut(small_shop: Shop) -> None:
    path = sheet(small_shop)
    small_shop.post(path, words="</textarea><script>alert(1)</script>" + "x" * 5000)
    page = small_shop.get(path).text
    assert "<script" not in page
    assert len(small_shop.rows("events")[0]["data"]["words"]) == 4000


@pytest.mark.parametrize(("locale", "title"), [("uk", "Як ми впоралися?"), ("et", "Kuidas meil läks?")])
def test_questions_are_asked_in_the_clients_language(small_shop: Shop, locale: str, title: str) -> None:
    assert f"<h1>{title}</h1>" in small_shop.get(sheet(small_shop, locale=locale)).text


def test_a_campaign_without_a_survey_has_no_such_page(small_shop: Shop) -> None:
    path = small_shop.link("s", small_shop.promise(small_shop.customer()))
    assert small_shop.get(path).status == 404
    assert small_shop.post(path, score="9").status == 404
    assert small_shop.count("events") == 0
