# SPDX-License-Identifier: BSD-3-Clause
# What the demo shows of a session's rules, one function each. Sourced by
# scripts/demo, which has the lab up and check() defined. Users 2 to 5 are changed.

modify() { # JSON: a session.modify
	ctl session modify "$1" >"$LAB_TMP/modify.out" 2>&1 || { cat "$LAB_TMP/modify.out" >&2; return 1; }
}

events() { # TYPE [JQ]: of what event watch has seen so far
	jq -c "select(.type == \"$1\") | .data | ${2:-.}" "$LAB_TMP/events.log" 2>/dev/null
}

n_events() { events "$1" "select(${2:-true})" | wc -l; }

replies() { sed -n 's/.* \([0-9]*\) received.*/\1/p' "$1"; }

show_events() {
	lab_spawn events "$BUILD/coastctl" -s "$SOCK" --json event watch
	lab_wait 3 test -e "$LAB_TMP/events.log"
}

measure_rate() { # up|down OFFERED: kbit/s of IP
	rate_arg=""
	[ "$1" = up ] || rate_arg=-R
	# shellcheck disable=SC2086 # no argument, or one
	in_gnb timeout 20 iperf3 -c 198.51.100.2 -B 10.45.0.2 -u -b "$2" -l 1200 -t 5 $rate_arg >/dev/null 2>&1 &
	iperf_pid=$!
	sleep 1.5
	if [ "$1" = up ]; then
		in_dn "$SRC/tests/lab/probe.py" dn 3
	else
		in_gnb "$SRC/tests/lab/probe.py" --raw ue0 3
	fi
	wait $iperf_pid
}

# User 2 offers 8 Mbit/s and may send 5. The sender shares two cores with everything else: when it
# is not let run for longer than the burst, what it did not offer is missing, so it gets three tries.
show_rate() {
	modify '{"seid": 2, "update_qers": [{"id": 1, "mbr": {"ul": 5000, "dl": 20000}}]}'
	for way in up down; do
		rate_set=5000 offered=8M
		[ $way = up ] || rate_set=20000 offered=30M
		for _ in 1 2 3; do
			measured=$(measure_rate $way $offered)
			awk -v set=$rate_set -v got="$measured" \
				'BEGIN { exit !(got > set * 0.99 && got < set * 1.01) }' && break
		done
		awk -v set=$rate_set -v got="$measured" 'BEGIN { exit !(got > set * 0.99 && got < set * 1.01) }'
		check "rate limit, user 2 $way: offered ${offered}bit/s" "set $rate_set kbit/s, measured $measured" $?
	done
}

# User 3 has 100 kB; then 20 kB more.
show_quota() {
	modify '{"seid": 3, "create_urrs": [{"id": 1, "measurement_method": ["VOLUM"],
		"reporting_triggers": ["VOLQU"], "volume_quota": {"total": 100000}}],
		"update_pdrs": [{"id": 1, "urr_ids": [1]}, {"id": 2, "urr_ids": [1]}]}'
	in_gnb ping -c 60 -i 0.01 -W 1 -q -s 972 -I 10.45.0.3 198.51.100.2 >"$LAB_TMP/quota.out"
	[ "$(replies "$LAB_TMP/quota.out")" = 50 ]
	check "quota of 100000 bytes, pings of 1000 bytes" "$(replies "$LAB_TMP/quota.out") of 60 answered" $?
	lab_wait 3 test "$(n_events session.usage_report)" -ge 1
	bytes=$(events session.usage_report 'select(.seid == 3) | .volume_measurement.total' | tail -1)
	[ "$bytes" = 100000 ]
	check "usage report VOLQU" "$bytes bytes" $?
	modify '{"seid": 3, "update_urrs": [{"id": 1, "volume_quota": {"total": 20000}}]}'
	in_gnb ping -c 10 -i 0.01 -W 1 -q -s 972 -I 10.45.0.3 198.51.100.2 >"$LAB_TMP/quota.out"
	check "refilled with 20000 bytes" "$(replies "$LAB_TMP/quota.out") of 10 answered" $?
}

# User 4 sleeps; what comes for it waits until the control plane has paged it.
show_paging() {
	modify '{"seid": 4, "create_bars": [{"id": 1, "suggested_buffering_packets_count": 20}],
		"update_fars": [{"id": 2, "apply_action": ["BUFF", "NOCP"], "bar_id": 1}]}'
	in_dn ping -c 5 -i 0.2 -W 4 10.45.0.4 >"$LAB_TMP/paging.out" &
	ping_pid=$!
	sleep 1.5
	n=$(n_events session.downlink_data_report '.seid == 4')
	[ "$n" = 1 ]
	check "idle user 4, 5 packets wait" "$n downlink data report" $?
	modify '{"seid": 4, "update_fars": [{"id": 2, "apply_action": ["FORW"]}]}'
	wait $ping_pid
	order=$(sed -n 's/.*icmp_seq=\([0-9]*\) .*/\1/p' "$LAB_TMP/paging.out" | tr '\n' ' ')
	[ "$order" = "1 2 3 4 5 " ]
	check "paged: all arrive, in order" "$order" $?
}

# User 5 goes from one gNB to another while pings run.
show_switch() {
	in_gnb ip addr add 192.0.2.3/24 dev gnb
	lab_spawn gnb3 in_gnb "$BUILD/tests/lab/gnb" --tun ue5 --local 192.0.2.3 --remote 192.0.2.1 \
		--ue "10.45.0.5,1,9,0x555"
	lab_wait 5 grep -q ready "$LAB_TMP/gnb3.log"
	in_gnb ip link set ue5 mtu 1400 up
	in_gnb sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.ue5.rp_filter=0
	in_gnb ping -c 100 -i 0.01 -W 1 -q -I 10.45.0.5 198.51.100.2 >"$LAB_TMP/switch.out" &
	ping_pid=$!
	sleep 0.5
	modify '{"seid": 5, "update_fars": [{"id": 2, "apply_action": ["FORW"], "forwarding_parameters": {
		"destination_interface": "access", "network_instance": "access", "send_end_marker": true,
		"outer_header_creation": {"description": "gtpu-udp-ipv4", "teid": "0x555", "ipv4": "192.0.2.3"}}}]}'
	wait $ping_pid
	[ "$(replies "$LAB_TMP/switch.out")" = 100 ]
	check "path switch of user 5 under traffic" "$(replies "$LAB_TMP/switch.out") of 100 pings answered" $?
	lab_wait 3 grep -q 'end-marker 0x00000104' "$LAB_TMP/gnb.log"
	check "the old gNB gets the End Marker" "$(grep -c 'end-marker 0x00000104' "$LAB_TMP/gnb.log")" $?
}

created() { # REPLY-FILE PDR: the TEID chosen for it
	jq -r "[.. | .created_pdrs? // empty | .[] | select(.id == $2) | .f_teid.teid][0]" "$1"
}

to_access() { # FAR TEID ADDRESS INSTANCE
	printf '{"id": %s, "apply_action": ["FORW"], "forwarding_parameters": {"destination_interface": "access",
		"network_instance": "%s", "outer_header_creation":
		{"description": "gtpu-udp-ipv4", "teid": "%s", "ipv4": "%s"}}}' "$1" "$4" "$2" "$3"
}

to_core() { # FAR INSTANCE
	printf '{"id": %s, "apply_action": ["FORW"], "forwarding_parameters":
		{"destination_interface": "core", "network_instance": "%s"}}' "$1" "$2"
}

from_access() { # PDR PRECEDENCE FAR UE INSTANCE [MORE-PDI]
	printf '{"id": %s, "precedence": %s, "far_id": %s, "qer_ids": [1], "outer_header_removal": "gtpu-udp-ip",
		"pdi": {"source_interface": "access", "network_instance": "%s",
		"f_teid": {"choose": true, "choose_id": 1}, "ue_ip_address": [{"ipv4": "%s"}] %s}}' \
		"$1" "$2" "$3" "$5" "$4" "${6:+, $6}"
}

from_core() { # PDR FAR UE INSTANCE
	printf '{"id": %s, "precedence": 255, "far_id": %s, "qer_ids": [1], "pdi": {"source_interface": "core",
		"network_instance": "%s", "ue_ip_address": [{"ipv4": "%s"}]}}' "$1" "$2" "$4" "$3"
}

QER='"qers": [{"id": 1, "qfi": 9}]'

# User 10.45.1.1 at the second gNB: what is near leaves here, all else through the anchor.
wide_breakout() {
	near='"sdf_filters": [{"id": 1, "flow_description": "permit out ip from 198.51.100.0/24 to assigned"},
		{"id": 2, "flow_description": "permit out ip from 10.45.0.0/16 to assigned"}]'
	ctl --json session put "{\"seid\": 101, \"dnn\": \"internet\", $QER,
		\"pdrs\": [$(from_access 1 255 1 10.45.1.1 access), $(from_access 2 30 2 10.45.1.1 access "$near"),
			$(from_core 3 3 10.45.1.1 internet),
			{\"id\": 4, \"precedence\": 255, \"far_id\": 3, \"qer_ids\": [1], \"outer_header_removal\": \"gtpu-udp-ip\",
			\"pdi\": {\"source_interface\": \"core\", \"network_instance\": \"n9\", \"f_teid\": {\"choose\": true}}}],
		\"fars\": [{\"id\": 1, \"apply_action\": [\"DROP\"]}, $(to_core 2 internet),
			$(to_access 3 0x65 192.0.3.2 access)]}" >"$LAB_TMP/breakout.json" || return 1
	ctl2 --json session put "{\"seid\": 1, \"dnn\": \"internet\", $QER,
		\"pdrs\": [$(from_access 1 255 1 10.45.1.1 n9), $(from_core 2 2 10.45.1.1 internet)],
		\"fars\": [$(to_core 1 internet),
			$(to_access 2 "$(created "$LAB_TMP/breakout.json" 4)" 192.0.9.1 n9)]}" \
		>"$LAB_TMP/anchor.json" || return 1
	modify "{\"seid\": 101, \"update_fars\": [{\"id\": 1, \"apply_action\": [\"FORW\"], \"forwarding_parameters\":
		{\"destination_interface\": \"core\", \"network_instance\": \"n9\", \"outer_header_creation\":
		{\"description\": \"gtpu-udp-ipv4\", \"teid\": \"$(created "$LAB_TMP/anchor.json" 1)\", \"ipv4\": \"192.0.9.2\"}}}]}"
}

# A user of another instance with the address of user 1, and both data networks have one address.
wide_twin() {
	ctl --json session put "{\"seid\": 102, \"dnn\": \"factory\", $QER,
		\"pdrs\": [$(from_access 1 255 1 10.45.0.1 access), $(from_core 2 2 10.45.0.1 factory)],
		\"fars\": [$(to_core 1 factory), $(to_access 2 0x66 192.0.3.2 access)]}" >"$LAB_TMP/twin.json"
}

wide_gnb() {
	lab_spawn gnb2 in_gnb2 "$BUILD/tests/lab/gnb" --tun ue0 --local 192.0.3.2 --remote 192.0.3.1 \
		--ue "10.45.1.1,$(created "$LAB_TMP/breakout.json" 1),9,0x65" \
		--ue "10.45.0.1,$(created "$LAB_TMP/twin.json" 1),9,0x66"
	lab_wait 5 grep -q ready "$LAB_TMP/gnb2.log" || { cat "$LAB_TMP/gnb2.log" >&2; return 1; }
	in_gnb2 ip link set ue0 mtu 1400 up
	in_gnb2 ip addr add 10.45.1.1/32 dev ue0
	in_gnb2 ip addr add 10.45.0.1/32 dev ue0
	in_gnb2 ip route add default dev ue0
	in_gnb ip route add 10.45.1.0/24 dev ue0 src 10.45.0.1
}

packets_of() { # SEID PDR
	ctl --json session show "$1" | jq "[.pdrs[] | select(.id == $2) | .packets] | add"
}

show_breakout() {
	lab_wait 5 in_gnb2 ping -c 1 -W 1 -I 10.45.1.1 198.51.100.2
	lab_wait 5 in_gnb2 ping -c 1 -W 1 -I 10.45.1.1 203.0.113.2 # neighbours resolve
	far=$(packets_of 101 1) near=$(packets_of 101 2)
	ping_check "local breakout beside N9: to the near network" in_gnb2 10.45.1.1 198.51.100.2
	ping_check "  and behind the second coastd (N9)" in_gnb2 10.45.1.1 203.0.113.2
	far=$(($(packets_of 101 1) - far)) near=$(($(packets_of 101 2) - near))
	[ $far -eq 20 ] && [ $near -eq 20 ]
	check "  packets by way" "$near near, $far through N9" $?
}

show_ue_to_ue() {
	dn=$(in_dn cat /sys/class/net/dn/statistics/rx_packets)
	ping_check "user to user, inside coast" in_gnb 10.45.0.6 10.45.1.1
	dn=$(($(in_dn cat /sys/class/net/dn/statistics/rx_packets) - dn))
	[ $dn -lt 20 ] # neighbours may be asked for
	check "  packets that left to the data network" "$dn" $?
}

# Who answers at 198.51.100.2?
who_answers() { # WHERE
	$1 timeout 3 python3 -c '
import socket
s = socket.create_connection(("198.51.100.2", 7), 2, ("10.45.0.1", 0))
print(s.recv(64).decode())'
}

answer_with() { # NAME WHERE WORD
	lab_spawn "$1" "$2" python3 -c '
import socket, sys
s = socket.create_server(("198.51.100.2", 7))
while True:
    c, _ = s.accept()
    c.send(sys.argv[1].encode())
    c.close()' "$3"
}

show_instances() {
	answer_with answer1 in_dn internet
	answer_with answer2 in_dn2 factory
	lab_wait 5 who_answers in_gnb
	lab_wait 5 who_answers in_gnb2
	a=$(who_answers in_gnb) b=$(who_answers in_gnb2)
	[ "$a" = internet ] && [ "$b" = factory ]
	check "10.45.0.1 in two instances asks 198.51.100.2" "$a, $b" $?
}
