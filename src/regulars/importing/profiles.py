"""Profiles: how the exports of well-known shops and mailing tools are read, by name. A table.

Columns that are known by their names need no line here, such as those about consent. Columns that mean something else
than their names say are left out (`-`). A profile is refused for a file without the columns that it needs: among them
the one about consent, where the tool has it, so that an export without it is no list of people who agreed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from regulars.core.diagnostics import Diagnostic, Span
from regulars.core.errors import Invalid
from regulars.importing.columns import LEFT_OUT, plain_name
from regulars.importing.layout import Layout
from regulars.importing.report import Kind


@dataclass(frozen=True, slots=True)
class Profile:
    """The layout of one kind of export of one tool."""

    kind: Kind
    page: str
    """Where the vendor, or a public parser of its files, shows the columns."""
    needed: tuple[str, ...]
    """Columns without which it is another file."""
    columns: Mapping[str, str]
    """By the tool's column: ours."""
    unread: tuple[str, ...] = ()
    """Columns that are not read, though they have a name that we know."""
    layout: Layout = field(default_factory=Layout)
    """Everything else: dates, statuses, scale."""


_C, _P = Kind.CUSTOMERS, Kind.PURCHASES
PROFILES: Mapping[str, Profile] = {
    "shopify-customers": Profile(
        _C, "help.shopify.com/en/manual/customers/import-export-customers",
        ("First Name", "Last Name", "Email", "Accepts Email Marketing"),
        {"Customer ID": "id", "Default Address Company": "company", "Default Address Country Code": "country"},
        ("Default Address Phone", "Note", "Total Spent", "Total Orders"),
    ),
    "shopify-orders": Profile(
        _P, "help.shopify.com/en/manual/fulfillment/managing-orders/exporting-orders",
        ("Name", "Email", "Financial Status", "Currency", "Total", "Created at", "Lineitem quantity", "Lineitem name",
         "Lineitem price", "Lineitem sku"),
        {
            "Name": "id", "Email": "email", "Financial Status": "payment_status", "Currency": "currency",
            "Total": "amount", "Discount Amount": "discount", "Created at": "occurred_at",
            "Lineitem quantity": "quantity", "Lineitem name": "product_name", "Lineitem price": "price",
            "Lineitem sku": "products", "Cancelled at": "cancelled", "Refunded Amount": "refunded",
        },
        ("Id", "Paid at", "Fulfilled at", "Subtotal", "Lineitem discount", "Lineitem compare at price", "Notes"),
    ),
    "woocommerce-orders": Profile(
        _P, "webtoffee.com, Order CSV import export plugin for WooCommerce (sample CSV)",
        ("order_id", "order_date", "status", "order_total", "billing_email"),
        {
            "order_number": "id", "billing_email": "email", "order_date": "occurred_at", "status": "status",
            "order_total": "amount", "order_currency": "currency", "discount_total": "discount",
            "refunded_total": "refunded",
        },
        ("order_id", "customer_id", "customer_email", "customer_user", "order_subtotal", "paid_date", "date_paid"),
    ),
    "mailchimp": Profile(
        _C, "mailchimp.com/help/view-export-contacts", ("Email Address", "LEID", "EUID"),
        {"Email Address": "email", "Phone Number": "phone", "TIMEZONE": "timezone", "CC": "country"},
        ("LAST_CHANGED", "NOTES", "REGION"),
    ),
    "brevo": Profile(
        _C, "developers.brevo.com/reference/request-contact-export", ("EMAIL", "EMAIL_BLACKLISTED"),
        {"EMAIL": "email", "FIRSTNAME": "first_name", "LASTNAME": "last_name", "SMS": "phone",
         "ADDED_TIME": "created_at"},
        ("CONTACT ID", "MODIFIED_TIME"), Layout(dates="dmy"),
    ),
    "klaviyo": Profile(
        _C, "help.klaviyo.com/hc/en-us/articles/115005078487", ("Email", "Email Marketing Consent"),
        {"Email": "email", "Phone Number": "phone", "Profile Created On": "created_at", "Organization": "company"},
        ("Klaviyo ID", "Date Added", "Last Active", "Last Open", "Last Click", "Source", "Title"),
    ),
    "hubspot-contacts": Profile(
        _C, "knowledge.hubspot.com/import-and-export/export-records",
        ("Record ID", "Email", "First Name", "Last Name", "Unsubscribed from all email"),
        {"Record ID": "id", "Email": "email", "Phone Number": "phone", "Create Date": "created_at",
         "Company Name": "company", "Preferred language": "locale", "Country/Region": "country"},
        ("Contact owner", "Last Activity Date", "Lead Status", "Associated Company"),
    ),
    "stripe-payments": Profile(
        _P, "support.stripe.com/questions/export-payment-reports (all columns)",
        ("id", "Created date (UTC)", "Amount", "Amount Refunded", "Currency", "Status", "Customer Email"),
        {
            "id": "id", "Created date (UTC)": "occurred_at_utc", "Amount": "amount", "Amount Refunded": "refunded",
            "Currency": "currency", "Status": "status", "Customer Email": "email",
        },
        ("Converted Amount", "Converted Amount Refunded", "Converted Currency", "Customer ID", "Description",
         "Invoice ID", "Mode"),
        Layout(statuses={"succeeded": "paid"}),
    ),
    "prestashop-customers": Profile(
        _C, "docs.prestashop-project.org, Your customers (export)",
        ("ID", "First name", "Last name", "Email address", "Newsletter"),
        {"ID": "id", "First name": "first_name", "Last name": "last_name", "Email address": "email",
         "Company": "company", "Registration": "created_at"},
        ("Social title", "Sales", "Enabled", "Partner offers", "Last visit"),
    ),
    "magento-customers": Profile(
        _C, "experienceleague.adobe.com, commerce, Customers Main File",
        ("email", "_website", "firstname", "lastname", "created_at"),
        {"email": "email", "firstname": "first_name", "lastname": "last_name", "dob": "birthday",
         "created_at": "created_at"},
        ("_store", "created_in", "group_id", "website_id", "store_id", "confirmation"),
    ),
    "magento-orders": Profile(
        _P, "experienceleague.adobe.com, commerce, Orders grid (export)",
        ("ID", "Purchase Date", "Grand Total (Purchased)", "Status", "Customer Email"),
        {"ID": "id", "Purchase Date": "occurred_at", "Grand Total (Purchased)": "amount", "Status": "status",
         "Customer Email": "email", "Total Refunded": "refunded"},
        ("Grand Total (Base)", "Subtotal", "Customer Name", "Customer Group", "Purchase Point"),
    ),
    "square-customers": Profile(
        _C, "squareup.com/help/gb/en/article/6149-manage-unsubscribed-customers",
        ("First Name", "Last Name", "Email Address", "Square Customer ID", "Email Subscription Status"),
        {"Square Customer ID": "id", "Email Address": "email", "Phone Number": "phone", "Birthday": "birthday",
         "Company Name": "company"},
        ("Reference ID", "Creation Source", "Memo", "First Visit", "Last Visit", "Nickname"),
    ),
}  # fmt: skip
"""By the name that `--from` takes."""


def profile_layout(name: str, header: Sequence[str], path: str | None = None) -> Layout:
    """The profile's layout for a file with these columns; raises Invalid with D007 where the file is another."""
    profile = PROFILES[name]
    theirs = {plain_name(one): one for one in reversed(header)}
    absent = _absent(profile, header)
    if absent:
        fits = [other for other, one in PROFILES.items() if not _absent(one, header)]
        raise Invalid([
            Diagnostic(
                "D007", f"the file is no export for `{name}`: it has no column {_listed(absent)}",
                Span(path, 1, 1) if path else None,
                expected=f"the columns that {profile.page} shows",
                hint=f"it looks like one for `--from {fits[0]}`" if fits else "export all its columns",
            )
        ])  # fmt: skip
    targets = {**profile.columns, **dict.fromkeys(profile.unread, LEFT_OUT)}
    mapping = {theirs[plain_name(one)]: ours for one, ours in targets.items() if plain_name(one) in theirs}
    return Layout(mapping).over(profile.layout)


def _absent(profile: Profile, header: Sequence[str]) -> list[str]:
    known = {plain_name(one) for one in header}
    return [one for one in profile.needed if plain_name(one) not in known]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
