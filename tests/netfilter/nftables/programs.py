"""The tables of nftables that other programs make, in short form: written after what each of them makes of its options.

SUBNET stands for a network of theirs, BRIDGE for its bridge and CONTAINER for an address in it, POD_ADDRESS for a pod
of this node, OWN for the node's address.
"""

from __future__ import annotations

from typing import Final

NETAVARK: Final = """
table inet netavark {
    chain FORWARD {
        type filter hook forward priority filter
        ct state invalid drop
        jump NETAVARK-ISOLATION-1
        ip daddr SUBNET ct state established,related accept
        ip saddr SUBNET accept
    }
    chain POSTROUTING {
        type nat hook postrouting priority srcnat
        meta mark and 0x2000 == 0x2000 masquerade
        ip saddr SUBNET jump nv_2f259bab_10_88_0_0_nm16
    }
    chain PREROUTING {
        type nat hook prerouting priority dstnat
        fib daddr type local jump NETAVARK-HOSTPORT-DNAT
    }
    chain OUTPUT {
        type nat hook output priority -100
        fib daddr type local jump NETAVARK-HOSTPORT-DNAT
    }
    chain NETAVARK-HOSTPORT-DNAT { tcp dport 8080 jump nv_2f259bab_10_88_0_0_nm16_dnat; }
    chain NETAVARK-HOSTPORT-SETMARK { meta mark set meta mark or 0x2000; }
    chain NETAVARK-ISOLATION-1 { iifname "podman1" oifname != "podman1" jump NETAVARK-ISOLATION-2; }
    chain NETAVARK-ISOLATION-2 { oifname "podman2" drop; }
    chain nv_2f259bab_10_88_0_0_nm16 {
        ip daddr SUBNET accept
        ip daddr != 224.0.0.0/4 masquerade
    }
    chain nv_2f259bab_10_88_0_0_nm16_dnat {
        ip saddr SUBNET tcp dport 8080 jump NETAVARK-HOSTPORT-SETMARK
        ip saddr 127.0.0.1 tcp dport 8080 jump NETAVARK-HOSTPORT-SETMARK
        tcp dport 8080 ct mark set meta mark or 0x1000 dnat ip to 10.88.0.2:80
    }
}
"""
PORTMAP: Final = """
table ip cni_hostport {
    chain hostports { tcp dport 8080 dnat to POD_ADDRESS:80; }
    chain hostip_hostports { ip daddr OWN tcp dport 8081 dnat to POD_ADDRESS:80; }
    chain prerouting {
        type nat hook prerouting priority dstnat
        jump hostip_hostports
        fib daddr type local jump hostports
    }
    chain masquerading {
        type nat hook postrouting priority srcnat
        ip saddr POD_ADDRESS ip daddr POD_ADDRESS masquerade
        ip saddr 127.0.0.1 ip daddr POD_ADDRESS masquerade
    }
}
"""
DOCKER: Final = """
table ip docker-bridges {
    map filter-forward-in-jumps { type ifname : verdict; elements = { "BRIDGE" : jump filter-forward-in__BRIDGE }; }
    map filter-forward-out-jumps { type ifname : verdict; elements = { "BRIDGE" : jump filter-forward-out__BRIDGE }; }
    map nat-postrouting-in-jumps { type ifname : verdict; elements = { "BRIDGE" : jump nat-postrouting-in__BRIDGE }; }
    map nat-postrouting-out-jumps { type ifname : verdict; elements = { "BRIDGE" : jump nat-postrouting-out__BRIDGE }; }
    chain filter-FORWARD {
        type filter hook forward priority filter
        oifname vmap @filter-forward-in-jumps
        iifname vmap @filter-forward-out-jumps
    }
    chain nat-POSTROUTING {
        type nat hook postrouting priority srcnat
        iifname vmap @nat-postrouting-out-jumps
        oifname vmap @nat-postrouting-in-jumps
    }
    chain nat-PREROUTING {
        type nat hook prerouting priority dstnat
        fib daddr type local counter jump nat-prerouting-and-output
    }
    chain nat-prerouting-and-output { iifname != "BRIDGE" tcp dport 8080 counter dnat to CONTAINER:80; }
    chain raw-PREROUTING {
        type filter hook prerouting priority raw
        ip daddr CONTAINER iifname != "BRIDGE" counter drop
    }
    chain filter-forward-in__BRIDGE {
        ct state established,related counter accept
        iifname "BRIDGE" counter accept
        ip daddr CONTAINER tcp dport 80 counter accept
        counter drop
    }
    chain filter-forward-out__BRIDGE {
        ct state established,related counter accept
        counter accept
    }
    chain nat-postrouting-in__BRIDGE { fib saddr type local counter masquerade; }
    chain nat-postrouting-out__BRIDGE { oifname != "BRIDGE" ip saddr SUBNET counter masquerade; }
}
"""
KUBE_PROXY: Final = """
table ip kube-proxy {
    set cluster-ips { type ipv4_addr; elements = { CLUSTER_IP }; }
    set nodeport-ips { type ipv4_addr; elements = { OWN }; }
    map no-endpoint-services {
        type ipv4_addr . inet_proto . inet_service : verdict
        elements = { 10.96.0.9 . tcp . 80 : goto reject-chain }
    }
    map service-ips {
        type ipv4_addr . inet_proto . inet_service : verdict
        elements = {
            CLUSTER_IP . tcp . 443 : goto service-ULMVA6XW-ns1/svc1/tcp/p443,
            10.96.0.10 . udp . 53 : goto service-2QRHZV4L-ns1/svc2/udp/p53
        }
    }
    map service-nodeports {
        type inet_proto . inet_service : verdict
        elements = { tcp . 30080 : goto external-ULMVA6XW-ns1/svc1/tcp/p443 }
    }
    set affinity-5OJB2KTY { type ipv4_addr; flags dynamic,timeout; timeout 3h; }
    chain mark-for-masquerade { mark set mark or 0x4000; }
    chain masquerading {
        mark and 0x4000 == 0 return
        mark set mark xor 0x4000
        masquerade fully-random
    }
    chain reject-chain { reject; }
    chain endpoint-5OJB2KTY {
        ip saddr 172.7.21.9 jump mark-for-masquerade
        update @affinity-5OJB2KTY { ip saddr }
        meta l4proto tcp dnat to 172.7.21.9:8443
    }
    chain endpoint-GTK6MW7G {
        ip saddr 172.7.22.9 jump mark-for-masquerade
        meta l4proto tcp dnat to 172.7.22.9:8443
    }
    chain service-ULMVA6XW-ns1/svc1/tcp/p443 {
        ip daddr CLUSTER_IP tcp dport 443 ip saddr != 172.7.0.0/16 jump mark-for-masquerade
        ip saddr @affinity-5OJB2KTY goto endpoint-5OJB2KTY
        numgen random mod 2 vmap { 0 : goto endpoint-5OJB2KTY, 1 : goto endpoint-GTK6MW7G }
    }
    chain service-2QRHZV4L-ns1/svc2/udp/p53 { meta l4proto udp dnat to 172.7.21.9:53; }
    chain external-ULMVA6XW-ns1/svc1/tcp/p443 {
        jump mark-for-masquerade
        goto service-ULMVA6XW-ns1/svc1/tcp/p443
    }
    chain services {
        ip daddr . meta l4proto . th dport vmap @service-ips
        ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
    }
    chain cluster-ips-check {
        ip daddr @cluster-ips reject
        ip daddr { 10.96.0.0/16 } drop
    }
    chain service-endpoints-check { ip daddr . meta l4proto . th dport vmap @no-endpoint-services; }
    chain nat-prerouting { type nat hook prerouting priority dstnat; jump services; }
    chain nat-postrouting { type nat hook postrouting priority srcnat; jump masquerading; }
    chain filter-forward {
        type filter hook forward priority -110
        ct state new jump service-endpoints-check
        ct state new jump cluster-ips-check
    }
}
"""
FIREWALLD: Final = """
table inet firewalld {
    chain filter_FORWARD {
        type filter hook forward priority filter + 10
        ct state established,related accept
        ct status dnat accept
        iifname "lo" accept
        ct state invalid drop
        jump filter_FORWARD_IN_ZONES
        jump filter_FORWARD_OUT_ZONES
        reject with icmpx admin-prohibited
    }
    chain filter_FORWARD_IN_ZONES {
        iifname "docker0" goto filter_FWD_pods
        goto filter_FWDI_public
    }
    chain filter_FORWARD_OUT_ZONES {
        oifname "docker0" goto filter_FWD_pods
        goto filter_FWDI_public
    }
    chain filter_FWD_pods { VERDICT; }
    chain filter_FWDI_public { meta l4proto { icmp, ipv6-icmp } accept; }
    chain nat_POSTROUTING {
        type nat hook postrouting priority srcnat + 10
        jump nat_POSTROUTING_ZONES
    }
    chain nat_POSTROUTING_ZONES {
        oifname "eth0" goto nat_POST_public
    }
    chain nat_POST_public { MASQUERADE; }
}
"""
DEBIAN: Final = """
flush ruleset
table inet filter {
    chain input {
        type filter hook input priority filter; policy drop
        iif lo accept
        ct state vmap { established : accept, related : accept, invalid : drop }
        tcp dport { 22, 80 } accept
    }
    chain forward {
        type filter hook forward priority filter; policy POLICY
    }
    chain output { type filter hook output priority filter; }
}
"""

POD_ADDRESSES: Final = {"OWN": "10.4.7.21", "POD_ADDRESS": "172.7.21.5"}
ELSEWHERE: Final = {"SUBNET": "10.88.0.0/16", "BRIDGE": "br-1", "CONTAINER": "10.88.0.2"}
AT_THE_PODS: Final = {"SUBNET": "172.7.21.0/24", "BRIDGE": "docker0", "CONTAINER": "172.7.21.2"}


def filled(text: str, **values: str) -> str:
    """Return a program's tables with addresses and names filled in."""
    for name, value in {**POD_ADDRESSES, **values}.items():
        text = text.replace(name, value)
    return text
