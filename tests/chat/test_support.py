"""Statements held against the passages they cite."""

from chat.prompts import NOT_FOUND, Source
from chat.support import check

LEAVE = Source(
    1, "Handbook, page 4", "New staff get 22 days of holiday a year. After five years it is 26 days."
)
LUNCH = Source(2, "Menu", "The canteen is open from 11:30 to 14:00.")
LAW = Source(3, "劳动合同法.md", "竞业限制期限，不得超过二年。")
SOURCES = [LEAVE, LUNCH, LAW]


def checked(answer, question="?", judge=None, threshold=None, sources=SOURCES):
    return check(answer, sources, question=question, judge=judge, threshold=threshold)


def test_a_statement_that_stands_in_its_passage_is_left_alone():
    result = checked("After five years staff get 26 days of holiday [1]. The canteen is open from 11:30 [2].")
    assert (
        result.text
        == "After five years staff get 26 days of holiday [1]. The canteen is open from 11:30 [2]."
    )
    assert result.cited == {1, 2}
    assert result.unsupported == []


def test_an_invented_number_is_marked():
    answer = "New staff get 22 days of holiday a year [1]. After five years it is 31 days of holiday [1]."
    result = checked(answer)
    [[start, end]] = result.unsupported
    assert result.text[start:end] == "After five years it is 31 days of holiday [1]."


def test_a_number_from_the_question_is_not_invented():
    assert checked("In 2031 staff get 22 days of holiday a year [1].", "How many in 2031?").unsupported == []


def test_numbers_in_words_and_in_chinese_count():
    assert checked("竞业限制期限不得超过2年 [3]。").unsupported == []
    assert checked("After 5 years it is 26 days of holiday [1].").unsupported == []


def test_a_wrong_citation_is_put_right():
    result = checked("After five years staff get 26 days of holiday [2].")
    assert result.text == "After five years staff get 26 days of holiday [1]."
    assert result.cited == {1}


def test_a_missing_citation_is_added_before_the_full_stop():
    assert checked("New staff get 22 days of holiday.").text == "New staff get 22 days of holiday [1]."
    assert checked("竞业限制期限不得超过二年。").text == "竞业限制期限不得超过二年 [3]。"


def test_what_no_passage_bears_out_stays_uncited_and_unmarked():
    result = checked("I hope that this helps you with your plans.")
    assert (result.text, result.cited, result.unsupported) == (
        "I hope that this helps you with your plans.", set(), []
    )  # fmt: skip


def test_the_reranker_decides_where_words_differ():
    answer = "Rest periods grow with seniority [1]."
    assert checked(answer, judge=lambda s, texts: [0.9] * len(texts), threshold=0.5).unsupported == []
    assert checked(answer, judge=lambda s, texts: [0.1] * len(texts), threshold=0.5).unsupported != []
    assert checked(answer, judge=lambda s, texts: [None] * len(texts), threshold=0.5).unsupported != []


def test_no_reranker_can_save_an_invented_number():
    result = checked("It is 99 days [1].", judge=lambda s, texts: [1.0] * len(texts), threshold=0.5)
    assert len(result.unsupported) == 1


def test_a_refusal_is_no_statement():
    result = checked(NOT_FOUND)
    assert (result.text, result.cited, result.unsupported) == (NOT_FOUND, set(), [])


def test_the_text_between_statements_is_kept():
    answer = (
        "## Leave\n\n- New staff get 22 days of holiday [1].\n\n  \n- The canteen is open from 11:30 [2].\n"
    )
    assert checked(answer).text == answer


def test_a_citation_in_another_language_stays_where_the_model_put_it():
    sources = [
        Source(3, "手册", "电机和电池保修期为两年，其他部件保修期为一年。"),
        Source(4, "Handbook", "The notice period is one month, and after two years of warranty it is two."),
    ]
    said = "The warranty of the battery is two years [3]."
    checked = check(said, sources, question="How long is the battery warranty?", judge=None, threshold=None)
    assert (checked.text, checked.cited, checked.unsupported) == (said, {3}, [])
