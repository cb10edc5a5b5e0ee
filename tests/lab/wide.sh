# SPDX-License-Identifier: BSD-3-Clause
# The wide lab: the lab of lib.sh, and around its coastd a second gNB, a second
# network instance with a data network of its own, and a second coastd as the
# anchor of sessions behind N9. Sourced after lib.sh.
#
#   gnb2  192.0.3.2 ----------- n3b [coastd] n6b --- 198.51.100.2  dn2   (instance factory)
#                                      n9
#                                      |  192.0.9.1
#                                      |  192.0.9.2
#                                      n9 [coastd 2] n6 --- 203.0.113.2  dn (behind the anchor)

NS_GNB2=$LAB-gnb2 NS_DN2=$LAB-dn2 NS_ANC=$LAB-anc
LAB_NAMESPACES="$LAB_NAMESPACES $NS_GNB2 $NS_DN2 $NS_ANC"
SOCK2=$LAB_TMP/anchor.sock

in_gnb2() { $lab_exec ip netns exec "$NS_GNB2" "$@"; }
in_dn2() { $lab_exec ip netns exec "$NS_DN2" "$@"; }
in_anc() { $lab_exec ip netns exec "$NS_ANC" "$@"; }
ctl2() { "$BUILD/coastctl" -s "$SOCK2" "$@"; }

# Before coastd starts.
lab_wide_up() {
	for lab_ns in "$NS_GNB2" "$NS_DN2" "$NS_ANC"; do
		ip netns add "$lab_ns" || return 1
		ip -n "$lab_ns" link set lo up
	done
	in_anc sysctl -qw net.ipv6.conf.default.disable_ipv6=1
	lab_link "$NS_GNB2" gnb n3b 1600 || return 1
	lab_link "$NS_DN2" dn n6b 1500 || return 1
	lab_link "$NS_ANC" n9 n9 1600 || return 1
	lab_link "$NS_DN" dn9 anc6 1500 "$NS_ANC" || return 1
	ip -n "$NS_GNB2" addr add 192.0.3.2/24 dev gnb
	ip -n "$NS_DN2" addr add 198.51.100.2/24 dev dn
	ip -n "$NS_DN2" route add 10.45.0.0/16 via 198.51.100.1
	ip -n "$NS_DN" addr add 203.0.113.2/24 dev dn9
	# one user, two ways to it: what came through the anchor is answered through the anchor
	ip -n "$NS_DN" route add 10.45.0.0/16 via 203.0.113.1 table 9
	ip -n "$NS_DN" rule add from 203.0.113.2 table 9
}

# The wide lab's objects, added to a running coastd; then the second one.
lab_wide_coastd() {
	ctl network_instance put '[{"name": "factory"}, {"name": "n9"}]' &&
	ctl port put '[{"name": "n3b", "device": "af_xdp:n3b"}, {"name": "n6b", "device": "af_xdp:n6b"},
		{"name": "n9", "device": "af_xdp:n9"}]' &&
	ctl interface put '[
		{"name": "n3b", "port": "n3b", "network_instance": "access", "addresses": ["192.0.3.1/24"], "gtpu": true},
		{"name": "n6b", "port": "n6b", "network_instance": "factory", "addresses": ["198.51.100.1/24"]},
		{"name": "n9", "port": "n9", "network_instance": "n9", "addresses": ["192.0.9.1/24"], "gtpu": true}]' &&
	ctl route put '[{"network_instance": "factory", "prefix": "0.0.0.0/0", "via": [{"gateway": "198.51.100.2"}]}]' &&
	ctl pool put '[{"name": "factory", "network_instance": "factory", "prefix": "10.45.0.0/16"}]' || return 1
	cat >"$LAB_TMP/anchor.yaml" <<YAML
system: {name: $LAB-anchor, run_dir: $LAB_TMP/anchor, store: $LAB_TMP/store, workers: 1, max_sessions: 1000}
network_instances: [{name: n9}, {name: internet}]
ports:
  - {name: n9, device: "af_xdp:n9"}
  - {name: n6, device: "af_xdp:anc6"}
interfaces:
  - {name: n9, port: n9, network_instance: n9, addresses: [192.0.9.2/24], gtpu: true}
  - {name: n6, port: n6, network_instance: internet, addresses: [203.0.113.1/24]}
pools:
  - {name: internet, network_instance: internet, prefix: 10.45.0.0/16}
YAML
	lab_spawn anchor in_anc "$BUILD/coastd" -c "$LAB_TMP/anchor.yaml" -s "$SOCK2"
	lab_wait 30 grep -q ' ready' "$LAB_TMP/anchor.log" || { cat "$LAB_TMP/anchor.log" >&2; return 1; }
}
