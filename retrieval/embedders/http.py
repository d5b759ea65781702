"""Embedders behind HTTP: OpenAI's ``/embeddings`` and Text Embeddings Inference's ``/embed``.

Sources: OpenAI API reference, "Create embeddings"; Hugging Face text-embeddings-inference, OpenAPI.
"""

import threading
from collections.abc import Sequence
from typing import Any, Literal

import httpx
import numpy as np

from retrieval.embedders.base import EmbedderUnavailable
from teams.outbound import AddressRefused, check_url

BATCH = 32
"""Texts in one request: TEI's own limit where its operator set no other."""
TIMEOUT = httpx.Timeout(60.0, connect=5.0)
RETRIED = frozenset({429, 502, 503, 504})
"""Busy or starting servers: worth one more try."""
SAID = 200
"""Characters of a server's refusal that are passed on."""


class HttpEmbedder:
    """An embedder that a server runs. Its ``dimension`` is asked of the server, once.

    ``base_url`` is what the protocol's path is added to: ``https://host/v1`` for OpenAI, ``https://host``
    for TEI. ``languages`` is None: the server's model is trusted with any. Redirects are not followed.
    """

    languages = None

    def __init__(
        self,
        *,
        name: str,
        protocol: Literal["openai", "tei"],
        base_url: str,
        model: str = "",
        api_key: str = "",
        transport: httpx.BaseTransport | None = None,
    ):
        self.name = name
        self._protocol, self._base_url, self._model = protocol, base_url.rstrip("/"), model
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx.Client(headers=headers, timeout=TIMEOUT, transport=transport)
        self._dimension = 0
        self._asking = threading.Lock()

    @property
    def dimension(self) -> int:
        with self._asking:
            if not self._dimension:
                self._dimension = self._embed(["dimension"]).shape[1]
            return self._dimension

    def embed_documents(self, texts: Sequence[str]) -> np.ndarray:
        """[n, dimension] float32, rows of length 1. Raises EmbedderUnavailable."""
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        return np.concatenate(
            [self._embed(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH)]
        )

    def embed_query(self, text: str) -> np.ndarray:
        """[dimension] float32 of length 1. Raises EmbedderUnavailable."""
        return self._embed([text])[0]

    def _embed(self, texts: Sequence[str]) -> np.ndarray:
        # Servers refuse an empty text; a chunk without text still needs a vector.
        inputs = [text if text.strip() else "." for text in texts]
        try:
            if self._protocol == "openai":
                body = {"model": self._model, "input": inputs, "encoding_format": "float"}
                rows = sorted(self._post("/embeddings", body)["data"], key=lambda row: row["index"])
                vectors = np.array([row["embedding"] for row in rows], dtype=np.float32)
            else:
                answer = self._post("/embed", {"inputs": inputs, "truncate": True, "normalize": True})
                vectors = np.array(answer, dtype=np.float32)
        except (KeyError, TypeError, ValueError) as error:
            raise EmbedderUnavailable(f"{self._base_url} answers with something else than vectors") from error
        if vectors.ndim != 2 or len(vectors) != len(texts) or not np.isfinite(vectors).all():
            raise EmbedderUnavailable(f"{self._base_url} gave {vectors.shape} for {len(texts)} texts")
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)

    def _post(self, path: str, body: dict) -> Any:
        url = self._base_url if self._base_url.endswith(path) else self._base_url + path
        try:
            check_url(url)
            response = self._client.post(url, json=body)
            if response.status_code in RETRIED:
                response = self._client.post(url, json=body)
        except AddressRefused as refusal:
            raise EmbedderUnavailable(str(refusal)) from refusal
        except httpx.TimeoutException as error:
            raise EmbedderUnavailable(f"{self._base_url} did not answer in time") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise EmbedderUnavailable(f"{self._base_url} cannot be reached: {error}") from error
        if response.status_code != httpx.codes.OK:
            said = response.text[:SAID]
            raise EmbedderUnavailable(f"{self._base_url} answered {response.status_code}: {said}")
        return response.json()
