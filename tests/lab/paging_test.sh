# SPDX-License-Identifier: BSD-3-Clause
# A user who is idle: downlink waits, the control plane is told, and what waited arrives first and in
# order. Then a handover with End Marker, and a gNB that has forgotten a tunnel.
. "$(dirname "$0")/test.sh"

command -v tshark >/dev/null || skip "tshark is not installed"
command -v tcpdump >/dev/null || skip "tcpdump is not installed"
LISTEN="$SRC/tests/lab/events.py"
SEND="$SRC/tests/lab/paced.py"

far() { # ACTIONS-JSON [MORE-MEMBERS]: of session 1's downlink
	ctl session modify "{\"seid\": 1, \"update_fars\": [{\"id\": 2, \"apply_action\": $1${2:+, $2}}]}"
}

to_gnb() { # ADDRESS TEID [MORE-MEMBERS]
	printf '"forwarding_parameters": {"outer_header_creation": {"description": "gtpu-udp-ipv4", "ipv4": "%s", "teid": "%s"}%s}' \
		"$1" "$2" "${3:+, $3}"
}

idle() { # [MORE-MEMBERS]
	far '["BUFF", "NOCP"]' "$@"
}

events() { # TYPE: how many came
	jq -s "[.[] | select(.type == \"$1\")] | length" "$LAB_TMP/events.log"
}

event() { # TYPE JQ: what the last one says
	jq -cs "[.[] | select(.type == \"$1\")] | last | .data | $2" "$LAB_TMP/events.log"
}

state() { # JQ
	ctl --json session show 1 | jq -c "$1"
}

drops() { # NAME
	ctl --json drop show | jq "[.items[] | select(.name == \"$1\") | .packets] | add // 0"
}

is() { # WANT COMMAND...: prints WANT, within three seconds
	is_want=$1
	shift
	is_until=$(($(date +%s) + 3))
	while is_got=$("$@") && [ "$is_got" != "$is_want" ]; do
		[ "$(date +%s)" -lt $is_until ] || { echo "$is_got, not $is_want"; return 1; }
		sleep 0.1
	done
}

# Numbered datagrams to the user, FIRST to LAST; each is the number's text.
send() { # FIRST LAST
	in_dn "$SEND" send 10.45.0.1 "$1" "$2"
}

# Those that arrive at the gNBs, in order; blank-separated.
got() { # [TSHARK-FILTER]
	sleep 0.3
	tshark -r "$LAB_TMP/n3.pcap" -Y "gtp.message == 0xff && udp.dstport == 7777 && !icmp ${1:+&& $1}" \
		-T fields -e data.data 2>/dev/null \
		| /usr/bin/python3 -c 'import sys; print(*(bytes.fromhex(x).decode().strip() for x in sys.stdin))'
}

listen_n3() {
	kill "$TCPDUMP_PID" 2>/dev/null
	wait "$TCPDUMP_PID" 2>/dev/null
	rm -f "$LAB_TMP/n3.pcap" "$LAB_TMP/tcpdump.log"
	lab_spawn tcpdump in_gnb tcpdump -U -i gnb -w "$LAB_TMP/n3.pcap" udp port 2152
	TCPDUMP_PID=$LAB_LAST
	lab_wait 5 grep -q 'listening on' "$LAB_TMP/tcpdump.log"
}

arrived() { # COUNT: that many packets at least
	[ "$(tcpdump -r "$LAB_TMP/n3.pcap" 2>/dev/null | wc -l)" -ge "$1" ]
}

markers() { # COUNT
	[ "$(tshark -r "$LAB_TMP/n3.pcap" -Y 'gtp.message == 0xfe' 2>/dev/null | wc -l)" = "$1" ]
}

conserved() {
	ctl --json worker show | jq -e '[.items[] | .rx + .injected - .tx - .consumed - .dropped - .held] | add == 0'
}

numbers() { # FIRST LAST
	seq -s ' ' "$1" "$2"
}

ok "namespaces" lab_up
in_gnb ip addr add 192.0.2.3/24 dev gnb
conf_lab '' 'hugepages: off'
lab_start || fail "coastd"
ok "a session" lab_sessions 1
ok "a gNB" lab_gnb 1
lab_spawn events "$LISTEN" "$SOCK"
ok "listens to events" lab_wait 5 grep -q subscribed "$LAB_TMP/events.log"
listen_n3

# ---- paged
ok "idle" idle
ok "packets wait" send 1 5
ok "five of them" is 5 state .buffer.packets
ok "the control plane was told" is 1 events session.downlink_data_report
ok "of which session, PDR and QoS flow" is '[1,[2],9]' event session.downlink_data_report '[.seid, .pdr_ids, .qfi]'
ok "nothing arrives meanwhile" is '' got
ok "more wait" send 6 8
ok "of which it is not told again" is 1 events session.downlink_data_report
ok "reachable again" far '["FORW"]'
ok "and more" send 9 10
ok "all arrive, in order" is "$(numbers 1 10)" got
ok "nothing waits" is 0 state .buffer.packets
ok "an episode of its own" idle
ok "packets" send 11 11
ok "it is told anew" is 2 events session.downlink_data_report

# ---- bounds
ok "three may wait" ctl session modify '{"seid": 1, "create_bars": [{"id": 1, "suggested_buffering_packets_count": 3}]}'
ok "idle" idle '"bar_id": 1'
before=$(drops upf.buffer_oldest)
ok "packets" send 12 17
ok "three wait" is 3 state .buffer.packets
ok "the oldest made room" is $((before + 4)) drops upf.buffer_oldest
ok "reachable" far '["FORW"]'
ok "the newest arrive" is "$(numbers 1 10) $(numbers 15 17)" got

# ---- DROBU
ok "idle" idle
ok "packets" send 18 20
ok "wait" is 3 state .buffer.packets
ok "dropped on demand" ctl session modify '{"seid": 1, "drop_buffered_packets": true}'
ok "nothing waits" is 0 state .buffer.packets
ok "by name" is 3 drops upf.buffer_discarded
ok "reachable" far '["FORW"]'
ok "packets" send 21 22
ok "only what came after" is "$(numbers 1 10) $(numbers 15 17) 21 22" got

# ---- discarded with the FAR
ok "idle" idle
ok "packets" send 23 24
ok "wait" is 2 state .buffer.packets
ok "the FAR drops" far '["DROP"]'
ok "what waited as well" is 5 drops upf.buffer_discarded
ok "reachable" far '["FORW"]'

# ---- handover
listen_n3
in_dn "$SEND" send 10.45.0.1 100 599 0.006 &
sender=$!
ok "data flows" lab_wait 10 arrived 40
ok "to another gNB" far '["FORW"]' "$(to_gnb 192.0.2.3 0x300 '"send_end_marker": true')"
wait $sender
ok "a gNB hears an End Marker" lab_wait 5 markers 1
sleep 0.5
tshark -r "$LAB_TMP/n3.pcap" -Y "gtp.message == 0xfe || (gtp.message == 0xff && udp.dstport == 7777 && !icmp)" \
	-T fields -e gtp.message -e ip.dst -e gtp.teid 2>/dev/null >"$LAB_TMP/handover.log"
ok "one End Marker, to the old tunnel" test "$(grep -c '^0xfe.192.0.2.2.*0x00000100' "$LAB_TMP/handover.log")" = 1
ok "and no other" test "$(grep -c '^0xfe' "$LAB_TMP/handover.log")" = 1
ok "data went to both" awk '/^0xff.*192.0.2.2/ { a++ } /^0xff.*192.0.2.3/ { b++ } END { exit !(a > 20 && b > 20 && a + b == 500) }' "$LAB_TMP/handover.log"
ok "none is lost" is "$(numbers 100 599)" got
ok "none to the old one behind the End Marker" awk '/^0xfe/ { end = 1 } end && /^0xff.*192.0.2.2,/ { exit 1 }' "$LAB_TMP/handover.log"
ok "the same tunnel again" far '["FORW"]' "$(to_gnb 192.0.2.3 0x300 '"send_end_marker": true')"
sleep 0.5
ok "needs no End Marker" markers 1

# ---- Error Indication
ok "a forged one" in_gnb "$SEND" error 192.0.2.2 192.0.2.1 192.0.2.3 0x300
ok "means nothing" is 1 drops upf.forged_error_indication
ok "of a tunnel that nobody has" in_gnb "$SEND" error 192.0.2.3 192.0.2.1 192.0.2.3 0x999
ok "neither" is 1 drops upf.error_indication
ok "no event" is 0 events session.error_indication
ok "the true one" in_gnb "$SEND" error 192.0.2.3 192.0.2.1 192.0.2.3 0x300
ok "is told of" is 1 events session.error_indication
ok "with what it is about" is '[1,"0x300","192.0.2.3",[2],[2]]' event session.error_indication '[.seid, .remote_f_teid.teid, .remote_f_teid.ipv4, .pdr_ids, .far_ids]'
ok "the FAR is held" is '[true]' state '[.fars[] | select(.id == 2) | .held]'
listen_n3
ok "packets" send 700 702
ok "wait" is 3 state .buffer.packets
ok "again" in_gnb "$SEND" error 192.0.2.3 192.0.2.1 192.0.2.3 0x300
ok "told of once" is 1 events session.error_indication
ok "nobody is paged by it" is 4 events session.downlink_data_report
ok "a change of another rule" ctl session modify '{"seid": 1, "update_qers": [{"id": 1, "qfi": 9}]}'
ok "leaves it held" is 3 state .buffer.packets
ok "a new tunnel" far '["FORW"]' "$(to_gnb 192.0.2.2 0x100)"
ok "and all arrive" is "$(numbers 700 702)" got 'ip.dst == 192.0.2.2'
ok "it is held no more" is '[null]' state '[.fars[] | select(.id == 2) | .held]'

# ---- the end
ok "idle" idle
ok "packets" send 800 809
ok "wait, as many as may" is 3 state .buffer.packets
before=$(drops upf.buffer_discarded)
ok "packets are conserved while some wait" conserved
ok "the session ends" ctl session delete 1
ok "what waits goes with it" is $((before + 3)) drops upf.buffer_discarded
ok "packets are conserved" conserved
ok "none is held" is 0 sh -c "'$BUILD/coastctl' -s '$SOCK' --json worker show | jq '[.items[] | .held] | add'"
ok "coastd ends" stop_coastd
passed
