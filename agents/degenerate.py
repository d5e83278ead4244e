"""Signs that a model's text is degenerate (loops, nothing said). Marked text is shown as such, never trusted."""

import re

from pydantic import BaseModel

MIN_WORDS = 3
"""Below this a text says nothing that a person could act on."""

_LONGEST_LOOP = 6  # words; longer loops do not fit three times into the bounded fields
_LOOP_TIMES = 3
_MIN_WORDS_FOR_RATIO = 12
_MIN_DISTINCT_PERCENT = 60  # a plain sentence of this length stays above 70


def text_marks(text: str) -> tuple[str, ...]:
    """Return the marks for one text: `too_short`, `repetition`."""
    words = re.findall(r"\w+", text.lower())
    marks = []
    if len(words) < MIN_WORDS:
        marks.append("too_short")
    if _loops(words) or _monotonous(words) or re.search(r"(.{1,12}?)\1{7,}", text):
        marks.append("repetition")
    return tuple(marks)


def answer_marks(answer: BaseModel) -> tuple[str, ...]:
    """Return the marks for every free-text field of `answer`; fields bound to a choice cannot degenerate."""
    properties = type(answer).model_json_schema().get("properties", {})
    marks: list[str] = []
    for name, shape in properties.items():
        text = getattr(answer, name)
        if shape.get("type") == "string" and "enum" not in shape and "const" not in shape and isinstance(text, str):
            marks.extend(text_marks(text))
    return tuple(dict.fromkeys(marks))


def _loops(words: list[str]) -> bool:
    for size in range(1, _LONGEST_LOOP + 1):
        for start in range(len(words) - size * _LOOP_TIMES + 1):
            unit = words[start : start + size]
            if words[start : start + size * _LOOP_TIMES] == unit * _LOOP_TIMES:
                return True
    return False


def _monotonous(words: list[str]) -> bool:
    return len(words) >= _MIN_WORDS_FOR_RATIO and len(set(words)) * 100 < _MIN_DISTINCT_PERCENT * len(words)
