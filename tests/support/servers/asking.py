"""Requests of the tests over HTTP: they wait as long as a busy machine needs, not the five seconds that httpx would."""

from functools import partial

import httpx

from tests.support.guard import GUARD

get = partial(httpx.get, timeout=GUARD)
post = partial(httpx.post, timeout=GUARD)
delete = partial(httpx.delete, timeout=GUARD)
request = partial(httpx.request, timeout=GUARD)
