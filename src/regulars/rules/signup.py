"""The section `signup`: the sign-up form, with the text of the consent by language."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from regulars.rules.phrase_types import Duration, Name, Part
from regulars.rules.survey import Texts


class Signup(Part):
    """A form at `/join`, also for your own website. Confirmed by the email of a campaign `on: signup.requested`."""

    text: Texts = Field(description="What they agree to: stands beside the button, and is kept with their consent")
    title: Texts | None = Field(default=None, description="The heading of the page")
    topic: Name = Field(default="marketing", description="What they sign up for, as campaigns name it")
    keep: Duration = Field(
        default=timedelta(days=7), description="How long the confirmation holds; then the sign-up is forgotten"
    )
