"""Puts Chinese words into MiniLM's vocabulary, without training: made once, the result is kept.

Qwen2.5's token table holds Chinese and English words in one space. A ridge regression over the
English words that both vocabularies keep whole maps that space onto MiniLM's input space; the
same map takes the Chinese words there, next to their translations. Run:

    python -m retrieval.embedders.transplant QWEN.gguf --pairs PAIRS.jsonl.gz --characters TSCharacters.txt

QWEN.gguf is any Qwen2.5 1.5B in GGUF form (Apache-2.0), PAIRS the texts that the languages' centres
are taken from (lines of {"query", "positive"}, one side Chinese and one English), TSCharacters.txt
OpenCC's table of traditional and simplified characters (Apache-2.0). Needs ``pip install gguf``.
"""

import argparse
import gzip
import json
import random
import sys
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from retrieval.embedders.minilm import MiniLM, load_body, model_folder
from retrieval.embedders.vocabulary import PATH, Vocabulary
from retrieval.languages import detect

RIDGE = 0.2
"""In units of the table's mean variance. Held-out English words find themselves as nearest neighbour
about as often from 0.01 to 0.3 (87%); retrieval of Chinese texts is best between 0.1 and 0.3."""
SHORTEST_ANCHOR = 3
CENTRE_PAIRS = 5000


def read_table(gguf: Path) -> tuple[dict[str, int], np.ndarray]:
    """(token text -> row, token table [rows, 1536] float32) of a byte-level BPE model in GGUF form."""
    from gguf import GGUFReader, dequantize

    reader = GGUFReader(gguf)
    table = next(tensor for tensor in reader.tensors if tensor.name == "token_embd.weight")
    names = reader.fields["tokenizer.ggml.tokens"]
    stand_ins = byte_stand_ins()
    rows: dict[str, int] = {}
    for row, part in enumerate(names.data):
        token = bytes(names.parts[part]).decode("utf-8")
        try:
            text = bytes(stand_ins[character] for character in token).decode("utf-8")
        except (KeyError, UnicodeDecodeError):
            continue  # a control token, or a piece of a character
        rows.setdefault(text, row)
    return rows, dequantize(table.data, table.tensor_type).astype(np.float32)


def byte_stand_ins() -> dict[str, int]:
    """GPT-2's alphabet: the printable character that stands for each byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = (byte for byte in range(256) if byte not in printable)
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}


def read_simplified(path: Path) -> dict[str, str]:
    """Traditional character -> its first simplified one, where they differ and each is one code unit."""
    pairs = (line.split()[:2] for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return {a: b for a, b in pairs if a != b and max(map(ord, a + b)) <= 0xFFFF}


def anchors(source: dict[str, int], target: dict[str, int]) -> tuple[list[int], list[int]]:
    """Rows of the English words that are one token in both: a word inside a sentence first."""
    pairs = []
    for word, row in target.items():
        if word.isascii() and word.isalpha() and len(word) >= SHORTEST_ANCHOR:
            forms = (f" {word}", f" {word.capitalize()}", word)
            twin = next((source[form] for form in forms if form in source), None)
            if twin is not None:
                pairs.append((twin, row))
    return [twin for twin, _ in pairs], [row for _, row in pairs]


class RidgeMap:
    """Affine least squares from ``source`` [n, a] to ``target`` [n, b], shrunk towards the mean."""

    def __init__(self, source: np.ndarray, target: np.ndarray, *, ridge: float):
        self.source_mean, self.target_mean = source.mean(0), target.mean(0)
        x, y = source - self.source_mean, target - self.target_mean
        gram = x.T @ x
        gram[np.diag_indices_from(gram)] += ridge * np.trace(gram) / len(gram)
        self.weights = np.linalg.solve(gram, x.T @ y)

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        return (vectors - self.source_mean) @ self.weights + self.target_mean


def transplant(gguf: Path, simplified: dict[str, str]) -> Vocabulary:
    """Chinese words as rows for MiniLM's input table, each as long as its English words are on average."""
    folder = model_folder()
    own = load_body(folder).embeddings.word_embeddings.weight.detach().numpy()
    source, table = read_table(gguf)
    there, here = anchors(source, Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab())
    to_model = RidgeMap(table[there], own[here], ridge=RIDGE)
    words = sorted((word for word in source if is_word(word, simplified)), key=source.__getitem__)
    ranks = np.array([source[word] for word in words])
    rows = to_model(table[ranks])
    rows *= np.linalg.norm(own[here], axis=1).mean() / np.linalg.norm(rows, axis=1, keepdims=True)
    print(f"{len(here)} anchors, {len(words)} Chinese words", file=sys.stderr)
    return Vocabulary(tuple(words), rows, ranks, simplified, np.zeros(own.shape[1], dtype=np.float32))


def is_word(text: str, simplified: dict[str, str]) -> bool:
    """Chinese characters alone, all simplified: the tokenizer turns the others into these."""
    return bool(text) and all("\u4e00" <= c <= "\u9fff" and c not in simplified for c in text)


def parallel(path: Path) -> Iterable[tuple[str, str]]:
    """(Chinese, English) sides of a file of pairs, in a fixed random order."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        pairs = [json.loads(line) for line in file]
    random.Random(0).shuffle(pairs)
    for pair in pairs:
        sides = {detect(pair[side]): pair[side] for side in ("query", "positive")}
        if "zh" in sides and "en" in sides:
            yield sides["zh"], sides["en"]


def centre_shift(model: MiniLM, pairs: Iterable[tuple[str, str]]) -> np.ndarray:
    """Mean English vector minus mean Chinese vector [dimension] of parallel texts."""
    chinese, english = zip(*pairs, strict=True)
    return model.embed_documents(english).mean(0) - model.embed_documents(chinese).mean(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("gguf", type=Path)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--characters", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=PATH)
    given = parser.parse_args()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    vocabulary = transplant(given.gguf, read_simplified(given.characters))
    vocabulary.save(given.out)
    shift = centre_shift(MiniLM(vocabulary=given.out), islice(parallel(given.pairs), CENTRE_PAIRS))
    replace(vocabulary, shift=shift).save(given.out)


if __name__ == "__main__":
    main()
