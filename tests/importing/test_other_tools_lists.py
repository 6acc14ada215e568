"""Lists exported by other tools: nobody who left, bounced, complained or never subscribed gets an email.

Each layout names the page or the public parser that shows its columns. All are written from one population.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
from sqlalchemy import exists, select

from regulars.db import tables
from regulars.db.engine import read
from regulars.importing.report import Kind
from tests.importing.conftest import Desk

PEOPLE = {
    "ana": "stayed", "bo": "stayed", "cy": "left", "di": "left", "eve": "bounced", "fay": "complained", "gus": "never",
}  # fmt: skip
STAYED = {"ana", "bo"}


@dataclass(frozen=True)
class Layout:
    """A tool's export: one file, or several, each with the people of the states that it has cells for."""

    tool: str
    page: str
    header: str
    cells: Mapping[str, str]
    """By state, the cells after the address; a state without them is not in such an export."""
    name: str | None = None

    def people(self) -> list[str]:
        return [person for person, state in PEOPLE.items() if state in self.cells]

    def content(self) -> str:
        mark = ";" if ";" in self.header else ","
        text = io.StringIO()
        writer = csv.writer(text, delimiter=mark)
        header = self.header.split(mark)
        writer.writerow(header)
        for person in self.people():
            cells = self.cells[PEOPLE[person]].split(mark)
            assert len(cells) == len(header) - 1, self
            writer.writerow([f"{person}@client.example", *cells])
        return text.getvalue()


LAYOUTS = [
    Layout(
        "Mailchimp, subscribed",
        "mailchimp.com/help/view-export-contacts; knadh/listmonk#2363",
        "Email Address,First Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LAST_CHANGED,LEID,EUID,"
        "NOTES",
        {"stayed": "A,4,2022-03-01 10:30:00,192.0.2.1,2022-03-01 10:31:00,192.0.2.1,2024-01-01 09:00:00,1,a,"},
    ),
    Layout(
        "Mailchimp, unsubscribed",
        "Mailtrain-org/mailtrain#325",
        "Email Address,First Name,OPTIN_TIME,CONFIRM_TIME,UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,"
        "UNSUB_REASON,UNSUB_REASON_OTHER,LEID,EUID,NOTES",
        {"left": "A,,2021-05-01 10:00:00,2023-02-03 04:05:06,Spring sale,ab12cd,No longer interested,,2,b,"},
    ),
    Layout(
        "Mailchimp, cleaned",
        "Mailtrain-org/mailtrain#1264",
        "Email Address,First Name,OPTIN_TIME,CONFIRM_TIME,CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,CLEAN_CAMPAIGN_ID,LEID,EUID",
        {"bounced": "A,,2021-05-01 10:00:00,2023-02-03 04:05:06,Spring sale,ab12cd,3,c"},
    ),
    Layout(
        "Mailchimp, non-subscribed",
        "ginkgo.st, Notes on MailChimp data exports",
        "Email Address,First Name,OPTIN_TIME,CONFIRM_TIME,LEID,EUID",
        {"never": "A,2021-05-01 10:00:00,,4,d"},
        "nonsubscribed_members_export_ab12cd.csv",
    ),
    Layout(
        "listmonk",
        "knadh/listmonk#2855, cmd/subscribers.go (export)",
        "email,name,attributes,status,created_at",
        {"stayed": "A,{},enabled,2024-01-05T10:00:00.000000Z", "left": "A,{},blocklisted,2024-01-05T10:00:00.000000Z"},
    ),
    Layout(
        "listmonk, one list",
        "knadh/listmonk#863",
        "email,name,status,subscription_status",
        {"stayed": "A,enabled,confirmed", "left": "A,enabled,unsubscribed", "never": "A,enabled,unconfirmed"},
    ),
    Layout(
        "Brevo",
        "developers.brevo.com/reference/request-contact-export",
        "EMAIL;FIRSTNAME;SMS;EMAIL_BLACKLISTED;SMS_BLACKLISTED;DOUBLE_OPT-IN;ADDED_TIME",
        {
            "stayed": "A;33600000001;No;Yes;1;22-04-2022 09:30",
            "left": "A;33600000002;Yes;No;1;22-04-2022 09:30",
            "never": "A;33600000003;No;No;2;22-04-2022 09:30",
        },
    ),
    Layout(
        "Sendinblue",
        "help.sendinblue.com/hc/en-us/articles/208773869",
        "EMAIL,PRENOM,OPT_IN,BLACKLIST",
        {"stayed": "A,Yes,0", "left": "A,Yes,1", "never": "A,No,0"},
    ),
    Layout(
        "Klaviyo",
        "help.klaviyo.com/hc/en-us/articles/115005078487 (list export)",
        "Email,First Name,Email Marketing Consent,Email Marketing Consent Timestamp,Email Suppressions,"
        "SMS Marketing Consent",
        {
            "stayed": "A,SUBSCRIBED,2022-05-01T10:00:00Z,,NEVER_SUBSCRIBED",
            "left": "A,UNSUBSCRIBED,2023-05-01T10:00:00Z,,SUBSCRIBED",
            "bounced": "A,SUBSCRIBED,2022-05-01T10:00:00Z,HARD_BOUNCE,",
            "never": "A,NEVER_SUBSCRIBED,,,",
            "complained": "A,SUBSCRIBED,2022-05-01T10:00:00Z,SPAM_COMPLAINT,",
        },
    ),
    Layout(
        "HubSpot, contacts",
        "knowledge.hubspot.com, Opt out contacts; Email hard bounce reason",
        "Email,First Name,Unsubscribed from all email,Email hard bounce reason,Marketing contact status",
        {
            "stayed": "A,,,Marketing contact",
            "left": "A,true,,Non-marketing contact",
            "bounced": "A,false,UNKNOWN_USER,Marketing contact",
        },
    ),
    Layout(
        "HubSpot, unsubscribes and bounces",
        "knowledge.hubspot.com, What do the columns mean in the csv I receive when I export unsubscribes and bounces",
        "Email,Portal Bounce,Portal Unsubscribe,Portal Spam Report,Global Bounce",
        {
            "left": "FALSE,TRUE,FALSE,FALSE",
            "bounced": "TRUE,FALSE,FALSE,FALSE",
            "complained": "FALSE,FALSE,TRUE,FALSE",
            "stayed": "FALSE,FALSE,FALSE,FALSE",
        },
    ),
    Layout(
        "Salesforce",
        "developer.salesforce.com, object reference, Contact",
        "Email,FirstName,HasOptedOutOfEmail,HasOptedOutOfFax,IsEmailBounced,EmailBouncedReason,EmailBouncedDate",
        {
            "stayed": "A,false,true,false,,",
            "left": "A,true,false,false,,",
            "bounced": "A,false,false,true,550 5.1.1 no such user,2023-02-03T04:05:06Z",
        },
    ),
    Layout(
        "Salesforce, report",
        "developer.salesforce.com, object reference, Contact (labels)",
        "Email,First Name,Email Opt Out",
        {"stayed": "A,0", "left": "A,1"},
    ),
    Layout(
        "Salesforce Marketing Cloud",
        "developer.salesforce.com/docs/marketing/marketing-cloud, SubscriberStatus",
        "Email Address,Status,DateUnsubscribed",
        {"stayed": "Active,", "left": "Unsubscribed,2023-02-03", "bounced": "Held,"},
    ),
    Layout(
        "Zoho CRM",
        "help.zoho.com, Email Opt Out",
        "Email,First Name,Email Opt Out,Unsubscribed Mode,Unsubscribed Time",
        {"stayed": "A,false,,", "left": "A,true,Campaign,2023-02-03 04:05:06"},
    ),
    Layout(
        "ActiveCampaign",
        "developers.activecampaign.com, contactLists (status 0 to 3)",
        "Email,First Name,Status",
        {"stayed": "A,Active", "left": "A,Unsubscribed", "bounced": "A,Bounced", "never": "A,Unconfirmed"},
    ),
    Layout(
        "ActiveCampaign, codes",
        "developers.activecampaign.com, contactLists (status 0 to 3)",
        "Email,First Name,List status",
        {"stayed": "A,1", "left": "A,2", "bounced": "A,3", "never": "A,0"},
    ),
    Layout(
        "Kit",
        "developers.kit.com, subscribers (state)",
        "email,first_name,state,created_at",
        {
            "stayed": "A,active,2022-01-01T00:00:00Z",
            "left": "A,cancelled,2022-01-01T00:00:00Z",
            "bounced": "A,bounced,2022-01-01T00:00:00Z",
            "complained": "A,complained,2022-01-01T00:00:00Z",
            "never": "A,inactive,2022-01-01T00:00:00Z",
        },
    ),
    Layout(
        "Constant Contact",
        "community.constantcontact.com, Help understanding Email Status in exported contacts",
        "Email address,First name,Email status,Email permission status",
        {"stayed": "A,Active,Implicit", "left": "A,Unsubscribed,Unsubscribed", "never": "A,No Permissions Set,"},
    ),
    Layout(
        "Square",
        "squareup.com/help/gb/en/article/6149-manage-unsubscribed-customers",
        "Email Address,First Name,Email Subscription Status",
        {"stayed": "A,Subscribed", "left": "A,Unsubscribed", "bounced": "A,Bounced", "never": "A,Unknown"},
    ),
    Layout(
        "Odoo",
        "OCA/social, mass_mailing contacts",
        "email,name,is_blacklisted,opt_out,message_bounce",
        {"stayed": "A,FALSE,FALSE,0", "left": "A,FALSE,TRUE,0", "complained": "A,TRUE,FALSE,0"},
    ),
    Layout(
        "Magento, subscribers",
        "Magento\\Newsletter\\Model\\Subscriber (STATUS_ constants 1 to 4)",
        "subscriber_email,subscriber_status,change_status_at",
        {"stayed": "1,2022-01-01 10:00:00", "left": "3,2023-01-01 10:00:00", "never": "2,2023-01-01 10:00:00"},
    ),
    Layout(
        "Magento, customers",
        "docs.magento.com, Newsletter subscribers",
        "email,firstname,is_subscribed",
        {"stayed": "A,1", "left": "A,0"},
    ),
    Layout(
        "PrestaShop",
        "devdocs.prestashop-project.org, webservice, customers",
        "email;firstname;newsletter;optin;newsletter_date_add;ip_registration_newsletter",
        {"stayed": "A;1;0;2022-01-01 10:00:00;192.0.2.1", "left": "A;0;1;0000-00-00 00:00:00;"},
    ),
    Layout(
        "MailerLite",
        "github.com/mailerlite/mailerlite-nodejs, subscribers (status, unsubscribed_at, opted_in_at)",
        "email,name,status,opted_in_at,unsubscribed_at,optin_ip",
        {
            "stayed": "A,active,2021-08-31 14:22:08,,192.0.2.1",
            "left": "A,unsubscribed,2021-08-31 14:22:08,2023-01-01 10:00:00,",
            "bounced": "A,bounced,2021-08-31 14:22:08,,",
            "complained": "A,junk,2021-08-31 14:22:08,,",
            "never": "A,unconfirmed,,,",
        },
    ),
    Layout(
        "MailerLite, dates",
        "mailerlite.com/help (export: Subscribed, Unsubscribed)",
        "Email,Subscribed,Unsubscribed",
        {"stayed": "2021-08-31 14:22:08,", "left": "2021-08-31 14:22:08,2023-01-01 10:00:00"},
    ),
    Layout(
        "Campaign Monitor",
        "docs.zynk.com, Exporting subscribers from Campaign Monitor (State)",
        "EmailAddress,Name,Date,State",
        {
            "stayed": "A,2016-01-12T14:27:00,Active",
            "left": "A,2016-01-12T14:27:00,Unsubscribed",
            "bounced": "A,2016-01-12T14:27:00,Bounced",
            "never": "A,2016-01-12T14:27:00,Unconfirmed",
        },
    ),
    Layout(
        "GetResponse",
        "apidocs.getresponse.com, contacts",
        "email,name,Subscription date,Unsubscribe reason",
        {"stayed": "A,2022-01-01,", "left": "A,2022-01-01,unsubscribed by link"},
    ),
    Layout(
        "Dynamics 365",
        "learn.microsoft.com, contact entity (DoNotBulkEMail: Allow, Do Not Allow)",
        "Email,First Name,Do not allow Bulk Emails",
        {"stayed": "A,Allow", "left": "A,Do Not Allow"},
    ),
    Layout(
        "Flodesk",
        "developers.flodesk.com, subscribers (status)",
        "email,first_name,status",
        {
            "stayed": "A,active",
            "left": "A,unsubscribed",
            "bounced": "A,cleaned",
            "complained": "A,complained",
            "never": "A,unconfirmed",
        },
    ),
    Layout(
        "Shopify",
        "help.shopify.com, Customer CSV file",
        "Email,First Name,Accepts Email Marketing,Accepts SMS Marketing",
        {"stayed": "A,yes,no", "left": "A,no,yes"},
    ),
]


def mailable(desk: Desk) -> set[str]:
    """People with an address that no opt-out, of theirs or of their mailbox, and no suppression forbids."""
    t = tables
    out = (
        exists().where(t.consents.c.customer_id == t.customers.c.id, t.consents.c.granted.is_(False)),
        exists().where(t.refusals.c.email_hash == t.customers.c.email_hash),
        exists().where(t.suppressions.c.email_hash == t.customers.c.email_hash),
    )
    with read(desk.engine) as connection:
        found = connection.scalars(select(t.customers.c.email).where(*(~one for one in out)))
        return {str(address).partition("@")[0] for address in found if address}


def shop_export(people: Sequence[str]) -> str:
    """A shop's customers with ids, all with the yes from before they left."""
    rows = [f"70{n},{person}@client.example,yes" for n, person in enumerate(people)]
    return "\n".join(["Customer ID,Email,Accepts Email Marketing", *rows])


@pytest.mark.parametrize("layout", LAYOUTS, ids=[layout.tool for layout in LAYOUTS])
def test_nobody_who_left_is_mailable_and_nobody_who_stayed_is_lost(sqlite_desk: Desk, layout: Layout) -> None:
    """The list, the same list again, then a shop's export with ids and an old yes."""
    people = layout.people()
    for content, name in (
        (layout.content(), layout.name), (layout.content(), layout.name), (shop_export(people), "shop.csv"),
    ):  # fmt: skip
        report = sqlite_desk.bring(Kind.CUSTOMERS, content, name)
        assert (report.rows, report.refused, report.bad) == (len(people), 0, [])
        assert mailable(sqlite_desk) == STAYED & set(people), (layout, report)
    assert len(sqlite_desk.rows(tables.customers, "id")) == len(people)


def test_at_least_sixteen_tools() -> None:
    assert len({layout.tool.partition(",")[0] for layout in LAYOUTS}) >= 16


@pytest.mark.parametrize("layout", LAYOUTS, ids=[layout.tool for layout in LAYOUTS])
def test_bounces_and_complaints_are_suppressed_with_their_reason(sqlite_desk: Desk, layout: Layout) -> None:
    sqlite_desk.bring(Kind.CUSTOMERS, layout.content(), layout.name)
    found = {reason for (reason,) in sqlite_desk.rows(tables.suppressions, "reason")}
    blocklists = {"listmonk", "Odoo"}
    expected = {"manual"} if layout.tool in blocklists else {"bounced", "complained"} & set(layout.cells)
    assert found == expected


def test_all_lists_into_one_database(desk: Desk) -> None:
    for layout in LAYOUTS:
        desk.bring(Kind.CUSTOMERS, layout.content(), layout.name)
        assert mailable(desk) <= STAYED, layout
    assert mailable(desk) == STAYED
    desk.bring(Kind.CUSTOMERS, shop_export(list(PEOPLE)))
    assert mailable(desk) == STAYED
