"""Text, Markdown, HTML, CSV, JSON, XML, RTF, e-mail, EPUB."""

import json

import pytest

from ingestion.errors import ParseFailed
from tests.ingestion import files


def blocks(pages):
    return [(block.kind, block.text) for page in pages for block in page.blocks]


def test_plain_text(read):
    pages = read(
        "第一章 总则\n\n第一条 为了规范管理，\n制定本办法。\n\n第二条 适用于全体。".encode("gb18030"), "a.txt"
    )
    assert blocks(pages) == [
        ("heading", "第一章 总则"),
        ("paragraph", "第一条 为了规范管理，\n制定本办法。"),
        ("paragraph", "第二条 适用于全体。"),
    ]
    assert pages[0].blocks[1].heading_path == ("第一章 总则",)
    assert not pages[0].paged


def test_rst(read):
    pages = read(b"=====\nTitle\n=====\n\nSection\n-------\nText of it.\n", "a.rst")
    assert blocks(pages) == [("heading", "Title"), ("heading", "Section"), ("paragraph", "Text of it.")]
    assert pages[0].blocks[2].heading_path == ("Title", "Section")


def test_markdown(read):
    text = (
        "---\ntitle: Handbook\n---\n# One\nSome **bold** text with a [link](http://x.y).\n\n"
        "## Two ##\n- a\n- b\n  more of b\n\n| K | V |\n|---|:-:|\n| a \\| b | 1 |\n\n"
        "```python\n# not a heading\n```\n\nThree\n-----\n> quoted\n\n![A picture](p.png) <b>x</b>\n"
    )
    pages = read(text.encode(), "a.md")
    assert blocks(pages) == [
        ("paragraph", "title: Handbook"),
        ("heading", "One"),
        ("paragraph", "Some bold text with a link."),
        ("heading", "Two"),
        ("list", "- a\n- b\n  more of b"),
        ("table", "| K | V |\n| --- | --- |\n| a \\| b | 1 |"),
        ("code", "# not a heading"),
        ("heading", "Three"),
        ("paragraph", "quoted"),
        ("paragraph", "A picture x"),
    ]
    assert pages[0].blocks[5].heading_path == ("One", "Two")


def test_html_is_what_a_reader_sees(read):
    text = """<html><head><title>T</title><script>alert(1)</script></head><body>
    <h1>Ducks</h1><p>A duck <b>swims</b>.<br>It quacks.</p><p style="display:none">hidden</p>
    <ul><li>one</li><li>two</li></ul>
    <table><tr><th colspan=2>Size</th><th>Name</th></tr>
    <tr><td rowspan=2>big</td><td>1</td><td>a</td></tr><tr><td>2</td><td>b</td></tr></table>
    <table><tr><td>layout only</td></tr></table><iframe src="http://127.0.0.1/x"></iframe></body></html>"""
    assert blocks(read(text.encode(), "a.html")) == [
        ("heading", "Ducks"),
        ("paragraph", "A duck swims. It quacks."),
        ("list", "- one\n- two"),
        ("table", "| Size | Size | Name |\n| --- | --- | --- |\n| big | 1 | a |\n| big | 2 | b |"),
        ("paragraph", "layout only"),
    ]


def test_html_says_its_encoding(read):
    page = '<meta charset="shift_jis"><p>日本語</p>'.encode("shift_jis")
    assert blocks(read(page, "a.html")) == [("paragraph", "日本語")]


def test_html_nested_thousands_deep_is_read(read):
    data = b"<div>" * 20_000 + b"deep inside" + b"</div>" * 20_000
    assert "deep inside" in str(blocks(read(data, "a.html")))


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b'a,b\n1,"x, y"\n', "a.csv"),
        (b"a;b\n1;x, y\n", "a.csv"),
        (b"a\tb\n1\tx, y\n", "a.tsv"),
        (b"sep=|\na|b\n1|x, y\n", "a.csv"),
    ],
)
def test_delimited(read, data, name):
    table = blocks(read(data, name))[-1]
    assert table[1].endswith("| a | b |\n| --- | --- |\n| 1 | x, y |") or "| 1 | x, y |" in table[1]


def test_each_part_of_a_long_table_has_the_header(read):
    data = "k,v\n" + "".join(f"{n},{n * n}\n" for n in range(1000))
    tables = blocks(read(data.encode(), "a.csv"))
    assert len(tables) == 5
    assert all(text.startswith("| k | v |\n| --- | --- |\n") for _kind, text in tables)
    assert "| 999 | 998001 |" in tables[-1][1]


def test_json(read):
    value = {
        "name": "Lamp",
        "tags": ["a", "b"],
        "stock": [{"city": "Oslo", "n": 1}, {"city": "Rome", "n": 2}],
    }
    assert blocks(read(json.dumps(value).encode(), "a.json")) == [
        ("paragraph", "name: Lamp"),
        ("list", "tags:\n- a\n- b"),
        ("heading", "stock"),
        ("table", "| city | n |\n| --- | --- |\n| Oslo | 1 |\n| Rome | 2 |"),
    ]


def test_json_lines_and_broken_json(read):
    lines = b'{"a": 1}\n{"a": 2}\n'
    assert blocks(read(lines, "a.jsonl")) == [("paragraph", "a\n1\n2")]
    assert blocks(read(b'{"a": [1, 2', "a.json")) == [("paragraph", '{"a": [1, 2')]


def test_json_nested_ten_thousand_deep_is_read_as_text(read):
    assert blocks(read(b"[" * 10_000, "a.json"))


def test_xml(read):
    data = '<?xml version="1.0" encoding="gb2312"?><r><t>标题</t><n>1</n><p>Some <i>mixed</i> text</p></r>'
    assert blocks(read(data.encode("gb2312"), "a.xml")) == [
        ("paragraph", "t: 标题\nn: 1"),
        ("paragraph", "Some mixed text"),
    ]


def test_xml_entities_are_not_resolved(read):
    data = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x><a>safe</a><b>&e;</b></x>'
    said = str(blocks(read(data, "a.xml")))
    assert "safe" in said
    assert "root:" not in said
    bomb = b'<!DOCTYPE x [<!ENTITY a "ha">' + b"".join(
        b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 20) for n in range(12)
    )
    assert len(str(blocks(read(bomb + b"]><x><a>safe</a><b>&m;</b></x>", "a.xml")))) < 1000


def test_rtf(read):
    data = (
        rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fcharset0 Arial;}{\f1\fnil\fcharset134 SimSun;}}"
        rb"{\*\generator X;}"
        rb"Caf\'e9 \u8364? {\f1 \'d6\'d0\'ce\'c4}\par Second \b bold\b0  line.}"
    )
    assert blocks(read(data, "a.rtf")) == [("paragraph", "Café € 中文"), ("paragraph", "Second bold line.")]


def test_mail_with_attachments(read):
    data = files.mail(
        ("notes.txt", b"Bring the blue folder.", "text/plain"),
        ("手册.docx", files.word(), "application/octet-stream"),
        ("bomb.docx", files.word()[:500], "application/octet-stream"),
    )
    pages = read(data, "a.eml")
    said = blocks(pages)
    assert said[0] == ("heading", "季度会议 moved")
    assert said[1] == ("paragraph", "From: Ann <ann@example.com>\nTo: bob@example.com")
    assert said[2] == ("paragraph", "The meeting is now on Friday at ten.")
    assert ("heading", "notes.txt") in said
    assert ("paragraph", "Bring the blue folder.") in said
    assert ("heading", "手册.docx") in said
    assert any("二等座火车票" in text for _kind, text in said)
    assert str(said).count("Friday") == 1
    assert not pages[0].paged


def test_mail_with_html_only_and_raw_bytes_in_its_header(read):
    data = (
        b"From: a@b.c\nSubject: "
        + "会议通知".encode("gb18030")
        + b"\nContent-Type: text/html; charset=gb2312\n\n"
    )
    said = blocks(read(data + "<p>明天上午开会。</p>".encode("gb2312"), "a.eml"))
    assert said == [("heading", "会议通知"), ("paragraph", "From: a@b.c"), ("paragraph", "明天上午开会。")]


def test_an_empty_mail_has_no_text(read):
    with pytest.raises(ParseFailed) as failed:
        read(b"X-Mailer: x\n\n", "a.eml")
    assert failed.value.code == "no_text"


def test_epub_chapters_come_in_the_order_of_the_spine(read):
    assert blocks(read(files.epub(), "a.epub")) == [
        ("heading", "First"),
        ("paragraph", "The First chapter."),
        ("heading", "Second"),
        ("paragraph", "The Second chapter."),
    ]


def test_images(read):
    page = read(files.text_image("Opening hours 9 to 17"), "sign.png")[0]
    assert "Opening hours" in page.text
    assert page.blocks[0].lines[0][1].page == 1
    assert (page.width, page.height) == (1000, 400)
    assert read(files.blank_image(), "blank.png")[0].blocks == ()
    with pytest.raises(ParseFailed) as failed:
        read(files.blank_image(), "blank.png", ocr=False)
    assert failed.value.code == "no_text_ocr_off"
