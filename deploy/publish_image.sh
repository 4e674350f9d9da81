#!/usr/bin/env bash
# Push an image that was built here to a registry, under one or more tags.
#
# usage: publish_image.sh IMAGE REGISTRY TAG...     REGISTRY is host and path, as registry.example.org/lco
#
# REGISTRY_USER and REGISTRY_PASSWORD log in first, where they are set, and out afterwards.
set -euo pipefail

if (($# < 3)) || [[ $1 == -* ]]; then
    sed -n '2,/^set /{/^set /d; s/^# \{0,1\}//; p}' "${BASH_SOURCE[0]}" >&2
    exit 2
fi
image=$1 registry=$2
shift 2
if [[ -n ${REGISTRY_PASSWORD:-} ]]; then
    trap 'docker logout "${registry%%/*}" >/dev/null' EXIT
    docker login --username "${REGISTRY_USER:?is not set}" --password-stdin "${registry%%/*}" <<<"$REGISTRY_PASSWORD"
fi
for tag; do
    docker tag "$image" "$registry/photzp:$tag"
    docker push "$registry/photzp:$tag"
done
