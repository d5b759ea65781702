"""PDF: order, headings, tables, places, OCR."""

import pymupdf
import pytest

from ingestion.errors import ParseFailed
from tests.ingestion import files


def text(pages) -> str:
    return "\n\n".join(page.text for page in pages)


def kinds(page) -> list[str]:
    return [block.kind for block in page.blocks]


def test_headings_paragraphs_and_pages(read):
    pages = read(files.prose_pdf(4), "handbook.pdf")
    assert [page.number for page in pages] == [1, 2, 3, 4]
    assert all(page.paged and page.width == 595 and page.height == 842 for page in pages)
    assert kinds(pages[1])[0] == "heading"
    assert pages[1].blocks[0].text == "2 Chapter about topic 2"
    assert pages[1].blocks[1].heading_path == ("2 Chapter about topic 2",)


def test_running_headers_and_page_numbers_go(read):
    pages = read(files.prose_pdf(4), "handbook.pdf")
    assert "Example Society" not in text(pages)
    assert pages[2].text.startswith("3 Chapter")
    assert not pages[2].text.rstrip().endswith("3")


def test_each_line_knows_its_place(read):
    page = read(files.prose_pdf(1), "handbook.pdf")[0]
    paragraph = page.blocks[-1]
    assert len(paragraph.lines) > 3
    assert " ".join(line for line, _region in paragraph.lines) == paragraph.text
    tops = [region.y0 for _line, region in paragraph.lines]
    assert tops == sorted(tops)
    for _line, region in paragraph.lines:
        assert 0.1 < region.x0 < region.x1 < 0.95
        assert 0 < region.y1 - region.y0 < 0.03


def test_two_columns_are_read_one_after_the_other(read):
    said = text(read(files.two_column_pdf(), "paper.pdf"))
    assert said.startswith("A title across both columns")
    left, right = said.index("Left begins"), said.index("Right begins")
    assert left < right
    assert said[left:right].count("committee meets") == 4
    assert said[right:].count("committee meets") == 4


def test_words_parted_at_a_line_end_are_joined(read):
    def draw(page, _number):
        page.insert_text((72, 100), "The society has a constitu-", fontsize=11)
        page.insert_text((72, 114), "tion and a well-known co-", fontsize=11)
        page.insert_text((72, 128), "Operative of its own.", fontsize=11)

    page = read(files.pdf(draw), "a.pdf")[0]
    assert page.text == "The society has a constitution and a well-known co-Operative of its own."
    assert page.blocks[0].lines[0][0] == "The society has a constitu"


def test_chinese_lines_are_joined_without_spaces(read):
    said = (
        "本协会的成员每月第一个星期一在会议室开会，讨论所有重要的事情，并且由秘书负责记录会议的全部内容。" * 2
    )
    assert read(files.chinese_pdf(said), "a.pdf")[0].text.replace("\n", "") == said


ROWS = [["City", "Opened", "Staff"], ["Lyon", "1998", "41"], ["Oslo", "2004", "17"]]


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_ruled_tables_become_markdown_in_their_place(read, rotate):
    page = read(files.ruled_table_pdf(ROWS, rotate=rotate), "a.pdf")[0]
    table = next(block for block in page.blocks if block.kind == "table")
    assert table.text.split("\n") == [
        "| City | Opened | Staff |",
        "| --- | --- | --- |",
        "| Lyon | 1998 | 41 |",
        "| Oslo | 2004 | 17 |",
    ]
    assert "Lyon" not in "".join(block.text for block in page.blocks if block is not table)
    assert len(table.lines) == 4
    if rotate == 0:
        assert kinds(page) == ["paragraph", "table", "paragraph"]
        tops = [region.y0 for _row, region in table.lines]
        assert tops[0] == pytest.approx(120 / 842, abs=0.01)
        assert tops == sorted(tops)


def test_a_table_without_rules_is_read_row_by_row(read):
    def draw(page, _number):
        for r, row in enumerate(ROWS):
            for c, cell in enumerate(row):
                page.insert_text((72 + 120 * c, 100 + 16 * r), cell, fontsize=10)

    block = read(files.pdf(draw), "a.pdf")[0].blocks[0]
    assert block.kind == "table"
    assert block.text == "City | Opened | Staff\nLyon | 1998 | 41\nOslo | 2004 | 17"


def test_a_rotated_page_is_read_as_it_is_shown(read):
    def draw(page, _number):
        page.insert_text((72, 100), "First line of the page.", fontsize=11)
        page.insert_text((72, 120), "Second line of the page.", fontsize=11)
        page.set_rotation(90)

    page = read(files.pdf(draw), "a.pdf")[0]
    assert page.text.index("First") < page.text.index("Second")
    region = page.blocks[0].lines[0][1]
    assert region.y1 - region.y0 > region.x1 - region.x0  # it runs down the page as shown
    assert (page.width, page.height) == (842, 595)


def test_the_outline_decides_about_headings(read):
    def draw(page, number):
        page.insert_text((72, 100), f"Plain title {number}", fontsize=11)
        page.insert_text((72, 160), "Some text below it.", fontsize=11)

    document = pymupdf.open(stream=files.pdf(draw, pages=2))
    document.set_toc([[1, "Plain title 1", 1], [2, "Plain title 2", 2]])
    pages = read(document.tobytes(), "a.pdf")
    assert pages[1].blocks[-1].heading_path == ("Plain title 1", "Plain title 2")


def test_blank_pages_keep_their_numbers(read):
    def draw(page, number):
        if number != 2:
            page.insert_text((72, 100), f"This is page {number}.")

    pages = read(files.pdf(draw, pages=3), "a.pdf")
    assert [len(page.blocks) for page in pages] == [1, 0, 1]


def test_a_scan_is_read_by_ocr_with_places(read):
    page = read(files.scanned_pdf("Invoice 4711 is due"), "scan.pdf")[0]
    assert "4711" in page.text
    region = page.blocks[0].lines[0][1]
    assert 100 / 842 < region.y0 < region.y1 < 300 / 842


def test_ocr_can_be_switched_off(read):
    assert text(read(files.scanned_pdf("Invoice 4711"), "scan.pdf", ocr=False)) == ""


def test_an_empty_user_password_opens(read):
    assert "committee" in text(read(files.encrypted_pdf(""), "a.pdf"))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (files.encrypted_pdf("secret"), "password_protected"),
        (b"%PDF-1.7\n", "corrupt"),
        (b"%PDF-1.7\n" + b"garbage " * 100, "corrupt"),
    ],
)
def test_files_that_cannot_be_read_say_why(read, data, code):
    with pytest.raises(ParseFailed) as failed:
        read(data, "a.pdf")
    assert failed.value.code == code


def test_progress_is_told_page_by_page(read):
    told = []
    read(files.prose_pdf(3), "a.pdf", pages_known=told.append, page_read=told.append)
    assert told == [3, 1, 2, 3]


def test_a_heading_that_wraps_is_one_heading(read, tmp_path):
    title = "A handbook for everybody who works in our many workshops"
    html = f"<h1>{title}</h1><p>{'Text goes on. ' * 60}</p>"
    css = "h1 { font-size: 22pt } p { font-size: 11pt; line-height: 1.5 }"
    path = tmp_path / "wrapped.pdf"
    writer, story = pymupdf.DocumentWriter(str(path)), pymupdf.Story(html, user_css=css)
    device = writer.begin_page(pymupdf.paper_rect("a5"))
    story.place(pymupdf.Rect(40, 40, 380, 555))
    story.draw(device)
    writer.end_page()
    writer.close()
    first = read(path.read_bytes(), "wrapped.pdf")[0].blocks[0]
    assert (first.kind, first.text) == ("heading", title)
    assert len(first.lines) > 1
