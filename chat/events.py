"""What happens while an answer is made, in order: SourcesFound, Token*, then Done or Failed."""

from dataclasses import dataclass

from chat.models import Message


@dataclass(frozen=True, slots=True)
class SourcesFound:
    message: Message


@dataclass(frozen=True, slots=True)
class Token:
    text: str


@dataclass(frozen=True, slots=True)
class Done:
    message: Message


@dataclass(frozen=True, slots=True)
class Failed:
    """``code`` is a `chat.notices` code that the interface puts into words."""

    message: Message
    code: str


AnswerEvent = SourcesFound | Token | Done | Failed
