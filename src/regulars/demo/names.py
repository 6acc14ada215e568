"""Names, places and languages of the demo's clients. All invented; every address ends in `.example`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Region:
    """The region of a group of clients, with (first, last) names of men and of women."""

    share: int
    locale: str
    country: str
    zones: tuple[str, ...]
    men: tuple[tuple[str, ...], tuple[str, ...]]
    women: tuple[tuple[str, ...], tuple[str, ...]]


REGIONS = (
    Region(
        72, "ro", "MD", ("Europe/Chisinau", "Europe/Bucharest"),
        (("Ion", "Mihai", "Andrei", "Vasile", "Sergiu", "Dumitru", "Radu"),
         ("Rusu", "Ceban", "Munteanu", "Popa", "Lungu", "Țurcan", "Ștefan")),
        (("Maria", "Elena", "Ana", "Natalia", "Doina", "Ioana", "Tatiana"),
         ("Rusu", "Ceban", "Munteanu", "Popa", "Lungu", "Țurcan", "Ștefan")),
    ),
    Region(
        44, "uk", "UA", ("Europe/Kyiv",),
        (("Тарас", "Олександр", "Богдан", "Микола", "Андрій"), ("Шевченко", "Коваль", "Бойко", "Мельник", "Гончар")),
        (("Олена", "Оксана", "Ірина", "Соломія", "Леся"), ("Шевченко", "Коваль", "Бойко", "Мельник", "Гончар")),
    ),
    Region(
        36, "ru", "MD", ("Europe/Chisinau",),
        (("Игорь", "Павел", "Сергей", "Виктор"), ("Орлов", "Соколов", "Белый", "Крылов")),
        (("Ольга", "Светлана", "Марина", "Вера"), ("Орлова", "Соколова", "Белая", "Крылова")),
    ),
    Region(
        26, "et", "EE", ("Europe/Tallinn",),
        (("Jaan", "Mart", "Toomas", "Rein"), ("Tamm", "Mägi", "Kask", "Õunapuu")),
        (("Liis", "Kadri", "Piret", "Anu"), ("Tamm", "Mägi", "Kask", "Õunapuu")),
    ),
    Region(
        22, "en", "US", ("America/New_York", "Europe/London", "Asia/Tokyo"),
        (("James", "Owen", "Daniel"), ("O'Neill", "Carter", "Hughes")),
        (("Grace", "Ruth", "Emily"), ("O'Neill", "Carter", "Hughes")),
    ),
)  # fmt: skip

MANAGERS = (
    ("m-ion", "Ion Munteanu", "Client manager", "ion@gradina.example", "+373 22 000 115", "ro"),
    ("m-olena", "Olena Koval", "Key clients", "olena@gradina.example", "+373 22 000 116", "uk"),
    ("m-katrin", "Katrin Tamm", "Service and contracts", "katrin@gradina.example", "+373 22 000 117", "et"),
)

COMPANIES = ("Parcul Verde SRL", "Green Lane Ltd", "Садиба «Калина»", "Hea Aed OÜ", "Dendrarium SRL", "Orhei Estates")

PRODUCTS = (
    # sku, name, category, price, next (sku:days), accessories, launched_at
    ("mower", "Verde M46 lawn mower", "machines", "389.00", "chainsaw:90", "blade; gloves", ""),
    ("chainsaw", "Verde C18 chainsaw", "machines", "279.00", "brush-cutter:120", "chain; gloves", ""),
    ("brush-cutter", "Verde B30 brush cutter", "machines", "319.00", "", "line", ""),
    ("trimmer", "Verde T25 battery trimmer", "machines", "199.00", "", "", "2026-04-01"),
    ("hedge-trimmer", "Verde H55 hedge trimmer", "machines", "249.00", "", "", "2026-06-09 12:30"),
    ("blade", "Spare blade for M46", "parts", "24.90", "", "", ""),
    ("chain", "Chain for C18", "parts", "19.90", "", "", ""),
    ("line", "Cutting line, 60 m", "parts", "12.50", "", "", ""),
    ("gloves", "Work gloves", "clothing", "14.00", "", "", ""),
)
