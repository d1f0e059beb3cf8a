#!/usr/bin/env bash
# Makes what stands in this folder anew, with the podnet in PATH, which is that of commit 17c1497: see README.md.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
work=$(mktemp -d)
spec=
trap '[ -z "$spec" ] || podnet lab down "$spec" >/dev/null; rm -rf "$work"' EXIT

on() { podnet lab exec "$spec" "$node" -- "$@"; }
podnet_on() { on podnet "$@" --var-dir "$work/var"; }
record() { on podnet capture --node "$node" --var-dir "$work/var" --out "$out/$1.json"; }
keep() { rm -rf "$out/$1"; cp -r "$work/var" "$out/$1"; rm -f "$out/$1/lock"; chmod -R u=rwX,go=rX "$out/$1"; }

# The run ends for good once the first table is written.
mkdir "$work/bin"
ln -s "$(command -v iptables)" "$work/bin/iptables"
printf '#!/bin/sh\n%s "$@"\nkill -9 $PPID\n' "$(command -v iptables-restore)" > "$work/bin/iptables-restore"
chmod +x "$work/bin/iptables-restore"
killed() { on env PATH="$work/bin:$PATH" podnet "$@" --var-dir "$work/var" || true; test -e "$work/var/journal.json"; }

# The process that applies and its guard end for good, as in a loss of power, once the state waits for its confirm.
waiting() {
    on setsid podnet "$@" --confirm-within 86400 --var-dir "$work/var" &
    until grep -qs '"phase":\s*"verified"' "$work/var/journal.json"; do sleep 0.1; done
    pkill -9 -f "$work/va[r]"
    wait $! || true
}

story() { # SPEC NODE: four states of a node, with what podnet remembers in each of them
    node=$2 out=$1
    mkdir -m 700 "$work/var"
    record found
    podnet_on apply "$out/before.yaml" --yes
    record first
    podnet_on plan "$out/spec.yaml" --live --out "$out/plan.json"
    killed apply "$out/spec.yaml" --yes
    record half
    keep interrupted
    podnet_on recover
    podnet_on apply "$out/spec.yaml" --yes
    record second
    keep settled
    waiting apply "$out/before.yaml" --yes
    keep pending
    rm -r "$work/var"
    podnet lab down "$spec" >/dev/null
    spec=
}

up() { # SPEC
    spec=$root/specs/$1.yaml
    podnet lab up "$spec" >/dev/null
}

cd "$here" # paths are kept as they are given
up hdss7
"$root/docs/story/seed.sh" "$spec" hdss7-21 172.7.21.0/24
story hdss7 hdss7-21
up flannel-vxlan
"$root/docs/story/flannel.sh" "$spec" master
story flannel-vxlan master

rm -rf state
cp "$root/specs/leased.yaml" leased.yaml
podnet lease leased.yaml --state state
