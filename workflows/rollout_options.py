"""Every timeout and retry of a rollout, with the reason beside the number."""

from datetime import timedelta

from temporalio.common import RetryPolicy

# A step of a rollout may pass over the whole base: minutes with millions of customers.
STEP_TIMEOUT = timedelta(hours=2)
# It is never given up: it stands still until its systems answer again.
STEP_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=2), backoff_coefficient=2.0, maximum_interval=timedelta(minutes=5)
)
# Events after which a rollout begins anew: some 200 steps.
MOST_EVENTS = 2_000
