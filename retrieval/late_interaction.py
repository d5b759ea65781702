"""The built-in second stage: question and passage compared token by token, no cross-encoder needed.

Each token of the question looks for its best match among the passage's tokens (MaxSim: Khattab and
Zaharia 2020, "ColBERT"), in the vectors of the built-in embedder; these and plain matches of words
are features (`retrieval.token_match`) that a small fitted function weighs (`retrieval.late_interaction_fit`).
"""

import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from rerank.base import Platt, RerankerUnavailable, ScoreKind
from retrieval import embedders
from retrieval.embedders.minilm import MiniLM
from retrieval.sparse import document_vector, query_vector
from retrieval.token_match import FEATURES, OTHER_LANGUAGE, Matcher, Tokens

NAME = "late-interaction"
PATH = Path(__file__).resolve().parent / "models_data" / "late_interaction.safetensors"
QUERY_TOKENS = 96
WORDS_WEIGHT = 2.0
"""Of shared words, beside what was fitted. Set by hand: the fit cannot see their worth, because its wrong
passages were picked for the words they share."""
USUAL_WORDS = 0.9
"""Shared words of a right passage on the average. A passage in the other language, which can share
none, is taken to have as many."""
REMEMBERED_TOKENS = 100_000
"""Token vectors kept for texts met again, in a follow-up question or a check of the answer: 77 MB."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What was fitted: ``idf`` [vocabulary]; features are standardised by ``mean`` and ``scale`` [F], then
    ``hidden`` [F, h], ``hidden_bias`` [h], tanh, ``out`` [h], beside ``direct`` [F], give a logit, to
    which the shared words, the last column, are added."""

    idf: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    direct: np.ndarray
    hidden: np.ndarray
    hidden_bias: np.ndarray
    out: np.ndarray
    calibration: Platt
    threshold: float

    def logits(self, features: np.ndarray) -> np.ndarray:
        """[n, F + 1] -> [n] float32."""
        x = (features[:, :-1] - self.mean) / self.scale
        logits = x @ self.direct + np.tanh(x @ self.hidden + self.hidden_bias) @ self.out
        return (logits + WORDS_WEIGHT * features[:, -1]).astype(np.float32)

    def save(self, path: Path = PATH) -> None:
        """Write one safetensors file, the IDF in half precision."""
        names = ("mean", "scale", "direct", "hidden", "hidden_bias", "out")
        tensors = {name: np.ascontiguousarray(getattr(self, name), dtype=np.float32) for name in names}
        said = {
            "slope": self.calibration.slope,
            "intercept": self.calibration.intercept,
            "threshold": self.threshold,
            "features": FEATURES,
        }
        save_file(
            {"idf": self.idf.astype(np.float16), **tensors}, path, metadata={"fitted": json.dumps(said)}
        )

    @classmethod
    def load(cls, path: Path = PATH) -> "Weights":
        """Read what `save` wrote; ValueError where it was fitted to other features."""
        with safe_open(path, framework="numpy") as file:
            said = json.loads(file.metadata()["fitted"])
            if tuple(said["features"]) != FEATURES:
                raise ValueError(f"{path.name} was fitted to other features")
            tensors = {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}  # noqa: SIM118
        calibration = Platt(said["slope"], said["intercept"])
        return cls(**tensors, calibration=calibration, threshold=said["threshold"])


class LateInteraction:
    """A `rerank.base.Reranker` over the built-in embedder. Safe to call from several threads."""

    name = NAME
    score_kind: ScoreKind = "logit"

    def __init__(self, model: MiniLM, weights: Weights, *, remembered_tokens: int = REMEMBERED_TOKENS):
        self._model, self._weights = model, weights
        self.calibration: Platt | None = weights.calibration
        self.threshold: float | None = weights.threshold
        self._matcher = Matcher(idf=weights.idf, static=model.input_vectors)
        self._memory: OrderedDict[str, Tokens] = OrderedDict()
        self._room = remembered_tokens
        self._remembering = threading.Lock()

    def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """Raw logits in the order of ``texts``."""
        if not texts:
            return []
        return self._weights.logits(self.features(query, texts)).tolist()

    def features(self, query: str, texts: Sequence[str]) -> np.ndarray:
        """[texts, FEATURES + 1] float32: what the weights are fitted on, and the shared words."""
        (question,) = read(self._model, [query], max_length=QUERY_TOKENS)
        with torch.inference_mode():
            rows = self._matcher.features(question, self.read(texts))
        words = np.where(rows[:, OTHER_LANGUAGE] > 0, USUAL_WORDS, shared_words(query, texts))
        return np.column_stack([rows, words]).astype(np.float32)

    def read(self, texts: Sequence[str]) -> list[Tokens]:
        """Texts as tokens, remembered."""
        with self._remembering:
            known = {text: self._memory[text] for text in texts if text in self._memory}
        new = [text for text in dict.fromkeys(texts) if text not in known]
        known |= dict(zip(new, read(self._model, new), strict=True))
        with self._remembering:
            for text in texts:
                if text not in self._memory:
                    self._memory[text] = known[text]
                    self._room -= len(known[text].ids)
                self._memory.move_to_end(text)
            while self._room < 0:
                self._room += len(self._memory.popitem(last=False)[1].ids)
        return [known[text] for text in texts]


def shared_words(query: str, texts: Sequence[str]) -> np.ndarray:
    """BM25 without the IDF for each term of ``query`` [texts]: words as recall knows them, stemmed."""
    terms = query_vector(query).indices
    weights = []
    for text in texts:
        vector = document_vector(text)
        held = dict(zip(vector.indices, vector.values, strict=True))
        weights.append(sum(held.get(term, 0.0) for term in terms) / max(1, len(terms)))
    return np.array(weights, dtype=np.float32)


def read(model: MiniLM, texts: Sequence[str], *, max_length: int | None = None) -> list[Tokens]:
    """Texts as token vectors, half precision to keep."""
    first_lines = [text.split("\n", 1)[0] for text in texts]
    heads = model.tokenize(first_lines, max_length=max_length or model.max_length)
    return [
        Tokens(
            ids=encoded.ids[1:-1],
            states=encoded.states[1:-1].half(),
            pooled=encoded.pooled,
            first_line=len(head) - 2 if "\n" in text else 0,
            chinese=model.tokenize.is_chinese(encoded.ids.tolist()),
        )
        for encoded, head, text in zip(
            model.embed_tokens(texts, max_length=max_length), heads, texts, strict=True
        )
    ]


_loaded: list[LateInteraction] = []
_lock = threading.Lock()


def get() -> LateInteraction:
    """The one of this process, on the built-in embedder. Raises EmbedderUnavailable, RerankerUnavailable."""
    with _lock:
        if not _loaded:
            try:
                weights = Weights.load()
            except (OSError, SafetensorError, ValueError) as error:
                raise RerankerUnavailable(f"the second stage's weights cannot be read: {error}") from error
            _loaded.append(LateInteraction(embedders.get("minilm-zh"), weights))
        return _loaded[0]
