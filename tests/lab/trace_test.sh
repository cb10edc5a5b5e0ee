# SPDX-License-Identifier: BSD-3-Clause
# `coastctl trace`: a real packet up, one down and one dropped, each told node by node.
. "$(dirname "$0")/test.sh"

ok "namespaces" lab_up
conf_lab ''
lab_start || fail "coastd"
ok "session" lab_sessions 2
lab_gnb 2 || fail "gNB"
ok "traffic flows" forwards

traced() { # COUNT: so many packets are in the trace
	test "$(ctl --json trace show | jq '.items | length')" = "$1"
}

one() { # JQ-EXPRESSION: holds for the one packet of the trace
	ctl --json trace show >"$LAB_TMP/trace.json" && jq -e ".items[0] | $1" "$LAB_TMP/trace.json"
}

nodes() { # NODE...: the packet passed these, in this order
	test "$(ctl --json trace show | jq -r '[.items[0].steps[].node] | join(" ")')" = "$*"
}

ping4() {
	in_gnb ping -c 1 -W 1 -I 10.45.0.1 198.51.100.2
}

# --- up: by session, and as an option is written
ok "nothing is traced" traced 0
ok "its help has what coastd adds" sh -c "\"$BUILD/coastctl\" -s \"$SOCK\" trace --help | grep -q add"
ok "a trace" ctl trace add --session 1 --count 1
ok "a packet up" ping4
ok "one is traced" lab_wait 3 traced 1
ok "its way" nodes rx classify upf_ul route output tx
ok "in and out" one '.in == "n3" and .out == ["n6"] and .drop == null'
ok "the rule" one '.steps[2].notes[0] | .session == 1 and .pdr == 1 and .far == 1 and
	.text == "session 1: PDR 1, FAR 1 FORW"'
ok "its headers" one '[.steps[1].headers[].header] == ["eth", "ipv4", "udp", "gtpu", "ipv4", "icmp"]'
ok "GTP-U" one '.steps[1].headers[3] | .message == "g_pdu" and .qfi == 9 and .psc == "ul"'
teid=$(jq -r '.[0].created_pdrs[] | select(.id == 1) | .f_teid.teid' "$LAB_TMP/reply.json")
ok "its TEID $teid" one ".steps[1].headers[3].teid == \"$teid\""
ok "the user's packet" one '.steps[3].headers[0] | .source == "10.45.0.1" and
	.destination == "198.51.100.2" and .ttl == 64'
ok "one hop less on the wire" one '.steps[5].headers[1].ttl == 63'
ok "the count is over" test "$(ctl --json trace show | jq '.traces[0].left')" = 0
ok "a list that people read" sh -c "'$BUILD/coastctl' -s '$SOCK' trace show >'$LAB_TMP/list'"
ok "with the rule" grep -q 'session 1: PDR 1, FAR 1 FORW' "$LAB_TMP/list"
ok "with the tunnel" grep -Eq 'gtpu message g_pdu, teid 0x[0-9a-f]+, psc ul, qfi 9' "$LAB_TMP/list"
ok "with the way out" grep -q 'in by n3, out by n6' "$LAB_TMP/list"
ok "clear" ctl trace clear
ok "is cleared" traced 0

# --- down: by the user's address, plain outside, in a tunnel after that
ok "by address" ctl trace add ue=10.45.0.2 count=10
ok "somebody else's packet" ping4
ok "is not traced" traced 0
ok "the user's" in_gnb ping -c 1 -W 1 -I 10.45.0.2 198.51.100.2
ok "up and down" lab_wait 3 traced 2
ctl --json trace show | jq '.items |= [.[1]]' >"$LAB_TMP/down.json"
down() {
	jq -e ".items[0] | $1" "$LAB_TMP/down.json"
}
ok "its way" down '[.steps[].node] == ["rx", "classify", "upf_dl", "route", "output", "tx"]'
ok "in and out" down '.in == "n6" and .out == ["n3"]'
ok "the rule" down '.steps[2].notes[0].text == "session 2: PDR 2, FAR 2 FORW"'
ok "no tunnel before" down '[.steps[1].headers[].header] == ["eth", "ipv4", "icmp"]'
ok "a tunnel after" down '.steps[5].headers[3] | .header == "gtpu" and .psc == "dl" and
	.qfi == 9 and .teid == "0x101"'
ok "clear" ctl trace clear

ok "IPv6, by prefix" ctl trace add ue=2001:db8:45::/64 count=2
ok "ping" in_gnb ping -c 1 -W 1 -I 2001:db8:45::1 2001:db8:6::2
ok "up and down" lab_wait 3 traced 2
ok "ICMPv6 in the tunnel" one '[.steps[1].headers[].header] == ["eth", "ipv4", "udp", "gtpu", "ipv6", "icmpv6"]'
ok "clear" ctl trace clear

# --- dropped: by the rule's FAR, and for want of a session
ok "by TEID" ctl trace add teid="$teid" count=1
in_gnb /usr/bin/python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.45.0.1", 0))
s.sendto(b"x", ("198.51.100.2", 9))'
ok "to the blocked port" lab_wait 3 traced 1
ok "dropped" one '.drop == "upf.far_drop" and .out == null and (.help | length) > 0'
ok "its way" nodes rx classify upf_ul drop
ok "the rule" one '.steps[2].notes[0].text == "session 1: PDR 3, FAR 3 DROP"'
ok "a list that people read" sh -c "'$BUILD/coastctl' -s '$SOCK' trace show >'$LAB_TMP/list'"
ok "says why" grep -q 'dropped: upf.far_drop' "$LAB_TMP/list"
ok "clear" ctl trace clear

ok "by port" ctl trace add port=n3 count=1
ok "a tunnel that nobody has" in_gnb /usr/bin/python3 "$SRC/tests/lab/gtpu_send.py" 192.0.2.1 0x7fffffff 10.45.0.1 1
ok "dropped" lab_wait 3 one '.drop == "upf.unknown_teid"'
ok "its way" one '[.steps[].node] | .[:4] == ["rx", "classify", "upf_ul", "upf_gtpu"] and index("drop") != null'
ok "and that of the answer, which is a copy of it" one '.out == ["n3"] and
	([.steps[] | select(.node == "tx") | .headers[3].message] == ["error_indication"])'
ok "clear" ctl trace clear

# --- a session that changes and ends
ok "a session's trace" ctl trace add session=2 count=100
ok "the session goes" ctl session delete 2
gone() {
	ctl --json trace show | jq -e '.traces[0].gone'
}
ok "the trace says so" lab_wait 3 gone
ok "and is right again with it" sh -c "'$SRC/tests/lab/sessions.py' 2 | jq '.[1]' |
	'$BUILD/coastctl' -s '$SOCK' session put @- >/dev/null"
ok "the session is there" lab_wait 3 not gone

# --- what is refused, and by whom
refused() { # WORD COMMAND...
	refused_word=$1
	shift
	not ctl "$@" >"$LAB_TMP/refused" 2>&1 && grep -q -- "$refused_word" "$LAB_TMP/refused"
}
ok "no session" refused 'session' trace add session=99
ok "no port" refused 'port' trace add port=n9
ok "two keys" refused 'goes not with' trace add port=n3 session=1
ok "too many" refused 'count' trace add count=1001
ok "none of that number" refused 'no trace 77' trace delete id=77
chmod 711 "$LAB_TMP"
AS="setpriv --reuid nobody --clear-groups" rpc trace.list '{}' >"$LAB_TMP/asnobody"
ok "not anybody may see users' packets" grep -q 'may only read' "$LAB_TMP/asnobody"
AS="setpriv --reuid nobody --clear-groups" rpc trace.add '{}' >"$LAB_TMP/asnobody"
ok "not anybody may trace" grep -q 'may only read' "$LAB_TMP/asnobody"

ok "coastd ends" stop_coastd

# --- two workers: a packet whose session lives on the other one is one packet still
stop_gnb
sed -i 's/workers: 1/workers: 2/' "$LAB_TMP/coast.yaml"
lab_start || fail "coastd with two workers"
ok "sessions" lab_sessions 2
lab_gnb 2 || fail "gNB"
ok "traffic flows" forwards
ok "one user" ctl trace add session=1 count=2
ok "the other" ctl trace add session=2 count=2
ok "a packet and its answer" in_gnb ping -c 1 -W 1 -I 10.45.0.1 198.51.100.2
ok "of the other too" in_gnb ping -c 1 -W 1 -I 10.45.0.2 198.51.100.2
ok "four packets" lab_wait 3 traced 4
handed() { # some went over to the other worker, and out all the same
	ctl --json trace show | jq -e '[.items[] | select([.steps[].notes // [] | .[].note] | index("handoff"))] |
		length > 0 and all(.[]; ([.steps[].worker] | unique) == [0, 1] and (.out | length) == 1)'
}
ok "some by both workers" lab_wait 3 handed

ok "coastd ends" stop_coastd
passed
