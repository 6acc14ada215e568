"""Synonyms of import columns, in several languages.

Compared without case, accents, spaces and punctuation (`columns.plain_name`). A column's own name is always
accepted and is not repeated here.
"""

from __future__ import annotations

from collections.abc import Mapping

from regulars.db.states import SuppressionReason

_EMAIL = (
    "e-mail", "mail", "email address", "e-mail address", "customer email", "contact email", "billing email",
    "buyer email", "customer e-mail", "email (billing)", "invitee email", "subscriber email", "почта", "эл. почта",
    "электронная почта", "адрес электронной почты", "имейл", "пошта", "ел. пошта", "електронна пошта",
    "adresa de email", "adresă email", "e-post", "meil", "e-posti aadress", "courriel", "correo",
)  # fmt: skip
_PHONE = ("telephone", "phone number", "mobile", "tel", "телефон", "мобильный", "telefon", "nr. telefon", "mobiil")
_LOCALE = ("language", "lang", "preferred language", "язык", "мова", "limba", "keel")
_TIMEZONE = ("time zone", "tz", "часовой пояс", "часовий пояс", "fus orar", "ajavöönd")
_COUNTRY = ("country code", "страна", "країна", "țara", "țară", "riik")
_CURRENCY = ("currency code", "order currency", "валюта", "valuta", "monedă", "valuuta")
_DAY = ("date", "time", "timestamp", "datetime", "day", "when", "created at", "дата", "время", "дата и время", "час",
        "kuupäev", "aeg")  # fmt: skip
_CLOCK = ("time of day", "order time", "время", "час", "ora", "kellaaeg", "aeg")
_CLIENT = (
    "customer id", "customer external id", "customer number", "customer code", "client", "client id", "client code",
    "user id", "contact id", "id customer", "associated contact ids", "buyer", "клиент", "код клиента",
    "номер клиента", "id клиента", "клієнт",
    "код клієнта", "cod client", "id client", "klient", "kliendi id", "kliendi kood",
)  # fmt: skip
_SKU = ("product code", "product id", "item code", "article", "article number", "stock code", "артикул",
        "код товара", "код товару", "cod produs", "tootekood")  # fmt: skip

_CODE = ("coupon", "coupon code", "voucher", "voucher code", "promo code", "promocode", "discount code", "купон",
         "код купона", "промокод", "cupon", "cod promoțional", "kupong", "sooduskood")  # fmt: skip

CUSTOMERS: Mapping[str, tuple[str, ...]] = {
    "id": ("external id", "customer", "record id", "record id - contact", *_CLIENT, "код"),
    "email": _EMAIL,
    "name": ("full name", "customer name", "client name", "contact", "contact name", "фио", "полное имя", "піб",
             "nume complet", "nume și prenume", "täisnimi", "nimi"),
    "first_name": ("first", "given name", "forename", "имя", "ім'я", "prenume", "prenumele", "eesnimi", "prénom"),
    "last_name": ("last", "surname", "family name", "фамилия", "прізвище", "nume", "nume de familie",
                  "perekonnanimi", "perenimi"),
    "company": ("company name", "organisation", "organization", "firm", "компания", "организация", "фирма",
                "компанія", "організація", "companie", "firma", "ettevõte"),
    "phone": _PHONE,
    "locale": _LOCALE,
    "timezone": _TIMEZONE,
    "country": _COUNTRY,
    "birthday": ("birth date", "birthdate", "date of birth", "dob", "born", "день рождения", "дата рождения",
                 "день народження", "дата народження", "data nașterii", "ziua de naștere", "sünnipäev", "sünniaeg"),
    "source": ("channel", "heard from", "how did you hear", "referrer", "utm source", "источник", "джерело",
               "sursa", "allikas"),
    "manager": ("account manager", "manager id", "manager email", "responsible", "sales rep", "менеджер",
                "ответственный", "відповідальний", "haldur"),
    "created_at": ("created", "registered", "registered at", "registration date", "sign up date", "signup date",
                   "joined", "customer since", "client since", "date added", "дата регистрации", "дата создания",
                   "дата реєстрації", "data înregistrării", "registreeritud"),
}  # fmt: skip
"""Without the columns about consent, which are in `consent_columns`."""

PURCHASES: Mapping[str, tuple[str, ...]] = {
    "id": ("external id", "purchase id", "order", "order id", "order number", "order no", "invoice", "invoice id",
           "invoice no", "invoice number", "increment id", "deal id", "id order", "record id",
           "receipt", "receipt number", "transaction", "transaction id", "заказ",
           "номер заказа", "чек", "номер чека", "замовлення", "номер замовлення", "comanda", "nr. comandă",
           "factura", "tellimus", "tellimuse number", "arve"),
    "customer": _CLIENT,
    "email": _EMAIL,
    "time": _CLOCK,
    "occurred_at": (*_DAY, "order date", "purchase date", "purchased at", "purchased on", "invoice date",
                    "paid at", "created", "order created", "close date", "date add",
                    "дата заказа", "дата покупки", "дата замовлення", "data comenzii", "ostukuupäev"),
    "occurred_at_utc": ("created (utc)", "created date (utc)", "date (utc)", "date created gmt", "date paid gmt",
                        "created at (utc)"),
    "amount": ("total", "order total", "grand total", "total amount", "total price",
               "grand total (purchased)", "order total amount", "total paid tax incl", "sum", "revenue", "value",
               "paid", "сумма", "итого", "сума", "разом", "suma", "total de plată", "summa", "kokku"),
    "currency": _CURRENCY,
    "quantity": ("qty", "units", "count", "lineitem quantity", "item quantity",
                  "количество", "кол-во", "кількість", "cantitate", "kogus"),
    "discount": ("discount amount", "total discount", "скидка", "знижка", "reducere", "allahindlus"),
    "products": ("product", "sku", "item", "items", "lineitem sku", "item sku", *_SKU,
                  "товар", "товары", "товари", "produs", "produse",
                 "toode", "tooted"),
    "product_name": ("product title", "item name", "description", "lineitem name", "название товара",
                     "наименование", "назва товару", "denumire produs", "toote nimi"),
    "price": ("unit price", "item price", "item cost", "lineitem price", "цена", "ціна", "preț", "preț unitar", "hind"),
    "line_amount": ("line total", "line sum", "item total", "сумма строки", "сума рядка"),
    "data": (),
    "status": ("order status", "order state", "osname", "deal stage", "stage", "статус", "статус заказа",
               "статус замовлення", "stare", "starea comenzii", "olek"),
    "payment_status": ("financial status", "payment state", "статус оплаты", "статус оплати", "starea plății"),
    "cancelled": ("canceled", "cancelled at", "canceled at", "cancelled on", "cancellation date", "voided",
                  "voided at"),
    "refunded": ("refunded amount", "order refund amount", "refunded total", "amount refunded",
                 "refund amount", "refund total", "total refunded", "refunds",
                 "возврат", "сумма возврата", "сума повернення", "rambursat", "suma rambursată"),
}  # fmt: skip

PRODUCTS: Mapping[str, tuple[str, ...]] = {
    "sku": ("id", "external id", "code", *_SKU, "код"),
    "name": ("title", "product", "product name", "название", "наименование", "товар", "назва", "denumire",
             "nimetus", "toode"),
    "category": ("type", "product type", "group", "категория", "категорія", "categorie", "kategooria"),
    "price": ("unit price", "цена", "ціна", "preț", "hind"),
    "currency": _CURRENCY,
    "url": ("link", "page", "product url", "web page", "ссылка", "посилання"),
    "image_url": ("image", "image link", "picture", "photo", "изображение", "фото", "imagine", "pilt"),
    "consumable": ("repeat", "refill", "bought again", "расходник", "расходный материал", "consumabil"),
    "launched_at": ("launched", "launch date", "released", "release date", "available since", "on sale since",
                    "в продаже с", "дата выхода", "дата випуску", "lansat", "müügil alates"),
    "next": ("next product", "next products", "then", "follow up", "followed by", "следующий товар"),
    "accessories": ("accessory", "goes with", "set", "аксессуары", "аксесуари", "accesorii", "lisatarvikud"),
}  # fmt: skip

EVENTS: Mapping[str, tuple[str, ...]] = {
    "id": ("external id", "event id"),
    "customer": _CLIENT,
    "email": _EMAIL,
    "name": ("event", "event name", "event type", "type", "what", "событие", "подія", "eveniment", "sündmus"),
    "time": (*_CLOCK, "event time"),
    "occurred_at": (*_DAY, "event date", "happened at"),
    "data": ("properties", "payload", "details"),
}  # fmt: skip

APPOINTMENTS: Mapping[str, tuple[str, ...]] = {
    "id": ("external id", "appointment", "appointment id", "visit", "visit id", "booking", "booking id",
           "invitee uuid"),
    "customer": _CLIENT,
    "email": _EMAIL,
    "time": (*_CLOCK, "start time", "appointment time", "booking time"),
    "starts_at": ("start", "starts", "start date", "start date & time", "from", "date", "appointment date",
                  "booking date", "date and time", "начало", "дата", "початок", "început", "algus"),
    "ends_at": ("end", "ends", "end time", "end date & time", "to", "until",
                "конец", "окончание", "кінець", "sfârșit", "lõpp"),
    "duration": ("minutes", "length", "длительность", "тривалість", "durata", "kestus"),
    "service": ("what", "procedure", "treatment", "event type name", "услуга", "послуга", "serviciu", "teenus"),
    "place": ("where", "location", "address", "branch", "место", "місце", "loc", "koht"),
    "cancelled": ("canceled",),
    "status": ("state", "статус", "состояние", "стан", "stare", "olek"),
    "slots": ("free", "free slots", "other times", "alternatives"),
    "booked_at": ("booked", "created", "created at", "booked on", "event created date & time"),
}  # fmt: skip

COUPONS: Mapping[str, tuple[str, ...]] = {
    "code": _CODE,
    "pool": ("list", "batch"),
}

REDEMPTIONS: Mapping[str, tuple[str, ...]] = {
    "code": _CODE,
    "reference": ("id", "order", "order id", "order number", "receipt", "receipt number", "invoice", "заказ",
                  "номер заказа", "чек", "замовлення", "comanda", "bon", "tellimus"),
    "customer": _CLIENT,
    "email": _EMAIL,
    "occurred_at": (*_DAY, "redeemed at", "used at", "used on", "order date"),
}  # fmt: skip

SUPPRESSIONS: Mapping[str, tuple[str, ...]] = {
    "email": ("address", "recipient", *_EMAIL),
    "reason": ("type", "bounce type", "suppression type", "suppression reason", "причина", "motiv", "põhjus"),
    "scope": ("applies to", "emails", "kind", "объём", "обсяг"),
    "date": (*(word for word in _DAY if word != "date"), "created", "added", "added at", "since", "suppressed at",
             "bounced at", "unsubscribed at", "unsub time", "clean time", "last update time", "blocked at"),
    "detail": ("details", "error", "message", "description", "note", "notes", "comment", "why", "diagnostic code",
               "bounce reason", "unsub reason", "комментарий", "примечание", "коментар", "примітка"),
    "email_hash": (),
}  # fmt: skip
SUPPRESSION_REASONS: Mapping[SuppressionReason, tuple[str, ...]] = {
    SuppressionReason.BOUNCED: (
        "bounce", "bounces", "hard bounce", "hard bounced", "permanent", "permanent bounce", "invalid",
        "invalid email", "invalid address", "undeliverable", "cleaned", "blocked", "dropped", "отказ", "недоставлено",
    ),
    SuppressionReason.COMPLAINED: (
        "complaint", "complaints", "spam", "spam complaint", "spam report", "reported spam", "marked as spam", "abuse",
        "abuse complaint", "feedback loop", "жалоба", "скарга",
    ),
    SuppressionReason.MANUAL: (
        "manual suppression", "manually", "unsubscribe", "unsubscribed", "unsubscribes", "opt out", "opted out",
        "global unsubscribe", "list unsubscribe", "blocklist", "blocklisted", "blacklist", "blacklisted",
        "do not contact", "do not email", "отписка", "отписан", "відписка", "dezabonat",
    ),
}  # fmt: skip
"""Reasons of suppressions in the words of other mail services."""
SUPPRESSION_SCOPES: Mapping[str, tuple[str, ...]] = {
    "all": ("all", "everything", "any", "global", "all emails", "все", "всі", "toate", "kõik"),
    "marketing": ("marketing", "newsletter", "newsletters", "promotional", "commercial", "bulk", "broadcast",
                  "non transactional", "маркетинг", "рассылка"),
}  # fmt: skip

MANAGERS: Mapping[str, tuple[str, ...]] = {
    "id": ("external id", "manager", "manager id", "user id", "код"),
    "name": ("full name", "manager name", "фио", "имя", "піб", "ім'я", "nume", "nume complet", "nimi"),
    "email": _EMAIL,
    "title": ("position", "job title", "role", "должность", "посада", "funcția", "amet"),
    "phone": _PHONE,
    "locale": _LOCALE,
    "timezone": _TIMEZONE,
}  # fmt: skip

ALIASES: Mapping[str, tuple[str, ...]] = {"alias": ("further id",), "customer": _CLIENT, "at": (), "source": ()}
CONSENTS: Mapping[str, tuple[str, ...]] = {
    "customer": _CLIENT, "email_hash": (), "topic": (), "granted": (), "at": (), "source": (), "wording": (),
}  # fmt: skip
PREFERENCES: Mapping[str, tuple[str, ...]] = {"customer": _CLIENT, "paused_until": (), "gap_days": (), "at": ()}
LEDGER: Mapping[str, tuple[str, ...]] = dict.fromkeys(
    (
        "campaign", "step", "customer", "occurrence", "state", "kind", "due_at", "reason", "detail", "recipient",
        "priority", "rule", "expires_at", "created_at", "settled_at", "message_id", "code", "attempts",
    ),
    (),
)  # fmt: skip
"""These four have no synonyms of other tools: only an export of ours has such rows."""
