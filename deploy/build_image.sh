#!/usr/bin/env bash
# Build the container image from this checkout, on a base image by digest.
#
# usage: build_image.sh NAME:TAG [STAGE]     STAGE test is the one that lints and tests
#        build_image.sh --base               print the base image by digest, for PYTHON_IMAGE of several builds
#
# PYTHON_IMAGE names the base image.  Given as NAME:TAG@sha256:... it is that image, whenever it is built; otherwise the
# digest that the tag has today is looked up, built upon, and kept in the label org.opencontainers.image.base.digest.
set -euo pipefail

if (($# < 1 || $# > 2)) || [[ $1 == -* && $1 != --base ]]; then
    sed -n '2,/^set /{/^set /d; s/^# \{0,1\}//; p}' "${BASH_SOURCE[0]}" >&2
    exit 2
fi
checkout=$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")
base=${PYTHON_IMAGE:-$(sed -n 's/^ARG PYTHON_IMAGE=//p' "$checkout/Dockerfile")}
if [[ $base != *@sha256:* ]]; then
    digest=$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$base")
    [[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || { echo "build_image: $base has no digest ($digest)" >&2; exit 2; }
    base=$base@$digest
fi
if [[ $1 == --base ]]; then
    echo "$base"
    exit 0
fi
version=$(sed -n "s/^VERSION = '\(.*\)'$/\1/p" "$checkout/photzp/program.py")
revision=$(git -C "$checkout" describe --always --abbrev=40 --exclude '*' --dirty 2>/dev/null || echo unknown)
# The time of the source, so that a repeated build is the same.
created=$(git -C "$checkout" show --no-patch --format=%cI HEAD 2>/dev/null || echo unknown)
echo "build_image: $1, version $version, on $base" >&2
docker build ${2:+--target "$2"} --tag "$1" \
    --build-arg "PYTHON_IMAGE=$base" --build-arg "BASE_DIGEST=${base##*@}" \
    --build-arg "VERSION=$version" --build-arg "REVISION=$revision" --build-arg "CREATED=$created" "$checkout"
