#!/usr/bin/env bash
# Puts a node of the lab into the state that the tutorials start from: seed.sh SPEC NODE SUBNET
set -euo pipefail
spec=$1 node=$2 subnet=$3
story=$(dirname "$0")
for rules in docker kube-proxy distribution; do
    sed "s|SUBNET|$subnet|" "$story/$rules.rules" | podnet lab exec "$spec" "$node" -- iptables-restore --noflush
done
podnet lab exec "$spec" "$node" -- sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'  # as dockerd does when it starts
