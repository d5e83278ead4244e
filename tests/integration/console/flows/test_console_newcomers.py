"""What newcomers met: going back after a start, links that claim something, and who decided what has ended."""

import secrets
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.integration.console.test_console_browser import sign_in
from tests.support.browser import WIDE, chromium, context_of, keep, needs_chromium
from tests.support.passkeys import at_localhost, device_of, enrolled
from tests.support.servers.console import ConsoleUnderTest, form_token

KEY = secrets.token_hex(8)


@needs_chromium
def test_going_back_after_a_start_and_starting_again_is_one_run(console: ConsoleUnderTest) -> None:
    with chromium() as browser, context_of(browser, console.url) as context:
        page = sign_in(context, console.token("olga", "operator"))
        page.goto("/console/runs/new?customer_id=C00041")
        page.get_by_role("button", name="Go on").click()
        page.get_by_role("button", name="Start the run").dblclick()
        page.wait_for_url("**/runs/run-*")
        started = page.url
        page.go_back()
        expect(page.get_by_role("heading", name="This run was started")).to_be_visible()
        page.get_by_role("link", name="Go to the run").click()
        assert page.url == started
    with console.world.database.reading() as tx:
        assert len(tx.runs.list("demo", customer_id="C00041")) == 1


def test_an_address_of_another_runs_key_starts_nothing(console: ConsoleUnderTest) -> None:
    path = f"/console/runs/confirm?agent=retention&key={KEY}&customer_id="
    with console.signed_in("olga", "operator") as http:
        page = http.get(f"{path}C00042").text
        form = {
            "form_token": form_token(page),
            "customer_id": "C00042",
            "agent": "retention",
            "key": KEY,
        }
        assert http.post("/console/runs", data=form).status_code == 303
        assert "This run was started" in http.get(f"{path}C00042").text
        other = http.get(f"{path}C00043")
    assert "was started" not in other.text
    assert other.status_code == 422


def test_a_wrong_file_leads_back_to_the_run(console: ConsoleUnderTest) -> None:
    run_id = console.world.pending("C00009")
    with console.signed_in("ben", "approver") as http:
        data = {"form_token": form_token(http.get(f"/console/runs/{run_id}").text)}
        answer = http.post(f"/console/runs/{run_id}/decisions", data=data, files={"file": ("x.json", b"no")})
    assert answer.status_code == 422
    assert f'href="/console/runs/{run_id}"' in answer.text


def test_an_ended_run_says_first_who_decided_and_how_that_was_verified(console: ConsoleUnderTest) -> None:
    world = console.world
    run_id = world.pending("C00005")
    world.approve(run_id, world.approver("anna"))
    with console.signed_in("otto", "auditor") as http:
        page = http.get(f"/console/runs/{run_id}").text
    said = page.partition("Who decided</h2>")[2].partition("</section>")[0]
    assert page.index("Who decided</h2>") < page.index('aria-label="The four steps"')
    assert "anna" in said
    assert "approved it" in said
    assert "a key file" in said
    assert "were verified before it counted" in said


@needs_chromium
@pytest.mark.parametrize("width", [1280, 390])
def test_eight_that_wait_fit_on_a_screen(console: ConsoleUnderTest, width: int) -> None:
    for customer in ("C00005", "C00006", "C00009"):
        console.world.pending(customer)
    view = WIDE if width == WIDE["width"] else {"width": width, "height": 844}
    with chromium() as browser, context_of(browser, console.url, viewport=view) as context:
        page = sign_in(context, console.token("ben", "approver"))
        keep(page, f"inbox-{width}")
        boxes = [one.bounding_box() for one in page.locator(".item").all()]
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not wide
    if width == WIDE["width"]:
        first, tallest = boxes[0], max(box["height"] for box in boxes if box is not None)
        assert first is not None
        assert first["y"] + 8 * (tallest + 4) <= view["height"], (first["y"], tallest)


def test_an_ended_run_is_shown_to_who_hands_in_decisions_of_others_and_has_no_key(console: ConsoleUnderTest) -> None:
    world = console.world
    run_id = world.pending("C00005")
    world.approve(run_id, world.approver("anna"))
    with console.signed_in("desk", "approver") as http:
        answer = http.get(f"/console/runs/{run_id}")
    assert answer.status_code == 200
    assert "Who decided</h2>" in answer.text


def test_no_link_from_elsewhere_makes_a_page_claim_what_did_not_happen(console: ConsoleUnderTest) -> None:
    run_id = console.world.pending("C00006")
    with console.signed_in("olga", "operator", "administrator") as http:
        stop = {"what": "kind:order_product", "reason": "wrong list", "sure": "1"}
        stop["form_token"] = form_token(http.get("/console/halts").text)
        told = http.post("/console/halts", data=stop).headers["location"]
        assert "It is stopped" in http.get(told).text
    with console.signed_in("otto", "operator", "administrator") as http:
        assert "It is stopped" not in http.get(told).text  # another session's
        for path, claim in (
            ("halts?placed=0", "It is stopped"),
            ("halts?placed=0.00", "It is stopped"),
            ("approvers?done=revoked", "decides nothing from now on"),
            ("approvers?done=enrolled." + "0" * 64, "counts from now on"),
            (f"runs/{run_id}?decision=" + "a" * 64, "It was delivered"),
        ):
            answer = http.get(f"/console/{path}")
            assert answer.status_code == 200, path
            assert claim not in answer.text, path


@needs_chromium
@pytest.mark.parametrize("hours", [-2, 2])
def test_a_browser_whose_clock_is_two_hours_off_is_told_nothing_wrong_and_decides(
    console: ConsoleUnderTest, hours: int
) -> None:
    world, url = console.world, at_localhost(console.url)
    name = f"clara{abs(hours)}{'ahead' if hours > 0 else 'behind'}"
    device = enrolled(world, console.url, name)
    run_id = world.pending("C00006")
    with chromium() as browser, context_of(browser, url) as context:
        context.clock.install(time=datetime.now(UTC) + timedelta(hours=hours))
        page = sign_in(context, console.token(name, "approver"))
        device_of(page).holds(device)
        page.goto(f"/console/runs/{run_id}")
        off = page.evaluate("Date.now()") / 1000 - datetime.now(UTC).timestamp()
        assert abs(off - hours * 3600) < 600
        expect(page.get_by_text("in 2 days 23 hours").first).to_be_visible()
        page.get_by_role("button", name="Approve", exact=True).click()
        page.get_by_role("button", name="passkey").click()
        expect(page.get_by_text(f"{name} APPROVED the proposal").first).to_be_visible()
        expect(page.locator(".head .badge")).to_have_text("Executed")
