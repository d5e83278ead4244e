"""Mails lead to the run's page in the console, wherever the console is reached."""

from pathlib import Path

from placet.entrypoints.bootstrap import address_book
from placet.entrypoints.settings import Settings

OWN = "https://placet.operator.example"


def test_mails_lead_to_the_console_unless_the_address_book_names_another_place(tmp_path: Path) -> None:
    file = tmp_path / "addresses.toml"
    file.write_text('version = 1\nconsole_url = "https://desk.operator.example/placet"\n')
    assert address_book(Settings(home=tmp_path)).console_url == ""
    assert address_book(Settings(home=tmp_path, console_url=OWN)).console_url == f"{OWN}/console"
    both = Settings(home=tmp_path, console_url=OWN, notify_file=file)
    assert address_book(both).console_url == "https://desk.operator.example/placet"
