"""A small strategy that is sound: what the description of the API and the console show to begin with."""

from typing import Final

EXAMPLE: Final = """\
form: placet-strategy/1
name: keep_at_risk
title: Keep customers who are likely to leave
about: A credit for customers whom the churn model expects to leave. Every assumption in it is one.
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
rollout:
  stages: [10 %, 25 %, 50 %, 100 %]
  hold_days: 14
  per_hour: 500
  guard_rails:
    - {measure: complaints, must_not: rise, by_more_than: 0.5 points, sample: 500, confidence: 95 %, then: step_back}
term: {first: 2026-12-01, last: 2027-02-28}
"""
