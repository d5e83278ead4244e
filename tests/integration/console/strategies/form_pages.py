"""The form of a strategy as a browser sends it, and as a page shows it."""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, expect

from tests.integration.console.flows.test_console_strategies import WIDELY, opened
from tests.support.servers.console import ConsoleUnderTest, form_token

FORM = "/console/strategies/form"


class Sent(HTMLParser):
    """The fields of the form as a browser would send them, and everything that stands at a place."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._within, self._area, self._select = False, "", ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._within = given.get("id") == "edit"
        if not self._within:
            return
        name = given.get("name", "")
        if tag == "input" and (given.get("type") != "checkbox" or "checked" in given):
            self.fields[name] = given.get("value", "")
        elif tag == "textarea":
            self._area, self.fields[name] = name, ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in given or self._select not in self.fields):
            self.fields[self._select] = given["value"]

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            # A browser drops the line break after the tag.
            self.fields[self._area] = self.fields[self._area].removeprefix("\n")
            self._area = ""
        elif tag == "select":
            self._select = ""
        elif tag == "form":
            self._within = False

    def handle_data(self, data: str) -> None:
        if self._area:
            self.fields[self._area] += data


def begun(http: httpx.Client, text: str) -> dict[str, str]:
    """Open a text in the form, and return the fields that it shows."""
    token = form_token(http.get("/console/strategies").text)
    answer = http.post(FORM, data={"form_token": token, "do": "open", "text": text})
    assert answer.status_code == 200, answer.text
    return Sent(answer.text).fields


def pressed(http: httpx.Client, fields: dict[str, str], do: str, **changed: str) -> httpx.Response:
    return http.post(FORM, data={**fields, "do": do, **changed})


def text_in(page: str) -> str:
    return html.unescape(page.partition('name="text" value="')[2].partition('"')[0])


def said_at(page: str, place: str) -> str:
    found = re.search(rf'id="{re.escape(place)}-said">(.*?)</ul>', page, re.DOTALL)
    return html.unescape(re.sub("<[^>]+>", "", found[1])) if found else ""


@contextmanager
def form_of(browser: Browser, base: ConsoleUnderTest, text: str = WIDELY, **options: Any) -> Iterator[Page]:
    """Open a text in the form, as somebody does it."""
    with opened(browser, base, **options) as page:
        page.get_by_label("Text of the strategy").fill(text)
        page.get_by_role("button", name="Change it in a form").press("Enter")
        expect(page.get_by_role("heading", name="Edit a strategy")).to_be_visible()
        yield page
