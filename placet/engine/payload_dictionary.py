"""What payloads in workflow history have in common: the preset dictionary (RFC 1950) that they are compressed with.

The names of fields, in the order in which the contracts write them, and words of a closed set: a payload then costs
little more than its values. It is part of the format, as a version of it: never change this one, since no history that
was written with it could be read any more; write a second one and let `placet.engine.payload_codec` tell them apart.
`tests/unit/signing/test_payload_codec.py` holds it to its digest.
"""

from typing import Final

_CREDIT = (
    '"mutation":{"kind":"adjust_balance","customer_id":"C0","bucket_id":"B-C0","bucket_name":"","direction":"credit",'
    '"amount":{"amount_minor":,"currency":"USD"},"reason":""}'
)
_ORDER = (
    '"mutation":{"kind":"order_product","customer_id":"C0","action":"modify","offering_id":"PO-","offering_name":"",'
    '"product_id":"P-C0","product_name":""}'
)
_REASONS = '"reasons_for":[{"code":"","detail":""},{"code":"","detail":""}],"reasons_against":[]'
_PRECONDITIONS = (
    '"preconditions":[{"name":"customer_status","subject":"C0","op":"eq","value":"Active"},'
    '{"name":"bucket_status","subject":"B-C0","op":"eq","value":"active"},'
    '{"name":"product_offering","subject":"P-C0","op":"eq","value":"PO-"}]'
)
_PROPOSAL = (
    '{"proposal":{"version":1,"run_id":"run-","tenant":"","customer_id":"C0","agent":"","triggered_by":"","treatment":"",'
    f'"treatment_name":"",{_ORDER},{_CREDIT},"cost":{{"amount_minor":,"currency":"USD"}},"expected_value_minor":,'
    '"facts":[{"code":"","detail":""},{"code":"","detail":""}],"assumptions":[{"code":"","detail":""}],'
    '"basis":{"catalogue":"","churn":"","contact":"","version":""},"rationale":"","rationale_marks":[],"candidates":['
    '{"treatment":"","name":"","eligible":true,"expected_value_minor":,"cost_minor":,'
    f"{_REASONS},{_ORDER},{_PRECONDITIONS}}},"
    '{"treatment":"nothing","name":"Nothing","eligible":true,"expected_value_minor":0,"cost_minor":0,"reasons_for":['
    '{"code":"no_cost","detail":""}],"reasons_against":[{"code":"","detail":""}],"mutation":null,"preconditions":[]},'
    '{"treatment":"","name":"","eligible":false,"expected_value_minor":-,"cost_minor":,"reasons_for":[],"reasons_against":[{"code":"",'
    f'"detail":""}}],"mutation":null,"preconditions":[]}}],{_PRECONDITIONS},"evidence":"","assessment":"","model_use":['
    '{"task":"propose","model":"","route":"","perimeter":"inside","outcome":"ok","detail":"","prompt_tokens":,'
    '"completion_tokens":,"cost_microusd":0,"latency_ms":,"weights":"","temperature_permille":0,"max_tokens":,'
    '"prompt_sha256":"","completion_sha256":""}],"amends":null,"amended_by":null,"amended_reason":"","original_cost":null,'
    '"reverses":null},"digest":"","summary":""}'
)
_REVIEW = (
    '{"verdict":"approve","decisions":[{"verdict":"approve","approver":"","key_id":"","decision_id":"","decided_at":"20",'
    '"reason":"","proposal":"","roles":[""],"delegated_by":null,"delegation_id":null,"batch":null,"envelope_digest":""}],'
    '"amended":null,"reviewed":1,"refused":0,"question":""}'
)
_RECEIPT = (
    '"receipt":{"effect_key":"","external_id":"","api":"TMF654","confirmed_by":"response","response_sha256":"",'
    '"settled_at":"20"}}'
)
_RESULT = (
    f'{{"run_id":"run-","state":"executed","code":"executed","detail":"","proposal":"","decisions":[""],{_RECEIPT}'
    f'{{"outcome":"executed","code":"executed","detail":", confirmed by response",{_RECEIPT}'
)
_GATE = (
    '{"verdict":"human","reason":"permitted","policy_set":"","policies":[""],"roles":[""],"quorum":1,"distinct_roles":false,'
    '"opened_at":"20","remind_at":"20","escalate_at":"20","escalate_to":"","expires_at":"20","clearance":null}'
)
_QUERIES = (
    '"queries":[{"operation":"balances","months":6},{"operation":"bills","months":6},{"operation":"customer","months":6},'
    '{"operation":"products","months":6},{"operation":"usage","months":6}]}'
)
_RUN = (
    '{"run_id":"run-","tenant":"","customer_id":"C0","agent":"","key":"","requested_by":"","requested_at":"20",'
    '"reverses":null}'
)

VERSION_1: Final = (
    _PROPOSAL
    + _REVIEW
    + _RESULT
    + _GATE
    + f'{{"assessment":"","risk":"",{_QUERIES}'
    + '{"evidence":""}'
    + f'{{"run":{_RUN},{_QUERIES}'
    + f'{{"run":{_RUN},"assessment":"","evidence":""}}'
    + "\n\x16\n\x08encoding\x12\njson/plain\x12"
    + _RUN
).encode()
