# The image that compose.yaml runs: docker build -t regulars .
# The first stage has the build tools and the development packages; only the installed environment leaves it.

FROM python:3.13-slim AS build
WORKDIR /source
COPY constraints.txt ./
# Every package is checked by its hash here, and taken from this folder below.
RUN pip download --quiet --no-cache-dir --require-hashes --requirement constraints.txt --dest /packages
COPY . .
# hadolint ignore=DL3013
RUN pip install --quiet --no-cache-dir --no-index --find-links /packages hatchling \
    && pip wheel --quiet --no-cache-dir --no-deps --no-build-isolation --wheel-dir /packages . \
    && python -m venv /opt/regulars \
    && /opt/regulars/bin/pip install --quiet --no-cache-dir --no-index --find-links /packages \
        "regulars[postgres,redis,dkim,http,learn,excel,webhooks]"

FROM python:3.13-slim
RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin regulars \
    && install --directory --owner=regulars --group=regulars --mode=0700 /srv/regulars/var
COPY --from=build /opt/regulars /opt/regulars
# Nothing is written but the workspace's var and /tmp, so the file system may be read-only.
ENV PATH=/opt/regulars/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    REGULARS_WORKSPACE=/srv/regulars \
    XDG_CACHE_HOME=/tmp
WORKDIR /srv/regulars
USER 10001
CMD ["regulars", "--help"]
