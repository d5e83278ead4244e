"""What is masked before a prompt may leave the operator's perimeter."""

import re

# Order matters: an address is masked whole before its digits could be taken for a telephone number.
_PATTERNS = (
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "[email]"),
    (re.compile(r"\b(?:[A-Za-z]{1,4}-)?[A-Za-z]{1,3}\d{4,}\b"), "[id]"),
    (re.compile(r"\+?\d(?:[ ()-]?\d){7,14}"), "[phone]"),
)


def redact_identifiers(text: str) -> str:
    """Mask e-mail addresses, customer and account identifiers, and telephone numbers (E.164 or spaced)."""
    for pattern, mask in _PATTERNS:
        text = pattern.sub(mask, text)
    return text
