# Placet: worker, API, model server and sandbox BSS are one image and differ in their command.
FROM python:3.12-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements-runtime.lock /tmp/requirements-runtime.lock
RUN /opt/venv/bin/pip install --no-deps --require-hashes --only-binary :all: -r /tmp/requirements-runtime.lock

FROM python:3.12-slim-bookworm

# llama.cpp, which serves the embedded model, is built with OpenMP.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --home-dir /var/lib/placet --shell /usr/sbin/nologin placet \
    && install --directory --owner=placet --group=placet --mode=0700 \
        /var/lib/placet /var/lib/placet-trust /var/lib/placet-log

COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY LICENSE NOTICE ./
COPY placet placet
COPY workflows workflows
COPY activities activities
COPY agents agents
COPY plugins plugins

# The checkout comes first on the path: two distributions own `agents` and `workflows` as import names (docs/adr/0001).
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PLACET_HOME=/var/lib/placet
# Compiled once here: /app belongs to root, who is not the one that runs it.
RUN python -m compileall -q placet workflows activities agents plugins
ENV PYTHONDONTWRITEBYTECODE=1

USER placet
VOLUME /var/lib/placet
EXPOSE 8620

# For the API, the default command; docker-compose.yml gives the other services their own.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8620/healthz', timeout=4)"]

ENTRYPOINT ["python", "-m", "placet.entrypoints.program"]
CMD ["api"]
