"""What others wrote of the console's scripts and styles is what was fetched, and is named with its licence."""

import hashlib
import re
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
CONSOLE = CHECKOUT / "placet/interfaces/console"
VENDORED = {
    "htmx.min.js": ("htmx.org@2.0.11", "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"),
    "uPlot.iife.min.js": ("uplot@1.6.32", "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f"),
    "uPlot.min.css": ("uplot@1.6.32", "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04"),
}
INLINE = re.compile(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|javascript:|\|\s*safe")
OURS = {"console.js", "passkey.js", "console.css", "icon.svg"}


def test_every_file_is_ours_or_exactly_what_was_fetched() -> None:
    found = {path.name: path for path in (CONSOLE / "assets").iterdir()}
    assert found.keys() == VENDORED.keys() | OURS
    for name, (package, digest) in VENDORED.items():
        assert hashlib.sha256(found[name].read_bytes()).hexdigest() == digest, name
        assert package in (CHECKOUT / "Makefile").read_text()


def test_every_vendored_file_is_in_the_notice_with_its_version() -> None:
    notice = (CHECKOUT / "NOTICE").read_text()
    for name, (package, _) in VENDORED.items():
        assert name in notice
        assert package.partition("@")[2] in notice


def test_no_template_or_script_of_ours_names_another_host_or_holds_script_or_style_of_its_own() -> None:
    ours = [*(CONSOLE / "templates").rglob("*.html"), *(CONSOLE / "assets" / name for name in OURS - {"icon.svg"})]
    for path in ours:
        text = path.read_text()
        assert not re.search(r"https?://|//[a-z0-9-]+\.[a-z]", text), path
        assert not re.search(r"""<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|javascript:|\|\s*safe""", text), (
            path
        )
        assert "innerHTML" not in text
