# One image for every process of the platform; docker-compose.yml says which command each runs.

FROM node:24-bookworm-slim AS front
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Hashes from the lock file are checked; no package may run a script.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM python:3.11-slim-bookworm AS packages
RUN python -m venv /venv
COPY requirements.txt /
# Wheels only, so that nothing is compiled and no compiler is needed.
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all: -r /requirements.txt \
    && /venv/bin/pip uninstall --yes pip

FROM python:3.11-slim-bookworm
ENV PATH=/venv/bin:$PATH \
    DATA_DIR=/var/lib/dataflow \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=1
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin dataflow \
    && install --directory --owner dataflow --group dataflow --mode 0750 "$DATA_DIR"
WORKDIR /app
COPY --from=packages /venv /venv
# Only what a page asks for; STATICFILES_DIRS in dataflow/settings.py names the same two.
COPY --from=front /app/node_modules/uplot/dist node_modules/uplot/dist
COPY --from=front /app/node_modules/@tabler/core/dist/css node_modules/@tabler/core/dist/css
COPY manage.py ./
COPY dataflow dataflow
COPY ingest ingest
COPY validation validation
COPY insights insights
COPY dashboard dashboard
COPY simulators simulators
# Compiled now, because the processes may not write here.
RUN python -m compileall -q .
USER 10001:10001
EXPOSE 8000
CMD ["python", "manage.py", "help"]
