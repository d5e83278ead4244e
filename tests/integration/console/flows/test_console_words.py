"""Forms say what is wrong with a field by its label on the page, and require no reason that the server does not."""

import html
import re

import httpx
import pytest

from tests.integration.console.keys.test_documents_by_passkey import drafted, halted, post
from tests.support.authenticator import Authenticator
from tests.support.passkeys import enrolled
from tests.support.pressing import with_token
from tests.support.servers import asking
from tests.support.servers.console import ConsoleUnderTest, form_token

HEAD = ("retention_head",)


def said(answer: httpx.Response) -> str:
    """What a refused form says, as it is read."""
    assert answer.status_code == 422, answer.text
    found = re.findall(r'<p class="notice bad" role="alert">([^<]+)</p>', answer.text)
    return html.unescape(found[-1])  # a halt in force is said above


@pytest.fixture
def heike(console: ConsoleUnderTest) -> Authenticator:
    return enrolled(console.world, console.url, "heike", roles=HEAD, limit="9000.00 USD")


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("name", "Spring!", "Name: 'Spring!': not a short name, such as 'small-credits': lower-case letters, digits"),
        ("treatment", "", "Treatment: retention has no treatment ''."),
        ("cap", "much", "At most for one customer: amount 'much' is malformed; write it like '12.50 EUR'."),
        ("cap", "", "At most for one customer: it is empty; write it like '12.50 EUR'."),
        ("cap", "900.00 USD", "At most for one customer: write more than nothing, and no more than “At most in all”"),
        ("cap", "9.00 EUR", "At most for one customer: 9.00 EUR is in another currency than “At most in all”"),
        ("budget", "lots", "At most in all: amount 'lots' is malformed"),
        ("period_days", "x", "In how many days: write a whole number from 1 to 366, not 'x'."),
        ("days", "0", "Ends after how many days: write a whole number from 1 to 366, not '0'."),
        ("cohort", "tenure_months gt 12", "For which customers: 'tenure_months gt 12': write a fact, one of eq, ne"),
        ("cohort", "shoe_size ge 40", "For which customers: 'shoe_size ge 40': 'shoe_size' is no fact"),
    ],
)
def test_a_draft_s_fault_is_named_by_the_label_of_its_field(
    console: ConsoleUnderTest, heike: Authenticator, field: str, value: str, expected: str
) -> None:
    assert heike.credential_id
    with with_token(console, "heike", "approver") as http:
        assert said(drafted(http, **{field: value})).startswith(expected)


@pytest.mark.parametrize(
    ("path", "field", "value", "expected"),
    [
        ("governance/delegations", "days", "x", "For how many days: write a whole number from 1 to 366, not 'x'."),
        ("governance/delegations", "limit", "much", "Up to, each: amount 'much' is malformed"),
        ("governance/delegations", "delegate", "", "Who: choose somebody."),
        ("governance/delegations", "role-retention_head", "", "As: tick at least one of your roles."),
        ("approvers", "days", "x", "Days that the key counts: write a whole number from 1 to 3650, not 'x'."),
        ("approvers", "limit", "much", "May decide up to: amount 'much' is malformed"),
        ("approvers", "name", "Emil!", "Name: 'Emil!': not a person's name"),
        ("approvers", "role-retention_head", "", "They decide as: tick at least one role"),
        ("approvers", "roles", "Chief!", "Other roles"),
        ("tokens", "days", "x", "For how many days: write a whole number from 1 to 366, not 'x'."),
        ("tokens", "name", "Emil!", "In whose name: 'Emil!': not a person's name"),
        ("tokens", "role-operator", "", "They may: tick at least one role."),
    ],
)
def test_a_form_s_fault_is_named_by_the_label_of_its_field(
    console: ConsoleUnderTest, heike: Authenticator, path: str, field: str, value: str, expected: str
) -> None:
    assert heike.credential_id
    good = {"delegate": "emil", "role-retention_head": "1", "role-operator": "1", "limit": "5.00 USD", "days": "7"}
    if path == "approvers":
        del good["role-operator"]
    with with_token(console, "heike", "approver", "administrator") as http:
        answer = post(http, f"/console/{path}", f"/console/{path}", {**good, "name": "emil", field: value})
        assert said(answer).startswith(expected)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("inbox?min_cost=five", "Costs at least: amount 'five' is malformed"),
        ("inbox?max_cost=five", "Costs at most: amount 'five' is malformed"),
        ("inbox?customer_id=a%20b", "Customer: 'a b': not a customer id"),
        ("runs?customer_id=a%20b", "Customer: 'a b': not a customer id"),
        ("runs?requested_by=A%20b", "Asked for by: 'A b': not a person's name"),
        ("governance/what-if?treatment=goodwill_credit&cost=five", "It costs: amount 'five' is malformed"),
        (
            "governance/what-if?cost=5.00+USD&treatment=x&requested_by=A+b",
            "Who asked for the run: 'A b': not a person's",
        ),
    ],
)
def test_a_filter_s_fault_is_named_by_its_label(console: ConsoleUnderTest, query: str, expected: str) -> None:
    with console.signed_in("olga", "operator", "approver") as http:
        page = http.get(f"/console/{query}").text
    found = re.search(r'<p class="notice bad" role="alert">([^<]+)</p>', page)
    assert found is not None
    assert html.unescape(found[1]).startswith(expected)


def test_a_reason_is_required_where_the_server_requires_it_and_nowhere_else(
    console: ConsoleUnderTest, heike: Authenticator
) -> None:
    assert heike.credential_id
    enrolled(console.world, console.url, "emil")
    halt_id = halted(console)
    required = re.compile(r'name="reason"[^>]* required')
    with with_token(console, "heike", "approver", "operator") as http:
        for path in ("governance/delegations", "governance/mandates"):
            assert not required.search(http.get(f"/console/{path}").text), path
        page = http.get("/console/halts").text
        assert len(required.findall(page)) == 1, "placing a halt needs a reason, lifting it does not"
        assert "Why it may go on (optional)" in page
        lifted = post(http, "/console/halts", f"/console/halts/{halt_id}/lift", {"reason": ""})
        assert lifted.status_code == 303
        good = {"delegate": "emil", "role-retention_head": "1", "limit": "5.00 USD", "days": "7"}
        page = "/console/governance/delegations"
        assert post(http, page, page, good).status_code == 303
        unsaid = {"what": "tenant:", "sure": "1", "reason": ""}
        assert "a halt needs a reason" in said(post(http, "/console/halts", "/console/halts", unsaid))


def test_a_draft_that_is_called_json_is_told_what_is_wrong_with_it_as_json(
    console: ConsoleUnderTest, heike: Authenticator
) -> None:
    assert heike.credential_id
    page = "/console/governance/mandates"
    with with_token(console, "heike", "approver") as http:
        token = form_token(http.get(page).text)
        for called, content, expected in (
            ("draft.json", b"not json", "draft.json"),
            ("draft.json", b"[1]", "draft.json"),
            ("draft.toml", b"{", "is not TOML"),
            ("draft", b"{", "draft.json"),
        ):
            answer = http.post(page, data={"form_token": token}, files={"file": (called, content)})
            assert expected in said(answer), called
            assert ("TOML" in said(answer)) is (called == "draft.toml")


def test_the_form_of_a_mandate_lists_the_facts_that_its_tests_may_name(console: ConsoleUnderTest) -> None:
    with console.signed_in("olga", "operator") as http:
        page = http.get("/console/governance/mandates").text
    assert "<code>tenure_months</code> a number: eq, ne, ge or le" in page
    assert "<code>risk</code> low, medium, high: eq, ne or in" in page
    assert "<code>contract</code>" in page


def test_the_page_of_tokens_says_how_one_is_used(console: ConsoleUnderTest) -> None:
    token = console.token("rita", "administrator")
    with console.signed_in("rita", "administrator") as http:
        page = html.unescape(http.get("/console/tokens").text)
    found = re.search(r'<code>curl -H "Authorization: Bearer \$TOKEN" (\S+)</code>', page)
    assert found is not None
    assert asking.get(found[1], headers={"Authorization": f"Bearer {token}"}).status_code == 200
