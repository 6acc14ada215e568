"""Random conditions, as text: well-typed, and made of everything the language has."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from tests.audience.populations import NOWS, SKUS, TEXTS

Text = st.SearchStrategy[str]

_DAYS = sorted({str((now + timedelta(days=n)).date()) for now in NOWS for n in (-1, 0, 1, -30)} | {"1980-02-29"})
_WITHIN = ("1 minute", "2 hours", "1 day", "30 days", "2 weeks", "1 year")
_EVENTS = ("purchase", "visit.done", "complaint")
_ORDER = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])


def quoted(value: str) -> str:
    """The text as the author would write it."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _within(call: str) -> Text:
    ends = [")"] + [f"{', ' if not call.endswith('(') else ''}within='{w}')" for w in _WITHIN]
    return st.sampled_from(ends).map(lambda end: call + end)


def _one_of_events(name: str) -> Text:
    return st.sampled_from(_EVENTS).flatmap(lambda event: _within(f"{name}('{event}'"))


_EVENT_FIELDS: dict[str | None, str] = {
    None: "",
    "visit.done": "score comment late day starts_at topics at",
    "purchase": "amount currency quantity discount at",
}


def conditions(event: str | None = None) -> Text:
    """Conditions; with an event, `visit.done` or `purchase`, also about the one that set the campaign off."""
    known = _EVENT_FIELDS[event].split()

    def fields(customer: str, happening: str) -> Text:
        ours = [f"event.{n}" for n in happening.split() if n in known]
        return st.sampled_from([f"customer.{n}" for n in customer.split()] + 2 * ours)

    yes_no, number = st.deferred(lambda: _yes_no), st.deferred(lambda: _number)
    text, day, moment = st.deferred(lambda: _text), st.deferred(lambda: _day), st.deferred(lambda: _moment)
    plain_text = st.sampled_from(TEXTS).map(quoted)
    count = st.one_of(
        st.integers(-3, 40).map(str),
        st.sampled_from(["0", "0.5", "-1.5", "90", "365", "1e6", "2000000.5", "1e-15", "1e15"]),
    )
    field_text = fields(
        "name first_name country source locale timezone manager next_product tier external_id", "comment"
    )

    def chosen(value: Text) -> Text:
        other = value | st.just("none")
        return st.builds("({} if {} else {})".format, value, yes_no, other)

    _text = st.one_of(field_text, field_text, plain_text, chosen(field_text))
    _day = st.one_of(fields("birthday renewal", "day"), st.just("today"), chosen(fields("birthday renewal", "day")))
    _moment = st.one_of(
        fields("created_at first_purchase_at last_purchase_at next_product_at seen", "starts_at at"),
        st.just("now"),
        st.sampled_from(["first", "last"]).flatmap(lambda f: st.sampled_from(_EVENTS).map(lambda e: f"{f}('{e}')")),
        chosen(fields("last_purchase_at seen", "at")),
    )
    days = st.builds("{}({})".format, st.sampled_from(["days_since", "days_until"]), day | moment)
    _number = st.one_of(
        fields("purchases spent rhythm overdue points", "score amount quantity discount"),
        count,
        days,
        days,
        _one_of_events("count"),
        _within("spent("),
        st.builds("({} {} {})".format, number, st.sampled_from("+-*/"), number),
        st.builds("-{}".format, fields("points overdue", "score discount")),
        chosen(number),
    )
    iso = st.sampled_from(_DAYS).map(quoted)
    stamps = st.sampled_from(["'2026-03-29T00:30Z'", "'2026-10-25T02:00:00+02:00'"])
    listed = st.one_of(
        st.builds(
            "{} {} [{}]".format,
            text,
            st.sampled_from(["in", "not in"]),
            st.lists(plain_text, max_size=3).map(", ".join),
        ),
        st.builds("{} in [{}]".format, number, st.lists(count, max_size=3).map(", ".join)),
        st.builds("{} in [{}]".format, day, st.lists(iso, max_size=3).map(", ".join)),
        st.builds("{} {} {}".format, text, st.sampled_from(["in", "not in"]), fields("tags", "topics")),
    )
    compared = st.one_of(
        st.builds("{} {} {}".format, text, _ORDER, text),
        st.builds("{} {} {}".format, number, _ORDER, number),
        st.builds("{} {} {} {} {}".format, number, _ORDER, number, _ORDER, count),
        st.builds("{} {} {}".format, days, _ORDER, count),
        st.builds("{} {} {}".format, count, _ORDER, days),
        st.builds("{} {} {}".format, day, _ORDER, day | iso),
        st.builds("{} {} {}".format, moment, _ORDER, st.one_of(moment, iso, stamps)),
        st.builds("({}) {} ({})".format, yes_no, st.sampled_from(["==", "!="]), yes_no),
    )
    tested = st.builds("{}({}, {})".format, st.sampled_from(["contains", "starts_with", "ends_with"]), text, text)
    histories = st.one_of(
        st.sampled_from([*SKUS, "care", "nothing"]).flatmap(lambda s: _within(f"bought('{s}'")), _one_of_events("did")
    )
    anything = st.one_of(text, number, day, moment, fields("tags", "topics"), yes_no.map("({})".format))
    missing = st.builds("{} is {}".format, anything, st.sampled_from(["none", "not none"]))
    simple = st.one_of(
        compared,
        compared,
        listed,
        tested,
        histories,
        missing,
        fields("vip", "late"),
        st.sampled_from(["true", "false"]),
    )
    _yes_no = st.one_of(
        simple,
        simple,
        simple,
        st.builds("not ({})".format, yes_no),
        st.builds("({}) {} ({})".format, yes_no, st.sampled_from(["and", "or"]), yes_no),
        chosen(yes_no.map("({})".format)),
    )
    return _yes_no
