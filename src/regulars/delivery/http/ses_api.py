"""Amazon SES, API version 2: `SendEmail` with the raw message, signed by AWS Signature Version 4.

Documented at docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html and, for the signature,
docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html. SES replaces the Message-ID by its
own, which the reply tells.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from regulars.core import clock
from regulars.core.errors import EnvironmentFailed
from regulars.delivery.http.api_url import ApiUrl
from regulars.delivery.http.http_courier import (
    Api,
    ApiRequest,
    HttpCourier,
    Unusable,
    accepted,
    failed_inside,
    refused,
)
from regulars.delivery.parcel import Parcel, Result
from regulars.delivery.transport import Transport

PATH = "/v2/email/outbound-emails"
_REGION_IN_HOST = re.compile(r"email(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com")
_ABOUT_THE_MESSAGE = frozenset({"MessageRejected", "BadRequestException"})
_ABOUT_US = frozenset(
    {"AccountSuspendedException", "SendingPausedException", "MailFromDomainNotVerifiedException", "NotFoundException"}
)


class Ses(Api):
    """One account in one region. `configuration` is the configuration set, which publishes bounces."""

    def __init__(self, url: ApiUrl, region: str, now: Callable[[], datetime] = clock.system) -> None:
        self._key, self._secret = url.user, url.password or ""
        self._host, self._region, self._now = url.server, region, now
        self._configuration = url.options.get("configuration")

    def request(self, parcel: Parcel) -> ApiRequest:
        document: dict[str, Any] = {
            "Content": {"Raw": {"Data": b64encode(parcel.data).decode()}},
            "Destination": {"ToAddresses": list(parcel.recipients)},
        }
        if self._configuration:
            document["ConfigurationSetName"] = self._configuration
        body = json.dumps(document).encode()
        return ApiRequest(PATH, self.signed_headers(body), body)

    def signed_headers(self, body: bytes) -> dict[str, str]:
        """The headers of the request, the signature among them."""
        at = self._now().astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        headers = {"content-type": "application/json", "host": self._host, "x-amz-date": at}
        names = ";".join(headers)
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        canonical = f"POST\n{PATH}\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{at[:8]}/{self._region}/ses/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = f"AWS4{self._secret}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
        credential = f"Credential={self._key}/{scope}, SignedHeaders={names}, Signature={signature}"
        return {**headers, "authorization": f"AWS4-HMAC-SHA256 {credential}"}

    def judge(self, parcel: Parcel, status: int, headers: Mapping[str, str], body: str) -> Result:
        document = _parsed(body)
        if status == 200 and document.get("MessageId"):
            return accepted(parcel, str(document["MessageId"]))
        kind = str(headers.get("x-amzn-errortype") or document.get("__type") or "").split(":")[0].rpartition("#")[2]
        words = f"{kind or f'HTTP {status}'}: {document.get('message') or document.get('Message') or 'no reason'}"
        if status == 429 or kind in {"TooManyRequestsException", "LimitExceededException", "ThrottlingException"}:
            raise Unusable(words, status)
        if status in {401, 403, 404} or kind in _ABOUT_US:
            raise Unusable(words, status)
        if kind in _ABOUT_THE_MESSAGE or 400 <= status < 500:
            return refused(parcel, words)
        if status == 503:
            raise Unusable(words, status)
        return failed_inside(parcel, status, words)


def open_ses(url: str, name: str) -> Transport:
    """The transport for `ses://KEY:SECRET@HOST/?region=…&configuration=…`. Raises EnvironmentFailed.

    The region is taken from Amazon's own host names.
    """
    parsed = ApiUrl.parse(url, name, ("region", "configuration"))
    if not parsed.password:
        raise EnvironmentFailed(f"the URL of the mail server `{name}` cannot be used: expected ses://KEY:SECRET@HOST")
    found = _REGION_IN_HOST.fullmatch(parsed.host)
    region = parsed.options.get("region") or (found[1] if found else "")
    if not region:
        raise EnvironmentFailed(
            f"the URL of the mail server `{name}` names no region: expected the host email.REGION.amazonaws.com"
        )
    return HttpCourier(parsed, Ses(parsed, region))


def _parsed(body: str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
