#!/usr/bin/env bash
# Makes the records below state/ anew: what `podnet capture` says of lab nodes that are as others leave them, or bare.
# And the plans from these records, to which tests/test_examples.py holds podnet.
set -euo pipefail
cd "$(dirname "$0")/../.."
spec=

up() { # SPEC
    spec=$1
    podnet lab up "$spec" >/dev/null
}

down() {
    [ -z "$spec" ] || podnet lab down "$spec" >/dev/null
    spec=
}

record() { # NODE
    podnet lab exec "$spec" "$1" -- podnet capture --node "$1" --out "state/$(basename "$spec" .yaml)/$1.json"
}

trap down EXIT
mkdir -p state/{hdss7,flannel-vxlan,two-racks,dual-stack}

up specs/hdss7.yaml
for number in 21 22; do
    docs/story/seed.sh "$spec" "hdss7-$number" "172.7.$number.0/24"
    record "hdss7-$number"
done
down

up specs/flannel-vxlan.yaml
for node in master node1 node2; do
    docs/story/flannel.sh "$spec" "$node"
    record "$node"
done
down

up specs/two-racks.yaml
for node in r1-n1 r1-n2 r2-n1 r2-n2; do record "$node"; done
down

up specs/dual-stack.yaml
for node in n1 n2; do record "$node"; done
down

for made in hdss7 flannel-vxlan two-racks dual-stack; do
    podnet plan "specs/$made.yaml" > "tests/golden/$made.txt"
done
