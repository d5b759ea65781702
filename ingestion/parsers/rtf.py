"""RTF: its text, with the code pages that its fonts name. Pictures and objects are left out."""

import re
from collections.abc import Iterator

from ingestion.errors import ParseFailed
from ingestion.pages import Page
from ingestion.parsers.base import Source
from ingestion.parsers.flow import Flow

TOKEN = re.compile(
    rb"\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-f]{2})|\\([^a-z])|([{}])|([^\\{}\r\n]+)|[\r\n]+", re.I
)
SKIPPED = {
    *(b"fonttbl", b"colortbl", b"stylesheet", b"info", b"pict", b"object", b"header", b"footer", b"headerl"),
    *(b"headerr", b"headerf", b"footerl", b"footerr", b"footerf", b"listtable", b"listoverridetable"),
    *(b"themedata", b"datastore", b"fldinst", b"generator", b"xmlnstbl", b"rsidtbl", b"latentstyles"),
}
BREAKS = {
    **dict.fromkeys((b"par", b"sect", b"page"), "\n\n"),
    **{b"row": "\n", b"line": "\n", b"cell": " | ", b"tab": "\t"},
}
MARKS = {
    **{b"emdash": "—", b"endash": "–", b"bullet": "•", b"lquote": "‘", b"rquote": "’"},
    **{b"ldblquote": "“", b"rdblquote": "”"},
}
CHARSETS = {
    **{128: "cp932", 129: "cp949", 134: "gb18030", 136: "big5hkscs", 161: "cp1253", 162: "cp1254"},
    **{163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874"},
    238: "cp1250",
}
FONT = re.compile(rb"\\f(\d+)\b[^{}]*?\\fcharset(\d+)")


def parse(source: Source) -> Iterator[Page]:
    """Sections of an RTF text."""
    data = source.path.read_bytes()
    if not data.lstrip().startswith(b"{\\rtf"):
        raise ParseFailed("corrupt")
    flow = Flow()
    for paragraph in read(data).split("\n\n"):
        flow.paragraph(paragraph.strip())
    return flow.pages(source)


def read(data: bytes) -> str:
    """The text of an RTF file, paragraphs parted by blank lines."""
    page = re.search(rb"\\ansicpg(\d+)", data)
    default = f"cp{int(page[1])}" if page and page[1] != b"65001" else "utf-8" if page else "cp1252"
    fonts = {int(font): CHARSETS.get(int(charset), default) for font, charset in FONT.findall(data)}
    parts: list[str] = []
    waiting = bytearray()  # bytes of characters that may be longer than one
    codec, skipping, unicode_skip, to_skip = default, False, 1, 0
    stack: list[tuple[str, bool, int]] = []

    def flush() -> None:
        if waiting:
            try:
                parts.append(waiting.decode(codec, "replace"))
            except LookupError:
                parts.append(waiting.decode("cp1252", "replace"))
            waiting.clear()

    for match in TOKEN.finditer(data):
        word, argument, code, symbol, brace, literal = match.groups()
        if brace == b"{":
            flush()
            stack.append((codec, skipping, unicode_skip))
        elif brace == b"}":
            flush()
            if stack:
                codec, skipping, unicode_skip = stack.pop()
        elif symbol == b"*":
            skipping = True
        elif word:
            if word in SKIPPED:
                skipping = True
            if skipping:
                continue
            flush()
            number = int(argument or 0)
            if word == b"f":
                codec = fonts.get(number, default)
            elif word == b"uc":
                unicode_skip = number
            elif word == b"u":
                parts.append(chr(number % 65536))
                to_skip = unicode_skip
            else:
                parts.append(BREAKS.get(word) or MARKS.get(word, ""))
        elif skipping:
            continue
        elif code:
            if to_skip:
                to_skip -= 1
            else:
                waiting.append(int(code, 16))
        elif symbol:
            flush()
            parts.append({b"~": " ", b"_": "-", b"-": ""}.get(symbol, symbol.decode("latin-1")))
        elif literal:
            skip = min(to_skip, len(literal))
            to_skip -= skip
            waiting += literal[skip:]
    flush()
    return "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
