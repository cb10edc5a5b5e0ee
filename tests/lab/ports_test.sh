# SPDX-License-Identifier: BSD-3-Clause
# Ports of several kinds: one that is not there yet, pcap files without privileges, TAP, null.
. "$(dirname "$0")/test.sh"

up() { # PORT
	ctl --json port show "$1" | jq -e '.state.up'
}

ok "namespaces" lab_up

# ---- a port whose interface does not exist
conf 'hugepages: off' <<'YAML'
network_instances: [{name: access}]
ports:
  - {name: late, device: "af_xdp:late0"}
  - {name: nothing, device: "null"}
interfaces: [{name: late, port: late, network_instance: access, addresses: [203.0.113.1/24]}]
YAML
ok "without it, no start" starts_not
ok "the cause is told with its line" said 'coast.yaml:[0-9]+: ports\[0\].*late0' refused
ok "and the remedy" said "late0.*(ip link|optional|name)" refused
sed -i 's/"af_xdp:late0"/&, optional: true/' "$LAB_TMP/coast.yaml"
lab_start || fail "coastd with an optional port"
ok "it is down" not up late
ok "port show says why" sh -c "'$BUILD/coastctl' -s '$SOCK' --json port show late | jq -e '.state.fault | test(\"late0\")'"
ok "a null port is up" up nothing
in_upf ip link add late0 type veth peer name far0
in_upf ip link set far0 netns "$NS_DN"
in_dn ip addr add 203.0.113.2/24 dev far0
in_dn ethtool -K far0 tx off >/dev/null 2>&1
in_dn ip link set far0 up
in_upf ip link set late0 up
ok "it comes up by itself" lab_wait 12 up late
ok "and carries packets" lab_wait 5 in_dn ping -c 1 -W 1 203.0.113.1
ok "its fault is gone" sh -c "'$BUILD/coastctl' -s '$SOCK' --json port show late | jq -e '(.state.fault // \"\") == \"\"'"
in_upf ip link del late0
ok "a port whose interface goes is down" lab_wait 12 sh -c "'$BUILD/coastctl' -s '$SOCK' --json port show late \
	| jq -e '.state | (.up and .link) | not'"
ok "coastd outlives it" ctl port show
ok "coastd ends" stop_coastd

# ---- TAP
conf 'hugepages: off' <<'YAML'
network_instances: [{name: access}]
ports: [{name: t, device: "tap:ctap0"}]
interfaces: [{name: t, port: t, network_instance: access, addresses: [203.0.113.1/24]}]
YAML
lab_start || fail "coastd with a TAP port"
in_upf ip addr add 203.0.113.2/24 dev ctap0
in_upf ip link set ctap0 up
ok "ping over the TAP" lab_wait 5 in_upf ping -c 1 -W 1 203.0.113.1
ok "ten in a row" in_upf ping -c 10 -i 0.05 -W 1 203.0.113.1
ok "coastd ends" stop_coastd
passed
