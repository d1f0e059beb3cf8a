#!/usr/bin/env bash
# The main job, in network namespaces: the problem appears, podnet shows it, mends it, and notices when it is back.
set -euo pipefail
cd "$(dirname "$0")/../.."
spec=specs/hdss7.yaml
story=docs/story

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() { printf '\033[2m$ %s\033[0m\n' "$*"; "$@"; }
on() { podnet lab exec "$spec" "$1" -- "${@:2}"; }
podnet_on() { printf '\033[2m%s$ podnet %s\033[0m\n' "$1" "${*:2}"; on "$1" podnet "${@:2}"; }

# Ask the server in a place who asks, and see whether the answer is the one expected.
request() { # FROM TO-ADDRESS EXPECTED
    local seen
    seen=$(on "$1" python3 "$story/whoami.py" ask "$2" 2>&1) || true
    printf 'A request from %s to %s arrives as %s\n' "$1" "$2" "$seen"
    [ "$seen" = "$3" ] || { echo "That should have been $3." >&2; exit 1; }
}

serve() { # HOST
    podnet lab exec "$spec" "$1" -- python3 "$story/whoami.py" serve &
    disown # it ends with the lab
    for _ in {1..50}; do
        on "$1" sh -c 'grep -q ":0050 .* 0A " /proc/net/tcp' && return
        sleep 0.1
    done
}

say "What is recorded of the two nodes, and what podnet would change there (no root, no kernel):"
show podnet plan "$spec"

say "The same cluster in network namespaces, with the rules of docker, kube-proxy and a distribution:"
show podnet lab up "$spec"
trap 'podnet lab down "$spec" >/dev/null' EXIT
"$story/seed.sh" "$spec" hdss7-21 172.7.21.0/24
"$story/seed.sh" "$spec" hdss7-22 172.7.22.0/24
on hdss7-22 iptables -A DOCKER -d 172.7.22.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT # docker run -p 80
on router ip route add 172.7.21.0/24 via 10.4.7.21 # the static routes of the tutorials, on the switch
on router ip route add 172.7.22.0/24 via 10.4.7.22
serve hdss7-22-pod1
serve outside

say "The problem: the other pod sees the node's address, not the pod's."
request hdss7-21-pod1 172.7.22.2 10.4.7.21

say "What podnet would do about it on hdss7-21, from the kernel as it is:"
podnet_on hdss7-21 plan "$spec" --live

say "Apply, on both nodes:"
podnet_on hdss7-21 apply "$spec" --yes
podnet_on hdss7-22 apply "$spec" --yes
request hdss7-21-pod1 172.7.22.2 172.7.21.2
request hdss7-21-pod1 198.51.100.2 10.4.7.21
podnet_on hdss7-21 drift "$spec"

say "Docker restarts, and its rule is back on top:"
on hdss7-21 iptables -t nat -I POSTROUTING -s 172.7.21.0/24 ! -o docker0 -j MASQUERADE
request hdss7-21-pod1 172.7.22.2 10.4.7.21
podnet_on hdss7-21 drift "$spec" && { echo "drift should have seen it" >&2; exit 1; }
podnet_on hdss7-21 drift "$spec" --fix
request hdss7-21-pod1 172.7.22.2 172.7.21.2

say "And everything of podnet's off again:"
podnet_on hdss7-21 remove "$spec" --yes
podnet_on hdss7-22 remove "$spec" --yes
