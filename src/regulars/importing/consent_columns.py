"""Columns about consent in the exports of other tools, and the words in them. A table; `consent_cells` reads with it.

Names are compared without case, accents, spaces and punctuation (`columns.plain_name`). A name means the same in
every tool that has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto


class ConsentState(StrEnum):
    """What a row says about emails to its person, from the mildest to the gravest; the value is its name in the log."""

    SILENT = "has not opted out"  # not a consent: many tools write it for everybody
    SUBSCRIBED = "subscribed"
    NEVER = "never subscribed"
    LEFT = "unsubscribed"
    NO_MARKETING = "suppressed from marketing"  # this and the next are of our own exports: no decision of the client
    NO_EMAIL = "suppressed from all emails"
    BLOCKED = "blocklisted"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class Form(Enum):
    """How the cells of a column are written."""

    FLAG = auto()  # yes or no, or the date since when it is a yes
    WORD = auto()  # one of the words in WORDS
    DATE = auto()  # the date of the state; empty where the state does not apply
    TEXT = auto()  # a reason; empty, or a no, where the state does not apply
    OTHER = auto()  # about something else than our emails


@dataclass(frozen=True, slots=True)
class Meaning:
    """The meaning of a column: its form, and the state of a yes, a date or a text in it."""

    form: Form
    state: ConsentState | None = None
    otherwise: ConsentState | None = None
    """The state of a no in a flag."""
    blank: ConsentState | None = None
    """The state of an empty cell."""
    codes: Mapping[str, ConsentState] = field(default_factory=dict)
    """Codes of the tool, before the common words."""
    lenient: bool = False
    """For names that mean something else in most files, such as `state`: unknown words are not about consent."""


_S = ConsentState
_YES = Meaning(Form.FLAG, _S.SUBSCRIBED, _S.LEFT)
_OPT_OUT = Meaning(Form.FLAG, _S.LEFT, _S.SILENT)
_BLOCKED = Meaning(Form.FLAG, _S.BLOCKED, _S.SILENT)
_SPAM = Meaning(Form.FLAG, _S.COMPLAINED, _S.SILENT)
_BOUNCE = Meaning(Form.TEXT, _S.BOUNCED)
_ACTIVE = dict.fromkeys(("active", "enabled", "1"), _S.SUBSCRIBED)
_WORD = Meaning(Form.WORD, codes=_ACTIVE)
_VAGUE = Meaning(Form.WORD)
_DECIDED_AT = Meaning(Form.DATE)
_JOINED_AT = Meaning(Form.DATE, _S.SUBSCRIBED)
_LEFT_AT = Meaning(Form.DATE, _S.LEFT)
_BOUNCED_AT = Meaning(Form.DATE, _S.BOUNCED)
_COMPLAINED_AT = Meaning(Form.DATE, _S.COMPLAINED)
_WHY_LEFT = Meaning(Form.TEXT, _S.LEFT)
_OTHER = Meaning(Form.OTHER)

SUBSCRIBED, UNSUBSCRIBED = _YES, _OPT_OUT
"""The meanings of the importer's own columns."""

_ACTIVECAMPAIGN = {"0": _S.NEVER, "1": _S.SUBSCRIBED, "2": _S.LEFT, "3": _S.BOUNCED}
_MAGENTO = {"1": _S.SUBSCRIBED, "2": _S.NEVER, "3": _S.LEFT, "4": _S.NEVER}
_DOUBLE_OPT_IN = {"1": _S.SUBSCRIBED, "2": _S.NEVER, "0": _S.NEVER, "no": _S.NEVER, "yes": _S.SUBSCRIBED}

TOOLS: Mapping[str, Mapping[str, Meaning]] = {
    "Mailchimp": {
        "UNSUB_TIME": _LEFT_AT, "UNSUB_CAMPAIGN_TITLE": _WHY_LEFT, "UNSUB_CAMPAIGN_ID": _WHY_LEFT,
        "UNSUB_REASON": _WHY_LEFT, "UNSUB_REASON_OTHER": _WHY_LEFT, "CLEAN_TIME": _BOUNCED_AT,
        "CLEAN_CAMPAIGN_TITLE": _BOUNCE, "CLEAN_CAMPAIGN_ID": _BOUNCE, "OPTIN_TIME": _JOINED_AT,
        "CONFIRM_TIME": _JOINED_AT, "OPTIN_IP": _OTHER, "CONFIRM_IP": _OTHER, "Status": _VAGUE, "Member status": _WORD,
    },
    "listmonk": {"status": _VAGUE, "subscription_status": _WORD, "list subscription status": _WORD},
    "Brevo (Sendinblue)": {
        "EMAIL_BLACKLISTED": _OPT_OUT, "BLACKLIST": _OPT_OUT, "BLACKLISTED": _OPT_OUT, "SMS_BLACKLISTED": _OTHER,
        "WHATSAPP_BLACKLISTED": _OTHER, "OPT_IN": _YES, "DOUBLE_OPT-IN": Meaning(Form.WORD, codes=_DOUBLE_OPT_IN),
        "email_marketing": _WORD, "sms_marketing": _OTHER,
    },
    "Klaviyo": {
        "Email Marketing Consent": _WORD, "Email Marketing Consent Timestamp": _DECIDED_AT,
        "Email Suppressions": Meaning(Form.TEXT, _S.BLOCKED), "Suppressed": _BLOCKED, "$consent": _YES,
        "$consent_timestamp": _DECIDED_AT, "SMS Marketing Consent": _OTHER,
    },
    "HubSpot": {
        "Unsubscribed from all email": _OPT_OUT, "Opted out of email": _OPT_OUT, "Email hard bounce reason": _BOUNCE,
        "Hard bounce reason": _BOUNCE, "Invalid email address": _BOUNCE, "Portal Unsubscribe": _OPT_OUT,
        "Portal Bounce": _BOUNCE, "Global Bounce": _BOUNCE, "Portal Spam Report": _SPAM,
        "Opted out of email: Marketing Information": _OPT_OUT, "Marketing contact status": _OTHER,
        "Unsubscribed from all email date": _LEFT_AT,
    },
    "Salesforce": {
        "HasOptedOutOfEmail": _OPT_OUT, "PersonHasOptedOutOfEmail": _OPT_OUT, "Email Opt Out": _OPT_OUT,
        "IsEmailBounced": _BOUNCE, "EmailBouncedReason": _BOUNCE, "Email Bounced Reason": _BOUNCE,
        "EmailBouncedDate": _BOUNCED_AT, "Email Bounced Date": _BOUNCED_AT, "HasOptedOutOfFax": _OTHER,
        "Fax Opt Out": _OTHER, "Do Not Call": _OTHER,
    },
    "Zoho": {
        "Email Opt Out": _OPT_OUT, "Email_Opt_Out": _OPT_OUT, "Unsubscribed Mode": _WHY_LEFT,
        "Unsubscribed Time": _LEFT_AT, "SMS Opt Out": _OTHER, "Contact Status": _VAGUE,
    },
    "ActiveCampaign": {
        "Status": _VAGUE, "List status": Meaning(Form.WORD, codes={**_ACTIVE, **_ACTIVECAMPAIGN}),
        "Unsubscribed Date": _LEFT_AT, "Subscribe Date": _JOINED_AT, "Bounced hard": _BOUNCE, "Bounced soft": _OTHER,
    },
    "Kit (ConvertKit)": {"state": Meaning(Form.WORD, codes=_ACTIVE, lenient=True), "subscriber_state": _WORD},
    "Constant Contact": {
        "Email status": Meaning(Form.WORD, codes=_ACTIVE, blank=_S.NEVER),
        "Email permission status": Meaning(Form.WORD, codes=_ACTIVE, blank=_S.NEVER),
        "Is Unsubscribed": _OPT_OUT, "Email update source": _OTHER, "Opt-out date": _LEFT_AT,
        "Opt-out reason": _WHY_LEFT,
    },
    "Square": {"Email Subscription Status": _WORD, "Email Unsubscribed": _OPT_OUT},
    "Odoo": {
        "is_blacklisted": _BLOCKED, "opt_out": _OPT_OUT, "opt_out_datetime": _LEFT_AT, "unsubscription_date": _LEFT_AT,
        "opt_out_reason": _WHY_LEFT, "message_bounce": _OTHER, "Bounce": _OTHER, "Blacklist": _OPT_OUT,
        "phone_blacklisted": _OTHER,
    },
    "Magento": {
        "is_subscribed": _YES, "subscriber_status": Meaning(Form.WORD, codes={**_ACTIVE, **_MAGENTO}),
        "newsletter_subscription": _YES, "change_status_at": _DECIDED_AT,
    },
    "PrestaShop": {"newsletter": _YES, "newsletter_date_add": _DECIDED_AT, "ip_registration_newsletter": _OTHER},
    "Shopify": {
        "Accepts Email Marketing": _YES, "Accepts Marketing": _YES, "Accepts SMS Marketing": _OTHER,
        "Email marketing status": _WORD,
    },
    "MailerLite": {
        "unsubscribed_at": _LEFT_AT, "opted_in_at": _JOINED_AT, "subscribed_at": _JOINED_AT, "optin_ip": _OTHER,
        "Confirmation time": _JOINED_AT,
    },
    "Campaign Monitor": {
        "Permission to track": _OTHER, "Unsubscribe date": _LEFT_AT, "Date unsubscribed": _LEFT_AT,
        "Bounce date": _BOUNCED_AT, "Consent to track": _OTHER,
    },
    "GetResponse": {
        "Subscription date": _DECIDED_AT, "Unsubscribe reason": _WHY_LEFT, "Removal reason": _WHY_LEFT,
        "Subscription status": _WORD,
    },
    "Salesforce Marketing Cloud": {"DateUnsubscribed": _LEFT_AT, "DateJoined": _DECIDED_AT, "BounceCount": _OTHER},
    "Dynamics 365": {"Do not allow Emails": _OPT_OUT, "Do not allow Bulk Emails": _OPT_OUT, "donotemail": _OPT_OUT},
    "MailUp": {"OptOut_Date": _LEFT_AT},
    "Calendly": {"Invitee accepted marketing emails": _YES},
    "in general": {
        "subscribed": _YES, "unsubscribed": _OPT_OUT, "Subscribed on": _JOINED_AT, "Subscribed date": _JOINED_AT,
        "Date subscribed": _JOINED_AT, "Subscriber since": _JOINED_AT,
        "Unsubscribed date": _LEFT_AT, "Unsubscribed on": _LEFT_AT, "Opt out date": _LEFT_AT, "Opted out at": _LEFT_AT,
        "Bounced at": _BOUNCED_AT, "Bounced": _BOUNCE, "Hard bounced": _BOUNCE, "Hard bounce": _BOUNCE,
        "Bounce reason": _BOUNCE, "Bounce type": Meaning(Form.WORD), "Complained": _SPAM, "Complaint": _SPAM,
        "Spam complaint": _SPAM, "Marked as spam": _SPAM, "Complained at": _COMPLAINED_AT,
        "Blocklisted": _BLOCKED, "Blacklist status": _BLOCKED, "Consent": _YES, "Marketing consent": _YES,
        "Opt in": _YES, "Opted in": _YES, "Email opt in": _YES, "Email consent": _YES, "Newsletter subscription": _YES,
        "Newsletter consent": _YES, "Consent date": _DECIDED_AT, "Consented at": _DECIDED_AT,
        "Consent time": _DECIDED_AT, "Opt in date": _JOINED_AT, "Opt in time": _JOINED_AT, "Subscribe date": _JOINED_AT,
        "Opt out": _OPT_OUT, "Opted out": _OPT_OUT, "Do not email": _OPT_OUT, "Do not mail": _OPT_OUT,
        "Do not contact": _OPT_OUT, "State": Meaning(Form.WORD, codes=_ACTIVE, lenient=True),
    },
    "Russian": {
        "подписка": _YES, "подписан": _YES, "согласие": _YES, "согласие на рассылку": _YES, "рассылка": _YES,
        "дата согласия": _DECIDED_AT, "дата подписки": _JOINED_AT, "отписан": _OPT_OUT, "отписка": _OPT_OUT,
        "отписался": _OPT_OUT, "дата отписки": _LEFT_AT, "причина отписки": _WHY_LEFT, "статус": _VAGUE,
        "статус подписки": _WORD, "черный список": _BLOCKED,
    },
    "Ukrainian": {
        "підписка": _YES, "підписаний": _YES, "згода": _YES, "згода на розсилку": _YES, "розсилка": _YES,
        "дата згоди": _DECIDED_AT, "дата підписки": _JOINED_AT, "відписаний": _OPT_OUT, "відписка": _OPT_OUT,
        "дата відписки": _LEFT_AT, "статус підписки": _WORD, "чорний список": _BLOCKED,
    },
    "Romanian": {
        "abonat": _YES, "consimțământ": _YES, "acord marketing": _YES, "acord GDPR": _YES, "abonat la newsletter": _YES,
        "data consimțământului": _DECIDED_AT, "data abonării": _JOINED_AT, "dezabonat": _OPT_OUT,
        "data dezabonării": _LEFT_AT, "motivul dezabonării": _WHY_LEFT, "stare abonare": _WORD, "stare": _VAGUE,
    },
    "Estonian": {
        "liitunud": _YES, "nõusolek": _YES, "turundusnõusolek": _YES, "uudiskiri": _YES,
        "nõusoleku kuupäev": _DECIDED_AT, "liitumise kuupäev": _JOINED_AT,
        "loobunud": _OPT_OUT, "loobumise kuupäev": _LEFT_AT, "olek": _VAGUE,
    },
}  # fmt: skip
"""By tool: its columns about consent and delivery. PrestaShop's `optin` is consent to offers of partners, not to ours;
see PARTNERS."""

PARTNERS = frozenset({"optin"})
"""Names that are a yes to our emails, except where the file has the name of the newsletter beside it (PrestaShop)."""
NEWSLETTER = "newsletter"

MAILCHIMP_ID = "LEID"
"""A column of every file in Mailchimp's zip."""
FILES: Mapping[str, ConsentState] = {
    "unsubscribed": _S.LEFT, "cleaned": _S.BOUNCED, "nonsubscribed": _S.NEVER, "archived": _S.LEFT,
}  # fmt: skip
"""Beginnings of the names of these files, which tell a state that columns may not."""

WORDS: Mapping[ConsentState, tuple[str, ...]] = {
    _S.SUBSCRIBED: (
        "subscribed", "subscribe", "confirmed", "opted in", "opt in", "single opt in", "double opt in",
        "explicit", "express", "implicit", "implied", "granted", "consented", "accepted", "email", "подписан",
        "подтвержден", "підписаний", "підтверджено", "abonat", "confirmat", "liitunud", "tellitud",
    ),
    _S.SILENT: (
        "active", "enabled", "allow", "not opted out", "soft bounce", "soft bounced", "активен", "активний", "activ",
        "aktiivne",
    ),
    _S.NEVER: (
        "never subscribed", "non subscribed", "not subscribed", "pending", "unconfirmed", "not confirmed",
        "awaiting confirmation", "pending confirmation", "pending opt in", "no permissions set", "no permission",
        "not set", "not opted in", "not activated", "not active", "inactive", "transactional", "unknown", "none",
        "не подписан", "не подтвержден", "не підписаний", "neabonat", "neconfirmat", "kinnitamata",
    ),
    _S.LEFT: (
        "unsubscribed", "unsubscribe", "opted out", "opt out", "cancelled", "canceled", "withdrawn",
        "revoked", "declined", "refused", "denied", "do not allow", "removed", "deleted", "archived",
        "redacted", "disabled", "do not email",
        "отписан", "отписался", "відписаний", "відписався", "dezabonat", "loobunud",
    ),
    _S.NO_MARKETING: ("suppressed from marketing",),
    _S.NO_EMAIL: ("suppressed from all emails",),
    _S.BLOCKED: (
        "blocklisted", "blacklisted", "blocklist", "blacklist", "blocked", "suppressed", "do not contact", "banned",
        "заблокирован", "заблокований", "blocat", "blokeeritud",
    ),
    _S.BOUNCED: (
        "bounced", "bounce", "hard bounce", "hard bounced", "cleaned", "invalid", "undeliverable", "held", "hard",
        "permanent", "permanent bounce", "invalid email", "invalid address", "dropped", "отказ",
        "недоставлено", "недійсний", "nelivrabil",
    ),
    _S.COMPLAINED: (
        "complained", "complaint", "spam", "junk", "marked as spam", "spam complaint", "reported spam", "abuse",
        "жалоба", "скарга",
    ),
}  # fmt: skip
"""Words of a state. `active` alone is not a consent, unless the column is about subscriptions by its name."""

ANSWERS: Mapping[str, ConsentState | None] = {
    "yes": _S.SUBSCRIBED, "no": _S.LEFT, "never": _S.NEVER, "bounced": _S.BOUNCED, "complained": _S.COMPLAINED,
    "blocked": _S.BLOCKED, "-": None,
}  # fmt: skip
"""What `--consent VALUE=ANSWER` takes; `-` says nothing about consent."""

NOTHING = frozenset({"", "none", "null", "nan", "n a", "na", "0000 00 00", "0000 00 00 00 00 00", "0"})
"""Texts of an empty date or reason, compared like names."""

HINTS = (
    "subscri", "unsub", "optin", "optout", "optedin", "optedout", "consent", "blacklist", "blocklist", "bounce",
    "complain", "permission", "gdpr", "newsletter", "donotemail", "donotmail", "donotcontact", "suppress",
    "acceptsmarketing", "acceptsemail", "marketingstatus", "emailstatus", "mailstatus", "emailmarketing", "mailinglist",
    "abonat", "abonare", "consimt", "acord", "подпис", "отпис", "согласи", "рассылк", "черныйсписок", "підпис",
    "відпис", "згод", "розсилк", "чорнийсписок", "nousolek", "uudiskir", "liitun", "loobu",
)  # fmt: skip
"""Parts of names of columns about consent. A column with one of them that is not in the table is asked about."""
NAMES = (
    "marketing", "mailing", "mailings", "mailing status", "emails", "wants emails", "cleaned", "spam", "DNC",
    "no email", "no emails", "no mail", "реклама",
)  # fmt: skip
"""Whole names of columns that are asked about; as parts of names they mean other things."""
CHANNELS = ("sms", "whatsapp", "phone", "fax", "push", "viber", "telegram", "postal", "телефон", "смс", "telefon")
"""Parts of names about other channels than email."""
ASIDES = (
    "ip", "ipaddress", "url", "link", "source", "form", "userid", "subscriberid", "subscriberkey", "subscribername",
)  # fmt: skip
"""Ends of names that say where or how, not whether."""
