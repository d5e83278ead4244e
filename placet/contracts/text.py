"""Foreign text made safe to show: the model's words, another system's values, a person's reason.

Whoever writes such a text must not be able to move the cursor, colour a terminal, reverse a line, hide a character or
fake a line of ours. So it becomes one line, bounded, with everything that cannot be seen written out, and it is shown
in quotation marks beside whose words they are. The exact text stays in JSON output.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

WORDS: Final = 300
"""Bound for sentences (a reason, a rationale), in characters."""

NAME: Final = 80
"""Bound for names and identifiers, in characters."""

THE_MODEL: Final = "the model says"
BILLING: Final = "the billing system"

_MARKS_IN_A_ROW: Final = 3
"""What scripts in use put on one letter; more only smears over the lines above and below."""

_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Drawn as nothing though no format character: fillers, the blank braille cell, joiners, variation selectors.
_BLANK: Final = frozenset(
    map(
        chr,
        (
            *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
            *range(0x180B, 0x1810),
            *range(0xFE00, 0xFE10),
            *range(0xE0100, 0xE01F0),
        ),
    )
)
_PICTURES: Final = {**{chr(code): chr(0x2400 + code) for code in range(0x20)}, "\x7f": "␡"}
_INNER_QUOTES: Final = str.maketrans(
    dict.fromkeys(
        "\u201c\u201d\u201e\u201f\u275d\u275e\u2760\u301d\u301e\u301f\uff02\u2033\u2036\u02ba\u02dd\u02ee\u05f4"
        "\U0001f676\U0001f677\U0001f678",
        '"',
    )
)
"""Whatever looks like a double quotation mark."""
_PLAIN_STEP: Final = re.compile(r"[\w\[][\w .:,()\[\]-]*")
"""Names of fields, and what pydantic puts between them."""
_INNER_PAIRS: Final = re.compile("[\u2018-\u201b\u02bc\u2032\u275b\u275c]{2}")
"""Two single marks look like our own closing one."""


def one_line(text: str, limit: int = WORDS) -> str:
    """Return `text` as one line of at most `limit` characters in which everything can be seen.

    Control characters become their pictures (`␛`), other unseen characters their numbers (`«U+200B»`), spaces in a row
    one space, and what is cut ends in `…`. A text that is such a line already comes back as it is.
    """
    if _is_plain_ascii(text, limit):  # nearly every text is, and a page shows hundreds
        return text
    line: list[str] = []
    length, last = 0, " "
    for shown in _visible(text):
        if shown == last == " ":
            continue
        line.append(shown)
        length, last = length + len(shown), shown
        if length > limit + 1:
            break
    whole = "".join(line).rstrip(" ")
    return shortened(whole, limit)


def _is_plain_ascii(text: str, limit: int) -> bool:
    short = len(text) <= limit and text.isascii() and text.isprintable()
    return short and "  " not in text and not text.startswith(" ") and not text.endswith(" ")


def visible(text: str) -> str:
    """Return `text` as one line in which everything can be seen, as long as it is and with its spaces.

    For lines of our own, which may hold foreign text: they are as wide as their columns make them.
    """
    return "".join(_visible(text))


def shortened(text: str, limit: int) -> str:
    """Return `text` as it is, or its beginning with `…` where it is longer than `limit` characters.

    Every text that a person may read is cut by this or by `one_line`: nobody may take a part for the whole.
    """
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def step(name: str) -> str:
    """Return a name that somebody wrote, to stand in a path: in quotation marks where it could pass for more than one.

    So `../x` is told as `'../x'`.
    """
    line = one_line(name, NAME)
    return line if _PLAIN_STEP.fullmatch(line) else repr(line)


def counted(number: int, unit: str, plural: str = "") -> str:
    """Return a count with its unit: `1 day`, `3 days`; `plural` is given where it is not the unit with an s."""
    return f"{number} {unit if number == 1 else plural or f'{unit}s'}"


def a_code(code: str) -> str:
    """Return a code of ours with its article: `a goodwill_credit`, `an adjust_balance`."""
    return f"{'an' if code[:1].lower() in 'aeiou' else 'a'} {code}"


def is_text(text: str) -> bool:
    """Return whether UTF-8 can carry it: half a character (a lone surrogate) can be neither stored, hashed nor sent."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def is_plain(text: str) -> bool:
    """Return whether `text` can be shown as it is: one line, and nothing in it that cannot be seen."""
    return text == one_line(text, len(text) + 1)


def spoken(code: str) -> str:
    """Return a code of ours as people say it: `retention lead` for `retention_lead`."""
    return code.replace("_", " ")


def spoken_list(codes: Iterable[str], between: str = ", ") -> str:
    """Return several codes as people say them."""
    return between.join(spoken(code) for code in codes)


def quoted(text: str, limit: int = WORDS) -> str:
    """Return foreign text in quotation marks that it cannot close itself."""
    inner = _INNER_PAIRS.sub('"', text.translate(_INNER_QUOTES))
    return f"“{one_line(inner, limit)}”"


def attributed(whose: str, text: str, limit: int = WORDS) -> str:
    """Return foreign text with whose words they are: `the model says: “…”`."""
    return f"{whose}: {quoted(text, limit)}"


def wrote(person: str, text: str, limit: int = WORDS) -> str:
    """Return what a person wrote, with their name: `anna wrote: “…”`."""
    return attributed(f"{one_line(person, NAME)} wrote", text, limit)


def _visible(text: str) -> Iterator[str]:
    last, marks = " ", 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category[0] == "M" else 0
        shown = _shown(character, category, last, marks)
        last = shown[-1]
        yield shown


def _shown(character: str, category: str, before: str, marks: int) -> str:
    if category == "Zs":
        return " "
    if category in _UNSEEN or character in _BLANK:
        return _picture(character)
    if marks and (marks > _MARKS_IN_A_ROW or unicodedata.category(before)[0] not in "LNM"):
        return _number(character)
    return character


def _picture(character: str) -> str:
    return _PICTURES.get(character) or _number(character)


def _number(character: str) -> str:
    return f"«U+{ord(character):04X}»"
