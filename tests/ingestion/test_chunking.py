"""What a chunk promises: see `ingestion.chunking` and `ingestion.pages.Span`."""

import random

import pytest

from ingestion.chunking import estimate_tokens, split
from ingestion.pages import Block, Page, Region
from ingestion.sentences import pieces, sentences

SENTENCES = (
    "The committee meets on Monday.",
    "Dr. Smith paid 3.5 million to Acme Inc. in May.",
    "委员会每月第一个星期一开会。",
    "凡迟到者，须提前两天告知主席；否则按缺席处理。",
    "Is that all?",
    "Yes!",
)


def page(*blocks: Block, number: int = 1, paged: bool = False) -> Page:
    return Page(number=number, blocks=blocks, paged=paged)


def cut(*pages: Page, target: int = 64):
    return split(pages, target_tokens=target, count_tokens=estimate_tokens)


def full_text(pages) -> str:
    return "\n\n".join(page.text for page in pages)


def random_pages(seed: int) -> list[Page]:
    rng = random.Random(seed)
    pages = []
    paged = rng.random() < 0.5
    for number in range(1, rng.randint(2, 8)):
        blocks = []
        path: tuple[str, ...] = ()
        for _ in range(rng.randint(0, 8)):
            kind = rng.choice(["heading", "paragraph", "paragraph", "list", "table", "code"])
            if kind == "heading":
                blocks.append(
                    Block("heading", title := f"Heading {rng.randint(1, 99)}", heading_path=path[:1])
                )
                path = (*path[:1], title)
            elif kind == "table":
                rows = [
                    f"| {rng.randint(0, 999)} | {rng.choice(SENTENCES)} |" for _ in range(rng.randint(2, 12))
                ]
                text = "\n".join(["| Number | Text |", "| --- | --- |", *rows])
                blocks.append(Block("table", text, heading_path=path))
            else:
                text = " ".join(rng.choice(SENTENCES) for _ in range(rng.randint(1, 15)))
                blocks.append(Block(kind, text, heading_path=path))
        pages.append(Page(number=number, blocks=tuple(blocks), paged=paged))
    return pages


@pytest.mark.parametrize("seed", range(40))
def test_properties_on_random_documents(seed):
    pages = random_pages(seed)
    text = full_text(pages)
    spans = split(pages, target_tokens=64, count_tokens=estimate_tokens)
    assert spans == split(pages, target_tokens=64, count_tokens=estimate_tokens)
    at = 0
    for span in spans:
        said = text[span.start : span.end]
        assert said == said.strip() != ""
        assert span.text == said or span.text.endswith("\n" + said)
        assert text[at : span.start].strip() == ""  # nothing lost, nothing twice
        assert span.tokens <= 64 * 2
        at = span.end
    assert text[at:].strip() == ""
    starts = {}
    start = 0
    for page_ in pages:
        starts[page_.number] = start
        start += len(page_.text) + 2
    for span in spans:
        assert span.page == max(number for number, start in starts.items() if start <= span.start)


def test_a_heading_stays_with_its_text():
    filler = Block("paragraph", "word " * 50, heading_path=("One",))
    spans = cut(
        page(
            Block("heading", "One"),
            filler,
            Block("heading", "Two"),
            Block("heading", "Two point one", heading_path=("Two",)),
            Block("paragraph", "The text of two. " * 12, heading_path=("Two", "Two point one")),
        )
    )
    for span in spans:
        assert not span.text.rstrip().endswith(("One", "Two", "Two point one"))
    second = next(span for span in spans if "Two" in span.text)
    assert second.text.startswith("Two\n\nTwo point one\n\nThe text")
    assert second.heading_path == ("Two", "Two point one")


def test_small_sections_share_a_chunk_and_the_headings_they_have_in_common():
    spans = cut(
        page(
            Block("heading", "Rules"),
            Block("heading", "First", heading_path=("Rules",)),
            Block("paragraph", "Short one.", heading_path=("Rules", "First")),
            Block("heading", "Second", heading_path=("Rules",)),
            Block("paragraph", "Short two.", heading_path=("Rules", "Second")),
        )
    )
    assert len(spans) == 1
    assert spans[0].heading_path == ("Rules",)


def test_sentences_are_whole_in_both_languages():
    text = " ".join(SENTENCES * 6)
    ends = {end for _start, end in sentences(text)}
    for span in cut(page(Block("paragraph", text)), target=40):
        assert any(span.end <= end <= span.end + 1 for end in ends), span.text


def test_abbreviations_and_decimals_end_no_sentence():
    text = "Dr. Smith paid 3.5 million, cf. Fig. 4. The rest is known."
    assert [text[a:b].strip() for a, b in sentences(text)] == [
        "Dr. Smith paid 3.5 million, cf. Fig. 4.",
        "The rest is known.",
    ]


def test_a_sentence_too_long_is_cut_at_clauses_then_between_words():
    text = "第一条规定甲方应当，" * 20 + "结束。"
    parts = [text[a:b] for a, b in pieces(text, limit=50, count_tokens=estimate_tokens)]
    assert all(part.endswith(("，", "。")) for part in parts)
    assert "".join(parts) == text
    endless = "word " * 300
    assert all(
        len(endless[a:b].split()) <= 50 for a, b in pieces(endless, limit=50, count_tokens=estimate_tokens)
    )
    assert max(b - a for a, b in pieces("x" * 10_000, limit=50, count_tokens=estimate_tokens)) <= 50


def test_a_table_is_cut_between_rows_and_repeats_its_header():
    rows = [f"| {n} | the value of {n} |" for n in range(60)]
    text = "\n".join(["| Key | Value |", "| --- | --- |", *rows])
    spans = cut(page(Block("table", text)))
    assert len(spans) > 3
    for span in spans:
        lines = span.text.split("\n")
        assert lines[:2] == ["| Key | Value |", "| --- | --- |"]
        assert set(lines[2:]) <= set(rows)
        assert len(lines) > 2
    assert text[spans[1].start : spans[1].end] in spans[1].text


def test_regions_are_of_exactly_the_lines_covered():
    lines = tuple(
        (f"Line number {n} says this.", Region(1, 0.1, n / 50, 0.9, (n + 1) / 50)) for n in range(40)
    )
    block = Block("paragraph", " ".join(text for text, _ in lines), Region(1, 0.1, 0, 0.9, 0.8), (), lines)
    spans = cut(page(block, paged=True))
    assert len(spans) > 2
    covered = [region for span in spans for region in span.regions]
    assert covered == [region for _text, region in lines]
    for span in spans:
        assert [r for text, r in lines if text in span.text] == list(span.regions)


def test_a_block_without_lines_is_marked_whole_and_one_without_place_not_at_all():
    region = Region(2, 0, 0, 1, 1)
    spans = cut(page(Block("paragraph", "A.", region)), page(Block("paragraph", "B."), number=2))
    assert [span.regions for span in spans] == [(region,)]


def test_pages_are_kept_apart_but_a_sentence_that_goes_on_overleaf_is_not():
    first = page(Block("paragraph", "It was agreed that the chair"), number=1, paged=True)
    second = page(Block("paragraph", "resigns in May. A new page has its own facts."), number=2, paged=True)
    spans = cut(first, second)
    assert [span.page for span in spans] == [1, 2]
    assert spans[0].text == "It was agreed that the chair\n\nresigns in May."
    assert spans[1].text == "A new page has its own facts."


def test_slides_are_never_joined():
    spans = cut(*(page(Block("paragraph", f"Slide {n}."), number=n, paged=True) for n in (1, 2, 3)))
    assert [(span.page, span.text) for span in spans] == [(n, f"Slide {n}.") for n in (1, 2, 3)]


def test_nothing_gives_nothing():
    assert cut() == []
    assert cut(page(Block("paragraph", "   "))) == []


def test_tokens_are_about_those_of_a_subword_model():
    assert estimate_tokens("今天天气") == 4
    assert estimate_tokens("internationalization") == 3
    assert estimate_tokens("1234567, ok") == 5


def test_a_caption_stays_with_its_table():
    rows = [f"| {n} | value {n} |" for n in range(5)]
    table = "\n".join(["| Key | Value |", "| --- | --- |", *rows])
    target = estimate_tokens(table) + 2
    spans = cut(page(Block("paragraph", "Table 3: the keys"), Block("table", table)), target=target)
    assert spans[0].text.startswith("Table 3: the keys\n\n| Key | Value |")
    assert spans[1].text.startswith("| Key | Value |\n| --- | --- |\n| ")
