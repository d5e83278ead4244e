"""Amounts of money as options."""

import typer

from placet.contracts.money import Money, parse_money


def amount(text: str | None, option: str) -> Money | None:
    """Read an amount; None where none was given.

    Raises:
        BadParameter: it is none.
    """
    try:
        return None if text is None else parse_money(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error
