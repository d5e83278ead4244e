"""Mail crosses the network as the operator demands: encrypted where required, and a password never in clear."""

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from placet.contracts.notification import Notification
from placet.entrypoints.senders import build_senders
from placet.entrypoints.settings import Settings
from placet.errors import ConfigurationError, UpstreamUnavailable
from placet.notify.address_book import AddressBook
from placet.notify.channel import DEFERRED
from placet.notify.mail import MailSender, MailServer, StartTls
from placet.storage.notifications import Lane
from placet.toml_files import parse_toml
from tests.plugins.test_tls import certificate
from tests.support.servers.smtp import MailBox, running_smtp
from tests.support.servers.webhook import SECRET, running_receiver, verified

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASSWORD = "tr0ub4dor"
USERS = {"placet": PASSWORD}
NOTICE = Notification(
    notification_id=1,
    tenant="acme",
    run_id="run-" + "0" * 20,
    proposal="c" * 64,
    occasion="asked",
    channel="email",
    recipient="lead@operator.example",
    role="retention_lead",
    subject="decision asked",
    text="A decision is asked of you.\n",
    created_at=AT,
    status="waiting",
    attempts=1,
    next_attempt_at=AT,
    delivered_at=None,
    detail="",
)
BOOK = """
version = 1
[[email]]
address = "lead@operator.example"
tenants = ["demo"]
roles = ["retention_lead"]
[[webhook]]
name = "desk"
url = "{url}"
{secret}
tenants = ["demo"]
roles = ["retention_lead"]
"""


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    """A certificate of the operator's own."""
    return certificate(tmp_path)


@pytest.fixture
def tls(pem: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's context. The environment vouches for its certificate, which must not count."""
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


def send(box: MailBox, starttls: StartTls, user: str = "", password: str = "", *, ca_file: Path | None = None) -> None:
    server = MailServer(box.host, box.port, "placet@operator.example", starttls, 20.0, user, password, ca_file)
    MailSender(server, frozenset({NOTICE.recipient})).send(NOTICE)


@pytest.mark.parametrize("starttls", ["required", "yes"])
def test_mail_is_encrypted_where_the_server_can(tls: ssl.SSLContext, pem: Path, starttls: StartTls) -> None:
    with running_smtp(tls=tls, users=USERS) as box:
        send(box, starttls, "placet", PASSWORD, ca_file=pem)
    (mail,) = box.taken
    assert (mail.encrypted, mail.user) == (True, "placet")


def test_where_encryption_is_required_nothing_is_sent_without_it() -> None:
    with running_smtp() as box:
        with pytest.raises(UpstreamUnavailable, match="STARTTLS extension not supported by server"):
            send(box, "required")
        assert box.verbs == ["EHLO"]


def test_where_encryption_is_optional_mail_crosses_in_clear_and_a_password_does_not() -> None:
    with running_smtp(users=USERS) as box:
        send(box, "yes")
        assert [mail.encrypted for mail in box.taken] == [False]
        with pytest.raises(UpstreamUnavailable, match="offers no STARTTLS, and the password does not cross in clear"):
            send(box, "yes", "placet", PASSWORD)
        assert "AUTH" not in box.verbs
        assert len(box.taken) == 1


def test_a_server_that_cannot_prove_who_it_is_gets_neither_password_nor_mail(
    tls: ssl.SSLContext,
) -> None:
    with running_smtp(tls=tls, users=USERS) as box:
        with pytest.raises(UpstreamUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            send(box, "required", "placet", PASSWORD)
        assert box.verbs == ["EHLO", "STARTTLS"]


def test_a_refused_login_is_told_without_the_password(tls: ssl.SSLContext, pem: Path) -> None:
    with running_smtp(tls=tls, users=USERS) as box, pytest.raises(UpstreamUnavailable) as refused:
        send(box, "required", "placet", "wr0ng-w0rd", ca_file=pem)
    assert str(refused.value) == f"mail server '127.0.0.1:{box.port}' refuses our user and password (535)"
    assert box.taken == []


def test_the_password_is_not_shown_with_the_server() -> None:
    assert PASSWORD not in repr(MailServer("h", 25, "placet@operator.example", "yes", 1.0, "placet", PASSWORD))


def settings(
    home: Path, named: str = 'secret_file = "desk.secret"', url: str = "http://127.0.0.1:1", **more: Any
) -> Settings:
    file = home / "notify.toml"
    file.write_text(BOOK.format(url=url, secret=named))
    (home / "desk.secret").write_text(f"{SECRET}\n")
    mail = {"smtp_host": "127.0.0.1", "smtp_from": "placet@operator.example"}
    return Settings(**{"home": home, "notify_file": file, **mail, **more})


def build(configured: Settings) -> dict[Lane, Any]:
    assert configured.notify_file is not None
    book = parse_toml(configured.notify_file.read_text(), AddressBook, "address book 'notify.toml'")
    return dict(build_senders(configured, book, lambda: AT))


def test_settings_and_address_book_make_a_sender_for_each_lane(tmp_path: Path) -> None:
    with running_receiver() as receiver, running_smtp() as box:
        senders = build(settings(tmp_path, url=receiver.url, smtp_port=box.port, smtp_starttls="no"))
        assert set(senders) == {Lane("email", None), Lane("webhook", "desk")}
        for sender in senders.values():
            sender.send(NOTICE)
    assert len(box.taken) == 1
    assert verified(receiver.requests[0])


def test_a_webhooks_secret_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_WEBHOOK_SECRET", SECRET)
    with running_receiver() as receiver:
        configured = settings(tmp_path, named='secret_env = "DESK_WEBHOOK_SECRET"', url=receiver.url)
        build(configured)[Lane("webhook", "desk")].send(NOTICE)
    assert verified(receiver.requests[0])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"smtp_host": ""}, "names 'lead@operator.example', and no mail server is configured; set PLACET_SMTP_HOST"),
        ({"smtp_from": ""}, "PLACET_SMTP_FROM='' is not an e-mail address"),
        ({"smtp_from": "Placet <p@x.example>"}, "PLACET_SMTP_FROM='Placet <p@x.example>' is not an e-mail address"),
        ({"smtp_user": "placet"}, "PLACET_SMTP_USER and PLACET_SMTP_PASSWORD belong together"),
        ({"smtp_password": PASSWORD}, "PLACET_SMTP_USER and PLACET_SMTP_PASSWORD belong together"),
        (
            {"smtp_user": "placet", "smtp_password": PASSWORD, "smtp_starttls": "no"},
            "PLACET_SMTP_STARTTLS='no' would send the password in clear",
        ),
        ({"named": 'secret_file = "absent"'}, "the secret of webhook 'desk'"),
        ({"named": 'secret_file = "notify.toml"'}, "is not base64"),
        ({"named": 'secret_env = "NOT_SET_ANYWHERE"'}, "there is no webhook secret in variable 'NOT_SET_ANYWHERE'"),
    ],
)
def test_what_is_not_configured_in_full_is_one_line_before_anything_is_sent(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        build(settings(tmp_path, **changes))
    line = str(refused.value)
    assert said in line
    assert "\n" not in line
    assert PASSWORD not in line
    assert SECRET not in line


def test_an_address_that_the_book_does_not_have_gets_no_mail_whatever_a_row_says() -> None:
    with running_smtp() as box:
        server = MailServer(box.host, box.port, "placet@operator.example", "no", 20.0)
        elsewhere = NOTICE.model_copy(update={"recipient": "mallory@\x1b[2Jelsewhere.example"})
        with pytest.raises(
            UpstreamUnavailable, match=r"“mallory@␛\[2Jelsewhere.example” is not in the address book"
        ) as no:
            MailSender(server, frozenset({NOTICE.recipient})).send(elsewhere)
        assert no.value.code == DEFERRED
        assert box.connections == 0
