"""Every timeout and retry of a journey, with the reason beside the number."""

from datetime import timedelta

from temporalio.common import RetryPolicy

# A look folds the events of one customer, reads their record, and may start one run.
LOOK_TIMEOUT = timedelta(minutes=2)
# It is never given up: it stands still until its systems answer again.
LOOK_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=2), backoff_coefficient=2.0, maximum_interval=timedelta(minutes=5)
)
# Events after which a journey begins anew: some 40 looks. Customers are many, and each history is kept.
MOST_EVENTS = 400
