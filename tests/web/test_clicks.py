"""Links that are counted: they lead where they led, to nowhere else, and what is noted is honest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine

from regulars.consent.data_export import export
from regulars.consent.rights import erase
from regulars.db.engine import read, write
from regulars.explain.explain import explain
from regulars.insights.campaign_report import report
from regulars.insights.link_responses import GradeCounts
from regulars.responses.click_grading import Hit, HitKind, Sign
from regulars.responses.clicks import HITS_PER_EMAIL, LinkHit, record_click_events, record_hits
from regulars.web.recipient.click import ascii_host
from regulars.web.recipient.hit_writer import HitWriter
from regulars.workspace.folder import open_workspace
from tests.common.smtp import Inbox
from tests.web.every_link import wrong_tokens
from tests.web.mailing import NEWS, ON, Mailing, age, mailing, object_to, ours
from tests.web.shop import NOW

pytestmark = pytest.mark.slow

SALE = "https://studio.example/sale?x=1&y=2#now"
Open = Callable[..., AbstractContextManager[Mailing]]


@pytest.fixture
def open_mailing(sqlite_engine: Engine, tmp_path: Path, smtp_inbox: Inbox) -> Open:
    """With rules of the test's own, on SQLite."""
    return partial(mailing, sqlite_engine, tmp_path / "workspace", smtp_inbox)


@pytest.fixture
def both_post(engine: Engine, tmp_path: Path, smtp_inbox: Inbox) -> Iterator[Mailing]:
    """Clicks are counted; on SQLite and on PostgreSQL."""
    with mailing(engine, tmp_path / "workspace", smtp_inbox) as found:
        yield found


@pytest.fixture
def post(open_mailing: Open) -> Iterator[Mailing]:
    """The same on SQLite, for what does not concern the database."""
    with open_mailing() as found:
        yield found


def test_a_click_leads_where_the_link_led_and_changes_nothing_else(both_post: Mailing) -> None:
    post = both_post
    assert [link for link in ours(post.html("ada")) if "/c/" in link] == [
        f"https://us.example{post.link('ada', place)}" for place in (1, 2, 0)
    ]
    before = post.shop.everything()
    answer = post.get(post.link("ada"))
    assert (answer.status, answer.headers["location"]) == (302, SALE)
    assert (answer.headers["referrer-policy"], answer.headers["cache-control"]) == ("no-referrer", "no-store")
    assert post.hits() == [("click", SALE, "human")]
    assert post.shop.everything() == before


def test_a_link_followed_twice_is_told_once(both_post: Mailing) -> None:
    post = both_post
    assert {post.get(post.link("ada")).status for _ in range(3)} == {302}
    assert len(post.hits()) == 3
    post.office.plan("2026-06-10T12:09")
    assert post.shop.rows("events") == []
    post.office.plan("2026-06-10T12:10")
    post.office.plan("2026-06-10T12:30")
    (event,) = post.shop.rows("events")
    assert (event["name"], event["occurred_at"]) == ("email.clicked", NOW)
    assert event["data"] == {"campaign": "news", "link": SALE}


def test_rules_can_use_clicks(engine: Engine, tmp_path: Path, smtp_inbox: Inbox) -> None:
    thanks = {"when": "did('email.clicked', within='30 days')", "email": "thanks"}
    asked = {"on": "email.clicked", "audience": "event.campaign == 'news'", "email": "asked"}
    with mailing(engine, tmp_path / "workspace", smtp_inbox, campaigns={"thanks": thanks, "asked": asked}) as post:
        post.get(post.link("ada"))
        post.get(post.link("bob"), "python-requests/2.32")
        assert len(post.hits()) == 2
        post.office.plan("2026-06-10T12:15")
        told = {(row["customer"], row["step"]) for row in post.office.rows() if row["step"] != "news"}
        assert told == {("ada", "thanks"), ("ada", "asked")}


def test_asking_for_the_head_writes_nothing_and_tells_on_the_click_after_it(post: Mailing) -> None:
    answer = post.get(post.link("ada"), method="HEAD")
    assert (answer.status, answer.headers["location"]) == (302, SALE)
    assert post.hits() == []
    post.get(post.link("ada", 2))
    post.get(post.link("bob"))
    assert [grade for *_, grade in post.hits()] == ["machine", "human"]


def test_who_follows_the_link_that_nobody_sees_was_a_machine_before_too(both_post: Mailing) -> None:
    post = both_post
    post.get(post.link("ada"))
    post.get(post.link("bob"))
    assert [grade for *_, grade in post.hits()] == ["human", "human"]
    assert post.get(post.link("ada", 0)).status == 204
    assert post.hits() == [("click", SALE, "machine"), ("click", SALE, "human"), ("trap", "", "machine")]
    post.office.plan("2026-06-10T12:30")
    (event,) = post.shop.rows("events")
    written_to = {row["id"]: row["customer_id"] for row in post.shop.rows("promises")}
    assert event["customer_id"] == written_to[post.promise("bob")]


def test_a_machine_that_is_found_out_late_takes_the_event_back(both_post: Mailing) -> None:
    post = both_post
    post.get(post.link("ada"))
    assert len(post.hits()) == 1
    promise = post.promise("ada")
    with write(post.shop.engine) as connection:
        assert record_click_events(connection, NOW + timedelta(minutes=10)) == 1
        record_hits(connection, [LinkHit(promise, Hit(HitKind.TRAP, "", NOW + timedelta(minutes=5)))])
        assert record_click_events(connection, NOW + timedelta(minutes=30)) == 0
    assert post.shop.rows("events") == []


def test_a_report_says_which_links_were_followed_in_how_many_emails(both_post: Mailing) -> None:
    post = both_post
    for customer in ("ada", "bob"):
        post.get(post.link(customer))
    post.get(post.link("bob"))
    post.get(post.link("bob", page="b"))
    assert len(post.hits()) == 4
    with read(post.shop.engine) as connection:
        found = report(connection, open_workspace(post.office.root).rulebook, NOW).campaigns["news"]
    assert found.clicks == GradeCounts(human=1, unsure=1)
    assert [(followed.link, followed.graded) for followed in found.links.shown] == [
        (SALE, GradeCounts(human=1, unsure=1)), ("book", GradeCounts(unsure=1)),
    ]  # fmt: skip


def test_a_visit_to_a_page_of_ours_is_a_click_on_its_link(post: Mailing) -> None:
    assert post.get(post.link("ada", page="b")).status == 200
    assert post.get(post.link("ada", page="u")).status == 200
    assert post.hits() == [("click", "book", "human")]


def test_a_wrong_link_is_refused_and_notes_nothing(post: Mailing) -> None:
    for good in (post.link("ada", 1, page) for page in "cod"):
        token = good.split("/")[2]
        for what, wrong in wrong_tokens(token).items():
            answer = post.get(good.replace(token, wrong))
            assert answer.status == 404, (good, what)
            assert "location" not in answer.headers, (good, what)
    assert post.hits() == []


def test_no_link_of_another_clients_email(post: Mailing) -> None:
    assert post.get(post.link("ada", 2)).headers["location"] == "https://elsewhere.example/ada"
    assert post.get(post.link("bob", 2)).headers["location"] == "https://elsewhere.example/bob"
    for place in ("3", "9999", "-1", "01x", "٢", "2/..", "%00", "1.0", ""):
        assert post.get(post.link("ada", quote(place, safe="%/"))).status == 404, place


def test_whatever_is_asked_for_nothing_leads_elsewhere(post: Mailing) -> None:
    good = post.link("ada").split("/")[2]
    targets = {SALE, "https://elsewhere.example/ada"}
    tokens = st.just(good) | st.text(max_size=40) | st.text("ABCDwxyz0189-_", max_size=40).map(lambda t: good[:12] + t)
    places = st.integers(-3, 12).map(str) | st.text(max_size=12) | st.just("//evil.example") | st.just("?to=//evil")

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
    @given(page=st.sampled_from("cov"), token=tokens, place=places)
    def try_it(page: str, token: str, place: str) -> None:
        answer = post.get(f"/{page}/{quote(token, safe='')}/{quote(place, safe='/?=')}")
        assert answer.status < 500
        assert answer.headers.get("location") in {None, *targets}

    try_it()


def test_old_links_have_expired(post: Mailing) -> None:
    paths = {page: post.link("ada", 1, page) for page in "covbs"}
    age(post.shop, 399)
    assert [post.get(path).status for path in paths.values()] == [302, 200, 200, 200, 404]  # it asks no questions
    age(post.shop, 401)
    before, noted = post.shop.everything(), post.hits()
    for page, path in paths.items():
        answer = post.get(path)
        assert answer.status == 410, page
        assert "This link is too old" in answer.text
        assert post.shop.post(path, score="9").status in (405, 410)
    assert (post.shop.everything(), post.hits()) == (before, noted)


def test_leaving_never_expires(post: Mailing) -> None:
    age(post.shop, 4000)
    for page in ("u", "p"):
        assert post.get(post.link("ada", page=page)).status == 200
    assert post.shop.post(post.link("ada", page="u"), leave="all").status == 303


def test_how_long_links_work_is_the_policys(open_mailing: Open) -> None:
    with open_mailing(policy={**ON, "links": "30 days"}) as post:
        age(post.shop, 31)
        assert post.get(post.link("ada")).status == 410


def test_the_page_shows_the_very_bytes_that_were_sent(post: Mailing) -> None:
    answer = post.get(post.link("ada", page="v"))
    assert answer.text.strip() == post.html("ada")
    assert post.link("ada") in answer.text


def test_without_tracking_no_link_is_counted_and_no_page_either(open_mailing: Open) -> None:
    with open_mailing(policy={}) as post:
        html = post.html("ada")
        assert 'href="https://studio.example/sale?x=1&amp;y=2#now"' in html
        assert "/c/" not in html
        assert "<img" not in html
        assert "utm_" not in html
        post.get(post.link("ada", page="b"))
        assert post.get(post.link("ada")).status == 404
        assert post.hits() == []


def test_who_objects_gets_plain_links(open_mailing: Open) -> None:
    with open_mailing(policy={"tracking": {"clicks": True, "opens": True, "utm": True}}, objecting="ada") as post:
        assert "/c/" not in post.html("ada")
        assert "/o/" not in post.html("ada")
        assert "utm_" not in post.html("ada")
        assert "/c/" in post.html("bob")
        post.get(post.link("ada", page="b"))
        assert post.hits() == []


def test_who_objects_later_is_led_on_and_not_counted(post: Mailing) -> None:
    object_to(post.shop, 1)
    assert post.get(post.link("ada")).headers["location"] == SALE
    post.get(post.link("bob"))
    assert [link for _, link, _ in post.hits()] == [SALE]


def test_a_client_objects_and_agrees_again_on_their_page(both_post: Mailing) -> None:
    post = both_post
    path = post.link("ada", page="p")
    form = [("act", "save"), ("topic", "marketing"), ("gap", "0"), ("offered", "tracking")]
    assert 'name="measured" value="yes" checked' in post.get(path).text
    assert post.shop.send(path, form).status == 303
    assert 'name="measured" value="yes" checked' not in post.get(path).text
    assert post.shop.send(path, form).status == 303
    assert post.shop.send(path, [*form, ("measured", "yes")]).status == 303
    said = [(row["topic"], row["granted"]) for row in post.shop.rows("consent_log")]
    assert said == [("email.tracking", False), ("email.tracking", True)]
    assert post.shop.send(path, form[:3]).status == 303
    assert 'name="measured" value="yes" checked' in post.get(path).text


def test_service_emails_are_measured_only_where_the_campaign_says_so(open_mailing: Open) -> None:
    service = {**NEWS, "kind": "transactional"}
    with open_mailing(campaigns={"news": service}) as post:
        assert "/c/" not in post.html("ada")
        post.get(post.link("ada", page="b"))
        assert post.hits() == []


def test_a_service_email_can_be_measured_and_a_campaign_not(open_mailing: Open) -> None:
    both = {"news": {**NEWS, "kind": "transactional", "tracking": True}}
    with open_mailing(campaigns=both) as post:
        assert "/c/" in post.html("ada")


def test_a_campaign_can_go_unmeasured(open_mailing: Open) -> None:
    with open_mailing(campaigns={"news": {**NEWS, "tracking": False}}) as post:
        assert "/c/" not in post.html("ada")


def test_tags_alone_leave_links_straight(open_mailing: Open) -> None:
    utm = {"source": "letter"}
    with open_mailing(policy={"tracking": {"utm": utm}}) as post:
        html = post.html("ada")
        tagged = (
            "https://studio.example/sale?x=1&amp;y=2&amp;utm_source=letter&amp;utm_medium=email&amp;utm_campaign=news"
        )
        assert f'href="{tagged}#now"' in html
        assert 'href="https://elsewhere.example/ada"' in html
        assert "/c/" not in html


def test_the_picture_is_counted_where_it_is_asked_for(open_mailing: Open) -> None:
    with open_mailing(policy={"tracking": {"opens": True}}) as post:
        assert f'src="https://us.example{post.link("ada", page="o")}"' in post.html("ada")
        assert "/c/" not in post.html("ada")
        answer = post.shop.ask("GET", post.link("ada", page="o"), headers={"user-agent": "Mozilla/5.0"})
        assert (answer.status, answer.headers["content-type"]) == (200, "image/gif")
        post.get(post.link("bob", page="o"))
        assert post.hits() == [("open", "", "machine"), ("open", "", "human")]
        post.office.plan("2026-06-10T13:00")
        assert post.shop.rows("events") == []


def test_an_erased_clients_links_are_dead_and_their_clicks_say_nothing(both_post: Mailing) -> None:
    post = both_post
    post.get(post.link("ada", 2))
    assert len(post.hits()) == 1
    with write(post.shop.engine) as connection:
        assert [row["link"] for row in export(connection, 1)["clicks"]] == ["https://elsewhere.example/ada"]
        erase(connection, 1, NOW)
    assert {post.get(post.link("ada", place)).status for place in (0, 1, 2)} == {404}
    assert post.hits() == [("click", None, "human")]
    post.office.plan("2026-06-10T13:00")
    assert post.shop.rows("events") == []


def test_of_one_email_only_so_much_is_kept(both_post: Mailing) -> None:
    post = both_post
    promise = post.promise("ada")
    with write(post.shop.engine) as connection:
        for _ in range(3):
            record_hits(connection, [LinkHit(promise, Hit(HitKind.CLICK, "a", NOW, Sign.TOOL))] * 60)
    assert len(post.hits()) == HITS_PER_EMAIL


def test_processes_that_write_of_one_email_at_once_miss_nothing(both_post: Mailing) -> None:
    post = both_post
    promise = post.promise("ada")
    writers = [HitWriter(post.shop.engine) for _ in range(4)]
    for number in range(20):
        writers[number % 4].enqueue(LinkHit(promise, Hit(HitKind.CLICK, f"https://a.example/{number}", NOW)))
    assert all(writer.flush(30) for writer in writers)
    assert {grade for *_, grade in post.hits()} == {"machine"}
    assert len(post.hits()) == 20


def test_what_cannot_be_written_is_given_up_and_the_next_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    writer = HitWriter(create_engine("sqlite://"), pauses=(0.01,))
    writer.enqueue(LinkHit(1, Hit(HitKind.CLICK, "a", NOW)))
    assert writer.flush()
    assert "1 clicks could not be written down" in caplog.text
    writer.enqueue(LinkHit(1, Hit(HitKind.CLICK, "a", NOW)))
    assert writer.flush()


def test_explain_says_what_was_followed_and_who_objects(open_mailing: Open) -> None:
    with open_mailing(objecting="bob") as post:
        rules = open_workspace(post.office.root)
        explained = partial(explain, post.shop.engine, rules, now=NOW + timedelta(hours=1))
        assert "clicks" not in {fact.name for fact in explained("ada", "news").facts}
        post.get(post.link("ada"))
        assert len(post.hits()) == 1
        said = {fact.name: fact.why for fact in explained("ada", "news").facts}
        assert said["clicks"] == f"Followed links of 1 email, last on 2026-06-10 to {SALE}."
        post.get(post.link("ada", 0))
        assert len(post.hits()) == 2
        said = {fact.name: fact.why for fact in explained("ada", "news").facts}
        assert said["clicks"] == "Has followed no link; of 1 more only machines followed links."
        said = {fact.name: fact.why for fact in explained("bob", "news").facts}
        assert said["tracking"].startswith("Objected on")


def test_a_host_in_letters_of_its_own() -> None:
    assert ascii_host("https://пример.испытание:8443/ціна") == "https://xn--e1afmkfd.xn--80akhbyknj4f:8443/ціна"
    assert ascii_host("https://a.example/ціна") == "https://a.example/ціна"
