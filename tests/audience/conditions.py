"""Random conditions, as text: well-typed, and made of everything the language has.

Numbers, stretches of time and texts come from small pools that fit those of the populations: the edges,
where compilers go astray, are then met often and not once in a thousand.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property, lru_cache

from hypothesis import strategies as st

from regulars.rules.fields import FieldType
from tests.audience.populations import CATALOGUE, EVENTS, NOWS, SEGMENTS, SKUS, TEXTS, WITHIN

Text = st.SearchStrategy[str]

_DAYS = sorted({str((now + timedelta(days=n)).date()) for now in NOWS for n in (-1, 0, 1)} | {"1980-02-29"})
_ORDER = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
_FIELDS = {
    "visit.done": "score comment late day starts_at topics at",
    "purchase": "amount currency quantity discount at",
}


def of_type(kind: FieldType) -> str:
    """The names of all fields of clients of this type, the workspace's own among them."""
    return " ".join(name for name, field in CATALOGUE.fields.items() if field.type is kind)


def quoted(value: str) -> str:
    """The text as the author would write it."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def within(call: str) -> Text:
    """The call, as often as not with a stretch of time to look back on."""
    comma = "" if call.endswith("(") else ", "
    return st.sampled_from([")"] * 3 + [f"{comma}within='{w}')" for w in WITHIN]).map(lambda end: call + end)


def _call(name: str) -> Text:
    return st.sampled_from(EVENTS).flatmap(lambda event: within(f"{name}('{event}'"))


class Grammar:
    """Strategies for values of each type, in campaigns that `event` sets off or in any."""

    def __init__(self, event: str | None, *, state: bool = False) -> None:
        self.edges = ["left_segment('spenders')", "left_segment('both')"] if state else []
        self.known = _FIELDS[event].split() if event else []
        self.asked: set[str] = set()
        """Fields of clients that the strategies made so far can ask about."""

    def fields(self, customer: str, happening: str) -> Text:
        """`customer.…` of the first names and, where it has them, `event.…` of the second."""
        self.asked.update(customer.split())
        ours = [f"event.{n}" for n in happening.split() if n in self.known]
        return st.sampled_from([f"customer.{n}" for n in customer.split()] + 2 * ours)

    def chosen(self, value: Text) -> Text:
        """One value or another, by some condition."""
        condition = st.deferred(lambda: self.yes_no)
        return st.builds("({} if {} else {})".format, value, condition, value | st.just("none"))

    @cached_property
    def field_text(self) -> Text:
        return self.fields(of_type(FieldType.TEXT), "comment currency")

    @cached_property
    def text(self) -> Text:
        plain = st.sampled_from(TEXTS).map(quoted)
        return st.one_of(self.field_text, self.field_text, plain, self.chosen(self.field_text))

    @cached_property
    def field_day(self) -> Text:
        return self.fields(of_type(FieldType.DATE), "day")

    @cached_property
    def day(self) -> Text:
        return st.one_of(self.field_day, st.just("today"), self.chosen(self.field_day))

    @cached_property
    def ends(self) -> Text:
        return st.builds("{}('{}')".format, st.sampled_from(["first", "last"]), st.sampled_from(EVENTS))

    @cached_property
    def moment(self) -> Text:
        known = self.fields(of_type(FieldType.INSTANT), "starts_at at")
        following = st.sampled_from(["next('visit')", "next('demo.agreed', at='starts_at')"])
        return st.one_of(known, known, st.just("now"), self.ends, self.ends, following, self.chosen(known))

    @cached_property
    def count(self) -> Text:
        odd = st.sampled_from(["0.5", "-1.5", "365", "1e6", "2000000.5", "1e-15", "1e15", "20.5"])
        return st.one_of(st.sampled_from(["-7", "-1", "0", "1", "2", "7", "30"]), odd)

    @cached_property
    def days(self) -> Text:
        return st.builds("{}({})".format, st.sampled_from(["days_since", "days_until"]), self.day | self.moment)

    @cached_property
    def number(self) -> Text:
        again = st.deferred(lambda: self.number)
        return st.one_of(
            self.fields(of_type(FieldType.NUMBER), "score amount quantity discount"),
            self.fields(of_type(FieldType.NUMBER), "score"),
            self.count,
            self.days,
            self.days,
            _call("count"),
            within("spent("),
            self.of_lines,
            st.builds("({} {} {})".format, again, st.sampled_from("+-*/"), again),
            st.builds("-{}".format, self.fields("credit overdue", "score discount")),
            self.chosen(again),
        )

    @cached_property
    def of_lines(self) -> Text:
        things = st.sampled_from([*SKUS, "care", "nothing"])
        return st.one_of(
            things.flatmap(lambda thing: within(f"spent(on='{thing}'")),
            things.flatmap(lambda thing: within(f"bought_quantity('{thing}'")),
        )

    @cached_property
    def compared(self) -> Text:
        iso = st.sampled_from(_DAYS).map(quoted)
        stamps = st.sampled_from(["'2026-03-29T00:30Z'", "'2026-10-25T02:00:00+02:00'"])
        again = st.deferred(lambda: self.yes_no)
        return st.one_of(
            st.builds("{} {} {}".format, self.text, _ORDER, self.text),
            st.builds("{} {} {}".format, self.number, _ORDER, self.number),
            st.builds("{} {} {} {} {}".format, self.number, _ORDER, self.number, _ORDER, self.count),
            st.builds("{} {} {}".format, self.days, _ORDER, self.count),
            st.builds("{} {} {}".format, self.count, _ORDER, self.days),
            st.builds("{} {} {}".format, _call("count") | within("spent("), _ORDER, self.count),
            st.builds("{} {} {}".format, self.day, _ORDER, self.day | iso),
            st.builds("{} {} {}".format, self.moment, _ORDER, st.one_of(self.moment, iso, stamps)),
            st.builds("{} {} {}".format, self.moment, _ORDER, self.day),
            st.builds("{} {} {}".format, self.day, _ORDER, self.moment),
            st.builds("{} {} {}".format, self.of_lines, _ORDER, self.count),
            st.builds("({}) {} ({})".format, again, st.sampled_from(["==", "!="]), again),
        )

    @cached_property
    def listed(self) -> Text:
        among, lists = st.sampled_from(["in", "not in"]), self.fields(of_type(FieldType.LIST), "topics")
        texts = st.lists(st.sampled_from(TEXTS).map(quoted), max_size=3).map(", ".join)
        numbers = st.lists(self.count, max_size=3).map(", ".join)
        dates = st.lists(st.sampled_from(_DAYS).map(quoted), max_size=3).map(", ".join)
        return st.one_of(
            st.builds("{} {} [{}]".format, self.text, among, texts),
            st.builds("{} in [{}]".format, self.number, numbers),
            st.builds("{} in [{}]".format, self.day, dates),
            st.builds("{} {} {}".format, self.text, among, lists),
        )

    @cached_property
    def simple(self) -> Text:
        """Conditions that are not made of others."""
        tests = st.sampled_from(["contains", "starts_with", "ends_with"])
        bought = st.sampled_from([*SKUS, "care", "nothing"]).flatmap(lambda s: within(f"bought('{s}'"))
        again = st.deferred(lambda: self.yes_no)
        anything = st.one_of(
            self.text,
            self.number,
            self.day,
            self.moment,
            self.fields(of_type(FieldType.LIST), "topics"),
            again.map("({})".format),
        )
        return st.one_of(
            self.compared,
            self.compared,
            self.listed,
            st.builds("{}({}, {})".format, tests, self.text, self.text),
            bought,
            _call("did"),
            st.sampled_from(sorted(SEGMENTS)).map("in_segment('{}')".format),
            st.sampled_from(["has_upcoming('visit')", "has_upcoming('demo.agreed')"] + 2 * self.edges),
            st.builds("{} is {}".format, anything, st.sampled_from(["none", "not none"])),
            self.fields(of_type(FieldType.BOOL), "late") | st.sampled_from(["true", "false"]),
        )

    @cached_property
    def yes_no(self) -> Text:
        """Any condition."""
        again = st.deferred(lambda: self.yes_no)
        return st.one_of(
            self.simple,
            self.simple,
            self.simple,
            st.builds("not ({})".format, again),
            st.builds("({}) {} ({})".format, again, st.sampled_from(["and", "or"]), again),
            self.chosen(again.map("({})".format)),
        )


@lru_cache
def conditions(event: str | None = None, *, state: bool = False) -> Text:
    """Conditions; with an event, `visit.done` or `purchase`, also about the one that set the campaign off.

    `state`: those of `when`, which can also ask who left a segment.
    """
    return Grammar(event, state=state).yes_no
