"""From the raw fields of a shop to the plain text that is paired with a picture."""

from __future__ import annotations

import re
from html import unescape
from html.entities import html5
from typing import Sequence, Tuple

import bs4

TEXT_FIELDS = ("title", "description")

# Only these names make a tag. Anything else in angle brackets ("sizes <xs> to
# <xl>", "waist < 40") is something a person wrote, and stays.
_INLINE_TAGS = (
    "a abbr acronym b bdi bdo big cite code del dfn em font i ins kbd label mark q s "
    "samp small span strike strong sub sup tt u var wbr"
)
_OTHER_TAGS = (
    "address area article aside audio base blockquote body br button canvas caption "
    "center col colgroup dd details dir div dl dt embed fieldset figcaption figure "
    "footer form h1 h2 h3 h4 h5 h6 head header hr html iframe img input legend li link "
    "main map meta nav noscript object ol option p param picture pre script section "
    "select source style summary table tbody td template textarea tfoot th thead time "
    "title tr ul video xml"
)
_INLINE = frozenset(_INLINE_TAGS.split())
_DROPPED = ["script", "style", "template", "title", "xml"]
_TAG_NAMES = "|".join(f"{_INLINE_TAGS} {_OTHER_TAGS}".split())
# The name, or one of an office suite such as `o:p`; then attributes, whose
# quotes may hide a `>`; or, where the quotes do not match, all up to the next `>`.
_TAG_BODY = (
    rf"(/?(?:{_TAG_NAMES}|[a-z]\w*:\w+))(?=[\s/>])"
    r"(?:(?:\"[^\"]*\"|'[^']*'|[^<>\"'])*>|[^<>]*>)"
)
_TAG = re.compile(f"<{_TAG_BODY}", re.IGNORECASE)
_NO_TAG = re.compile(f"<(?!{_TAG_BODY})", re.IGNORECASE)
# What is left of a tag where a shop cut its HTML.
_STUMP = re.compile(r"<\s*(?=<|\Z)")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)|<![a-z\[][^>]*>|<\?xml[^>]*>", re.I | re.S)
_ENTITY = re.compile(
    r"&(?:#[0-9]{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.IGNORECASE
)
_HIDES_TEXT = re.compile(f"<(?:{'|'.join(_DROPPED)}|!|\\?)", re.IGNORECASE)
# Shops escape once when they store a text and once more when they export it.
_MAX_ESCAPES = 3

# Control characters (white space excepted), soft hyphens, zero-width spaces and
# byte order marks: no reader sees them, yet they split words for a tokenizer.
_INVISIBLE = dict.fromkeys(
    [
        *range(0x00, 0x09),
        *range(0x0E, 0x1C),
        *range(0x7F, 0x85),
        *range(0x86, 0xA0),
        *(0xAD, 0x200B, 0x2060, 0xFEFF),
    ]
)


def check_text_fields(text_fields: Sequence[str]) -> Tuple[str, ...]:
    """Returns the chosen fields as a tuple.

    Raises:
        ValueError: if none is chosen, one is unknown, or one comes twice.
    """
    fields = (text_fields,) if isinstance(text_fields, str) else tuple(text_fields)
    if not fields or set(fields) - set(TEXT_FIELDS) or len(set(fields)) < len(fields):
        raise ValueError(
            f"`text_fields` must name one or more of {', '.join(TEXT_FIELDS)}, each "
            f"once. Received: text_fields={text_fields!r}"
        )
    return fields


def compose_text(
    title: str, description: str, text_fields: Sequence[str] = TEXT_FIELDS
) -> str:
    """Joins the chosen fields, the title always first: `title. description`.

    White space of the title is folded. The description ends the text exactly as
    it was given, so that a character span of the description becomes one of the
    text by adding `len(text) - len(description)`; fold it beforehand.

    Args:
        title: plain text, may be empty.
        description: plain text, may be empty.
        text_fields: which of `TEXT_FIELDS` to take.

    Raises:
        ValueError: if a field is unknown or none is chosen.
    """
    fields = check_text_fields(text_fields)
    title = fold_whitespace(title) if "title" in fields else ""
    if "description" not in fields or not description.strip():
        return title
    if not title:
        return description
    return title + (" " if title[-1] in ".!?:;," else ". ") + description


def fold_whitespace(text: str) -> str:
    """Returns the text with single blanks and without invisible characters.

    A lone surrogate, which JSON can hold and UTF-8 cannot, becomes `?`.
    """
    if not text.isprintable():
        text = text.translate(_INVISIBLE).encode("utf-8", "replace").decode("utf-8")
    return " ".join(text.split())


def plain_text(raw: str) -> str:
    """Turns what a shop stores, HTML or not, into plain text on one line.

    Tags go, and block tags and line breaks leave a blank; so do comments, scripts
    and styles with their content. Entities are decoded, also where they or the
    tags were escaped twice. A text without markup keeps every `<` and `&`.

    Args:
        raw: HTML or plain text.
    """
    text = raw
    for _ in range(_MAX_ESCAPES):
        # Parsing costs a hundred times this check, and most texts are plain.
        if "<" in text and (_TAG.search(text) or _COMMENT.search(text)):
            text = _without_tags(text)
        elif "&" in text and _ENTITY.search(text):
            text = _ENTITY.sub(_decoded_entity, text)
        else:
            break
    return fold_whitespace(text)


def has_text(raw: str) -> bool:
    """Whether `plain_text(raw)` is not empty, mostly without computing it."""
    if "<" not in raw and "&" not in raw:
        return bool(fold_whitespace(raw))
    if not _HIDES_TEXT.search(raw):
        # A word before anything that is left of the markup stays for certain.
        visible = _TAG.sub(" ", raw).replace("&nbsp;", " ").lstrip()
        if visible[:1].isalnum():
            return True
    return bool(plain_text(raw))


def _without_tags(markup: str) -> str:
    markup = _STUMP.sub(" ", _COMMENT.sub(" ", markup))
    # Attributes say nothing, and their broken quotes lead parsers astray.
    markup = _TAG.sub(r"<\1>", _NO_TAG.sub("&lt;", markup))
    soup = bs4.BeautifulSoup(markup, "html.parser")
    for tag in soup.find_all(_DROPPED):
        tag.decompose()
    for tag in soup.find_all(lambda tag: tag.name not in _INLINE):
        tag.insert(0, " ")
        tag.append(" ")
    return soup.get_text()


def _decoded_entity(match: re.Match) -> str:
    name = match.group()
    # `unescape` also takes a known name as the beginning of an unknown one:
    # `&notch;` would become `¬ch;`.
    known = name[1] == "#" or name[1:] in html5
    return unescape(name) if known else name
