"""A strategy in a form: opened, changed by its buttons, refused where it is wrong, and its text taken along."""

import html
import re
from datetime import UTC, datetime

import pytest

from placet.contracts.text import one_line
from placet.decisioning.cohorts.cohort import cohort_of
from placet.entrypoints.processes.process import await_condition
from placet.interfaces.console.jobs import Busy, Jobs
from placet.service.cohorts import preview
from placet.service.strategies.checking import check_text
from placet.service.strategies.given import LONGEST
from tests.integration.console.flows.test_console_cohorts import CUSTOMERS, base
from tests.integration.console.flows.test_console_strategies import WIDELY, typed_of
from tests.integration.console.strategies.form_pages import FORM, Sent, begun, pressed, said_at, text_in
from tests.support.guard import GUARD
from tests.support.servers.console import ConsoleUnderTest, form_token
from tests.unit.console.strategy_forms import ELSEWHERE, HOSTILE, WRONG
from tests.unit.strategies.texts import SOUND, edited

__all__ = ["base"]

pytestmark = pytest.mark.xdist_group("console-browser")


def test_a_text_comes_back_as_the_same_version(base: ConsoleUnderTest) -> None:
    with base.signed_in("otto", "auditor") as http:
        for text in (SOUND, WIDELY):
            page = pressed(http, begun(http, text.replace("\n", "\r\n")), "check")
            assert page.status_code == 200
            assert "Nothing: it says the same as the text that you began with." in page.text
            assert check_text(text_in(page.text)).digest == check_text(text).digest


def test_a_ready_strategy_begins_in_the_form(base: ConsoleUnderTest) -> None:
    with base.signed_in("olga", "operator") as http:
        page = http.get(FORM)
        assert page.status_code == 200
        fields = {"form_token": form_token(page.text), "package": "win_back", "market": "ke", "name": "ours"}
        begin = http.post(FORM, data={**fields, "do": "package", "monthly": "800.00 KES"})
        assert begin.status_code == 200
        shown = Sent(begin.text).fields
        assert (shown["name"], shown["market.currency"]) == ("ours", "KES")
        assert check_text(text_in(pressed(http, shown, "check").text)).findings == ()
        refused = http.post(FORM, data={**fields, "do": "package", "monthly": ""})
        assert refused.status_code == 422
        assert "say what a customer of this market (Kenya) spends" in refused.text
        kept = http.post(FORM, data={**fields, "do": "package", "monthly": "800.00 KES", "text": "mine"})
        assert kept.status_code == 422
        assert typed_of(kept.text) == "mine"


@pytest.mark.parametrize(
    "text", ["", "k: [", edited(("holdout: 10 %", "holdout: 10")), SOUND + "#" * LONGEST, *HOSTILE]
)
def test_a_text_that_cannot_be_a_form_is_kept_as_it_is(base: ConsoleUnderTest, text: str) -> None:
    with base.signed_in("olga", "operator") as http:
        token = form_token(http.get("/console/strategies").text)
        refused = http.post(FORM, data={"form_token": token, "do": "open", "text": text})
        assert refused.status_code == 422
        assert typed_of(refused.text) == text
        assert 'role="alert"' in refused.text


@pytest.mark.parametrize(("path", "typed", "said"), WRONG)
def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(
    base: ConsoleUnderTest, path: str, typed: str, said: str
) -> None:
    with base.signed_in("olga", "operator") as http:
        page = pressed(http, begun(http, SOUND), "check", **{path: typed})
    assert page.status_code == 200
    place = ELSEWHERE.get(path, path)
    told = said_at(page.text, place)
    assert told if said == "of the condition" else said.lower() in told.lower()
    assert Sent(page.text).fields[path] == typed
    assert f'<a href="#{place}">' in page.text
    assert "Use this text" not in page.text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_value_is_a_value(base: ConsoleUnderTest, hostile: str) -> None:
    paths = ("title", "about", "cohort", "treatments.0.title", "treatments.0.eligible.0.otherwise", "rollout.hold_days")
    with base.signed_in("olga", "operator") as http:
        fields = begun(http, SOUND)
        page = pressed(http, fields, "check", **dict.fromkeys(paths, hostile))
        assert page.status_code == 200
        shown = Sent(page.text).fields
        for path in paths:
            assert shown[path].strip() == hostile.strip()
        assert said_at(page.text, "rollout.hold_days")
        assert "<script>alert" not in page.text
        # What is told of it shows nothing unseen.
        assert "\u202e" not in page.text.replace(html.escape(hostile), "")
        alone = pressed(http, fields, "check", title=hostile)
        if "Use this text" in alone.text:
            again = check_text(text_in(alone.text))
            assert again.sound
            assert one_line(hostile) in next(line.words for line in again.told if line.heading == "is")


def test_what_is_tampered_with_is_refused_or_told(base: ConsoleUnderTest) -> None:
    with base.client() as http:
        assert http.get(FORM).status_code == 303
        assert http.post(FORM, data={"do": "open", "text": SOUND}).status_code == 401
    with base.signed_in("olga", "operator") as http:
        fields = begun(http, SOUND)
        assert pressed(http, {**fields, "form_token": "x"}, "check").status_code == 403
        foreign = http.post(FORM, data={**fields, "do": "check"}, headers={"Sec-Fetch-Site": "cross-site"})
        assert foreign.status_code == 403
        for began in ("", "k: &a [*a]", "<b>", SOUND + "#" * LONGEST):
            page = pressed(http, fields, "check", began=began)
            assert page.status_code == 200
            assert "The text that you began with has errors: what changed is not told." in page.text
            assert check_text(text_in(page.text)).digest == check_text(SOUND).digest
        for do in ("", "publish", "add title 0", "remove treatments.9", "up ../x", "add treatments 9"):
            page = pressed(http, fields, do)
            assert page.status_code == 422
            assert "No button of this page asks for that" in page.text
            assert {**Sent(page.text).fields, "began": ""} == {**fields, "began": ""}
        assert pressed(http, fields, "effect", text="k: [").status_code == 422
        kind = pressed(http, fields, "check", **{"treatments.0.action.kind": "wire_money"})
        assert "Use this text" not in kind.text
        many = {f"treatments.{number}.title": "x" for number in range(999)}
        assert "Use this text" not in pressed(http, {**fields, **many}, "check").text
        assert http.post(FORM, data={**fields, **{f"x{number}": "" for number in range(5_000)}}).status_code == 400
        assert pressed(http, fields, "check", about="é" * 400_000).status_code == 413
        long = pressed(http, fields, "check", about="x" * (LONGEST + 1))
        assert long.status_code == 422
        assert "at most 32,000 are read" in long.text
        assert len(Sent(long.text).fields["about"]) == LONGEST + 1


def test_lists_grow_shrink_and_are_arranged(base: ConsoleUnderTest) -> None:
    with base.signed_in("olga", "operator") as http:
        fields = begun(http, SOUND)

        def press(do: str, **changed: str) -> dict[str, str]:
            page = pressed(http, fields, do, **changed)
            assert page.status_code == 200, page.text
            return Sent(page.text).fields

        # Nothing of what was typed is lost on the way, though it is wrong.
        fields = press("add rollout.guard_rails 0", **{"budget.total": "much"})
        assert fields["budget.total"] == "much"
        assert fields["rollout.guard_rails.2.sample"] == "500"
        fields = press("add treatments 0", **{"budget.total": "5000"})
        assert fields["treatments.2.action.kind"] == "adjust_balance"
        fields = press("up treatments.2")
        assert fields["treatments.2.code"] == "saver_plan"
        fields = press("remove treatments.1")
        fields = press("down treatments.0")
        assert [fields[f"treatments.{number}.code"] for number in (0, 1)] == ["saver_plan", "loyalty_credit"]
        fields = press("remove rollout.guard_rails.2")
        fields = press("add treatments.1.eligible 0")
        fields |= {"treatments.1.eligible.1.when": "refusals_90d < 2", "treatments.1.eligible.1.otherwise": "Is tired"}
        fields = press("up treatments.1.eligible.1")
        after = text_in(pressed(http, fields, "check").text)
        codes = re.findall(r"code: (\w+)", after)
        assert codes == [
            "us",
            "saver_plan",
            "no_internet",
            "loyalty_credit",
            "is_tired",
            "open_ticket",
            "disputes",
            "high_risk",
        ]
        assert check_text(after).sound
        arms = after.partition("arms:")[2]
        assert re.findall(r"treatments: (\[.*\])", arms) == ["[loyalty_credit]", "[loyalty_credit, saver_plan]"]


def test_conditions_come_from_lists_and_are_counted(base: ConsoleUnderTest) -> None:
    with base.signed_in("olga", "operator") as http:
        fields = begun(http, WIDELY)
        fields = Sent(pressed(http, fields, "segment", target="cohort", segment="postpaid").text).fields
        wanted = {"target": "cohort", "column": "tenure_days", "compared": ">=", "wanted": "0"}
        fields = Sent(pressed(http, fields, "column", **wanted).text).fields
        assert fields["cohort"] == "app_visits_30d >= 2 AND bills_issued_90d > 0 AND tenure_days >= 0"
        wrong = pressed(http, fields, "column", **{**wanted, "wanted": "many"})
        assert wrong.status_code == 422
        assert "write a number, such as 30" in wrong.text
        assert Sent(wrong.text).fields["cohort"] == fields["cohort"]
        one, found = cohort_of("app_visits_30d >= 2"), list[str]()
        members = preview(base.world.database, "demo", one, datetime.now(UTC)).members

        def counted() -> bool:
            found.append(pressed(http, fields, "count", cohort=one.written).text)
            return "They are being counted" not in found[-1]

        await_condition(counted, seconds=GUARD, what="the condition being counted")
        assert f"It has {members} of {CUSTOMERS} customers now." in found[-1]
        assert "have simulated events: nothing of them is real" in found[-1]
        fault = pressed(http, fields, "count", cohort="npz > 3")
        assert fault.status_code == 422
        assert "no column is called" in fault.text.partition('id="count"')[2]


def test_where_too_much_is_asked_for_at_once_what_was_typed_stays(
    base: ConsoleUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Jobs, "_check_room", lambda _jobs: (_ for _ in ()).throw(Busy))
    with base.signed_in("olga", "operator") as http:
        fields = begun(http, WIDELY)
        refused = pressed(http, fields, "preview", name="never_seen", title="As I typed it")
    assert refused.status_code == 503
    assert "other long work is under way here" in refused.text
    assert Sent(refused.text).fields["title"] == "As I typed it"


def test_a_treatment_becomes_one_of_the_other_kind_and_every_button_is_undone(base: ConsoleUnderTest) -> None:
    with base.signed_in("olga", "operator") as http:
        first = begun(http, SOUND)
        assert first["before"] == ""
        assert "Undo the last button" not in pressed(http, first, "check").text
        page = pressed(http, {**first, "title": "Mine <b>"}, "kind treatments.0")
        switched = Sent(page.text).fields
        assert (switched["treatments.0.action.kind"], switched["title"]) == ("order_product", "Mine <b>")
        assert "treatments.0.action.in_steps_of" not in switched
        assert switched["treatments.0.title"] == first["treatments.0.title"]
        assert "Give money instead" in page.text
        back = Sent(pressed(http, {**switched, "about": "typed since"}, "undo").text).fields
        assert {**back, "before": ""} == {**first, "title": "Mine <b>"}
        again = Sent(pressed(http, back, "undo").text).fields
        assert (again["treatments.0.action.kind"], again["about"]) == ("order_product", "typed since")
        for do in ("add treatments 0", "remove treatments.1", "down treatments.0", "remove arms.0"):
            changed = Sent(pressed(http, first, do).text).fields
            assert changed["before"]
            assert {**Sent(pressed(http, changed, "undo").text).fields, "before": ""} == first, do
        # What comes back is read as what a browser sends: nothing of it is believed.
        for bad in ("", "{", "[]", '{"title": 1}', "[" * 100_000):
            refused = pressed(http, {**first, "before": bad}, "undo")
            assert (refused.status_code, "There is nothing to undo" in refused.text) == (422, True)
        assert pressed(http, first, "kind arms.0").status_code == 422
        assert pressed(http, first, "kind treatments.9").status_code == 422
