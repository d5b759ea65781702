"""BM25 as sparse vectors, made without a model. See `document_vector` and `query_vector`.

A document's vector holds each term's saturated frequency, a query's vector ones; the store
multiplies by the IDF it knows. Both engines take the same vectors.
Source: Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and Beyond".
"""

from dataclasses import dataclass
from functools import cache

from qdrant_edge import (
    Bm25,
    Bm25Config,
    Language,
    SnowballLanguage,
    SnowballParams,
    StopwordsSet,
    TokenizerType,
)

K = 1.2
B = 0.75
AVERAGE_LENGTH = 100.0
"""Terms in a usual chunk once stop words are gone: what length normalisation compares with."""


@dataclass(frozen=True, slots=True)
class SparseVector:
    indices: list[int]
    values: list[float]


@cache
def model() -> Bm25:
    """One analyser for every language, so that a page that mixes two needs no guess.

    The Multilingual tokenizer cuts Chinese into words; the English stemmer and both lists of stop
    words leave the other language as it is.
    """
    return Bm25(
        Bm25Config(
            k=K,
            b=B,
            avg_len=AVERAGE_LENGTH,
            tokenizer=TokenizerType.Multilingual,
            stemmer=SnowballParams(SnowballLanguage.English),
            stopwords=StopwordsSet(languages={Language.English, Language.Chinese}),
        )
    )


def document_vector(text: str) -> SparseVector:
    """BM25 term weights of ``text`` without the IDF; empty where no term is left."""
    vector = model().embed_document(text)
    return SparseVector(list(vector.indices), list(vector.values))


def query_vector(text: str) -> SparseVector:
    """Weight 1 for each distinct term of ``text``; empty where no term is left."""
    vector = model().embed_query(text)
    return SparseVector(list(vector.indices), list(vector.values))
