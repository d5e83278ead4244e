"""What the pages of invitations say: what the roles may do, and how many wait."""

from placet.interfaces.console.pages.keys.approvers import INVITATIONS
from tests.integration.console.keys.test_invitations import invitations, invited
from tests.support.pressing import browser, with_token
from tests.support.servers.console import ConsoleUnderTest


def test_an_invitation_says_what_its_roles_may_do(console: ConsoleUnderTest) -> None:
    both = {"auditor": ("auditor",), "both": ("retention_lead", "operator")}
    pages = {}
    for name, roles in both.items():
        asked = {"name": name, "limit": "", "days": 30, "by": "root", "voucher": None, "key": f"says-{name}"}
        code = invitations(console).invite(roles=roles, **asked)  # type: ignore[arg-type]
        with browser(console) as http:
            pages[name] = http.get(f"/console/join/{code}").text
    assert "<h1>root invites you</h1>" in pages["auditor"]
    assert "<dt>As an auditor you may</dt><dd>read everything" in pages["auditor"]
    assert "decide as" not in pages["auditor"]
    assert "You may decide" not in pages["auditor"]
    assert "<h1>root invites you to decide</h1>" in pages["both"]
    assert "<dt>You would decide as</dt><dd>retention lead</dd>" in pages["both"]
    assert "<dt>As an operator you may</dt><dd>start runs" in pages["both"]


def test_more_invitations_than_a_page_has_are_said_and_paged_through(console: ConsoleUnderTest) -> None:
    names = [f"many-{number}" for number in range(INVITATIONS + 3)]
    for name in names:
        invited(console, name)
    with with_token(console, "rita", "administrator") as admin:
        first = admin.get("/console/approvers").text
        older = first.partition('<a href="/console/approvers?invited_after=')[2].partition('"')[0]
        second = admin.get("/console/approvers", params={"invited_after": older}).text
        lost = admin.get("/console/approvers?invited_after=nothing")
    listed = [page.count('aria-label="Invitation of ') for page in (first, second)]
    assert listed[0] == INVITATIONS
    assert f"The {INVITATIONS} newest are shown above; more wait." in first
    assert "These are older invitations." in second
    assert all(sum(f'aria-label="Invitation of {name}"' in page for page in (first, second)) == 1 for name in names)
    assert lost.status_code == 422
