"""What every embedder does."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np


class Embedder(Protocol):
    """Turns texts into unit vectors whose dot product is their similarity.

    ``name`` also names the vector collection, so two embedders never share one.
    ``languages`` are ISO 639-1 codes; None means any. Where a query's language is not among
    them, the dense list has no vote in the fusion.
    """

    @property
    def name(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    @property
    def languages(self) -> frozenset[str] | None: ...

    def embed_documents(self, texts: Sequence[str]) -> np.ndarray:
        """[n, dimension] float32 in the order given, rows of length 1."""

    def embed_query(self, text: str) -> np.ndarray:
        """[dimension] float32 of length 1."""


class EmbedderUnavailable(Exception):
    """The embedder cannot answer now (a server that is down, files that are missing). Try again later."""
