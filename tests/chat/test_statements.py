"""Sentences, and the numbers in them."""

import pytest

from chat import numerals
from chat.statements import is_chinese, sentences, statements


def cut(text):
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DPR got 78.4 vs. 59.1 [2][3]. It won.", ["DPR got 78.4 vs. 59.1 [2][3].", "It won."]),
        ("It holds. [1] Next one.[2]", ["It holds. [1]", "Next one.[2]"]),
        ("不得超过二年。[2]第二句！第三句", ["不得超过二年。[2]", "第二句！", "第三句"]),
        ("- Item one [1]\n- Item two", ["- Item one [1]", "- Item two"]),
        ("Dr. Smith and J. Doe agree.", ["Dr. Smith and J. Doe agree."]),
        ("", []),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text, expected):
    assert cut(text) == expected


def test_statements_know_their_citations_and_their_place():
    answer = "# Leave\n\n1. It is 26 days [1][3]. \n2. 周末休息。[2]"
    found = statements(answer)
    assert [(one.bare, one.cited) for one in found] == [
        ("Leave", ()),
        ("It is 26 days .", (1, 3)),
        ("周末休息。", (2,)),
    ]
    assert all(answer[one.start : one.end] == one.text for one in found)


def test_every_character_that_is_not_space_belongs_to_a_sentence():
    text = "One. Two！三。[1]\n\n| a | b |\n* x?"
    assert "".join("".join(cut(text)).split()) == "".join(text.split())


def test_numbers_are_the_same_however_they_are_written():
    assert numerals.stated("12,553 and ２０２３, 78.4%") == {12553.0, 2023.0, 78.4}
    assert {10.0, 23.0, 2.0, 1000.0} <= numerals.borne_out("ten days, 第二十三条, 两倍, 一千元")
    assert {8.0, 30.0} <= numerals.borne_out("30 August")


def test_a_plain_word_states_no_number():
    assert numerals.stated("ten days") == set()


@pytest.mark.parametrize(
    ("question", "chinese"),
    [
        ("年假有几天？", True),
        ("EasyRAG 的 Reranker 是什么？", True),
        ("What does 年假 mean in this text?", False),
        ("有給休暇は何日ですか？", False),
        ("", False),
    ],
)
def test_the_language_to_answer_in(question, chinese):
    assert is_chinese(question) is chinese
