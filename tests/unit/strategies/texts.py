"""A sound strategy as a person writes it, and edits of it."""

SOUND = """\
form: placet-strategy/1
name: keep_at_risk
title: Keep customers who are likely to leave
about: A credit for customers whom the churn model expects to leave, before they do.
agent: retention
market: {code: us, currency: USD, time_zone: America/Chicago}
objective: {measure: churn, direction: lower, within_days: 90}
cohort: churn_percent >= 30 AND tenure_days >= 90
treatments:
  - code: loyalty_credit
    title: Loyalty credit
    action: {kind: adjust_balance, of_monthly: 20 %, at_most: 20.00 USD, in_steps_of: 0.50 USD}
    eligible:
      - {when: open_tickets = 0, code: open_ticket, otherwise: has an open support ticket}
    suitable:
      - {when: bills_disputed_90d = 0, code: disputes, otherwise: disputes a bill}
    because:
      - {when: churn_percent >= 60, code: high_risk, says: We would like to keep you.}
    value: {of: staying, removes: 15 %}
  - code: saver_plan
    title: Saver plan
    action:
      kind: order_product
      at_most: 30.00 USD
      moves:
        - {offering: PO-internet-dsl-saver, title: DSL saver, replaces: PO-internet-dsl, costs: 12.00 USD}
    applicable:
      - {when: has_internet, code: no_internet, otherwise: holds no internet}
    value: {of: taking_up, chance: 4.5 %, worth: 3.00 USD, months: 12}
contact:
  purpose: marketing
  channels: [sms, push, agent]
  cool_down_days: 30
  period_days: 90
  most_per_period: 2
  after_refusal_days: 90
  quiet_hours: 21:00 to 09:00
value: {margin: 45 %, horizon_months: 12}
budget: {total: 5000.00 USD, per_customer: 40.00 USD, period_days: 90}
holdout: 10 %
arms:
  - {name: money, share: 50 %, treatments: [loyalty_credit]}
  - {name: either, share: 50 %, treatments: [loyalty_credit, saver_plan]}
rollout:
  stages: [10 %, 25 %, 50 %, 100 %]
  hold_days: 14
  per_hour: 500
  guard_rails:
    - {measure: complaints, must_not: rise, by_more_than: 0.5 points, sample: 500, confidence: 95 %, then: step_back}
    - {measure: spend, must_not: fall, by_more_than: 5 %, sample: 500, confidence: 95 %, then: stop}
term: {first: 2026-12-01, last: 2027-02-28}
"""


def edited(*edits: tuple[str, str]) -> str:
    """Return the text with each first text in place of the second; each must be there once."""
    text = SOUND
    for old, new in edits:
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        text = text.replace(old, new)
    return text
