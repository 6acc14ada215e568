"""Small spreadsheets (xlsx, ods), made from their XML with as little as they need."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from xml.sax.saxutils import escape, quoteattr

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><fonts><font/></fonts><fills><fill/></fills><borders><border/></borders>'
    '<cellStyleXfs><xf/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/>'
    '<xf numFmtId="22" applyNumberFormat="1"/><xf numFmtId="20" applyNumberFormat="1"/></cellXfs></styleSheet>'
)
_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - the day 0 of spreadsheets has no zone


@dataclass(frozen=True)
class Raw:
    """A cell's XML as it is."""

    xml: str


Sheets = Mapping[str, Sequence[Any]]
"""Rows by the name of their sheet."""


def _serial(value: datetime) -> float:
    return (value - _ZERO).total_seconds() / 86_400


def _letters(column: int) -> str:
    return chr(65 + column)


def _xlsx_cell(place: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Raw):
        return value.xml.replace("@", place)
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, datetime):
        return f'<c r="{place}" s="2"><v>{_serial(value)!r}</v></c>'
    if isinstance(value, date):
        return f'<c r="{place}" s="1"><v>{_serial(datetime.combine(value, time())):.0f}</v></c>'
    if isinstance(value, time):
        return f'<c r="{place}" s="3"><v>{(value.hour * 60 + value.minute) / 1440!r}</v></c>'
    if isinstance(value, (int, float)):
        return f'<c r="{place}"><v>{value!r}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'


def _worksheet(rows: Sequence[Sequence[Any]]) -> str:
    lines = (
        f'<row r="{number}">'
        + "".join(_xlsx_cell(f"{_letters(column)}{number}", value) for column, value in enumerate(row))
        + "</row>"
        for number, row in enumerate(rows, 1)
    )
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def xlsx(sheets: Sheets, hidden: Sequence[str] = ()) -> bytes:
    """A workbook with these rows on each sheet."""
    packed = io.BytesIO()
    state = dict.fromkeys(hidden, ' state="hidden"')
    listed = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="r{n}"{state.get(name, "")}/>'
        for n, name in enumerate(sheets, 1)
    )
    related = "".join(
        f'<Relationship Id="r{n}" Type="{_RELATION}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, len(sheets) + 1)
    )
    related += f'<Relationship Id="rs" Type="{_RELATION}/styles" Target="styles.xml"/>'
    files = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1"'
        f' Type="{_RELATION}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATION}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{related}</Relationships>',
        "xl/styles.xml": _STYLES,
        **{f"xl/worksheets/sheet{n}.xml": _worksheet(rows) for n, rows in enumerate(sheets.values(), 1)},
    }
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in files.items():
            file.writestr(name, text)
    return packed.getvalue()


def _ods_cell(value: Any) -> str:
    if value is None:
        return "<table:table-cell/>"
    if isinstance(value, Raw):
        return value.xml
    if isinstance(value, date):
        kind, attribute = "date", f'office:date-value="{value.isoformat()}"'
    elif isinstance(value, bool):
        kind, attribute = "boolean", f'office:boolean-value="{str(value).lower()}"'
    elif isinstance(value, (int, float)):
        kind, attribute = "float", f'office:value="{value!r}"'
    else:
        kind, attribute = "string", ""
    text = f"<text:p>{escape(str(value))}</text:p>"
    return f'<table:table-cell office:value-type="{kind}" {attribute}>{text}</table:table-cell>'


def ods(sheets: Sheets) -> bytes:
    """An OpenDocument spreadsheet; empty rows down to the last follow, as LibreOffice writes them."""
    end = (
        '<table:table-row table:number-rows-repeated="1048000">'
        '<table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    )
    tables = "".join(
        f"<table:table table:name={quoteattr(name)}>"
        + "".join(f"<table:table-row>{''.join(map(_ods_cell, row))}</table:table-row>" for row in rows)
        + f"{end}</table:table>"
        for name, rows in sheets.items()
    )
    urn = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        f'<office:document-content xmlns:office="{urn}:office:1.0" xmlns:table="{urn}:table:1.0"'
        f' xmlns:text="{urn}:text:1.0"><office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
        file.writestr("META-INF/manifest.xml", '<manifest xmlns="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>')
        file.writestr("content.xml", content)
    return packed.getvalue()
