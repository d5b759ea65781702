"""Language models: the bundled one, and any server that speaks OpenAI's protocol.

LLMUnavailable            the answer falls back to the documents' own sentences
├── LLMMissing            none is configured, or the bundled one is not fetched: configure or fetch it
├── LLMSlow               nothing came in time: wait, or use a faster one
├── LLMUnreachable        the address does not answer: check it
├── LLMRefused            key, model name or request not accepted: correct the connection
├── LLMBusy               too many requests: try later
└── LLMBroken             rubbish, or closed in mid-answer: look at the server
"""

import asyncio
import logging
import weakref
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast
from uuid import UUID

import openai
from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.exceptions import ValidationError

from chat import bundled
from ingestion.models import KnowledgeBase
from teams.models import ModelConnection
from teams.outbound import AddressRefused, check_url

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 10
MAX_RETRY_AFTER_S = 10
RETRIES = 2
BUNDLED_NAME = "qwen2.5-coder-1.5b-instruct"

Message = dict[str, str]


class LLMUnavailable(Exception):
    """No answer can be had from the language model. ``code`` is the notice the reader gets."""

    code = "llm_failed"


class LLMMissing(LLMUnavailable):
    code = "llm_missing"


class LLMSlow(LLMUnavailable):
    code = "llm_slow"


class LLMUnreachable(LLMUnavailable):
    pass


class LLMRefused(LLMUnavailable):
    pass


class LLMBusy(LLMUnavailable):
    pass


class LLMBroken(LLMUnavailable):
    pass


class LLM(Protocol):
    """``passage_tokens`` is how much of the passages it reads well and in time; ``small`` models
    follow examples better than rules and are spared optional work."""

    @property
    def name(self) -> str: ...

    @property
    def passage_tokens(self) -> int: ...

    @property
    def small(self) -> bool: ...

    async def prepare(self) -> None:
        """Gets ready in the background, while the search runs; raises nothing."""

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> AsyncGenerator[str]:
        """The answer's text in pieces. Raises LLMUnavailable, also in mid-stream."""


@dataclass(frozen=True)
class RemoteLLM:
    """Any server with OpenAI's `/chat/completions`."""

    base_url: str
    model: str
    api_key: str = ""
    passage_tokens: int = 6000
    small: bool = False

    @property
    def name(self) -> str:
        return self.model

    async def prepare(self) -> None:
        return None

    async def stream(self, messages: Sequence[Message], *, max_tokens: int) -> AsyncGenerator[str]:
        response = await _open(self, messages, max_tokens)
        finished = False
        chunks = aiter(response)
        try:
            while True:
                # The wait is for text: a server that only sends pings is as slow as a silent one.
                async with asyncio.timeout(settings.LLM_TIMEOUT_S):
                    text = ""
                    while not text:
                        choice = _choice(await anext(chunks))
                        if choice is None:
                            continue
                        finished = finished or choice.finish_reason is not None
                        text = choice.delta.content or ""
                        if not isinstance(text, str):
                            raise LLMBroken(f"{self.name} sent content that is not text")
                        if getattr(choice.delta, "reasoning_content", None):
                            break  # thinking aloud: alive, nothing to show
                if text:
                    yield text
        except StopAsyncIteration:
            if not finished:
                raise LLMBroken(f"{self.name} closed the connection in mid-answer") from None
        except TimeoutError:
            raise LLMSlow(f"{self.name} sent nothing for {settings.LLM_TIMEOUT_S} s") from None
        except (LLMUnavailable, GeneratorExit, asyncio.CancelledError):
            raise
        except Exception as error:
            raise LLMBroken(f"{self.name}: {error}") from error
        finally:
            await asyncio.shield(_close(response))


class BundledLLM:
    """The small model that comes with the product, on loopback."""

    name = BUNDLED_NAME
    passage_tokens = 1100
    small = True

    async def prepare(self) -> None:
        try:
            await asyncio.to_thread(bundled.address)
        except (bundled.BundledMissing, bundled.BundledFailed) as error:
            logger.info("The bundled language model is not ready: %r", error)

    async def stream(self, messages: Sequence[Message], *, max_tokens: int) -> AsyncGenerator[str]:
        said = False
        try:
            async for text in self._stream_once(messages, max_tokens):
                said = True
                yield text
        except (LLMBroken, LLMUnreachable):
            if said:
                raise
            # The server may have been that of another process, which ended: now it is our turn to start one.
            async for text in self._stream_once(messages, max_tokens):
                yield text

    async def _stream_once(self, messages: Sequence[Message], max_tokens: int) -> AsyncGenerator[str]:
        started = False
        try:
            async for text in (await self._server()).stream(messages, max_tokens=max_tokens):
                started = True
                yield text
        except (LLMUnreachable, LLMBroken):
            # The server may be another process's, a terminal's `ask` for one, and have ended with it.
            if started:
                raise
            logger.info("The bundled language model went away before its first word; asking anew")
            async for text in (await self._server()).stream(messages, max_tokens=max_tokens):
                yield text

    async def _server(self) -> RemoteLLM:
        try:
            async with asyncio.timeout(settings.LLM_TIMEOUT_S):
                address = await asyncio.to_thread(bundled.address)
        except TimeoutError:
            raise LLMSlow("The bundled language model is still starting") from None
        except bundled.BundledMissing:
            raise LLMMissing("No language model is configured") from None
        except bundled.BundledFailed as error:
            raise LLMUnreachable(str(error)) from error
        return RemoteLLM(address.base_url, self.name, address.api_key)


def resolve(knowledge_base: KnowledgeBase | None = None) -> LLM:
    """The language model that ``knowledge_base`` names, else the installation's.

    Raises LLMMissing when it names a connection that is gone or of another team, or when there
    is none at all, and LLMRefused when the connection's address may not be called.
    """
    if knowledge_base is not None and knowledge_base.llm:
        return _from_connection(_connection(knowledge_base))
    if settings.LLM_BASE_URL:
        return RemoteLLM(settings.LLM_BASE_URL, settings.LLM_MODEL, settings.LLM_API_KEY)
    if bundled.is_available():
        return BundledLLM()
    raise LLMMissing("No language model is configured")


def test(connection: ModelConnection) -> str | None:
    """Asks the connection's model for a word; None when it answers, else what went wrong."""

    async def one_word(model: RemoteLLM) -> None:
        async for _ in model.stream([{"role": "user", "content": "Say OK."}], max_tokens=16):
            return

    try:
        async_to_sync(one_word)(_from_connection(connection))
    except LLMUnavailable as error:
        return str(error)
    return None


def _connection(knowledge_base: KnowledgeBase) -> ModelConnection:
    kind, _, identifier = knowledge_base.llm.partition(":")
    try:
        if kind != "connection":
            raise ModelConnection.DoesNotExist
        return ModelConnection.objects.get(
            pk=UUID(identifier), kind=ModelConnection.Kind.LLM, team=knowledge_base.team_id
        )
    except (ModelConnection.DoesNotExist, ValidationError, ValueError):
        raise LLMMissing(f"The language model {knowledge_base.llm!r} is not there any more") from None


def _from_connection(connection: ModelConnection) -> RemoteLLM:
    """Looks the host up: call from a thread. Raises LLMRefused for an address that may not be called."""
    try:
        check_url(connection.base_url)
    except AddressRefused as error:
        raise LLMRefused(str(error)) from error
    return RemoteLLM(connection.base_url, connection.model, connection.api_key)


# One client, and so one connection pool, per event loop and server.
_clients: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


async def _client(llm: RemoteLLM) -> openai.AsyncOpenAI:
    clients = _clients.setdefault(asyncio.get_running_loop(), {})
    key = (llm.base_url, llm.api_key)
    if key not in clients:
        # Reading the certificate store takes a tenth of a second: not on the event loop.
        clients[key] = await asyncio.to_thread(
            lambda: openai.AsyncOpenAI(
                base_url=llm.base_url,
                api_key=llm.api_key or "none",
                max_retries=0,
                timeout=openai.Timeout(settings.LLM_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
                http_client=openai.DefaultAsyncHttpxClient(follow_redirects=False),
            )
        )
    return clients[key]


async def _open(llm: RemoteLLM, messages: Sequence[Message], max_tokens: int):
    """The response's stream; waits out a bounded Retry-After, and drops what a server rejects."""
    client = await _client(llm)
    options: dict = {"temperature": 0, "max_tokens": max_tokens}
    retries = 0
    while True:
        try:
            async with asyncio.timeout(settings.LLM_TIMEOUT_S):
                return await client.chat.completions.create(
                    model=llm.model, messages=cast("Any", list(messages)), stream=True, **options
                )
        except openai.RateLimitError as error:
            wait = _retry_after(error)
            retries += 1
            if retries > RETRIES or wait > MAX_RETRY_AFTER_S:
                raise LLMBusy(f"{llm.name} is busy: {_reason(error)}") from error
            await asyncio.sleep(wait)
        except openai.BadRequestError as error:
            if "max_tokens" in options and "max_tokens" in str(error):
                options["max_completion_tokens"] = options.pop("max_tokens")
            elif "temperature" in options and "temperature" in str(error):
                del options["temperature"]
            else:
                raise LLMRefused(f"{llm.name} did not accept the request: {_reason(error)}") from error
        except (TimeoutError, openai.APITimeoutError) as error:
            raise LLMSlow(f"{llm.name} did not answer within {settings.LLM_TIMEOUT_S} s") from error
        except openai.APIConnectionError as error:
            # A kept connection may be closed by the server in the moment that it is used again.
            retries += 1
            if retries > RETRIES:
                raise LLMUnreachable(f"{llm.base_url} cannot be reached") from error
        except openai.APIStatusError as error:
            kind = LLMBroken if error.status_code >= 500 else LLMRefused
            raise kind(f"{llm.name} answered {error.status_code}: {_reason(error)}") from error
        except (openai.OpenAIError, ValueError) as error:
            raise LLMBroken(f"{llm.name}: {error}") from error


def _choice(chunk):
    """The chunk's first choice, None where it has none (usage, pings)."""
    choices = chunk.choices
    return choices[0] if choices else None


def _retry_after(error: openai.APIStatusError) -> float:
    try:
        return max(0.0, float(error.response.headers.get("retry-after", "1")))
    except ValueError:
        return 1.0


def _reason(error: openai.APIStatusError) -> str:
    """The server's own sentence, cut: it is shown to a team's owner, never as an answer."""
    body = error.body
    text = body.get("message") if isinstance(body, dict) else body
    return str(text or error.message)[:300]


async def _close(response) -> None:
    try:
        await response.close()
    except Exception as error:
        logger.debug("Closing a broken stream: %r", error)
