# The scripts in a container: non-root, read-only root file system, one writable volume (/data).
# deploy/build_image.sh builds it, with the base image by digest.  What to run is the command:
#   runphotzp.sh (the default), photcalibration.py ..., longtermphotzp.py ...
ARG PYTHON_IMAGE=python:3.13-slim-trixie

FROM ${PYTHON_IMAGE} AS build
COPY requirements.lock /build/
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --only-binary :all: \
        --require-hashes --requirement /build/requirements.lock \
    && /opt/venv/bin/pip uninstall --yes --quiet pip

# Lint and tests, on the packages that the image holds: docker build --target test.
FROM ${PYTHON_IMAGE} AS test
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends chromium git logrotate make postgresql procps \
    && rm -rf /var/lib/apt/lists/*
COPY . /app/
WORKDIR /app
RUN make .venv/.ready && .venv/bin/python -m pip install --no-cache-dir --requirement requirements.lock
CMD ["make", "lint", "test"]

FROM ${PYTHON_IMAGE}
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
ARG BASE_DIGEST=unknown
ARG PYTHON_IMAGE
LABEL org.opencontainers.image.title="photzp" \
      org.opencontainers.image.description="Photometric zeropoints and throughput of a telescope network" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${PYTHON_IMAGE}" \
      org.opencontainers.image.base.digest="${BASE_DIGEST}"
# The base brings pip, which a finished image has no use for.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/site-packages/pip* /usr/local/lib/python3*/ensurepip \
    && groupadd --gid 10001 photzp \
    && useradd --uid 10001 --gid photzp --no-create-home --home-dir /data --shell /usr/sbin/nologin photzp \
    && mkdir /data /archive /catalog \
    && chown photzp:photzp /data
COPY --from=build /opt/venv /opt/venv
COPY *.py observatory.toml /app/
COPY templates /app/templates/
COPY static /app/static/
COPY deploy/runphotzp.sh deploy/shardnights.py /app/deploy/
ENV PATH=/opt/venv/bin:/app:/app/deploy:/usr/local/bin:/usr/bin:/bin \
    HOME=/data \
    MPLCONFIGDIR=/data/.cache/matplotlib \
    PHOTZP_PS1DIR=/catalog \
    PYTHONUNBUFFERED=1
# The root file system is read-only when it runs, so bytecode is compiled here.
RUN python -m compileall -q /app
USER 10001:10001
WORKDIR /data
VOLUME /data
CMD ["runphotzp.sh"]
