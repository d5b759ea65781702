"""Word, PowerPoint, Excel."""

import io
import zipfile

import docx
import pytest

from ingestion.errors import ParseFailed
from tests.ingestion import files


def blocks(pages):
    return [(block.kind, block.text) for page in pages for block in page.blocks]


def table(header: str, *rows: str) -> str:
    rule = "|" + " --- |" * header.count("|") + " --- |"
    return "\n".join([f"| {header} |", rule, *(f"| {row} |" for row in rows)])


def repacked(data: bytes, change) -> bytes:
    """An Office file with ``change(name, content)`` applied to each of its members."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return out.getvalue()


def test_word_headings_lists_and_tables(read):
    pages = read(files.word(), "handbook.docx")
    assert not pages[0].paged
    assert blocks(pages) == [
        ("heading", "Staff handbook"),
        ("heading", "Holidays"),
        ("paragraph", "Everybody has thirty days of holiday a year."),
        ("list", "- Ask your manager\n- Tell your team"),
        ("heading", "Expenses"),
        ("heading", "Travel"),
        ("paragraph", "二等座火车票全额报销。"),
        (
            "table",
            "| City | Hotel | Hotel |\n| --- | --- | --- |\n| Berlin | 120 | 150 |\n| Paris | 140 | 180 |",
        ),
    ]
    assert pages[0].blocks[-1].heading_path == ("Staff handbook", "Expenses", "Travel")


def test_word_reads_strict_files_and_skips_deleted_text(read):
    def strict(name, content):
        content = content.replace(
            b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
            b"http://purl.oclc.org/ooxml/wordprocessingml/main",
        )
        content = content.replace(
            b"http://schemas.openxmlformats.org/officeDocument/2006/relationships",
            b"http://purl.oclc.org/ooxml/officeDocument/relationships",
        )
        return content.replace(b"<w:t>Everybody", b"<w:delText>not this</w:delText><w:t>Everybody")

    said = blocks(read(repacked(files.word(), strict), "a.docx"))
    assert ("paragraph", "Everybody has thirty days of holiday a year.") in said


def test_word_follows_nothing_outside_the_file(read):
    def remote(name, content):
        if name == "word/_rels/document.xml.rels":
            return content.replace(
                b"</Relationships>",
                b'<Relationship Id="rX" Type="http://x/attachedTemplate" TargetMode="External" '
                b'Target="http://127.0.0.1:1/evil.dotm"/></Relationships>',
            )
        if name == "word/document.xml":
            entity = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
            return content.replace(b"<w:document", entity + b"<w:document", 1).replace(
                b"Everybody", b"&e;Everybody"
            )
        return content

    said = str(blocks(read(repacked(files.word(), remote), "a.docx")))
    assert "Ask your manager" in said
    assert "root:" not in said


def test_word_reads_text_in_pictures(read):
    document = docx.Document()
    document.add_paragraph("See the notice below.")
    document.add_picture(io.BytesIO(files.text_image("Closed on 24 December")))
    out = io.BytesIO()
    document.save(out)
    data = out.getvalue()
    assert any(kind == "figure" and "December" in text for kind, text in blocks(read(data, "a.docx")))
    assert len(blocks(read(data, "a.docx", ocr=False))) == 1


def test_long_documents_come_in_sections(read):
    document = docx.Document()
    for chapter in range(12):
        document.add_heading(f"Chapter {chapter}", 1)
        for _ in range(10):
            document.add_paragraph(files.LOREM)
    out = io.BytesIO()
    document.save(out)
    pages = read(out.getvalue(), "a.docx")
    assert len(pages) > 3
    assert max(len(page.text) for page in pages) < 8000
    assert not any(page.blocks[-1].kind == "heading" for page in pages)


def test_slides_are_pages_with_tables_charts_and_notes(read):
    pages = read(files.slides(), "deck.pptx")
    assert [page.number for page in pages] == [1, 2]
    assert pages[0].paged
    assert blocks(pages[:1]) == [
        ("heading", "Results of the year"),
        ("paragraph", "Sales grew by a third"),
        ("note", "Say thanks to the team in Lyon"),
    ]
    assert blocks(pages[1:]) == [
        ("heading", "Figures"),
        ("table", "| Region | Sales |\n| --- | --- |\n| North | 417 |"),
        ("table", "|  | Profit |\n| --- | --- |\n| Q1 | 12.5 |\n| Q2 | 13.75 |"),
    ]
    assert pages[1].blocks[1].heading_path == ("Figures",)


def test_sheets_are_pages_with_one_header_and_what_cells_show(read):
    pages = read(files.workbook(), "sales.xlsx")
    assert [(page.number, page.label, page.paged) for page in pages] == [
        (1, "Sales 销售", True),
        (2, "Dates", True),
        (3, "Empty", True),
    ]
    assert blocks(pages) == [
        ("heading", "Sales 销售"),
        ("paragraph", "Report of the north"),
        ("table", table("Product | 2024 Units | 2024 Revenue", "Lamp | 17 | 1234.5", "Desk | 3 | 0.3")),
        ("paragraph", "A note far below"),
        ("heading", "Dates"),
        ("table", "| Name | Born | Share |\n| --- | --- | --- |\n| Ann | 1990-05-17 | 25.0% |"),
    ]


@pytest.mark.parametrize("name", ["a.docx", "a.pptx", "a.xlsx"])
def test_a_damaged_package_is_corrupt(read, name):
    make = {"a.docx": files.word, "a.pptx": files.slides, "a.xlsx": files.workbook}[name]
    broken = repacked(make(), lambda member, content: b"" if member == "_rels/.rels" else content)
    with pytest.raises(ParseFailed) as failed:
        read(broken, name)
    assert failed.value.code == "corrupt"


def test_a_zip_bomb_is_refused_unopened(read):
    with pytest.raises(ParseFailed) as failed:
        read(files.zip_bomb(), "a.docx")
    assert failed.value.code == "zip_bomb"
