# The scripts in a container: non-root, read-only root file system, one writable volume (/data).
# deploy/build_image.sh builds it, with the base image by digest.  What to run is the command:
#   runphotzp.sh (the default), photcalibration.py ..., longtermphotzp.py ...
ARG PYTHON_IMAGE=python:3.13-slim-trixie

FROM ${PYTHON_IMAGE} AS build
COPY requirements.lock requirements-build.txt /build/
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --only-binary :all: \
        --require-hashes --requirement /build/requirements.lock
# What builds the wheel is pinned by hash as well, but has an environment of its own, which stays behind in this stage.
RUN python -m venv /build/tools \
    && /build/tools/bin/pip install --no-cache-dir --disable-pip-version-check --only-binary :all: \
        --require-hashes --requirement /build/requirements-build.txt
COPY pyproject.toml README.md LICENSE requirements*.txt *.py /build/source/
COPY photzp /build/source/photzp/
# pip compiles bytecode of what it installs: the root file system is read-only when the image runs.
RUN /build/tools/bin/pip wheel --no-cache-dir --disable-pip-version-check --no-index --no-deps --no-build-isolation \
        --wheel-dir /build/wheel /build/source \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-index --no-deps \
        /build/wheel/photzp-*.whl \
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
COPY deploy/runphotzp.sh deploy/shardnights.py /app/deploy/
# /app looks as a checkout does to runphotzp.sh, but holds no module: the two scripts are links to the commands that pip
# made.  Python takes the directory of a script from what a link leads to, and so finds every module in the virtual
# environment and nowhere else, also in processes that a script starts and in those of a Dask worker.
RUN ln -s /opt/venv/bin/photcalibration /app/photcalibration.py \
    && ln -s /opt/venv/bin/longtermphotzp /app/longtermphotzp.py
ENV PATH=/opt/venv/bin:/app:/app/deploy:/usr/local/bin:/usr/bin:/bin \
    HOME=/data \
    MPLCONFIGDIR=/data/.cache/matplotlib \
    PHOTZP_PS1DIR=/catalog \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /data
VOLUME /data
CMD ["runphotzp.sh"]
