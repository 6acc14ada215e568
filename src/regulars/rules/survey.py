"""The section `surveys`: questions with a scale, with choices, or with a text answer, by language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from regulars.rules.phrase_types import Part

_Text = Annotated[str, StringConstraints(min_length=1)]


def _by_language(value: Any) -> Any:
    return {"": value} if isinstance(value, str) else value


Texts = Annotated[
    dict[str, _Text],
    Field(min_length=1),
    BeforeValidator(_by_language),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}]}),
]
"""A text in one language for all (under the key ""), or `{en: …, uk: …}`."""


def in_language(texts: Mapping[str, str], *locales: str) -> str:
    """The text for the first available of the locales, `uk-UA` or `uk`; else the first text."""
    for locale in locales:
        for key in (locale, locale.replace("_", "-").partition("-")[0].lower()):
            if key in texts:
                return texts[key]
    return next(iter(texts.values()))


Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class Question(Part):
    """One question. Without `scale` and `choices` it takes a text answer."""

    id: Key = Field(description="The answer's name in the event `survey.answered`, and in links: `?score=9`")
    ask: Texts = Field(description="The question, once or by language")
    scale: Literal["1-5", "1-7", "1-10", "0-10"] | None = Field(default=None, description="A number to tap")
    low: Texts | None = Field(default=None, description="Meaning of the low end of the scale")
    high: Texts | None = Field(default=None, description="Meaning of the high end")
    choices: Mapping[Key, Texts] | None = Field(default=None, description="Possible answers, by name")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.scale is not None and self.choices is not None:
            raise PydanticCustomError("two_kinds", "a question with either `scale` or `choices`")
        return self

    @property
    def points(self) -> range:
        """The numbers of the scale; empty where there is none."""
        if self.scale is None:
            return range(0)
        first, _, last = self.scale.partition("-")
        return range(int(first), int(last) + 1)


class Survey(Part):
    """A page of questions, opened by `links.survey` of the campaigns that name it."""

    title: Texts = Field(description="The heading of the page")
    questions: tuple[Question, ...] = Field(description="The questions, in order")
    thanks: Texts | None = Field(default=None, description="Text after the answers")

    name: str = Field(default="", exclude=True, json_schema_extra={"regulars": "internal"})

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        names = [question.id for question in self.questions]
        if not names:  # a bound on the field would also count invalid entries
            raise PydanticCustomError("no_question", "a survey with at least one question")
        if len(set(names)) != len(names):
            raise PydanticCustomError("same_id", "questions each with an `id` of its own")
        if "survey" in names:
            raise PydanticCustomError("taken_id", "questions with an `id` other than `survey`, which names the survey")
        return self
