"""`placet policy check`: what would be refused has its file and line; what reaches too far or never applies is told."""

import subprocess
import sys

import pytest

from placet.governance.policy.authoring.lint import check
from tests.unit.policy.policy_support import DEFAULT, files

FOUR_EYES = (
    '@id("eyes") forbid (principal, action == Action::"decide", resource) '
    "when { principal.name == resource.triggered_by };"
)
BOUNDED = (
    "principal.tenant == resource.tenant && principal.limit_currency == resource.currency"
    " && resource.cost_minor <= principal.limit_minor"
)


def told(*texts: str) -> list[tuple[str, str, int]]:
    """Code, file and line of every finding."""
    return [(finding.code, finding.file, finding.line) for finding in check(files(*texts))]


def codes(text: str, *, action: str = "decide", effect: str = "permit", asks: str = "") -> list[str]:
    """Codes for one policy with this condition, beside a sound four-eyes rule."""
    policy = f'@id("p") {asks} {effect} (principal, action == Action::"{action}", resource) when {{ {text} }};'
    return [finding.code for finding in check(files(policy, FOUR_EYES)) if finding.policy == "p"]


def test_the_default_policy_is_sound() -> None:
    assert told(DEFAULT) == []


def test_every_fault_is_found_with_its_file_and_line_not_the_first_only() -> None:
    first = '// a comment; with a semicolon\n@id("ok; not") forbid (principal, action, resource);\n\nallow everyone;'
    second = (
        '@id("x") permit (principal in Rolle::"r", action, resource);\n'
        '@id("y")\npermit (principal, action == Action::"decde", resource);\n'
        '@id("z")\npermit (principal, action == Action::"decide", resource)\n'
        'when {\n  principal.tenant == resource.tenant\n  && resource.cost_minor <= "5"\n};'
    )
    assert [(f.code, f.file, f.line, f.severity) for f in check(files(first, second)) if f.severity == "error"] == [
        ("syntax", "a.cedar", 4, "error"),
        ("schema", "b.cedar", 1, "error"),
        ("schema", "b.cedar", 3, "error"),
        ("schema", "b.cedar", 4, "error"),
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("permit (", 1),
        ("\n\npermit (principal,\n  action,\n  resource)\nwhen {\n  1 == == 2\n};", 7),
        ('@id("a")\npermit (princpal, action, resource);', 2),
        ('@id("a")\npermit (principal, action, resource)\nwhenn { true };', 3),
        ('@id("a")\npermit (principal, action, resource)', 2),
        ('@id("a") permit (principal, action, resource);\n"never closed', 2),
        ('@id("a") permit (principal, action, resource);\n;', 2),
    ],
)
def test_a_syntax_error_has_the_line_an_author_would_look_at(text: str, line: int) -> None:
    assert told(text)[:1] == [("syntax", "a.cedar", line)]


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("(" * 5000 + "true" + ")" * 5000, "too_complex"),
        (" && ".join(["true"] * 5000), "too_complex"),
        ("if true then true else " * 5000 + "true", "too_complex"),
        ("principal" + ".name" * 5000 + " == 1", "too_complex"),
        ("true } " + "when { true } " * 5000 + "when { true", "too_complex"),
        ("!" * 5000 + "true", "syntax"),
        (" && ".join(["true"] * 300), "syntax"),
    ],
)
def test_a_condition_that_would_end_the_process_is_a_finding(condition: str, code: str) -> None:
    found = told(f'@id("p") permit (principal, action, resource) when {{ {condition} }};')
    assert found == [(code, "a.cedar", 1)]


@pytest.mark.parametrize("end", ["\r", "\v", "\f", "\x85", "\u2028", "\r\n"])
@pytest.mark.parametrize("before", ["", "oops\n"])
def test_what_stands_behind_the_end_of_a_comment_ends_no_process(end: str, before: str) -> None:
    """A comment ends for Cedar at a carriage return, and a line for Python at much else."""
    deep = "(" * 5000 + "true" + ")" * 5000
    code = (
        "import sys; from placet.governance.policy.source import PolicyFile, parse, shipped_schema; "
        "print(len(parse([PolicyFile(name='a.cedar', text=sys.stdin.read())], shipped_schema())[1]))"
    )
    text = f'{before}@id("p") permit (principal, action, resource) when {{ //{end}{deep}\n true }};'
    done = subprocess.run([sys.executable, "-c", code], input=text.encode(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_long_lists_and_texts_are_not_complex() -> None:
    many = ", ".join(f'"t{number}. && (["' for number in range(2000))
    assert codes(f"{BOUNDED} && [{many}].contains(resource.treatment)") == []


def test_a_quoted_semicolon_or_comment_sign_ends_nothing() -> None:
    text = '@id("a") @description("one; two // \\" three") forbid (principal, action, resource); // ; the end'
    assert told(text) == [("no_permit", "a.cedar", 1)]


@pytest.mark.parametrize(
    "text",
    [
        "false",
        "true && 1 > 2",
        '!(resource.kind == "adjust_balance") && resource.kind == "adjust_balance"',
        'resource.kind == "adjust_balance" && resource.kind == "order_product"',
        "resource.cost_minor > 500 && resource.cost_minor <= 500",
        "resource.cost_minor == 7 && resource.cost_minor < 7",
        '["goodwill_credit", "plan_change"].contains(resource.treatment) && resource.treatment == "loyalty_bonus"',
        'resource.currency == "USD" && !(["USD", "EUR"].contains(resource.currency))',
        '(if true then resource.agent != resource.agent else resource.agent == "x")',
    ],
)
def test_a_policy_whose_conditions_can_never_hold_is_unreachable(text: str) -> None:
    assert codes(f"{BOUNDED} && {text}") == ["never_true"]
    assert codes(text, effect="forbid") == ["never_true"]


def test_conditions_that_can_hold_are_not_called_unreachable() -> None:
    assert codes(f'{BOUNDED} && (resource.kind == "adjust_balance" || resource.kind == "order_product")') == []
    assert codes(f"{BOUNDED} && resource.cost_minor > 499 && resource.cost_minor <= 500") == []


@pytest.mark.parametrize(
    "forbid",
    [
        "forbid (principal, action, resource);",
        'forbid (principal is Person, action == Action::"decide", resource is Proposal);',
        'forbid (principal in Role::"lead", action in [Action::"decide"], resource);',
        "forbid (principal, action, resource) when { true };",
        'forbid (principal, action, resource is Proposal) when { resource.treatment == "plan_change" };',
        'forbid (principal, action, resource is Proposal) unless { resource.treatment != "plan_change" };',
    ],
)
def test_a_permit_that_a_forbid_always_overrides_is_unreachable(forbid: str) -> None:
    permit = (
        '@id("p") permit (principal in Role::"lead", action == Action::"decide", resource) '
        f'when {{ {BOUNDED} && resource.treatment == "plan_change" }};'
    )
    found = [finding for finding in check(files(permit, f'@id("stop") {forbid}')) if finding.code == "unreachable"]
    assert [finding.message for finding in found] == [
        "'p' is unreachable: whatever it permits is forbidden by 'stop' (b.cedar:1)"
    ]


@pytest.mark.parametrize(
    "forbid",
    [
        'forbid (principal in Role::"clerk", action, resource);',
        'forbid (principal == Person::"anna", action, resource);',
        'forbid (principal, action == Action::"propose", resource);',
        "forbid (principal, action, resource is Proposal) when { resource.cost_minor > 5 };",
        "forbid (principal, action, resource is Mandate);",
    ],
)
def test_a_permit_that_a_forbid_leaves_some_of_is_not_unreachable(forbid: str) -> None:
    permit = f'@id("p") permit (principal in Role::"lead", action == Action::"decide", resource) when {{ {BOUNDED} }};'
    assert told(permit, f'@id("stop") {forbid}', FOUR_EYES) == []


def test_permitting_everybody_everything_is_over_broad() -> None:
    everything = '@id("p") permit (principal, action, resource is Proposal) when { 1 == 1 };'
    assert told(everything, FOUR_EYES) == [("always_true", "a.cedar", 1), ("over_broad", "a.cedar", 1)]
    (finding, *_) = check(files('@id("p") permit (principal, action, resource);', FOUR_EYES))
    assert finding.message == (
        "'p' is over-broad: it permits everybody to authorise and commit and decide and lift and merge and promote and "
        "propose everything"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BOUNDED, []),
        ("resource.tenant == principal.tenant && principal.limit_minor >= resource.cost_minor", ["no_currency_check"]),
        (BOUNDED.replace("principal.tenant == resource.tenant && ", ""), ["no_tenant_check"]),
        ("principal.tenant == resource.tenant", ["no_limit_check"]),
        ("principal.tenant == resource.tenant || resource.cost_minor < 5", ["no_tenant_check", "no_limit_check"]),
        (f"({BOUNDED}) || ({BOUNDED} && resource.cost_minor < 5)", []),
        ('principal.tenant == resource.tenant && resource.currency == "USD" && resource.cost_minor < 100', []),
        ("principal.tenant == resource.tenant && resource.cost_minor < 100", ["no_currency_check"]),
        (
            'principal.tenant == "demo" && resource.tenant == "demo" && !(resource.cost_minor > 0)',
            ["no_currency_check"],
        ),
    ],
)
def test_deciding_without_a_bound_is_over_broad(text: str, expected: list[str]) -> None:
    assert codes(text) == expected


def test_committing_without_a_person_needs_a_cap_in_a_currency() -> None:
    assert codes('resource.treatment == "goodwill_credit"', action="commit") == ["no_cap"]
    assert codes("resource.cost_minor <= 500", action="commit") == ["no_currency_check"]
    assert codes('resource.cost_minor <= 500 && resource.currency == "USD"', action="commit") == []


def test_values_nothing_can_have_are_told() -> None:
    assert codes(f'{BOUNDED} && resource.kind == "adjust_balanc"') == ["unknown_kind"]
    assert codes(f'{BOUNDED} && ["USD", "DOLLAR"].contains(resource.currency)') == ["unknown_currency"]


@pytest.mark.parametrize(
    ("rule", "enough"),
    [
        ("(principal, action == DECIDE, resource) when { resource.triggered_by == principal.name }", True),
        (
            "(principal is Person, action, resource is Proposal) unless { principal.name != resource.triggered_by }",
            True,
        ),
        ("(principal, action == DECIDE, resource) when { SAME || resource.cost_minor > 9 }", True),
        ("(principal, action == DECIDE, resource) when { SAME && resource.cost_minor > 9 }", False),
        ('(principal in Role::"lead", action == DECIDE, resource) when { SAME }', False),
        ('(principal, action == DECIDE, resource) when { principal.name == "root" }', False),
    ],
)
def test_a_set_without_four_eyes_for_everybody_is_told(rule: str, enough: bool) -> None:
    permit = f'@id("p") permit (principal, action == Action::"decide", resource) when {{ {BOUNDED} }};'
    forbid = rule.replace("DECIDE", 'Action::"decide"').replace("SAME", "principal.name == resource.triggered_by")
    forbid = forbid.replace("DIFFERENT", "principal.name != resource.triggered_by")
    assert told(permit, f'@id("rule") forbid {forbid};') == ([] if enough else [("no_four_eyes", "a.cedar", 1)])


WITHIN = BOUNDED.replace("cost_minor", "budget_minor")
SAME_TENANT = "principal.tenant == resource.tenant"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (WITHIN, ["no_four_eyes"]),
        (WITHIN.replace(f"{SAME_TENANT} && ", ""), ["no_tenant_check", "no_four_eyes"]),
        (SAME_TENANT, ["no_limit_check", "no_four_eyes"]),
        (f"{SAME_TENANT} && resource.cap_minor <= principal.limit_minor", ["no_limit_check", "no_four_eyes"]),
        (f"{SAME_TENANT} && resource.budget_minor <= principal.limit_minor", ["no_currency_check", "no_four_eyes"]),
        (f"{SAME_TENANT} && resource.budget_minor <= 500", ["no_currency_check", "no_four_eyes"]),
    ],
)
def test_signing_mandates_without_a_bound_on_the_whole_budget_is_over_broad(text: str, expected: list[str]) -> None:
    assert codes(text, action="authorise") == expected


def test_lifting_halts_of_other_tenants_or_ones_own_is_told() -> None:
    assert codes('principal.name == "anna"', action="lift") == ["no_tenant_check", "no_four_eyes"]
    assert codes(SAME_TENANT, action="lift") == ["no_four_eyes"]


@pytest.mark.parametrize(
    ("action", "within", "named"), [("authorise", WITHIN, "drafted_by"), ("lift", SAME_TENANT, "placed_by")]
)
def test_each_question_of_persons_has_its_own_four_eyes(action: str, within: str, named: str) -> None:
    permit = f'@id("p") permit (principal, action == Action::"{action}", resource) when {{ {within} }};'
    forbid = f'@id("f") forbid (principal, action == Action::"{action}", resource)'
    assert told(permit, f"{forbid} when {{ principal.name == resource.{named} }};") == []
    assert told(permit, FOUR_EYES) == [("no_four_eyes", "a.cedar", 1)]


@pytest.mark.parametrize(
    ("text", "action", "code"),
    [
        (f'{WITHIN} && resource.kinds.contains("adjust_balanc")', "authorise", "unknown_kind"),
        (f'{WITHIN} && ["adjust_balance", "refund"].containsAll(resource.kinds)', "authorise", "unknown_kind"),
        (f'{WITHIN} && resource.kinds.containsAny(["refund"])', "authorise", "unknown_kind"),
        (f'{SAME_TENANT} && resource.scope == "run"', "lift", "unknown_scope"),
        (f'{SAME_TENANT} && ["agent", "customer"].contains(resource.scope)', "lift", "unknown_scope"),
    ],
)
def test_values_no_mandate_or_halt_can_have_are_told(text: str, action: str, code: str) -> None:
    assert codes(text, action=action) == [code, "no_four_eyes"]


def test_a_forbid_of_every_question_leaves_no_permit_of_any() -> None:
    found = told(
        f'@id("a") permit (principal, action == Action::"authorise", resource) when {{ {WITHIN} }};'
        f'@id("l") permit (principal, action == Action::"lift", resource) when {{ {SAME_TENANT} }};',
        '@id("stop") forbid (principal, action, resource);',
    )
    assert [code for code, _, _ in found] == ["unreachable", "unreachable"]


@pytest.mark.parametrize(
    ("asks", "other", "expected"),
    [
        ('@gate_roles("a")', '@gate_roles("b")', ["gate_conflict"]),
        ('@gate_roles("a, b")', '@gate_roles("b, a")', []),
        ('@gate_roles("a")', '@gate_quorum("2")', []),
        ('@gate_remind_after("2h") @gate_expire_after("4h")', '@gate_expire_after("1h")', ["gate_conflict"]),
        ('@gate_remind_after("2h")', "", ["gate_open_end"]),
        ('@gate_escalate_after("2h") @gate_escalate_to("b")', "", ["gate_open_end"]),
    ],
)
def test_gate_terms_that_cannot_be_met_are_told_where_another_permit_always_holds_as_well(
    asks: str, other: str, expected: list[str]
) -> None:
    wide = (
        f'@id("wide") {other} permit (principal, action == Action::"propose", resource) '
        "when { resource.cost_minor < 9 };"
    )
    narrow = (
        f'@id("narrow") {asks} permit (principal == Agent::"retention", action == Action::"propose", resource) '
        'when { resource.cost_minor < 9 && resource.kind == "adjust_balance" };'
    )
    found = [finding.code for finding in check(files(wide, narrow)) if finding.policy == "narrow"]
    assert found == expected
    assert not [finding for finding in check(files(wide, narrow)) if finding.policy == "wide"]
