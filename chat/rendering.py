"""An answer as safe HTML: Markdown rendered and sanitised once, citations as links, doubts marked."""

import re

import nh3
from django.urls import reverse
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

from chat.models import Citation, Message
from chat.statements import CITATION

_TAGS = {
    "p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li",
    "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td", "a", "mark", "span",
}  # fmt: skip
_ATTRIBUTES = {
    "a": {"href", "class", "data-number", "title", "aria-label"},
    "mark": {"class", "title"},
    "span": {"class"},
    "ol": {"start"},
}
# Private-use characters mark the ends of a doubtful range through the Markdown parser: it passes them
# on as text, and no answer may contain them (`_without_private`).
_OPEN, _CLOSE = "\ue000", "\ue001"


def answer_html(message: Message) -> SafeString:
    """The message's text as HTML, safe to show as it is.

    [n] becomes a link to its citation; ranges in ``message.unsupported`` are inside
    ``<mark class="unsupported">`` with a spoken note. Links and images of the answer itself lead
    nowhere: a model's text must not send a reader, or the reader's browser, to an outside address.
    """
    citations = {citation.number: citation for citation in message.citations.all()}
    html = _parser(citations).render(_with_marks(message.text, message.unsupported))
    clean = nh3.clean(
        _balanced(html), tags=_TAGS, attributes=_ATTRIBUTES, url_schemes=set(), link_rel=None,
        generic_attribute_prefixes=set(),
    )  # fmt: skip
    return mark_safe(clean)  # noqa: S308 - sanitised on the line above


def _parser(citations: dict[int, Citation]) -> MarkdownIt:
    """CommonMark with tables; raw HTML escaped, links and images reduced to their text."""
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.disable(["link", "image", "autolink", "reference", "html_inline", "html_block", "entity"])

    def cite(state: StateInline, silent: bool) -> bool:
        match = CITATION.match(state.src, state.pos)
        citation = citations.get(int(match[1])) if match else None
        if match is None or citation is None:
            return False
        if not silent:
            token = state.push("citation", "", 0)
            token.meta = {"citation": citation}
        state.pos = match.end()
        return True

    parser.inline.ruler.before("escape", "citation", cite)
    parser.add_render_rule(
        "citation", lambda renderer, tokens, index, options, env: _link(tokens[index].meta["citation"])
    )
    return parser


def _link(citation: Citation) -> str:
    place = citation.document_name
    if citation.page is not None:
        place = _("%(document)s, page %(page)d") % {"document": place, "page": citation.page}
    return format_html(
        '<a class="cite" href="{}" data-number="{}" title="{}" aria-label="{}">[{}]</a>',
        reverse("chat:citation", args=[citation.pk]),
        citation.number,
        place,
        _("Source %(number)d: %(place)s") % {"number": citation.number, "place": place},
        citation.number,
    )


def _with_marks(text: str, ranges: list) -> str:
    """``text`` with the ends of each range marked; a range is split at line ends, which may be blocks'."""
    text = _without_private(text)
    for start, end in sorted(ranges, reverse=True):
        lines = text[start:end].split("\n")
        marked = "\n".join(_marked_line(line) for line in lines)
        text = text[:start] + marked + text[end:]
    return text


def _marked_line(line: str) -> str:
    """The line's words between marks, after what makes it a heading, quote or list item."""
    match = re.match(r"\s*(?:[-*+>#]+\s+|\d+[.)]\s+)*", line)
    start = match.end() if match else 0
    return f"{line[:start]}{_OPEN}{line[start:]}{_CLOSE}" if line[start:].strip() else line


def _without_private(text: str) -> str:
    return text.translate({ord(_OPEN): " ", ord(_CLOSE): " "})


def _balanced(html: str) -> str:
    """The marks as elements; the sanitiser's parser mends what emphasis may have crossed."""
    note = conditional_escape(_("not borne out by its source"))
    opening = f'<mark class="unsupported" title="{note}"><span class="visually-hidden">{note}: </span>'
    return html.replace(_OPEN, opening).replace(_CLOSE, "</mark>")
