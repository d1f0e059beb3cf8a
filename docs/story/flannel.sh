#!/usr/bin/env bash
# Puts a node of the lab of specs/flannel-vxlan.yaml into the state that flannel leaves behind: flannel.sh SPEC NODE
# Of a node3, which was on another segment and is gone, it keeps all that led there.
set -euo pipefail
spec=$1 node=$2
story=$(dirname "$0")
names=(master node1 node2)

on() { podnet lab exec "$spec" "$node" -- "$@"; }

for number in "${!names[@]}"; do
    [ "${names[$number]}" != "$node" ] || own=$number
done
on sh -ec "
    ip link set cni0 mtu 1450
    ip link add flannel.1 type vxlan id 1 dstport 8472 local 172.16.1.10$own dev ens192 nolearning
    ip link set flannel.1 mtu 1450 address 22:b5:5b:b0:88:0$own up
    ip address add 10.244.$own.0/32 dev flannel.1
    echo 0 > /proc/sys/net/ipv6/conf/flannel.1/accept_ra
    echo 1 > /proc/sys/net/ipv4/ip_forward
    ip neighbour add 10.244.3.0 lladdr 22:b5:5b:b0:88:03 nud permanent dev flannel.1
    bridge fdb add 22:b5:5b:b0:88:03 dst 172.16.2.103 dev flannel.1
    ip route add 10.244.3.0/24 via 10.244.3.0 dev flannel.1 onlink
"
for number in "${!names[@]}"; do
    [ "$number" = "$own" ] || on ip route add "10.244.$number.0/24" via "172.16.1.10$number"
done
for rules in kube-proxy flannel; do
    sed "s|SUBNET|10.244.$own.0/24|; s|NETWORK|10.244.0.0/16|g" "$story/$rules.rules" | on iptables-restore --noflush
done
