from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from regulars.delivery.smtp.replies import GARBLED, Replies, clean

TEXTS = st.binary(max_size=40).filter(lambda text: b"\n" not in text and b"\r" not in text)
REPLY = st.tuples(st.integers(200, 599), st.lists(TEXTS, min_size=1, max_size=4))


def wire(code: int, lines: list[bytes]) -> bytes:
    return b"".join(b"%d%s%s\r\n" % (code, b" " if n == len(lines) - 1 else b"-", line) for n, line in enumerate(lines))


@given(st.lists(REPLY, max_size=5), st.data())
def test_replies_are_the_same_however_the_bytes_arrive(
    replies: list[tuple[int, list[bytes]]], data: st.DataObject
) -> None:
    stream = b"".join(wire(code, lines) for code, lines in replies)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    reader = Replies()
    found = [
        reply
        for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True)
        for reply in reader.feed(stream[start:stop])
    ]
    assert [code for code, _ in found] == [code for code, _ in replies]
    for (_, text), (_, lines) in zip(found, replies, strict=True):
        assert clean(text) == clean(b" ".join(line.strip() for line in lines) if len(lines) > 1 else lines[0])


@given(st.lists(st.binary(max_size=300), max_size=30))
def test_noise_is_never_an_error_and_never_fills_the_memory(pieces: list[bytes]) -> None:
    reader = Replies()
    for piece in pieces:
        for code, text in reader.feed(piece * 50):
            assert code == GARBLED or 200 <= code < 600
            assert len(text) <= 200 * 8192
    assert len(reader._rest) <= 8192
    assert len(reader._text) <= 200


def test_a_bare_code_is_a_reply() -> None:
    assert Replies().feed(b"250\r\n354 \r\n250\n") == [(250, b""), (354, b"\r"), (250, b"")]


def test_what_is_not_a_reply_is_garbled() -> None:
    for line in (b"", b"25", b"abc def", b"150 early", b"600 late", b"2500 long", b"250-a\r\n251 b", b"x" * 9000):
        assert Replies().feed(line + b"\r\n")[-1][0] == GARBLED, line


def test_a_reply_without_end_is_garbled() -> None:
    codes = [code for code, _ in Replies().feed(b"250-more\r\n" * 500)]
    assert codes
    assert set(codes) == {GARBLED}


@given(st.binary(max_size=3000) | st.text(max_size=3000).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_words_are_one_printable_line_of_bounded_length(raw: bytes) -> None:
    text = clean(raw)
    assert text.isprintable()
    assert len(text) <= 500
    assert text == clean(text)
