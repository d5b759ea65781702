"""Answers made of the documents' own sentences."""

from chat.extractive import extract
from chat.prompts import Source

SOURCES = [
    Source(1, "Handbook", "Welcome to us. New staff get 22 days of holiday a year. Lunch is at noon."),
    Source(2, "Notes", "Holiday was discussed. The bicycle shed is behind the house."),
    Source(3, "劳动合同法", "竞业限制的人员限于高级管理人员。竞业限制期限，不得超过二年。"),
]


def test_the_best_sentence_comes_first_with_its_citation():
    lines = extract("How many days of holiday do new staff get?", SOURCES).splitlines()
    assert lines[0] == "- New staff get 22 days of holiday a year. [1]"


def test_chinese_is_found_by_its_words():
    assert "竞业限制期限，不得超过二年。 [3]" in extract("竞业限制期限是多久？", SOURCES)


def test_another_language_gets_the_beginning_of_the_best_passage():
    assert extract("Wann gibt es Mittagessen?", SOURCES).endswith("[1]")


def test_a_long_sentence_is_cut_and_nothing_at_all_is_empty():
    long = extract("word", [Source(1, "d", "word apple banana " * 100)])
    assert len(long) < 420
    assert long.endswith("… [1]")
    assert extract("anything", []) == ""


def test_a_row_of_a_table_names_its_columns():
    table = (
        "3.1 Segments\n\n| In millions | Sales | Profit |\n| --- | --- | --- |\n"
        "| Zone NA | 12553 | 2713 |\n| Zone EUR | 9467 | 1570 |"
    )
    lines = extract("What were the sales of Zone NA?", [Source(1, "report.xlsx", table)]).splitlines()
    assert lines[0] == "- In millions: Zone NA; Sales: 12553; Profit: 2713 [1]"
