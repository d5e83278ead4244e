"""Public ids of numbered resources, e.g. `ADJ-00000042`."""


def numbered(prefix: str, number: int) -> str:
    """Return the id of the `number`-th resource."""
    return f"{prefix}{number:08d}"


def number_of(prefix: str, identifier: str) -> int | None:
    """Return the number within an id; None when `numbered` never gives that id."""
    digits = identifier.removeprefix(prefix)
    if not digits.isascii() or not digits.isdigit() or len(digits) > 15:  # noqa: PLR2004 - within SQLite's integers
        return None
    return int(digits) if numbered(prefix, int(digits)) == identifier else None
