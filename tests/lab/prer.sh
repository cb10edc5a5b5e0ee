# SPDX-License-Identifier: BSD-3-Clause
# The redundancy lab: two controllers, a coastd beside each, and two paths between these whose
# lanes fail as `air` says (impair.sh). Sourced after lib.sh.
#
#                   p1 ---- 10.1.1.0/24, VLAN 101 ---- p1
#   PLC A --- [coastd a]                          [coastd b] --- PLC B
#                   p2 ---- 10.1.2.0/24, VLAN 102 ---- p2
#   192.168.10.2, raw frames in VLAN 10           192.168.20.2, raw frames in VLAN 10
#
# Raw frames go by both with an R-TAG, each path with a VLAN of its own; UDP from controller to
# controller goes routed, by two pairs of addresses with a d-CW.

. "$SRC/tests/lab/impair.sh"

LAB_NAMESPACES="$LAB-plca $LAB-plcb $LAB-a $LAB-b $NS_AIR"
SIDES="a b"

in_side() { # a|b COMMAND...
	in_side=$1
	shift
	$lab_exec ip netns exec "$LAB-$in_side" "$@"
}
side_ctl() { # a|b COMMAND...
	side_ctl=$1
	shift
	"$BUILD/coastctl" -s "$LAB_TMP/$side_ctl.sock" "$@"
}
here() { if [ "$1" = a ]; then echo "$2"; else echo "$3"; fi; } # a|b IF-A IF-B

prer_up() {
	air_up || return 1
	for prer_side in $SIDES; do
		for prer_ns in "$LAB-plc$prer_side" "$LAB-$prer_side"; do
			ip netns add "$prer_ns" && ip -n "$prer_ns" link set lo up || return 1
			ip netns exec "$prer_ns" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
		done
		lab_link "$LAB-plc$prer_side" eth0 plc 1500 "$LAB-$prer_side" || return 1
		for prer_path in 1 2; do
			lab_link "$LAB-$prer_side" "p$prer_path" "$prer_side$prer_path" 1600 "$NS_AIR" || return 1
		done
		prer_net=192.168.$(here "$prer_side" 10 20)
		ip -n "$LAB-plc$prer_side" addr add "$prer_net.2/24" dev eth0
		ip -n "$LAB-plc$prer_side" route add default via "$prer_net.1"
		# a controller that has to ask for its router in the middle of a test has lost a cycle
		ip -n "$LAB-plc$prer_side" neigh replace "$prer_net.1" dev eth0 nud permanent \
			lladdr "$(in_side "$prer_side" cat /sys/class/net/plc/address)"
	done
}

prer_conf() { # a|b [SYSTEM-MEMBERS...]
	prer_side=$1
	shift
	prer_host=$(here "$prer_side" 1 2)
	cat <<YAML
system:
  name: $LAB-$prer_side
  run_dir: $LAB_TMP/$prer_side
  store: $LAB_TMP/store-$prer_side
  workers: 1
  packet_buffers: 32767
  max_sessions: 1000
  max_streams: 2000
$(for prer_member; do echo "  $prer_member"; done)
network_instances: [{name: plant}, {name: wan}]
ports:
  - {name: plc, device: "af_xdp:plc", promiscuous: true, rx_ring: 4096}
  - {name: p1, device: "af_xdp:p1", promiscuous: true, mtu: 1600, rx_ring: 4096}
  - {name: p2, device: "af_xdp:p2", promiscuous: true, mtu: 1600, rx_ring: 4096}
interfaces:
  - {name: plc, port: plc, network_instance: plant, addresses: [192.168.$(here "$prer_side" 10 20).1/24]}
  - {name: p1, port: p1, network_instance: wan, addresses: [10.1.1.$prer_host/24]}
  - {name: p2, port: p2, network_instance: wan, addresses: [10.1.2.$prer_host/24]}
YAML
}

# With what it finds in its store and its tables, if anything.
prer_start() { # a|b
	rm -f "$LAB_TMP/coastd-$1.log"
	lab_spawn "coastd-$1" in_side "$1" "$BUILD/coastd" -c "$LAB_TMP/$1.yaml" -s "$LAB_TMP/$1.sock"
	eval "PID_$1=$LAB_LAST"
	prer_pid=$LAB_LAST
	lab_wait 30 sh -c "grep -q ' ready' '$LAB_TMP/coastd-$1.log' || ! kill -0 $prer_pid"
	grep -q ' ready' "$LAB_TMP/coastd-$1.log" && return
	echo "coastd $1 did not start:" >&2
	cat "$LAB_TMP/coastd-$1.log" >&2
	return 1
}

prer_kill() { # a|b
	eval "prer_pid=\$PID_$1"
	kill -9 "$prer_pid"
	wait "$prer_pid" 2>/dev/null
	return 0
}

# Both, with the lanes 1 and 2 between them.
prer_coastd() { # [SYSTEM-MEMBERS...]
	air_start 6 --lane 1=a1,b1 --lane 2=a2,b2 || return 1
	for prer_side in $SIDES; do
		prer_conf "$prer_side" "$@" >"$LAB_TMP/$prer_side.yaml"
		prer_start "$prer_side" || return 1
	done
}

# Paths and streams, on the control socket. Frames: of controllers' flow 1 (plc/plc.c).
prer_paths() { # a|b
	side_ctl "$1" recovery put '{"name": "cyclic", "history_length": 256, "reset_ms": 2000}' &&
		side_ctl "$1" path put "[
		{\"name\": \"frames-1\", \"encapsulation\": \"rtag\", \"port\": \"p1\", \"vlan\": 101},
		{\"name\": \"frames-2\", \"encapsulation\": \"rtag\", \"port\": \"p2\", \"vlan\": 102},
		{\"name\": \"routed-1\", \"encapsulation\": \"dcw\", \"network_instance\": \"wan\",
			\"local\": \"10.1.1.$(here "$1" 1 2)\", \"remote\": \"10.1.1.$(here "$1" 2 1)\"},
		{\"name\": \"routed-2\", \"encapsulation\": \"dcw\", \"network_instance\": \"wan\",
			\"local\": \"10.1.2.$(here "$1" 1 2)\", \"remote\": \"10.1.2.$(here "$1" 2 1)\"}]"
}

prer_streams() { # a|b
	prer_far=$(here "$1" b a)
	side_ctl "$1" stream put "[
		{\"name\": \"profinet\", \"paths\": [\"frames-1\", \"frames-2\"], \"recovery\": \"cyclic\",
			\"send\": {\"port\": \"plc\", \"identification\": {\"type\": \"null\", \"mac\":
				\"02:0$prer_far:01:00:00:00\", \"vlan\": 10, \"tagged\": \"tagged\"}},
			\"receive\": {\"port\": \"plc\", \"vlan\": 10, \"identification\": {\"type\": \"null\",
				\"mac\": \"02:0$1:01:00:00:00\", \"tagged\": \"tagged\"}}},
		{\"name\": \"udp\", \"paths\": [\"routed-1\", \"routed-2\"], \"recovery\": \"cyclic\",
			\"payload\": \"ip\", \"sequence_bits\": 28,
			\"service_label\": $(here "$1" 1001 2001), \"remote_service_label\": $(here "$1" 2001 1001),
			\"send\": {\"port\": \"plc\", \"identification\": {\"type\": \"ip\", \"tagged\": \"priority\",
				\"ip\": {
				\"source\": \"192.168.$(here "$1" 10 20).2\", \"destination\":
				\"192.168.$(here "$1" 20 10).2\", \"protocol\": 17, \"destination_port\": 34964}}},
			\"receive\": {\"network_instance\": \"plant\"}}]"
}

# Streams of raw frames from a to b: of controllers' flow 2.
prer_many() { # a|b COUNT
	jq -nc --arg side "$1" --argjson count "$2" '
		def hex: [. / 4096, . / 256 % 16, . / 16 % 16, . % 16] | map(floor | "0123456789abcdef"[. : . + 1]) |
			.[0] + .[1] + ":" + .[2] + .[3];
		[range($count) | {type: "null", mac: ("02:0b:02:00:" + hex), tagged: "tagged"} as $id |
			{name: "many-\(.)", paths: ["frames-1", "frames-2"], recovery: "cyclic"} +
			if $side == "a" then {send: {port: "plc", identification: ($id + {vlan: 10})}}
			else {receive: {port: "plc", vlan: 10, identification: $id}} end]' >"$LAB_TMP/many-$1.json" &&
		side_ctl "$1" stream put "@$LAB_TMP/many-$1.json"
}

# Neighbours of the paths: what a link forgets in a moment would look like a loss.
prer_neighbours() { # a|b
	for prer_path in 1 2; do
		prer_mac=$(in_side "$(here "$1" b a)" cat "/sys/class/net/p$prer_path/address")
		side_ctl "$1" neighbour put "{\"interface\": \"p$prer_path\", \"address\":
			\"10.1.$prer_path.$(here "$1" 2 1)\", \"mac\": \"$prer_mac\"}" || return 1
	done
	side_ctl "$1" neighbour put "{\"interface\": \"plc\", \"address\": \"192.168.$(here "$1" 10 20).2\",
		\"mac\": \"$(ip netns exec "$LAB-plc$1" cat /sys/class/net/eth0/address)\"}"
}

prer_objects() {
	for prer_side in $SIDES; do
		{ prer_neighbours "$prer_side" && prer_paths "$prer_side" && prer_streams "$prer_side"; } \
			>"$LAB_TMP/put-$prer_side" 2>&1 || { cat "$LAB_TMP/put-$prer_side" >&2; return 1; }
	done
}

# Both controllers: UDP, raw frames, both at 1 ms both ways.
prer_plc() { # [OPTIONS...]
	plc_start --a "$LAB-plca/eth0" --b "$LAB-plcb/eth0" \
		--flow udp,name=udp,a=192.168.10.2,b=192.168.20.2 \
		--flow eth,name=profinet,type=0x8892,vlan=10,pcp=6,size=46 "$@"
}

# Packets that neither coast nor a lane lost: a kernel thread or program of the lab had no CPU. What
# coast had no room for in the rings of its ports (rx_dropped) is coast's own.
machine_lost() {
	for prer_ns in $LAB_NAMESPACES; do
		ip netns exec "$prer_ns" sh -c 'cat /sys/class/net/*/statistics/tx_dropped'
	done >"$LAB_TMP/machine"
	awk -v n="$(air stats | jq .overruns)" '{ n += $1 } END { print n }' "$LAB_TMP/machine"
}

joint() { # packets|lost_on_all
	air stats | jq "[.copies[].$1] | add"
}

# One phase of the controllers from a good moment to a good moment, and what is done to the lanes
# in between. When the lab lost packets itself, and the controllers miss no more than these and what
# the lanes lost on both paths, that says nothing of coast: once more. What else is missing, or came
# twice, is never excused.
act() { # COMMAND...
	for act_try in 1 2 3 4; do
		act_lab=$(machine_lost) act_lanes=$(joint lost_on_all)
		plc_phase
		"$@"
		air lane all clear
		sleep 0.2
		plc_phase
		act_lab=$(($(machine_lost) - act_lab)) act_lanes=$(($(joint lost_on_all) - act_lanes))
		plc "[.flows[].lost] | add | . > $act_lanes and . <= $act_lanes + $act_lab" | grep -q true || return 0
		echo "  (try $act_try: the lab had no CPU and lost $act_lab packets itself, $(plc '[.flows[].lost] | add') are missing)"
	done
}

outage() { # LANE SECONDS
	sleep 0.2
	air lane "$1" down
	sleep "$2"
	air lane "$1" up
	sleep 0.2
}

flap() { # LANE TIMES
	act_i=0
	while [ $act_i -lt "$2" ]; do
		air lane "$1" down
		sleep 0.08
		air lane "$1" up
		sleep 0.15
		act_i=$((act_i + 1))
	done
}

impaired() { # LANE SECONDS WORDS...: of `impair --help`
	impaired_lane=$1 impaired_s=$2
	shift 2
	air lane "$impaired_lane" "$@"
	sleep "$impaired_s"
}

# Packets from a to b that went by both lanes, those that each lost and those that both did.
pair() {
	air stats | jq -c '.copies.there.pairs[0] | [.packets, .lost[0], .lost[1], .lost_on_both]'
}

# Both lanes lose by these commands. How many packets went by both, and how many of them were lost
# on both, in $lose_n and $lose_lost; the correlation of losses meanwhile, as the lanes counted and
# as coastd b told of UDP in the mean, in $lose_rho and $lose_told.
both_lose() { # SECONDS COMMAND...
	lose_s=$1
	shift
	lose_n=$(joint packets) lose_lost=$(joint lost_on_all) lose_pair=$(pair)
	for lose_command; do
		air "$lose_command"
	done
	sleep 1
	side_ctl b --json stream watch name=udp interval_ms=1000 count=$((lose_s - 1)) >"$LAB_TMP/lossy.json"
	sleep 1
	lose_n=$(($(joint packets) - lose_n))
	lose_rho=$(jq -nr --argjson was "$lose_pair" --argjson is "$(pair)" '
		[$is, $was] | transpose | map(.[0] - .[1]) | . as [$n] | map(. / $n) | . as [$_, $p, $q, $both] |
		($both - $p * $q) / ($p * (1 - $p) * $q * (1 - $q) | sqrt) | . * 100 | round / 100')
	lose_told=$(jq -sr '[flatten | .[].correlation | select(. != null) | tonumber] |
		if . == [] then "nothing" else add / length * 100 | round / 100 end' "$LAB_TMP/lossy.json")
	air correlation 0 1 2
	air lane all clear
	sleep 0.1
	lose_lost=$(($(joint lost_on_all) - lose_lost))
}

# So many of n are within three sigma of a share.
likely() { # MANY N SHARE
	awk "BEGIN { d = $1 - $2 * $3; exit !(d * d <= 9 * $2 * $3 * (1 - $3)) }"
}

# A fault of one path costs nothing; what the other has under way may come after newer packets.
unharmed='.flows | all(.sent > 0 and .lost + .duplicated + .wrong == 0)'
in_order='.flows | all(.sent > 0 and .lost + .duplicated + .reordered + .wrong == 0)'
