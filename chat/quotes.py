"""The part of a passage that a question is about, in the passage's own words."""

from chat.statements import sentences
from retrieval.sparse import query_vector

LONGEST_QUOTE = 200


def best_quote(passage: str, *, about: str) -> str:
    """The sentence of ``passage`` that shares most terms with ``about``, cut to 200 characters.

    Where none shares a term, the passage's beginning.
    """
    wanted = set(query_vector(about).indices)
    best, shared = "", 0
    for start, end in sentences(passage):
        count = len(wanted & set(query_vector(passage[start:end]).indices))
        if count > shared:
            best, shared = passage[start:end], count
    return (best or passage.strip())[:LONGEST_QUOTE].strip()
