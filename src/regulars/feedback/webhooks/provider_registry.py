"""The providers, by the name in their path; a new one is a module and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from regulars.feedback.webhooks.amazon_ses import AmazonSes
from regulars.feedback.webhooks.brevo import Brevo
from regulars.feedback.webhooks.mailgun import Mailgun
from regulars.feedback.webhooks.postmark import Postmark
from regulars.feedback.webhooks.provider_interface import Provider
from regulars.feedback.webhooks.resend import Resend
from regulars.feedback.webhooks.sendgrid import SendGrid

PROVIDERS: Mapping[str, Callable[[str], Provider]] = {
    "ses": AmazonSes,
    "sendgrid": SendGrid,
    "mailgun": Mailgun,
    "postmark": Postmark,
    "brevo": Brevo,
    "resend": Resend,
}


def configured(secrets: Mapping[str, str]) -> dict[str, Provider]:
    """The providers for which there is a secret, key or topic; raises EnvironmentFailed for one that is none."""
    return {name: PROVIDERS[name](value) for name, value in secrets.items() if name in PROVIDERS and value}
