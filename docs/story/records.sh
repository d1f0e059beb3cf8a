#!/usr/bin/env bash
# Makes state/hdss7 anew: what `podnet capture` records on two lab nodes that are as the tutorials leave them.
set -euo pipefail
cd "$(dirname "$0")/../.."
spec=specs/hdss7.yaml

podnet lab up "$spec" >/dev/null
trap 'podnet lab down "$spec" >/dev/null' EXIT
for number in 21 22; do
    docs/story/seed.sh "$spec" "hdss7-$number" "172.7.$number.0/24"
    podnet lab exec "$spec" "hdss7-$number" -- podnet capture --out "state/hdss7/hdss7-$number.json"
done
