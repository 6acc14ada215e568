"""From an email sent through a provider's API to the suppression of its dead address, by the provider's webhook."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from regulars.core import settings
from regulars.db.engine import open_engine
from regulars.feedback.webhooks.amazon_ses import AmazonSes
from regulars.feedback.webhooks.postmark import Postmark
from regulars.feedback.webhooks.sns_signature import Certificates
from tests.cli.conftest import Project
from tests.common.workspace import write_workspace
from tests.delivery import http_providers
from tests.delivery.http_providers import Reply
from tests.dispatch.office import NEWS
from tests.feedback.provider_requests import TOPIC, certificate, sns
from tests.web.shop import NOW, open_shop

pytestmark = pytest.mark.slow

CUSTOMERS = "id,email,first_name,consent\nc-1,ada@client.example,Ada,yes\nc-2,bo@alive.example,Bo,yes\n"
NEXT = {"at": "2026-06-11 10:00", "email": "next", "backfill": "all"}
WORDS = "550 5.1.1 User unknown"


def _accepted(document: Mapping[str, Any]) -> Reply:
    """Both providers give each email an id of their own; these are made of the recipient's name."""
    if "Destination" in document:
        return 200, {}, json.dumps({"MessageId": f"ses-{document['Destination']['ToAddresses'][0].partition('@')[0]}"})
    recipient = document["To"].rpartition("<")[2].partition("@")[0]
    return 200, {}, json.dumps({"ErrorCode": 0, "Message": "OK", "MessageID": f"pm-{recipient}"})


def _bounce(name: str) -> bytes:
    """What the provider posts about the email to Ada, which it knows by its own id only."""
    at = f"{NOW - timedelta(minutes=1):%Y-%m-%dT%H:%M:%S}.000Z"
    if name == "postmark":
        about = {"RecordType": "Bounce", "ID": 42, "Type": "HardBounce", "MessageID": "pm-ada", "Details": WORDS}
        return json.dumps({**about, "Email": "ada@client.example", "BouncedAt": at}).encode()
    recipient = {"emailAddress": "ada@client.example", "status": "5.1.1", "diagnosticCode": f"smtp; {WORDS}"}
    bounce = {"bounceType": "Permanent", "bounceSubType": "General", "timestamp": at, "bouncedRecipients": [recipient]}
    event = {"notificationType": "Bounce", "bounce": bounce, "mail": {"messageId": "ses-ada", "timestamp": at}}
    return json.dumps(sns(event, Timestamp=at)).encode()


@pytest.mark.parametrize("name", ["ses", "postmark"])
def test_a_bounce_that_a_provider_reports_ends_all_mail_to_the_address(name: str, tmp_path: Path) -> None:
    project = Project(write_workspace(tmp_path / "shop", {"news": NEWS, "next": NEXT}))
    project.ok("import", "customers", str(project.file("customers.csv", CUSTOMERS)))
    pem = certificate(NOW + timedelta(days=30))
    webhooks = {"ses": AmazonSes(TOPIC, Certificates(lambda _: pem)), "postmark": Postmark("s3cret")}
    with http_providers.provider(_accepted) as (port, received):
        through = {"REGULARS_SMTP_URL": getattr(http_providers, name)(port)}
        assert "2 sent" in project.ok("tick", "--now", "2026-06-10T12:00", **through)
        engine = open_engine(f"sqlite:///{project.root}/var/regulars.sqlite")
        with open_shop(engine, root=project.root) as site:
            assert site.site is not None
            site.site.mail_webhooks = webhooks
            site.site.address_secret = settings.load(project.root, {}).address_secret
            path = "/hooks/mail/ses" if name == "ses" else "/hooks/mail/postmark/s3cret"
            for recorded in (1, 0):
                answer = site.ask("POST", path, _bounce(name), {"content-type": "application/json"})
                assert json.loads(answer.text) == {"received": 1, "recorded": recorded}
        engine.dispose()
        assert project.data("suppressions", "--reason", "bounced")["suppressions"][0]["clients"] == ["c-1"]
        explained = project.ok("explain", "c-1", "news", "--now", "2026-06-10T14:00")
        assert "`news` bounced" in explained
        assert "1 sent" in project.ok("tick", "--now", "2026-06-11T12:00", **through)
        assert len(received) == 3
    found = project.data("report", "--now", "2026-06-11T13:00")["campaigns"]
    assert (found["news"]["sent"], found["news"]["bounced"]) == (1, 1)
    assert found["next"]["skipped"] == {"suppressed": 1}
