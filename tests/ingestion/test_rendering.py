"""Pictures of pages."""

import io

import pytest
from PIL import Image

from ingestion import rendering
from tests.ingestion import files
from tests.ingestion.making import make_document


def picture(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


@pytest.fixture
def pdf(knowledge_base):
    return make_document(knowledge_base, content=files.prose_pdf(2), mime="application/pdf")


def test_a_page_of_a_pdf(pdf):
    assert rendering.has_image(pdf)
    shown = picture(rendering.page_image(pdf, 2, width=700))
    assert shown.format == "PNG"
    assert shown.width == 800  # rounded up to one of few sizes
    assert abs(shown.height / shown.width - 842 / 595) < 0.01
    assert shown.convert("L").getextrema()[0] < 100  # something is on it


def test_it_is_painted_once_and_forgotten_with_its_document(pdf, monkeypatch, settings):
    first = rendering.page_image(pdf, 1, width=400)
    monkeypatch.setattr(rendering.sandbox, "paint", None)
    assert rendering.page_image(pdf, 1, width=400) == first
    rendering.forget(pdf.pk)
    assert not rendering.folder(pdf.pk).exists()


def test_images_and_formats_without_a_look(knowledge_base):
    image = make_document(knowledge_base, content=files.text_image("Hi"), mime="image/png")
    assert picture(rendering.page_image(image, 1, width=400)).size == (400, 160)
    text = make_document(knowledge_base)
    assert not rendering.has_image(text)
    with pytest.raises(rendering.PageNotRendered):
        rendering.page_image(text, 1, width=400)


@pytest.mark.parametrize("number", [0, 3, 10**9])
def test_pages_that_are_not_there(pdf, number):
    with pytest.raises(rendering.PageNotRendered):
        rendering.page_image(pdf, number, width=400)


def test_a_page_a_kilometre_wide_is_painted_small(knowledge_base):
    import pymupdf

    document = pymupdf.open()
    document.new_page(width=14400, height=200).insert_text((10, 100), "wide")
    document.new_page(width=200, height=14400)
    huge = make_document(knowledge_base, content=document.tobytes(), mime="application/pdf")
    for number in (1, 2):
        shown = picture(rendering.page_image(huge, number, width=2000))
        assert shown.width * shown.height <= 8_100_000


def test_broken_files_have_no_pictures(knowledge_base):
    broken = make_document(knowledge_base, content=b"%PDF-1.4", mime="application/pdf")
    with pytest.raises(rendering.PageNotRendered):
        rendering.page_image(broken, 1, width=400)


def test_the_oldest_pictures_go_first(tmp_path):
    import os

    for n in range(5):
        path = tmp_path / "a" / f"{n}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * 100)
        os.utime(path, (n, n))
    rendering.prune(tmp_path, limit=250)
    assert sorted(path.name for path in tmp_path.rglob("*.png")) == ["3.png", "4.png"]
