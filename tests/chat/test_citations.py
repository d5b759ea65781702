"""Citation numbers in a stream."""

import pytest

from chat.citations import CitationFilter, normalised


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("It is so [1].", "It is so [1]."),
        ("It is so [1, 2].", "It is so [1][2]."),
        ("It is so [1][2].", "It is so [1][2]."),
        ("It is so [1-3].", "It is so [1][2][3]."),
        ("是这样【1】。", "是这样[1]。"),
        ("是这样［1，2］。", "是这样[1][2]。"),
        ("是这样【来源1】。", "是这样[1]。"),
        ("It is so [Source 2].", "It is so [2]."),
        ("It is so [^1].", "It is so [1]."),
        ("It is so 【1†handbook.pdf】.", "It is so [1]."),
        ("It is so [1 and 3].", "It is so [1][3]."),
    ],
)
def test_every_way_of_writing_becomes_one(written, shown):
    assert normalised(written, {1, 2, 3}) == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("It is so [4].", "It is so."),
        ("It is so [1, 9].", "It is so [1]."),
        ("So [7] and so [2].", "So and so [2]."),
    ],
)
def test_a_number_without_a_source_is_dropped(written, shown):
    assert normalised(written, {1, 2, 3}) == shown


@pytest.mark.parametrize(
    "text",
    [
        "see [appendix] there",
        "a [very long remark that is no citation at all, is it] b",
        "open [ bracket",
        "an array[i]",
        "ends with [",
        "spaces   inside",
    ],
)
def test_other_brackets_stay(text):
    assert normalised(text, {1}) == text


def test_pieces_never_show_half_a_citation():
    whole = "First [1, 2] then 【3】 and [9] end [x]."
    for size in range(1, 8):
        citations = CitationFilter({1, 2, 3})
        shown = [citations.feed(whole[i : i + size]) for i in range(0, len(whole), size)]
        shown.append(citations.flush())
        assert "".join(shown) == "First [1][2] then [3] and end [x]."
        for piece in shown:
            assert piece.count("[") == piece.count("]")
