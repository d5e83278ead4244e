"""Amounts of money as options."""

import typer

from placet.contracts.money import Money, check_not_negative, parse_money


def amount(text: str | None, option: str) -> Money | None:
    """Read an amount that bounds something; None where none was given.

    Raises:
        BadParameter: it is none, or below zero.
    """
    try:
        return None if text is None else check_not_negative(parse_money(text))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error
