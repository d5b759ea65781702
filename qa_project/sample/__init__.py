"""A small bilingual knowledge base about a bicycle maker that does not exist.

The texts are ours. The HTML ones are laid out as PDF when they are asked for, so that a first
visit shows a citation marked on a real page.
"""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
MARGINS = (42, 42, -42, -42)  # points, added to the corners of the paper
STYLE = """
body { font-family: sans-serif; font-size: 11pt; line-height: 1.5; }
h1 { font-size: 20pt; margin-bottom: 12pt; }
h2 { font-size: 14pt; margin-top: 14pt; margin-bottom: 4pt; }
p { margin-top: 0; margin-bottom: 7pt; }
"""


@dataclass(frozen=True, slots=True)
class GoldenQuestion:
    """A question whose answer stands in ``document``, in the passage that holds ``quote``."""

    question: str
    document: str
    quote: str


def documents() -> Iterator[tuple[str, bytes]]:
    """(file name, content) of each sample document."""
    for path in sorted(HERE.iterdir()):
        if path.suffix == ".html":
            yield f"{path.stem}.pdf", _as_pdf(path.read_text("utf-8"), title=path.stem)
        elif path.suffix in {".md", ".csv"}:
            yield path.name, path.read_bytes()


def golden_questions() -> list[GoldenQuestion]:
    lines = (HERE / "questions.jsonl").read_text("utf-8").splitlines()
    return [GoldenQuestion(**json.loads(line)) for line in lines]


def _as_pdf(html: str, *, title: str) -> bytes:
    """The HTML on A5 pages."""
    import pymupdf

    story, raw = pymupdf.Story(html=html, user_css=STYLE), io.BytesIO()
    writer, paper = pymupdf.DocumentWriter(raw), pymupdf.paper_rect("a5")
    more = True
    while more:
        device = writer.begin_page(paper)
        more, _ = story.place(paper + MARGINS)
        story.draw(device)
        writer.end_page()
    writer.close()
    with pymupdf.open("pdf", raw.getvalue()) as pdf:
        pdf.set_metadata({"title": title})
        pdf.subset_fonts()
        return pdf.tobytes(garbage=4, deflate=True, no_new_id=True)
