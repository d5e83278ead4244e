"""A notification reaches whom it concerns, says what they must know and nothing of the customer, decides nothing."""

import email
import re
from datetime import UTC, datetime, timedelta
from email import policy
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.gate import Gate
from placet.contracts.money import Money
from placet.contracts.notification import Notification, RunOccasion, WebhookMessage
from placet.contracts.proposal import AdjustBalance, Proposal
from placet.contracts.run import RunRequest
from placet.errors import ConfigurationError
from placet.notify.address_book import AddressBook, Recipient, load_address_book
from placet.notify.mail import mail_of
from placet.notify.notices import NOTHING_DECIDES, message_id, roles_concerned, subject_of, text_of
from placet.notify.webhook import body_of, parse_secrets, signatures
from placet.toml_files import parse_toml
from tests.support.servers.webhook import SECRET
from tests.unit.support import NOW, RUN, a_gate, a_proposal, a_request

OCCASIONS: tuple[RunOccasion, ...] = get_args(RunOccasion)
BOOK = """
version = 1
console_url = "https://placet.operator.example/"

[[email]]
address = "leads@operator.example"
tenants = ["demo"]
roles = ["retention_lead", "finance"]

[[email]]
address = "finance@operator.example"
tenants = ["demo", "other"]
roles = ["finance"]
occasions = ["escalated", "decided"]

[[webhook]]
name = "desk"
url = "https://desk.operator.example:8443/placet?queue=1"
secret_file = "desk.secret"
tenants = ["demo"]
roles = ["retention_lead"]
"""


def book() -> AddressBook:
    return parse_toml(BOOK, AddressBook, "address book 'notify.toml'")


def gate(**changes: Any) -> Gate:
    return a_gate().model_copy(update=changes)


def notification(**changes: Any) -> Notification:
    fields: dict[str, Any] = {
        "notification_id": 7,
        "tenant": "demo",
        "run_id": RUN,
        "proposal": "c" * 64,
        "occasion": "asked",
        "channel": "email",
        "recipient": "leads@operator.example",
        "role": "retention_lead",
        "subject": "a subject",
        "text": "a text\n",
        "created_at": NOW,
        "status": "waiting",
        "attempts": 1,
        "next_attempt_at": NOW,
        "delivered_at": None,
        "detail": "",
    }
    return Notification(**{**fields, **changes})


def text(occasion: RunOccasion = "asked", **changes: Any) -> str:
    arguments: dict[str, Any] = {
        "run": a_request(),
        "proposal": a_proposal(1250),
        "gate": a_gate(),
        "role": "retention_lead",
        "console_url": "",
        **changes,
    }
    return text_of(occasion=occasion, **arguments)


# Who is told.


def test_each_role_has_the_console_and_each_entry_is_told_once_as_the_first_role_it_holds() -> None:
    assert book().recipients("demo", ("finance", "retention_lead"), "asked") == (
        Recipient("console", "finance", "finance"),
        Recipient("console", "retention_lead", "retention_lead"),
        Recipient("email", "leads@operator.example", "finance"),
        Recipient("webhook", "desk", "retention_lead"),
    )


def test_an_entry_hears_of_its_own_tenants_roles_and_occasions_only() -> None:
    assert [one.name for one in book().recipients("other", ("finance",), "escalated")] == [
        "finance",
        "finance@operator.example",
    ]
    assert [one.name for one in book().recipients("other", ("finance",), "asked")] == ["finance"]
    assert [one.name for one in book().recipients("demo", ("nobody",), "asked")] == ["nobody"]


def test_nobody_is_told_of_a_decision_who_did_not_ask_for_that() -> None:
    told = book().recipients("demo", ("retention_lead", "finance"), "decided")
    assert [one.name for one in told if one.channel != "console"] == ["finance@operator.example"]


def test_without_an_address_book_the_console_alone_is_told() -> None:
    assert load_address_book(None).recipients("demo", ("retention_lead",), "asked") == (
        Recipient("console", "retention_lead", "retention_lead"),
    )


def test_an_address_that_is_listed_twice_gets_one_message() -> None:
    again = '[[email]]\naddress = "leads@operator.example"\ntenants = ["demo"]\nroles = ["finance"]\n'
    twice = parse_toml(BOOK + again, AddressBook, "address book 'notify.toml'")
    told = twice.recipients("demo", ("retention_lead", "finance"), "asked")
    assert [one.name for one in told if one.channel == "email"] == ["leads@operator.example"]


def test_escalation_concerns_the_role_it_goes_to_and_what_follows_concerns_both() -> None:
    escalating = gate(escalate_to="finance", escalate_at=NOW, roles=("retention_lead",))
    before, after = NOW - timedelta(seconds=1), NOW + timedelta(seconds=1)
    assert roles_concerned(escalating, "asked", before) == ("retention_lead",)
    assert roles_concerned(escalating, "escalated", after) == ("finance",)
    assert roles_concerned(escalating, "expired", after) == ("retention_lead", "finance")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version = 1", "version = 2", "version 2: write 1"),
        ("version = 1", "", "version: it is missing"),
        ('"leads@operator.example"', '"leads@operator.example\\r\\nBcc: x@y"', "email.0.address 'leads@operator"),
        ('"leads@operator.example"', '"Leads <leads@operator.example>"', "email.0.address 'Leads <leads"),
        ('"leads@operator.example"', '"leads@operator.example,x@y"', "email.0.address"),
        ('"leads@operator.example"', '"leads"', "email.0.address 'leads'"),
        ('roles = ["finance"]', 'roles = ["Finance"]', "email.1.roles.0 'Finance'"),
        ('roles = ["finance"]', "roles = []", "email.1.roles []"),
        ('roles = ["finance"]', 'role = ["finance"]', "email.1.roles"),
        ('tenants = ["demo", "other"]\n', "", "email.1.tenants"),
        ('"decided"]', '"done"]', "email.1.occasions.1 'done'"),
        (
            "https://desk",
            "ftp://desk",
            "webhook.0.url 'ftp://desk.operator.example:8443/placet?queue=1': it",
        ),
        ("https://desk", "https://user:word@desk", "it must hold no user, password or fragment"),
        (":8443", ":port", "it is not a web address"),
        ("secret_file", "secret_env", "webhook.0.secret_env (not shown)"),
        ('secret_file = "desk.secret"', "", "webhook 'desk' needs either secret_file or secret_env"),
        ('secret_file = "desk.secret"', 'secret_env = "PLACET_X"', "secret_env 'PLACET_X' begins like a setting"),
        (
            "[[webhook]]",
            '[[webhook]]\nsecret = "x"',
            "webhook.0.secret: there is no field of this name",
        ),
        ("[[webhook]]", "[[webhook]", "is not TOML"),
    ],
)
def test_a_faulty_address_book_is_one_line_that_names_the_file_the_place_and_the_value(
    old: str, new: str, said: str
) -> None:
    assert BOOK.count(old) == 1, old
    with pytest.raises(ConfigurationError) as refused:
        parse_toml(BOOK.replace(old, new), AddressBook, "address book 'notify.toml'")
    line = str(refused.value)
    assert line.startswith("address book 'notify.toml'")
    assert said in line
    assert "\n" not in line


def test_a_webhook_listed_twice_or_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="webhook 'desk' is listed twice"):
        parse_toml(BOOK + "[[webhook]]" + BOOK.partition("[[webhook]]")[2], AddressBook, "address book 'notify.toml'")
    missing = tmp_path / "notify.toml"
    with pytest.raises(ConfigurationError, match=re.escape(f"cannot read address book {str(missing)!r}")):
        load_address_book(missing)


# What it says.


def test_a_request_for_a_decision_says_who_asks_what_it_costs_until_when_and_how_to_decide() -> None:
    assert subject_of(a_request(), a_proposal(1250), "asked") == (
        f"Placet demo: decision asked: goodwill credit, costs 12.50 USD ({RUN})"
    )
    assert (
        text(console_url="https://placet.operator.example")
        == f"""\
A decision is asked of you as retention lead.

run        {RUN}
tenant     demo
asked by   agent retention, for olga
proposes   goodwill credit (goodwill_credit): credit of a balance
amount     costs 12.50 USD
decided by one person who holds retention lead
until      2026-03-01 13:00:00Z

  placet run show {RUN}
  placet approve {RUN} --as YOUR-NAME
  placet reject {RUN} --as YOUR-NAME
  https://placet.operator.example/runs/{RUN}

This message decides nothing, nor does an answer to it or a visit to an
address in it: only a decision signed with an enrolled key counts.
"""
    )


def test_a_quorum_is_told() -> None:
    two = gate(roles=("retention_lead", "finance"), quorum=2)
    assert "decided by 2 people who hold retention lead or finance\n" in text(gate=two)
    apart = two.model_copy(update={"distinct_roles": True})
    assert "2 people who hold retention lead or finance, each in another role\n" in text(gate=apart)


def test_an_unknown_outcome_asks_to_look_and_settle_and_shows_no_way_to_approve() -> None:
    said = text("outcome_unknown")
    assert f"placet settle {RUN} --found executed|not-executed --as YOUR-NAME" in said
    assert "placet approve" not in said
    assert "until" not in said


@pytest.mark.parametrize("occasion", ["expired", "decided"])
def test_what_is_over_asks_for_nothing(occasion: RunOccasion) -> None:
    said = text(occasion, role="")
    assert "placet approve" not in said
    assert "placet reject" not in said
    assert " as " not in said.partition("\n")[0]


@given(
    occasion=st.sampled_from(OCCASIONS),
    customer=st.from_regex(r"\A[A-Z][0-9]{6,12}\Z"),
    words=st.text(min_size=12, max_size=80),
    minor=st.integers(1, 10**12),
    role=st.sampled_from(["", "retention_lead"]),
)
def test_no_text_holds_data_of_the_customer_or_anyones_free_words(
    occasion: RunOccasion, customer: str, words: str, minor: int, role: str
) -> None:
    run = a_request().model_copy(update={"customer_id": customer, "key": f"key-{customer}"})
    amount = Money(amount_minor=minor, currency="USD")
    mutation = AdjustBalance(customer_id=customer, bucket_id=f"B-{customer}", amount=amount, reason=words)
    proposal = a_proposal(minor).model_copy(
        update={"customer_id": customer, "mutation": mutation, "rationale": words, "rationale_marks": (words,)}
    )
    said = subject_of(run, proposal, occasion) + text_of(run, proposal, gate(reason=words), occasion, role, "")
    assert customer not in said
    assert words not in said
    assert NOTHING_DECIDES in said
    assert str(amount) in said


@pytest.mark.parametrize("occasion", OCCASIONS)
def test_the_longest_names_still_make_one_subject_line_and_a_text_that_is_kept_whole(occasion: RunOccasion) -> None:
    longest = "x" * 48
    run = RunRequest(
        run_id=RUN,
        tenant="t" * 31,
        customer_id="C" * 64,
        agent="a" * 31,
        key="k" * 120,
        requested_by="p" * 64,
        requested_at=NOW,
    )
    proposal: Proposal = a_proposal(10**15).model_copy(update={"treatment": longest})
    roles = tuple(f"{longest[:-1]}{number}" for number in range(5))
    asked = gate(roles=roles, quorum=5, distinct_roles=True)
    kept = notification(
        subject=subject_of(run, proposal, occasion),
        text=text_of(run, proposal, asked, occasion, roles[0], "https://" + "c" * 480),
    )
    assert "\n" not in kept.subject
    assert kept.text.endswith(f"{NOTHING_DECIDES}\n")


def test_a_repeat_keeps_its_identifier_and_any_other_message_has_another() -> None:
    one = notification()
    assert message_id(one) == message_id(
        notification(attempts=4, status="delivered", delivered_at=NOW, next_attempt_at=None, detail="x")
    )
    assert re.fullmatch(r"notice-[0-9a-f]{24}", message_id(one))
    changes: list[dict[str, Any]] = [
        {"run_id": "run-" + "b" * 20},
        {"proposal": None},
        {"occasion": "reminded"},
        {"channel": "webhook"},
        {"recipient": "x@operator.example"},
        {"created_at": NOW + timedelta(microseconds=1)},
    ]
    others = {message_id(notification(**change)) for change in changes}
    assert len(others) == len(changes)
    assert message_id(one) not in others


# How it leaves.


def test_signatures_are_those_of_the_standard_webhooks_example() -> None:
    secrets = parse_secrets(SECRET, "the example")
    example = signatures(secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert example == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_a_secret_is_being_replaced_both_sign() -> None:
    both = parse_secrets(f"{SECRET}\nwhsec_{'QUFB' * 8}\n", "f")
    first, second = signatures(both, "i", 1, b"b").split(" ")
    assert (first, second) == tuple(signatures([secret], "i", 1, b"b") for secret in both)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "   \n",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_short",
        "whsec_QUFB",
        f"whsec_{'QUFB' * 22}",
        "whsec_QUF?",
    ],
)
def test_a_malformed_secret_is_refused_and_not_shown(wrong: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_secrets(wrong, "file 'desk.secret'")
    assert "in file 'desk.secret'" in str(refused.value)
    assert not wrong.strip() or wrong not in str(refused.value)


def test_a_webhooks_body_is_the_same_at_every_attempt_and_tells_no_more_than_the_text() -> None:
    again = notification(attempts=3, detail="webhook 'desk' answered 500")
    assert body_of(notification()) == body_of(again)
    WebhookMessage.model_validate_json(body_of(again))  # as the OpenAPI description tells whoever receives it
    assert body_of(again).decode() == (
        '{"data":{"occasion":"asked","proposal":"' + "c" * 64 + '","role":"retention_lead",'
        '"run_id":"' + RUN + '","subject":"a subject","tenant":"demo","text":"a text\\n"},'
        '"timestamp":"2026-03-01T12:00:00+00:00","type":"placet.notice.asked"}'
    )


def test_a_mail_says_that_it_is_automatic_and_keeps_its_identifier() -> None:
    one = notification(created_at=datetime(2026, 3, 1, 12, tzinfo=UTC))
    message = mail_of(one, "placet@operator.example")
    assert dict(message.items()) == {
        "From": "placet@operator.example",
        "To": "leads@operator.example",
        "Subject": "a subject",
        "Date": "Sun, 01 Mar 2026 12:00:00 +0000",
        "Message-ID": f"<{message_id(one)}@operator.example>",
        "Auto-Submitted": "auto-generated",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "7bit",
        "MIME-Version": "1.0",
    }
    assert message.as_bytes() == mail_of(one, "placet@operator.example").as_bytes()


@given(subject=st.text(max_size=200), body=st.text(max_size=400))
def test_nothing_that_is_written_can_add_a_header_or_a_recipient(subject: str, body: str) -> None:
    try:
        raw = mail_of(notification(subject=subject, text=body), "placet@operator.example").as_bytes()
    except ValueError:
        return  # refused as it stands
    parsed = email.message_from_bytes(raw, policy=policy.SMTP)
    assert set(parsed.keys()) == {
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "Content-Type",
        "Content-Transfer-Encoding",
        "MIME-Version",
    }
    assert parsed["To"] == "leads@operator.example"


@pytest.mark.parametrize("subject", ["a\r\nBcc: x@y.example", "a\nBcc: x@y.example", "a\rBcc: x@y.example", "a\r"])
def test_a_line_break_in_a_header_is_refused(subject: str) -> None:
    with pytest.raises(ValueError, match="is not printable ASCII"):
        mail_of(notification(subject=subject), "placet@operator.example")
