"""Claims: a model's sentence may say only what the facts it was shown say, in their words or in plain connecting ones.

A small model writes of credit scores, discounts and loyalty that nothing bears out. What a sentence claims cannot be
understood here, so the check is on its words: each must be one of the sources' (or another form of one), or one of a
closed list that claims nothing about a customer. Whatever else it says is unsupported, however sensible it sounds.
"""

import re
from collections.abc import Iterable

from placet.contracts.text import is_plain

UNSUPPORTED_CLAIM = "unsupported_claim"
UNSEEN_CHARACTERS = "unseen_characters"

_LETTERS = re.compile(r"[^\W\d_]+")
# Words that connect, name what is decided, or advise; none of them says what a customer is, has or does.
_NEUTRAL = frozenset(
    _LETTERS.findall(
        """
        a an the this that these those it its they them their he she his her who which what there here
        and or but so because since as if while when then than thus therefore for from to of in on at by with
        without into over about per also both only just yet still
        is are was were be been being am do does did has have had will would can could may might should must
        one option options choice choose chosen choosing offer offers offered offering treatment treatments action
        best better suit suits suited suitable fit fits right good reason reasons reasonable recommend recommends
        recommended customer customers client subscriber operator company telecom us we our you your
        keep keeps keeping kept stay stays staying leave leaves leaving remain remains retain retains retaining
        help helps helping make makes making give gives giving given get gets getting take takes taking
        likely risk reduce reduces reducing prevent prevents avoid avoids first time times month months year years
        """
    )
)
_ENDINGS = ("ies", "ing", "ed", "es", "s", "ly", "er", "y", "e", "d")
_STEM = 4


def unsupported_words(text: str, sources: Iterable[str]) -> tuple[str, ...]:
    """Return the words of `text` that neither a source nor the list of neutral words holds, in order of appearance."""
    known = {form for source in sources for word in _words(source) for form in _forms(word)}
    found = dict.fromkeys(
        word for word in _words(text) if len(word) > 1 and word not in _NEUTRAL and not (_forms(word) & known)
    )
    return tuple(found)


def claim_marks(text: str, sources: Iterable[str]) -> tuple[str, ...]:
    """Return `unsupported_claim` for a word that no source bears out, `unseen_characters` for what is no plain line."""
    claims = (UNSUPPORTED_CLAIM,) if unsupported_words(text, sources) else ()
    return claims if is_plain(text) else (*claims, UNSEEN_CHARACTERS)


def _words(text: str) -> list[str]:
    return _LETTERS.findall(text.lower())


def _forms(word: str) -> set[str]:
    """Return the word, and its stems without a common ending that are long enough to tell it by."""
    return {word} | {word.removesuffix(end) for end in _ENDINGS if word.endswith(end) and len(word) - len(end) >= _STEM}
