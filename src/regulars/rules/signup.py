"""The section `signup`: the sign-up form, with the text of the consent by language."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from regulars.rules.phrase_types import Duration, Name, Part
from regulars.rules.survey import Texts


class Signup(Part):
    """A form at `/join`, also for your own website. Confirmed by the email of a campaign `on: signup.requested`."""

    text: Texts = Field(description="The text of the consent: shown beside the button, and stored with the consent")
    title: Texts | None = Field(default=None, description="The heading of the page")
    topic: Name = Field(default="marketing", description="The topic of the sign-up")
    keep: Duration = Field(
        default=timedelta(days=7), description="How long the confirmation is possible; then the sign-up is deleted"
    )
