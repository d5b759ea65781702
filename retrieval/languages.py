"""What language a text is in, by its letters and smallest words: enough to know whom to trust with it."""

import re
from collections import Counter

SCRIPTS = {
    "zh": "\u3400-\u4dbf\u4e00-\u9fff",
    "ja": "\u3040-\u30ff",
    "ko": "\u1100-\u11ff\uac00-\ud7af",
    "ru": "\u0400-\u04ff",
    "ar": "\u0600-\u06ff",
    "he": "\u0590-\u05ff",
    "el": "\u0370-\u03ff",
    "hi": "\u0900-\u097f",
    "th": "\u0e00-\u0e7f",
}
"""The script's most common language stands for all that use it."""
_letters = re.compile("|".join(f"(?P<{code}>[{span}])" for code, span in SCRIPTS.items()))
_latin_word = re.compile(r"[^\W\d_]+")
LETTERS_PER_SIGN = 4.0
"""One Chinese character says about as much as a short Latin word."""
JAPANESE_SHARE = 0.1
"""Kana among Chinese characters: even a few make it Japanese."""

SMALL_WORDS = {
    "en": "the of and to in is are was what who how when where which why do does did can for on with a an i",
    "de": "der die das und ist nicht ein eine wie wer wann wo welche warum für mit auf von zu ich den dem im",
    "fr": "le la les des et est une qui que quel quelle comment pourquoi où dans pour avec du au sur je il",
    "es": "el los las y es un una qué quién cómo cuándo dónde por para con del al en se su cuál que de la",
    "it": "il lo gli e è un una che chi come quando dove perché per con del della nel di sono qual quali",
    "pt": "o os as e é um uma que quem como quando onde por para com do da no na em qual são não",
    "nl": "de het een en is van wat wie hoe wanneer waar welke waarom voor met op niet zijn te dat",
}
_small = {code: frozenset(words.split()) for code, words in SMALL_WORDS.items()}


def detect(text: str) -> str | None:
    """ISO 639-1 code of a text's main language; None where it has no letters.

    Latin script is English unless the small words of another language clearly outnumber English ones.
    """
    counts = Counter(match.lastgroup for match in _letters.finditer(text))
    if counts["ja"] > JAPANESE_SHARE * (counts["zh"] + counts["ja"]):
        counts["ja"] += counts.pop("zh", 0)
    words = [word.lower() for word in _latin_word.findall(_letters.sub(" ", text))]
    latin = sum(map(len, words)) / LETTERS_PER_SIGN
    script, signs = counts.most_common(1)[0] if counts else (None, 0)
    if signs > latin:
        return script
    return _latin_language(words) if words else None


def _latin_language(words: list[str]) -> str:
    votes = Counter({code: sum(word in small for word in words) for code, small in _small.items()})
    best, most = votes.most_common(1)[0]
    return best if most >= max(2, 2 * votes["en"]) else "en"
