"""Files of every format, made by the libraries that people's programs are made of."""

import io
import random
import zipfile
from email.message import EmailMessage

import docx
import openpyxl
import pptx
import pymupdf
from PIL import Image, ImageDraw, ImageFont
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

LOREM = (
    "The committee meets on the first Monday of each month. Its minutes are kept by the secretary. "
    "A member who cannot come tells the chair at least two days before. "
)


def pdf(draw, *, pages: int = 1, **options) -> bytes:
    """A PDF of A4 pages; ``draw(page, number)`` fills each."""
    document = pymupdf.open()
    for number in range(1, pages + 1):
        draw(document.new_page(width=595, height=842), number)
    return document.tobytes(**options)


def prose_pdf(pages: int = 3) -> bytes:
    """Pages with a running header, a page number, a heading and two paragraphs."""

    def draw(page, number: int) -> None:
        page.insert_text((72, 40), "Example Society - Handbook", fontsize=9)
        page.insert_text((290, 820), str(number), fontsize=9)
        page.insert_text((72, 100), f"{number} Chapter about topic {number}", fontsize=18)
        page.insert_textbox((72, 130, 520, 400), f"Topic {number}. " + LOREM * 3, fontsize=11)

    return pdf(draw, pages=pages)


def two_column_pdf() -> bytes:
    """A title over two columns of text; the second goes on where the first ends."""
    left = "Left begins. " + LOREM * 4
    right = "Right begins. " + LOREM * 4

    def draw(page, _number: int) -> None:
        page.insert_text((150, 70), "A title across both columns of the page", fontsize=16)
        page.insert_textbox((60, 100, 285, 700), left, fontsize=10)
        page.insert_textbox((310, 100, 535, 700), right, fontsize=10)

    return pdf(draw)


def ruled_table_pdf(rows: list[list[str]], *, rotate: int = 0) -> bytes:
    def draw(page, _number: int) -> None:
        page.insert_text((72, 80), "The table below lists the offices.", fontsize=11)
        top, left, width, height = 120, 72, 110, 24
        for r in range(len(rows) + 1):
            page.draw_line((left, top + r * height), (left + width * len(rows[0]), top + r * height))
        for c in range(len(rows[0]) + 1):
            page.draw_line((left + c * width, top), (left + c * width, top + height * len(rows)))
        for r, row in enumerate(rows):
            for c, cell in enumerate(row):
                page.insert_text((left + c * width + 4, top + r * height + 16), cell, fontsize=10)
        page.insert_text((72, top + height * len(rows) + 40), "That was the table.", fontsize=11)
        page.set_rotation(rotate)

    return pdf(draw)


def chinese_pdf(text: str) -> bytes:
    def draw(page, _number: int) -> None:
        page.insert_textbox((72, 100, 400, 600), text, fontsize=12, fontname="china-s")

    return pdf(draw)


def scanned_pdf(text: str) -> bytes:
    """A page that is a picture of ``text``."""
    picture = text_image(text)

    def draw(page, _number: int) -> None:
        page.insert_image((50, 100, 545, 300), stream=picture)

    return pdf(draw)


def text_image(text: str, *, form: str = "PNG") -> bytes:
    picture = Image.new("RGB", (1000, 400), "white")
    ImageDraw.Draw(picture).text((40, 150), text, fill="black", font=ImageFont.load_default(size=48))
    out = io.BytesIO()
    picture.save(out, form)
    return out.getvalue()


def blank_image() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (200, 200), "white").save(out, "PNG")
    return out.getvalue()


def noise_image(width: int = 300, height: int = 300) -> bytes:
    out = io.BytesIO()
    Image.frombytes("L", (width, height), random.Random(1).randbytes(width * height)).save(out, "PNG")
    return out.getvalue()


def word() -> bytes:
    document = docx.Document()
    document.add_heading("Staff handbook", 0)
    document.add_heading("Holidays", 1)
    document.add_paragraph("Everybody has thirty days of holiday a year.")
    document.add_paragraph("Ask your manager", style="List Bullet")
    document.add_paragraph("Tell your team", style="List Bullet")
    document.add_heading("Expenses", 1)
    document.add_heading("Travel", 2)
    document.add_paragraph("二等座火车票全额报销。")
    table = document.add_table(rows=3, cols=3)
    for r, row in enumerate([["City", "Hotel", "Hotel"], ["Berlin", "120", "150"], ["Paris", "140", "180"]]):
        for c, cell in enumerate(row):
            table.cell(r, c).text = cell
    table.cell(0, 1).merge(table.cell(0, 2)).text = "Hotel"
    return _saved(document)


def slides() -> bytes:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Results of the year"
    slide.placeholders[1].text = "Sales grew by a third"
    slide.notes_slide.notes_text_frame.text = "Say thanks to the team in Lyon"
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Figures"
    table = slide.shapes.add_table(2, 2, Inches(1), Inches(2), Inches(4), Inches(1)).table
    for r, row in enumerate([["Region", "Sales"], ["North", "417"]]):
        for c, cell in enumerate(row):
            table.cell(r, c).text = cell
    data = CategoryChartData()
    data.categories = ["Q1", "Q2"]
    data.add_series("Profit", (12.5, 13.75))
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(1), Inches(4), Inches(4), Inches(2), data)
    return _saved(deck)


def workbook() -> bytes:
    from datetime import date

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sales 销售"
    sheet.append(["Report of the north", None, None])
    sheet.append([])
    sheet.append(["Product", "2024", None])
    sheet.append([None, "Units", "Revenue"])
    sheet.merge_cells("B3:C3")
    sheet.append(["Lamp", 17, 1234.5])
    sheet.append(["Desk", 3, 0.1 + 0.2])
    sheet["A500"] = "A note far below"
    other = book.create_sheet("Dates")
    other.append(["Name", "Born", "Share"])
    other.append(["Ann", date(1990, 5, 17), 0.25])
    other["B2"].number_format = "yyyy-mm-dd"
    other["C2"].number_format = "0.0%"
    other["XFD1048576"].number_format = "0"  # claims the largest range there is
    book.create_sheet("Empty")
    return _saved(book)


def _saved(document) -> bytes:
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def epub() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr(
            "META-INF/container.xml",
            '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
            '<rootfile full-path="book/content.opf"/></rootfiles></container>',
        )
        archive.writestr(
            "book/content.opf",
            '<package xmlns="http://www.idpf.org/2007/opf"><manifest>'
            '<item id="two" href="two.xhtml" media-type="application/xhtml+xml"/>'
            '<item id="one" href="one%20a.xhtml" media-type="application/xhtml+xml"/></manifest>'
            '<spine><itemref idref="one"/><itemref idref="two"/></spine></package>',
        )
        for name, title in (("two.xhtml", "Second"), ("one a.xhtml", "First")):
            archive.writestr(
                f"book/{name}",
                f'<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><body>'
                f"<h1>{title}</h1><p>The {title} chapter.</p></body></html>",
            )
    return out.getvalue()


def mail(*attachments: tuple[str, bytes, str]) -> bytes:
    message = EmailMessage()
    message["Subject"] = "季度会议 moved"
    message["From"] = "Ann <ann@example.com>"
    message["To"] = "bob@example.com"
    message.set_content("The meeting is now on Friday at ten.")
    message.add_alternative("<p>The meeting is now on <b>Friday</b> at ten.</p>", subtype="html")
    for name, data, mime in attachments:
        kind, _slash, subtype = mime.partition("/")
        message.add_attachment(data, maintype=kind, subtype=subtype, filename=name)
    return message.as_bytes()


def zip_bomb() -> bytes:
    """A Word file of 300 kB whose body unpacks to 300 MB."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", b"<w>" + b" " * 300_000_000)
    return out.getvalue()


def encrypted_pdf(password: str) -> bytes:
    document = pymupdf.open(stream=prose_pdf(1))
    return document.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw=password, owner_pw="owner")
