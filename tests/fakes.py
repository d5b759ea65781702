"""Stand-ins that are quick and exact where a test is not about the real thing."""

import hashlib
from collections.abc import Sequence

import numpy as np


class HashingEmbedder:
    """Words hashed into a small space: texts that share words are near. Implements `Embedder`."""

    languages = None

    def __init__(self, name: str = "hashing", dimension: int = 64) -> None:
        self.name = name
        self.dimension = dimension

    def embed_documents(self, texts: Sequence[str]) -> np.ndarray:
        return np.stack([self.embed_query(text) for text in texts])

    def embed_query(self, text: str) -> np.ndarray:
        vector = np.full(self.dimension, 1e-3, dtype=np.float32)
        for word in text.lower().split():
            digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
            vector[int.from_bytes(digest[:4]) % self.dimension] += 1 if digest[4] % 2 else -1
        return vector / np.linalg.norm(vector)
