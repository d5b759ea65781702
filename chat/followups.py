"""A follow-up question made to stand alone, so that it can be searched for."""

import asyncio
import re
from collections.abc import Sequence

from chat.llm import LLM, LLMUnavailable
from chat.prompts import as_data
from chat.statements import is_chinese

REWRITE_TIMEOUT_S = 12
LONGEST = 300

_DEPENDS_EN = re.compile(
    r"\b(it|its|they|them|their|theirs|he|she|him|her|his|hers|this|that|these|those|there|then"
    r"|ones?|former|latter|same|above|previous|others?|else|so)\b"
    r"|^(and|but|or|also|what about|how about|why|how so|which one|more|in what|since when)\b",
    re.IGNORECASE,
)
_DEPENDS_ZH = re.compile(
    r"它|他们|她|(?<!其)他(?!人)|这|那|其(?![他它余实中])|此|该|上述|前者|后者|上面|刚才|同样|还有|另外|呢[？?]?$"
    r"|^(为什么|为何|怎么|如何|多少|几)"
)
_SHORT_WORDS = 4
_SHORT_HAN = 7

_SYSTEM = (
    "Rewrite the last question so that it can be understood without the conversation. "
    "Write only the question."
)
_EXAMPLES = (
    ("Who leads the Kestrel project?", "Ana Ruiz leads the Kestrel project.", "And since when?",
     "Since when does Ana Ruiz lead the Kestrel project?"),
    ("年假有几天？", "正式员工每年有15天年假。", "那试用期的员工呢？", "试用期的员工每年有几天年假？"),
)  # fmt: skip


def depends_on_context(question: str) -> bool:
    """Whether the question leans on what was said before: pronouns, "and ...?", or very few words."""
    question = question.strip()
    if is_chinese(question):
        return bool(_DEPENDS_ZH.search(question)) or len(re.findall(r"\w", question)) <= _SHORT_HAN
    return bool(_DEPENDS_EN.search(question)) or len(question.split()) < _SHORT_WORDS


def joined(question: str, history: Sequence[tuple[str, str]]) -> str:
    """The previous question and this one, which recall and reranker can work with."""
    return f"{history[-1][0]} {question}" if history else question


async def standalone(question: str, *, history: Sequence[tuple[str, str]], llm: LLM | None) -> str:
    """``question`` itself unless it leans on ``history``; then rewritten by ``llm``, else `joined`."""
    if not history or not depends_on_context(question):
        return question
    if llm is None:
        return joined(question, history)
    written = ""
    try:
        async with asyncio.timeout(REWRITE_TIMEOUT_S):
            async for piece in llm.stream(_messages(question, history), max_tokens=80):
                written += piece
    except (LLMUnavailable, TimeoutError):
        return joined(question, history)
    written = written.strip().strip('"“”').strip()
    return (
        written if written and len(written) <= LONGEST and "\n" not in written else joined(question, history)
    )


def _messages(question: str, history: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    messages = [{"role": "system", "content": _SYSTEM}]
    for earlier, answer, last, rewritten in _EXAMPLES:
        messages.append({"role": "user", "content": _conversation(earlier, answer, last)})
        messages.append({"role": "assistant", "content": rewritten})
    earlier, answer = history[-1]
    messages.append({"role": "user", "content": _conversation(earlier, answer, question)})
    return messages


def _conversation(earlier: str, answer: str, last: str) -> str:
    answer = re.sub(r"\s*\[\d+\]", "", answer)
    lines = (("Question", earlier), ("Answer", answer), ("Last question", last))
    return "\n".join(f"{name}: {as_data(text)[:300]}" for name, text in lines)
