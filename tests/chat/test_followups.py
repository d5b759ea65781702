"""Follow-up questions made to stand alone."""

import pytest

from chat.followups import depends_on_context, joined, standalone
from chat.llm import LLMBroken

HISTORY = [("Who leads the Kestrel project?", "Ana Ruiz leads it [1].")]


class Scripted:
    name, passage_tokens, small = "scripted", 100, True

    def __init__(self, reply):
        self.reply, self.messages = reply, None

    async def prepare(self):
        return None

    async def stream(self, messages, *, max_tokens):
        self.messages = messages
        if isinstance(self.reply, Exception):
            raise self.reply
        yield self.reply


@pytest.mark.parametrize(
    ("question", "depends"),
    [
        ("And since when?", True),
        ("What about part-time staff?", True),
        ("How old is she?", True),
        ("Why?", True),
        ("How many days of holiday do new staff get?", False),
        ("它的价格是多少？", True),
        ("那试用期的员工呢？", True),
        ("为什么？", True),
        ("竞业限制期限不得超过几年？", False),
        ("其他员工的年假天数一共有多少天？", False),
    ],
)
def test_what_leans_on_the_conversation(question, depends):
    assert depends_on_context(question) is depends


async def test_a_question_of_its_own_costs_no_model_call():
    model = Scripted("never")
    assert await standalone("How many days of leave do we get?", history=HISTORY, llm=model) == (
        "How many days of leave do we get?"
    )
    assert await standalone("And since when?", history=[], llm=model) == "And since when?"
    assert model.messages is None


async def test_the_model_rewrites_from_the_last_turn():
    model = Scripted(' "Since when does Ana Ruiz lead the Kestrel project?" ')
    assert await standalone("And since when?", history=HISTORY, llm=model) == (
        "Since when does Ana Ruiz lead the Kestrel project?"
    )
    assert "Ana Ruiz leads it.\nLast question: And since when?" in model.messages[-1]["content"]


@pytest.mark.parametrize("reply", [LLMBroken("x"), "", "two\nlines", "far too long " * 50])
async def test_without_a_usable_rewriting_both_questions_are_searched_for(reply):
    for model in (Scripted(reply), None):
        assert await standalone("And since when?", history=HISTORY, llm=model) == (
            "Who leads the Kestrel project? And since when?"
        )


def test_joined_without_history_is_the_question():
    assert joined("Why?", []) == "Why?"
