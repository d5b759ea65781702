"""Numbers that a text states, in digits, English words or Chinese numerals."""

import re
import unicodedata

_DIGITS = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_CHINESE = re.compile(r"[零〇一二两三四五六七八九十百千]+")
_CHINESE_DIGITS = {numeral: value for value, numeral in enumerate("零一二三四五六七八九")} | {
    "〇": 0,
    "两": 2,
}
_CHINESE_UNITS = {"十": 10, "百": 100, "千": 1000}
_ENGLISH = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15,
    "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30,
    "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100,
    "thousand": 1000, "half": 0.5, "once": 1, "twice": 2, "double": 2, "triple": 3,
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5,
    "january": 1, "february": 2, "march": 3, "april": 4, "may": 5, "june": 6, "july": 7, "august": 8,
    "september": 9, "october": 10, "november": 11, "december": 12,
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "sept": 9,
    "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip


def stated(text: str) -> set[float]:
    """Numbers written in digits: what a statement may not invent."""
    text = unicodedata.normalize("NFKC", text)
    return {float(match.replace(",", "")) for match in _DIGITS.findall(text)}


def borne_out(text: str) -> set[float]:
    """Numbers that a statement may take from ``text``, however they are written there (months as 1..12)."""
    numbers = stated(text)
    numbers.update(_ENGLISH[word] for word in re.findall(r"[a-z]+", text.lower()) if word in _ENGLISH)
    numbers.update(map(_chinese, _CHINESE.findall(text)))
    return numbers


def _chinese(numeral: str) -> float:
    total, digit = 0, 0
    for character in numeral:
        if character in _CHINESE_UNITS:
            total += (digit or 1) * _CHINESE_UNITS[character]
            digit = 0
        else:
            digit = digit * 10 + _CHINESE_DIGITS[character]
    return float(total + digit)
