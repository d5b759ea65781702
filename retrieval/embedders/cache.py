"""Vectors kept on disk by the text they are of, so that a measurement that is repeated is fast."""

import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from retrieval.embedders.base import Embedder

BATCH = 512
"""Texts embedded between two writes: what an interrupted measurement loses at most."""


class CachedEmbedder:
    """An embedder that asks the file first for documents. Queries are never kept.

    ``version`` of the embedder, where it has one, is part of the key: other weights, other vectors.
    """

    def __init__(self, embedder: Embedder, folder: Path):
        self._embedder = embedder
        self.name, self.dimension, self.languages = embedder.name, embedder.dimension, embedder.languages
        version = getattr(embedder, "version", "")
        folder.mkdir(parents=True, exist_ok=True)
        key = hashlib.sha256(f"{embedder.name} {version}".encode()).hexdigest()[:16]
        self._path = folder / f"embeddings-{key}.sqlite3"
        with self._open() as file:
            file.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB)")

    def embed_documents(self, texts: Sequence[str]) -> np.ndarray:
        """As the embedder's own; what is not in the file yet is embedded and added."""
        keys = [hashlib.sha256(b"d" + text.encode()).digest() for text in texts]
        found = self._read(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        waiting = list(missing)
        for start in range(0, len(waiting), BATCH):
            batch = waiting[start : start + BATCH]
            vectors = self._embedder.embed_documents([missing[key] for key in batch])
            found |= self._write(dict(zip(batch, vectors, strict=True)))
        return np.stack([found[key] for key in keys]) if keys else np.empty((0, self.dimension), np.float32)

    def embed_query(self, text: str) -> np.ndarray:
        """The embedder's own, each time: its latency is measured."""
        return self._embedder.embed_query(text)

    def _open(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(self._path, timeout=30, isolation_level=None))

    def _read(self, keys: Sequence[bytes]) -> dict[bytes, np.ndarray]:
        found = {}
        with self._open() as file:
            for key in keys:
                row = file.execute("SELECT vector FROM vectors WHERE key = ?", [key]).fetchone()
                if row:
                    found[key] = np.frombuffer(row[0], dtype=np.float32)
        return found

    def _write(self, vectors: dict[bytes, np.ndarray]) -> dict[bytes, np.ndarray]:
        rows = [(key, vector.astype(np.float32).tobytes()) for key, vector in vectors.items()]
        with self._open() as file:
            file.execute("BEGIN IMMEDIATE")
            file.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
            file.execute("COMMIT")
        return vectors
