"""Question sets: what may be asked, what is imported, and which chunks count as right."""

import json

import pytest

from retrieval import question_sets
from retrieval.models import Question
from tests.retrieval.documents import add

pytestmark = pytest.mark.django_db


@pytest.fixture
def question_set(knowledge_base, alice):
    return question_sets.create_question_set(knowledge_base=knowledge_base, user=alice, name="Golden")


def test_a_question_must_say_where_its_answer_stands(question_set):
    with pytest.raises(question_sets.QuestionRefused):
        question_sets.add_question(question_set=question_set, text="When?")
    assert question_set.questions.count() == 0


def test_import_keeps_what_can_be_used_and_says_what_cannot(question_set, knowledge_base):
    document = add(knowledge_base, "The bridge opens at nine.", name="hours.txt")
    lines = [
        json.dumps({"question": "When does it open?", "document": "hours.txt", "quote": "opens at nine"}),
        "not json",
        "[]",
        json.dumps({"question": "Who?", "document": "other.txt"}),
        json.dumps({"question": "", "quote": "x"}),
        json.dumps({"question": "Nothing said"}),
        "",
        json.dumps({"question": "何时开放？", "quote": "九点"}),
    ]
    report = question_sets.import_questions(
        question_set=question_set, name="q.jsonl", content="\n".join(lines).encode()
    )
    assert report.added == 2
    assert [line for line, _reason in report.skipped] == [2, 3, 4, 5, 6]
    first, second = question_set.questions.all()
    assert (first.document, first.origin) == (document, Question.Origin.IMPORTED)
    assert (second.text, second.document) == ("何时开放？", None)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_import_of_a_spreadsheet(question_set, delimiter):
    rows = [["question", "quote"], ["When?", "at nine"], ["Where?", "by the bridge"]]
    content = "\ufeff" + "\n".join(delimiter.join(row) for row in rows)
    report = question_sets.import_questions(question_set=question_set, name="q.csv", content=content.encode())
    assert (report.added, report.skipped) == (2, [])


@pytest.mark.parametrize(
    ("name", "content"),
    [("q.jsonl", b""), ("q.csv", b"a,b\n1,2\n"), ("q.jsonl", b"\xff\xfe\x00broken"), ("q.csv", b"")],
)
def test_a_file_without_questions_is_refused(question_set, name, content):
    with pytest.raises(question_sets.QuestionRefused):
        question_sets.import_questions(question_set=question_set, name=name, content=content)


def right(question_set, knowledge_base, **fields):
    question = question_sets.add_question(question_set=question_set, text="?", **fields)
    return question_sets.relevant_chunks([question], knowledge_base)[question.pk]


def test_the_quote_decides_white_space_and_width_aside(question_set, knowledge_base):
    document = add(knowledge_base, "The ﬁrst  door\nis green.", "The second door is red.")
    first, second = document.chunks.order_by("ordinal")
    assert right(question_set, knowledge_base, quote="first door is GREEN") == {first.pk}
    assert right(question_set, knowledge_base, document=document) == {first.pk, second.pk}
    assert right(question_set, knowledge_base, quote="The third door is blue") == set()


def test_a_quote_that_a_border_cuts_belongs_to_the_longer_part(question_set, knowledge_base):
    document = add(knowledge_base, "Nobody knows when the bridge", "opens at nine.")
    first, second = document.chunks.order_by("ordinal")
    assert right(question_set, knowledge_base, quote="the bridge opens at nine") == {second.pk}
    assert right(question_set, knowledge_base, quote="knows when the bridge opens") == {first.pk}


def test_the_document_narrows_the_quote(question_set, knowledge_base):
    add(knowledge_base, "Open at nine.", name="a.txt")
    named = add(knowledge_base, "Open at nine.", name="b.txt")
    assert right(question_set, knowledge_base, document=named, quote="at nine") == {named.chunks.get().pk}
