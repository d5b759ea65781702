"""Bytes to text without silent rubbish: marks first, then UTF-8, then what reads like a language.

GB18030, Big5 and Shift-JIS accept almost any bytes, so that they decode is no proof. Each
candidate's text is scored by how much of it is what people write most in that script.
"""

import re
from collections.abc import Iterable

import charset_normalizer

BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
ALIASES = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "shift_jis": "cp932",
    "big5": "big5hkscs",
}
"""A declared name to the superset that real files of that name need."""
TAKE_ANYTHING = {"utf-8", "ascii", "us-ascii", "iso-8859-1", "latin-1", "windows-1252"}
"""Declared by habit: no evidence."""
CJK_CANDIDATES = ("gb18030", "big5hkscs", "cp932", "euc_jp", "euc_kr")
SAMPLE = 65536

COMMON_HAN = frozenset(
    "的一是不了在人有我他这这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运"
    "這個們為國來時會對發後過經麼學現當沒動還進樣裡從實軍無與長機關點業兩間問應戰頭體見給門員論處義題變總電數報結幾條認區隊決馬書聽強難權設記類據邊該規領確傳師觀讓導爭運"
)
KANA = re.compile(r"[\u3041-\u30ff]")
HANGUL = re.compile(r"[\uac00-\ud7a3]")
HAN = re.compile(r"[\u4e00-\u9fff]")
HALF_KANA = re.compile(r"[\uff61-\uff9f]")
RARE = re.compile(r"[\u0080-\u009f\ue000-\uf8ff\ufffd\u3400-\u4dbf\U00020000-\U0010ffff]")
LATIN = re.compile(r"[\u00c0-\u024f]")
SYMBOL_IN_WORD = re.compile(r"[a-z][\u00a1-\u00bf\u00d7\u00f7]|[\u00a1-\u00bf][a-z]", re.I)
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def decode(data: bytes, *, declared: Iterable[str | None] = ()) -> str:
    """The text of ``data`` with line ends as line feeds.

    ``declared`` are names the file or its carrier gives for its own encoding, in order of trust.
    """
    text = _decode(data, [name for name in declared if name])
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")


def _decode(data: bytes, declared: list[str]) -> str:
    for mark, codec in BOMS:
        if data.startswith(mark):
            return data.decode(codec, "replace").lstrip("\ufeff")
    if utf16 := _utf16_without_mark(data):
        return data.decode(utf16, "replace")
    if (utf8 := _strict(data, "utf-8")) is not None:
        return utf8
    for name in declared:
        codec = ALIASES.get(name.strip().lower(), name.strip().lower())
        if codec not in TAKE_ANYTHING and (named := _strict(data, codec)) is not None:
            return named
    sample = data[:SAMPLE]
    if len(data) > 1000 and (mended := data.decode("utf-8", "replace")).count("\ufffd") < len(mended) / 200:
        return mended  # UTF-8 with a few broken bytes
    codec = _best_codec(sample)
    return data.decode(codec, "replace")


def _strict(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except (UnicodeDecodeError, LookupError, UnicodeError):
        return None


def _utf16_without_mark(data: bytes) -> str | None:
    """UTF-16 of a mostly Latin text has a zero in every second byte."""
    sample = data[:4096]
    if len(sample) < 4 or b"\x00" not in sample:
        return None
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if odd > half * 0.25 and even < half * 0.05:
        return "utf-16-le"
    if even > half * 0.25 and odd < half * 0.05:
        return "utf-16-be"
    return None


def _best_codec(sample: bytes) -> str:
    scores = {codec: score for codec in CJK_CANDIDATES if (score := _cjk_score(sample, codec)) is not None}
    if scores:
        best = max(scores, key=lambda codec: scores[codec])
        if scores[best] > 0.35:
            return best
    match = charset_normalizer.from_bytes(sample).best()
    if match is None or match.encoding in ("utf_8", "ascii"):
        return "cp1252"
    western = _strict(sample, "cp1252")
    if western is not None and LATIN.search(str(match)) and not SYMBOL_IN_WORD.search(western):
        return "cp1252"  # its cousins for Central Europe score alike on French or German
    return ALIASES.get(match.encoding, match.encoding)


def _cjk_score(sample: bytes, codec: str) -> float | None:
    """How much of the text beyond ASCII is ordinary for ``codec``'s script, 0..1; None: it is not in it."""
    text = sample.decode(codec, "replace")
    if text.endswith("\ufffd"):
        text = text[:-1]  # the sample may end inside a character
    foreign = [c for c in text if ord(c) > 127]
    if not foreign or text.count("\ufffd") > len(foreign) * 0.02:
        return None
    joined = "".join(foreign)
    han = len(HAN.findall(joined))
    common = sum(c in COMMON_HAN for c in foreign)
    kana, hangul = len(KANA.findall(joined)), len(HANGUL.findall(joined))
    marks = sum(c in "，。、；：？！「」（）《》“”　·・" for c in foreign)
    ordinary = {"cp932": kana, "euc_jp": kana, "euc_kr": hangul}.get(codec, 0)
    if codec in ("gb18030", "big5hkscs"):
        # about half of running Chinese text is made of the 400 most frequent characters
        ordinary = min(common * 2, han)
    elif codec in ("cp932", "euc_jp"):
        ordinary += min(kana, han) if kana else 0
    bad = len(RARE.findall(joined)) + len(HALF_KANA.findall(joined))
    return (ordinary + marks - 2 * bad) / len(foreign)


def looks_like_text(head: bytes) -> bool:
    """Whether the first bytes of a file are text in some encoding and not a binary format."""
    if head.startswith(tuple(mark for mark, _codec in BOMS)) or _utf16_without_mark(head):
        return len(CONTROL.findall(quick_decode(head))) <= len(head) / 100
    if b"\x00" in head:
        return False
    return len(CONTROL.findall(head.decode("latin-1"))) <= len(head) / 100


def quick_decode(head: bytes) -> str:
    """The start of a text, well enough to see its ASCII marks."""
    for mark, codec in BOMS:
        if head.startswith(mark):
            return head.decode(codec, "ignore").lstrip("\ufeff")
    return head.decode(_utf16_without_mark(head) or "utf-8", "ignore")
