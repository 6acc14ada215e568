"""Bulk import of CSV and JSON Lines: streaming, idempotent, every bad row named and the rest written."""

from __future__ import annotations

from regulars.store.importing.report import BadRow, ImportReport, Kind, Options
from regulars.store.importing.service import import_file

__all__ = ["BadRow", "ImportReport", "Kind", "Options", "import_file"]
