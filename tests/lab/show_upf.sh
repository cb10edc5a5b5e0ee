# SPDX-License-Identifier: BSD-3-Clause
# `scripts/demo upf`: users' packets, one check after the other. Sourced by it; check() is there and
# the lab is up.
. "$SRC/tests/lab/wide.sh"
. "$SRC/tests/lab/show.sh"

drops() { # REASON: how many so far
	ctl --json drop show --all | jq "[.items[] | select(.name == \"$1\") | .packets] | add // 0"
}

ping_check() { # DESCRIPTION WHERE FROM TO
	out=$($2 ping -c 20 -i 0.02 -W 1 -q -I "$3" "$4" 2>&1)
	rc=$?
	check "$1" "$(printf '%s' "$out" | sed -n 's/.*, \([0-9.]*% packet loss\).*/\1/p; s|^rtt.*= [^/]*/\([^/]*\)/.*|, \1 ms|p' | tr -d '\n')" $rc
}

iperf_check() { # DESCRIPTION FROM TO UNIT-JQ IPERF-ARGUMENTS...
	what=$1 from=$2 to=$3
	shift 3
	in_gnb timeout 20 iperf3 -J -c "$to" -B "$from" -t 2 "$@" >"$LAB_TMP/iperf.json" 2>/dev/null
	figures=$(jq -r '.end as $e | ($e.sum_received // $e.sum) as $s
		| "\(($s.bits_per_second / 1e6) | floor) Mbit/s"
		  + (if $e.sum.lost_percent then ", \($e.sum.lost_percent * 100 | floor / 100) % lost" else "" end)' \
		"$LAB_TMP/iperf.json" 2>/dev/null)
	bits=$(jq -r '(.end.sum_received // .end.sum).bits_per_second // 0 | floor' "$LAB_TMP/iperf.json" 2>/dev/null)
	[ "${bits:-0}" -gt 1000000 ]
	check "$what" "${figures:-no result}" $?
}

show_upf() {
	lab_sessions "$users"
	check "sessions installed through the socket" "$(jq 'if type == "array" then length else 1 end' "$LAB_TMP/reply.json") sessions" $?
	lab_gnb "$users" || exit 1

	ping_check "ping, user to data network, IPv4" in_gnb 10.45.0.1 198.51.100.2
	ping_check "ping, user to data network, IPv6" in_gnb 2001:db8:45::1 2001:db8:6::2
	ping_check "ping, data network to user, IPv4" in_dn 198.51.100.2 10.45.0.1
	ping_check "ping, data network to user, IPv6" in_dn 2001:db8:6::2 2001:db8:45::1
	ping_check "ping, last user, IPv4" in_gnb "10.45.0.$users" 198.51.100.2
	ping_check "ping, gNB to coast's own N3 address" in_gnb 192.0.2.2 192.0.2.1

	lab_spawn iperf3 in_dn iperf3 -s
	sleep 0.3
	iperf_check "iperf3 TCP up, IPv4" 10.45.0.1 198.51.100.2
	iperf_check "iperf3 TCP down, IPv4" 10.45.0.1 198.51.100.2 -R
	iperf_check "iperf3 TCP up, IPv6" 2001:db8:45::1 2001:db8:6::2
	iperf_check "iperf3 TCP down, IPv6" 2001:db8:45::1 2001:db8:6::2 -R
	iperf_check "iperf3 UDP up, 20 Mbit/s offered" 10.45.0.1 198.51.100.2 -u -b 20M -l 1200
	iperf_check "iperf3 UDP down, 20 Mbit/s offered" 10.45.0.1 198.51.100.2 -R -u -b 20M -l 1200

	before=$(ctl --json session show 1 | jq '[.pdrs[] | select(.id == 1) | .bytes] | add')
	in_gnb ping -c 10 -i 0.02 -q -s 972 -I 10.45.0.1 198.51.100.2 >/dev/null
	after=$(ctl --json session show 1 | jq '[.pdrs[] | select(.id == 1) | .bytes] | add')
	[ $((after - before)) -eq 10000 ]
	check "counted bytes of 10 pings of 1000 bytes" "$((after - before)) bytes" $?

	before=$(drops upf.far_drop)
	in_gnb python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.45.0.1", 0))
for i in range(100):
    s.sendto(b"blocked", ("198.51.100.2", 9))'
	lab_wait 2 test "$(drops upf.far_drop)" -ge $((before + 100))
	n=$(($(drops upf.far_drop) - before))
	[ $n -eq 100 ]
	check "blocked flow (SDF filter, UDP port 9)" "$n of 100 dropped as upf.far_drop" $?

	before=$(drops upf.spoofed)
	in_gnb ip addr add 10.45.99.99/32 dev ue0
	in_gnb /usr/bin/python3 "$SRC/tests/lab/gtpu_send.py" 192.0.2.1 \
		"$(jq -r '[.. | .f_teid? | select(. != null) | .teid][0]' "$LAB_TMP/reply.json")" 10.45.99.99 5
	n=$(($(drops upf.spoofed) - before))
	[ $n -eq 5 ]
	check "spoofed user address" "$n of 5 dropped as upf.spoofed" $?

	in_gnb /usr/bin/python3 "$SRC/tests/lab/gtpu_send.py" 192.0.2.1 0xdeadbeef 10.45.0.1 3
	lab_wait 3 grep -q 'error-indication 0xdeadbeef' "$LAB_TMP/gnb.log"
	check "unknown TEID answered with Error Indication" \
		"$(grep -c 'error-indication 0xdeadbeef' "$LAB_TMP/gnb.log") received by the gNB" $?

	echo "== rules"
	show_events
	show_rate
	show_quota
	show_paging
	show_switch

	echo "== more gNBs, instances and UPFs"
	lab_wide_coastd && wide_breakout && wide_twin && wide_gnb
	check "second gNB, second instance, second coastd" "up" $?
	show_breakout
	show_ue_to_ue
	show_instances

	bad=$(cat "$LAB_TMP"/gnb*.log | grep -c rejected)
	[ "$bad" -eq 0 ]
	check "downlink packets the gNB had to reject" "$bad" $?

	ctl session delete 1 >/dev/null
	! in_gnb ping -c 2 -i 0.1 -W 1 -q -I 10.45.0.1 198.51.100.2 >/dev/null 2>&1
	check "a deleted session's traffic stops" "no reply" $?
}
