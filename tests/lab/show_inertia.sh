# SPDX-License-Identifier: BSD-3-Clause
# `scripts/demo inertia`: what dies, and what that costs. Sourced by it; check() is there
# and the lab is up. Between the acts a stream of numbered packets goes both ways (stream.sh).

. "$SRC/tests/lab/stream.sh"

UNITS=$SRC/tests/lab/units.py
RATE=2000      # packets a second each way
IN_FLIGHT=1024 # packets each way that a queue may hold when coastd dies
KEPT_MS=1000   # coastd is back within

inventory() { # NAME: of the users that the stream knows
	"$SRC/tests/lab/inventory.py" "$SOCK" | jq -c "with_entries(select(.key | tonumber <= $users))" \
		>"$LAB_TMP/$1.json"
}

owner() { # JQ
	ctl --json owner show smf | jq -re "if type == \"array\" then .[0] else . end | $1"
}

owner_is() { [ "$(owner .state)" = "$1" ]; }

milliseconds() { date +%s%3N; }

unit() { # NAME COMMAND...: a control unit in the background
	unit_name=$1
	shift
	lab_spawn "$unit_name" "$UNITS" "$SOCK" "$@"
	UNIT_PID=$LAB_LAST
}

unit_said() { # NAME LINES: so many at least
	[ "$(grep -c '^[{[]' "$LAB_TMP/$1.log")" -ge "$2" ]
}

line() { # NAME NUMBER JQ
	sed -n "$2p" "$LAB_TMP/$1.log" | jq -r "$3"
}

# No packet of the stream is lost, doubled or out of order.
unharmed() {
	[ "$(stream '[.ul, .dl] | all(.lost + .duplicated + .reordered + .wrong == 0)')" = true ]
}

lost() { stream '"\(.ul.lost + .dl.lost) of \(.ul.sent + .dl.sent) packets lost"'; }

counts() { # JQ: over what coastd has counted beside what the stream has
	"$SRC/tests/lab/inventory.py" --against "$LAB_TMP/before.json" "$LAB_TMP/now.json" \
		"$LAB_TMP/stream.log" >"$LAB_TMP/counts" && jq -e "$1" "$LAB_TMP/counts" >/dev/null
}

answered() { # PING-OUTPUT
	sed -n 's/.* \([0-9]*\) received.*/\1/p' "$1"
}

ping_user() { # ADDRESS NAME: 60 pings of 1000 bytes
	in_gnb ping -c 60 -i 0.02 -W 1 -q -s 972 -I "$1" 198.51.100.2 >"$LAB_TMP/$2.ping" 2>&1
}

film_cast() {
	ctl inertia_class put '[
		{"name": "quota-drop", "order": 10, "dnn": "quota-drop", "quota": "drop"},
		{"name": "quota-grace", "order": 10, "dnn": "quota-grace", "quota": "grace", "grace_bytes": 40000},
		{"name": "quota-throttle", "order": 10, "dnn": "quota-throttle", "quota": "throttle", "throttle": 100},
		{"name": "quota-ignore", "order": 10, "dnn": "quota-ignore", "quota": "ignore", "max_seconds": 0}]' >/dev/null &&
		ctl session_template put '{"name": "local", "dnn": "internet", "access_network_instance": "access",
			"network_instance": "internet", "qfi": 9, "max_sessions": 1}' >/dev/null &&
		in_gnb ip addr add 192.0.2.3/24 dev gnb || return 1
	unit smf-1 own "$users"
	SMF_PID=$UNIT_PID
	lab_wait 60 unit_said smf-1 3 || return 1
	sed -n 2p "$LAB_TMP/smf-1.log" >"$LAB_TMP/reply.json"
	# the second gNB has the users with quotas, and who is admitted later
	# shellcheck disable=SC2046 # arguments, to be split
	lab_spawn gnb2 in_gnb "$BUILD/tests/lab/gnb" --tun ue0 --local 192.0.2.3 --remote 192.0.2.1 \
		$(line smf-1 3 '.[] | "--ue 10.45.200.\(.seid - 51200),\(.created_pdrs[0].f_teid.teid),9,\(.seid - 1 + 256)"')
	GNB2_PID=$LAB_LAST
	lab_wait 5 grep -q ready "$LAB_TMP/gnb2.log" || return 1
	in_gnb ip link set ue0 mtu 1400 up
	in_gnb sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.ue0.rp_filter=0
	for film_i in 1 2 3 4; do
		in_gnb ip addr add "10.45.200.$film_i/32" dev ue0
	done
	in_gnb ip route add 198.51.100.0/24 dev ue0 src 10.45.200.1
	stream_neighbours
}

film_owner() {
	inventory before
	stream_start $RATE && lab_wait 10 stream_flows
	check "packets both ways, of $users users" "$RATE a second each way" $?
	began=$(milliseconds)
	kill -9 "$SMF_PID"
	while ! owner_is inertial && [ $(($(milliseconds) - began)) -lt 5000 ]; do sleep 0.02; done
	took=$(($(milliseconds) - began))
	[ $took -lt 1200 ]
	check "control unit killed (kill -9): INERTIAL" "after $took ms, lease $(line smf-1 1 .lease_ms) ms" $?
}

stream_flows() { stream_look && [ "$(stream '[.ul.received, .dl.received] | min')" -gt 100 ]; }

film_quotas() {
	for film_i in 1 2 3 4; do
		ping_user "10.45.200.$film_i" "quota$film_i"
	done
	n=$(answered "$LAB_TMP/quota1.ping")
	[ "$n" = 20 ]
	check "quota of 40000 bytes spent in the outage: drop" "$n of 60 pings of 1000 bytes answered" $?
	n=$(answered "$LAB_TMP/quota2.ping")
	[ "$n" = 40 ]
	check "  grace of 40000 bytes more, then drop" "$n of 60 answered" $?
	n=$(answered "$LAB_TMP/quota3.ping")
	[ "$n" -gt 20 ] && [ "$n" -lt 60 ]
	check "  throttled to 100 kbit/s" "$n of 60 answered" $?
	n=$(answered "$LAB_TMP/quota4.ping")
	over=$(ctl --json session show 51204 | jq '.urrs[0].overrun // 0 | if type == "object" then .total else . end')
	[ "$n" = 60 ]
	check "  ignored, the overrun is recorded" "$n of 60 answered, $over bytes over" $?
}

film_local() {
	"$UNITS" "$SOCK" admit 10.45.201.1 10.45.201.2 >"$LAB_TMP/town.log"
	teid=$(line town 1 '.f_teid.teid // empty')
	in_gnb /usr/bin/python3 "$SRC/tests/lab/gtpu_send.py" 192.0.2.1 "${teid:-1}" 10.45.201.1 5
	n=$(ctl --json session show "$(line town 1 .seid)" | jq '[.pdrs[] | select(.pdi.source_interface == "access") | .packets] | add')
	[ -n "$teid" ] && [ "$n" = 5 ]
	check "new user admitted by local authority" "TEID $teid, $n of 5 packets forwarded" $?
	line town 2 .errno | grep -q EDQUOT
	check "one more than its limit" "refused: $(line town 2 .reason)" $?
}

film_outage() { # SECONDS
	sleep "$1"
	stream_stop && unharmed
	check "in $1 s without a control unit" "$(lost)" $?
	inventory now
	counts '.inexact == 0 and .sizes and ([.urr_off[]] | all(. == 0))'
	check "counters and usage of each of them" "$(jq -r '"\(.inexact) of \(.sessions) differ from what was sent and received"' "$LAB_TMP/counts")" $?
}

seqn() { # SEID
	ctl --json session modify "{\"seid\": $1, \"query_all_urrs\": true}" | jq '[.. | .ur_seqn? // empty][0]'
}

film_coastd() {
	first=$(seqn 1)
	reports=$(ctl --json inertia show | jq '.journal.entries // 0')
	inventory before
	stream_start $RATE && lab_wait 10 stream_flows
	kill -9 "$COASTD_PID"
	wait "$COASTD_PID" 2>/dev/null
	lab_restart
	check "coastd killed (kill -9) and started again" "$(sed -n 's/^coast: \([0-9]* sessions came back.* ms\):.*/\1/p' "$LAB_TMP/coastd.log")" $?
	sleep 1.5
	stream_stop
	gap=$(stream '[.ul.gap_ms, .dl.gap_ms] | max | round')
	[ "$gap" -le $KEPT_MS ]
	check "from the last packet before to the first after" "$gap ms, $(lost)" $?
	inventory now
	"$SRC/tests/lab/inventory.py" --same "$LAB_TMP/before.json" "$LAB_TMP/now.json" >"$LAB_TMP/same"
	check "sessions, TEIDs, UE addresses, counters" "$(head -n 1 "$LAB_TMP/same"), $(jq length "$LAB_TMP/now.json") sessions" $?
	counts ".sizes and ([.off[], .urr_off[]] | all(. >= 0 and . <= $IN_FLIGHT))"
	check "usage beside an independent count" "$(jq -r '"\(.urr_off.ul) packets up, \(.urr_off.dl) down counted that did not come out"' "$LAB_TMP/counts")" $?
	next=$(seqn 1)
	[ "$next" = $((first + 1)) ]
	check "UR-SEQN of a URR before and after" "$first, $next" $?
	n=$(ctl --json inertia show | jq '.journal.entries // 0')
	[ "$n" -gt "$reports" ]
	check "reports that wait in the journal" "$reports before, $n with that one" $?
}

film_return() {
	stream_start $RATE && lab_wait 10 stream_flows
	unit back return "$LAB_TMP/wake"
	lab_wait 20 unit_said back 1
	[ "$(line back 1 '.state + .then')" = reconcilingconnected ] && [ "$(line back 1 '.stale == .sessions and .local == 1')" = true ]
	check "it returns without memory, looks and adopts" "$(line back 1 '"\(.sessions) sessions, \(.stale) stale, \(.local) admitted locally, then \(.then)"')" $?
	lab_wait 5 owner_is inertial
	check "it hangs: lost again" "$(owner '"\(.state), \(.reason)"')" $?
	unit heir heir
	lab_wait 20 unit_said heir 2
	[ "$(line heir 2 .then)" = connected ] && owner_is connected
	check "an heir with a higher epoch adopts all" "epoch $(line heir 2 .epoch), $(line heir 2 .stale) sessions, then $(owner .state)" $?
	touch "$LAB_TMP/wake"
	lab_wait 10 unit_said back 4
	[ "$(sed -n '2,4p' "$LAB_TMP/back.log" | grep -c '"FENCED')" = 3 ]
	check "the old one wakes up and is refused" "$(line back 2 .reason)" $?
	kill "$UNIT_PID"
	stream_stop && unharmed
	check "through all of this" "$(lost)" $?
}

film_hand_over() {
	kill "$GNB2_PID"
	awk '{ i = NR - 1; printf "%s %s %s 0x%x\n", $1, $2, $3, 1048576 + 256 + i }' "$LAB_TMP/stream.sessions" >"$LAB_TMP/two"
	stream_start $RATE --gnb 192.0.2.3 --sessions "$LAB_TMP/two" && lab_wait 10 stream_flows
	unit smf-2 hand_over "$users"
	lab_wait 20 unit_said smf-2 1
	check "prepared paths of all users, committed" "$(line smf-2 1 '"\(.committed) in \(.ms) ms"')" $?
	sleep 1.5
	stream_stop && unharmed
	check "packets of the hand-over" "$(lost), $(stream '.ul.duplicated + .dl.duplicated') doubled, $(stream '.ul.reordered + .dl.reordered') out of order" $?
	[ "$(stream "(.gnbs[0].end_markers == $users) and ([.gnbs[].after_end_marker] | add == 0) and .gnbs[1].packets > 0")" = true ]
	check "End Markers at the old gNB, each the last" "$(stream '"\(.gnbs[0].end_markers), \(.gnbs[0].after_end_marker) packets after one, \(.gnbs[1].packets) at the new gNB"')" $?
}

show_inertia() {
	film_cast
	check "control unit smf-1: claims, puts its sessions" "$((users + 4)) sessions" $?
	echo "== its control unit dies"
	film_owner
	film_quotas
	film_local
	film_outage "$outage"
	echo "== coastd dies"
	film_coastd
	echo "== return, heir, the old one"
	film_return
	echo "== hand-over"
	film_hand_over
}
