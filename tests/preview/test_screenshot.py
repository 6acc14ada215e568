"""`show --png`: an email as a picture, in its whole height, without loading anything."""

from __future__ import annotations

import shutil
import struct

import pytest

from regulars.core.errors import EnvironmentFailed
from regulars.preview import screenshot as pictures
from regulars.preview.screenshot import screenshot

pytestmark = pytest.mark.slow


def test_the_picture_is_as_high_as_the_email() -> None:
    if not any(map(shutil.which, pictures.PROGRAMS)):
        pytest.skip("no Chromium on this machine (Debian: chromium)")
    body = (
        '<body style="margin:0"><div style="height:1500px;background:#060"></div><img src="http://shop.example/a.png">'
    )
    picture = screenshot(f"<!doctype html><html>{body}</body></html>", width=320)
    assert picture.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", picture[16:24])
    assert width == 320
    assert 1500 <= height < 1700


def test_without_chromium_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EnvironmentFailed, match="Debian: chromium"):
        screenshot("<html></html>")
