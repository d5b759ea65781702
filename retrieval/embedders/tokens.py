"""Texts to token ids: English as MiniLM's own tokenizer cuts it, Chinese by the most probable words."""

import re
from collections.abc import Sequence

import numpy as np
from tokenizers import Tokenizer, models

from retrieval.embedders.vocabulary import Vocabulary

CLS, SEP, UNKNOWN = 101, 102, 100
CHINESE_RUN = re.compile("([\u4e00-\u9fff]+)")
UNSPOKEN = frozenset("的了吗呢吧啊是在")
"""Particles that carry grammar and no meaning: English has no words for them, and the model, which
never saw them, does better without (nDCG@10 on Chinese questions about English texts: +0.01)."""
RANK_OFFSET = 1000
"""Frequency of the word at rank r is taken as 1 / (r + 1000): Zipf, with the frequent ones levelled."""
CHARACTERS_PER_TOKEN = 12
"""Text beyond this many characters for each token asked for is not even looked at."""

_wide = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
PLAIN = _wide | {ord(a): b for a, b in zip("。、《》「」【】　", '.,""""[] ', strict=True)}
"""Full-width forms as the ASCII that the English model knows."""


class BilingualTokenizer:
    """Cuts runs of Chinese characters into words of ``vocabulary`` and leaves all else to ``english``.

    Chinese words get the ids from ``len(english)`` on. The cut is the one of highest probability
    (unigram model, Viterbi): 和|尚未 in 结婚和尚未结婚, where longest match finds a monk (和尚).
    """

    def __init__(self, english: Tokenizer, vocabulary: Vocabulary):
        english.no_truncation()  # the file says 128, and pads to it
        english.no_padding()
        self._english = english
        self.first_chinese = english.get_vocab_size()
        self._simplify = str.maketrans(vocabulary.simplified | {chr(k): v for k, v in PLAIN.items()})
        odds = -np.log(vocabulary.ranks + float(RANK_OFFSET))
        unknown = ("", float(odds.min()) * 4)
        self._chinese = Tokenizer(
            models.Unigram([unknown, *zip(vocabulary.words, odds.tolist(), strict=True)], unk_id=0)
        )
        self._unspoken = {
            self.first_chinese + place for place, word in enumerate(vocabulary.words) if word in UNSPOKEN
        }

    def __call__(self, texts: Sequence[str], *, max_length: int) -> list[list[int]]:
        """Token ids of each text, [CLS] and [SEP] included, at most ``max_length``."""
        parts = [
            CHINESE_RUN.split(text[: max_length * CHARACTERS_PER_TOKEN].translate(self._simplify))
            for text in texts
        ]
        english = iter(
            self._english.encode_batch([run for row in parts for run in row[::2]], add_special_tokens=False)
        )
        chinese = iter(self._chinese.encode_batch([run for row in parts for run in row[1::2]]))
        rows = []
        for row in parts:
            ids: list[int] = []
            for place in range(len(row)):
                ids += self._words(next(chinese).ids) if place % 2 else next(english).ids
            kept = [token for token in ids if token not in self._unspoken] or ids
            rows.append([CLS, *kept[: max_length - 2], SEP])
        return rows

    def _words(self, ids: Sequence[int]) -> list[int]:
        return [self.first_chinese + number - 1 if number else UNKNOWN for number in ids]

    def is_chinese(self, ids: Sequence[int]) -> bool:
        """Whether most of the text's tokens are Chinese words."""
        return 2 * sum(token >= self.first_chinese for token in ids) > len(ids) - 2
