"""Whatever a stranger writes is one bounded line in which everything can be seen, and it cannot leave its quotes."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.text import attributed, counted, is_plain, one_line, quoted, shortened, wrote

ANY = st.text(
    st.one_of(st.characters(exclude_categories=()), st.sampled_from("\x1b\n\r\t \u0301\u200b\u202e\ufe0f“”…"))
)
LIMITS = st.integers(1, 60)


@given(ANY, LIMITS)
def test_nothing_unseen_is_left_and_the_line_is_bounded(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1
    assert "  " not in line
    assert not {unicodedata.category(character) for character in line} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    line.encode()


@given(ANY, LIMITS)
def test_what_is_cut_says_so_and_what_fits_is_whole(text: str, limit: int) -> None:
    cut = shortened(text, limit)
    assert len(cut) <= limit
    if len(text) <= limit:
        assert cut == text
    else:
        assert cut.endswith("…")
        assert text.startswith(cut[:-1])


@given(st.integers())
def test_one_alone_is_singular(number: int) -> None:
    assert counted(number, "day") == (f"{number} day" if number == 1 else f"{number} days")
    assert counted(number, "entry", "entries") == (f"{number} entry" if number == 1 else f"{number} entries")


@given(ANY, LIMITS)
def test_a_line_made_safe_stays_as_it_is(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert one_line(line, limit) == line
    assert is_plain(line)


@pytest.mark.parametrize(
    "mark",
    [*"\u275e\u275d\u301e\uff02\u2033\u02ba\u05f4\U0001f678", "\u2019" * 2, "\u2018\u2019"],
)
def test_nothing_that_looks_like_our_closing_mark_stays(mark: str) -> None:
    assert quoted(f"yes{mark} anna approved it") == '“yes" anna approved it”'


@given(ANY)
def test_no_text_closes_its_own_quotation(text: str) -> None:
    said = wrote("anna", text)
    assert said.startswith("anna wrote: “")
    assert said.count("“") == said.count("”") == 1
    assert said.endswith("”")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "plain words, 12.50 EUR, Zażółć gęślą 数字 ไทยที่ हिन्दी",
            "plain words, 12.50 EUR, Zażółć gęślą 数字 ไทยที่ हिन्दी",
        ),
        ("no\nstate     executed", "no␊state executed"),
        ("\x1b]8;;http://x\x07click\x9b5A", "␛]8;;http://x␇click«U+009B»5A"),
        ("a\u202eb\u2066c\u061cd\u200ee", "a«U+202E»b«U+2066»c«U+061C»d«U+200E»e"),
        ("a\u200bb\u2060c\ufeffd\u00ade", "a«U+200B»b«U+2060»c«U+FEFF»d«U+00AD»e"),
        ("a\u2028b\u2029c\x85d", "a«U+2028»b«U+2029»c«U+0085»d"),
        ("a\ufe0fb\U000e0041c\U000e0100d", "a«U+FE0F»b«U+E0041»c«U+E0100»d"),
        ("\ud800x", "«U+D800»x"),
        ("e\u0301\u0301\u0301\u0301", "e\u0301\u0301\u0301«U+0301»"),
        ("\u0301a", "«U+0301»a"),
        ("\u3000wide\u00a0\u2003 space ", "wide space"),
        ("\u2800\u3164x", "«U+2800»«U+3164»x"),
    ],
)
def test_each_kind_of_trick_is_made_visible(text: str, shown: str) -> None:
    assert one_line(text, 200) == shown


def test_what_is_cut_says_so_and_a_huge_text_costs_little() -> None:
    assert one_line("abcdef", 4) == "abc…"
    assert one_line("abc", 3) == "abc"
    assert one_line("abc   def", 5) == "abc…"
    assert len(one_line("\u200b" * 5_000_000, 20)) == 20


def test_words_are_shown_with_whose_they_are() -> None:
    assert attributed("the model says", "take “this”\x1b") == 'the model says: “take "this"␛”'
    assert quoted("") == "“”"
