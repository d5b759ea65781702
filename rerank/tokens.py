"""Text to token ids, without truncation or special tokens: each recipe cuts and frames by itself."""

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from rerank.base import RerankerUnusable

UNBOUNDED = 1_000_000
"""Tokenizers without a limit of their own report a huge one."""


def load_tokenizer(path: Path) -> tuple[PreTrainedTokenizerBase, Tokenizer]:
    """The checkpoint's tokenizer, and its fast core with padding and truncation switched off.

    Raises RerankerUnusable where it cannot be read without code of the checkpoint's own.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)
        core = tokenizer.backend_tokenizer
    except Exception as error:  # of many types, by the kind of file that is missing or broken
        raise RerankerUnusable(f"The tokenizer in {path} cannot be read: {error}") from error
    core.no_truncation()
    core.no_padding()
    return tokenizer, core


def token_ids(core: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Ids of each text by itself, no special tokens, whole."""
    return [encoding.ids for encoding in core.encode_batch_fast(list(texts), add_special_tokens=False)]
