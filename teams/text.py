"""Text that people send, as every database and every model can take it."""


def storable(text: str) -> str:
    """``text`` without NUL and without halves of surrogate pairs, which JSON can carry and UTF-8 cannot."""
    return text.replace("\x00", "").encode(errors="ignore").decode()
