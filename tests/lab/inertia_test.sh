# SPDX-License-Identifier: BSD-3-Clause
# What a death costs: of the control client nothing; of coastd the packets until it is there again,
# and no session, tunnel, address, counter or report. All under traffic both ways.
. "$(dirname "$0")/test.sh"
. "$SRC/tests/lab/stream.sh"

USERS=1000
IN_FLIGHT=1024 # packets each way that a queue may hold when coastd dies
GAP_MS=5000    # on a machine with other work; what it was is printed

inventory() { # NAME
	"$SRC/tests/lab/inventory.py" "$SOCK" >"$LAB_TMP/$1.json"
}

same_how=--same
same() {
	"$SRC/tests/lab/inventory.py" $same_how "$LAB_TMP/before.json" "$LAB_TMP/now.json"
}

counts() { # JQ: over what coastd has counted beside what the stream has
	"$SRC/tests/lab/inventory.py" --against "$LAB_TMP/before.json" "$LAB_TMP/now.json" \
		"$LAB_TMP/stream.log" | tee "$LAB_TMP/counts" | jq -e "$1" >/dev/null || { cat "$LAB_TMP/counts"; return 1; }
}

sequence() { # SEID: UR-SEQN of a report now
	rpc session.query "{\"seid\": $1}" | jq '.result.usage_reports[0].ur_seqn'
}

is_sequence() { # SEID WANT
	is_got=$(sequence "$1")
	[ "$is_got" = "$2" ] || { echo "UR-SEQN $is_got, not $2"; return 1; }
}

received() { stream_look && stream '[.ul.received, .dl.received] | min'; }

passes() { # packets come out now
	passes_before=$(received)
	sleep 0.5
	[ "$(received)" -gt $((passes_before + 100)) ]
}

owner() { # JQ over the owner's state
	ctl --json owner show smf | jq -e "if type == \"array\" then .[0] else . end | $1"
}

# Under a stream coastd ends by a command and is started again: what that cost, and what is left.
restarted() { # WHAT COMMAND...
	restarted_what=$1
	shift
	inventory before || return 1
	stream_start 2000 && lab_wait 5 passes || return 1
	"$@"
	wait "$COASTD_PID" 2>/dev/null
	lab_restart && lab_wait 10 passes && stream_stop && inventory now || return 1
	stream "\"$restarted_what: \([.ul.gap_ms, .dl.gap_ms] | max | round) ms without a packet, \(.ul.lost) lost up, \(.dl.lost) down of \(.ul.sent) each\"" >>"$LAB_TMP/figures"
	sed -n 's/^coast: \(.* sessions came back.*\)/  \1/p' "$LAB_TMP/coastd.log" >>"$LAB_TMP/figures"
	same || return 1
	# no packet before or after is missing
	[ "$(stream "[.ul, .dl] | all(.duplicated + .reordered + .wrong == 0 and
		.lost_to_ms - .lost_from_ms <= $GAP_MS)")" = true ]
}

ok "namespaces" lab_up
conf_lab '' 'hugepages: off'
sed -i 's/max_sessions: 1000$/max_sessions: 1500/' "$LAB_TMP/coast.yaml"
lab_start || fail "coastd"
ok "neighbours" stream_neighbours
"$SRC/tests/lab/sessions.py" $USERS | jq -c '[.[] | .urrs = [{id: 1, measurement_method: ["VOLUM"],
	reporting_triggers: ["VOLTH"], volume_threshold: {total: 1000000000}}]
	| .pdrs[:2][].urr_ids = [1]]' >"$LAB_TMP/sessions.json"

# ---- the control client is killed
lab_spawn owner "$SRC/tests/lab/owner.py" "$SOCK" smf smf-1 --put "$LAB_TMP/sessions.json"
owner_pid=$LAB_LAST
put() { [ "$(wc -l <"$LAB_TMP/owner.log")" -ge 2 ]; }
ok "an owner and its sessions" lab_wait 20 put
sed -n 2p "$LAB_TMP/owner.log" >"$LAB_TMP/reply.json"
ok "connected" lab_wait 3 owner '.state == "connected"'
inventory before
ok "a stream" stream_start 2000
ok "packets pass" lab_wait 5 passes
kill -9 $owner_pid
ok "inertial within the second" lab_wait 2 owner '.state == "inertial"'
sleep 4
ok "stream ends" stream_stop
ok "none lost, doubled or turned round" test \
	"$(stream '[.ul, .dl] | map(.lost + .duplicated + .reordered + .wrong) | add')" = 0
echo "control client killed: 0 of $(stream '.ul.sent + .dl.sent') packets lost"
ok "what there is" inventory now
ok "to the packet and octet" counts '.inexact == 0 and .sizes and ([.urr_off[]] | add) == 0'

# ---- coastd is killed
ok "a report" is_sequence 7 0
ok "killed" restarted "coastd killed" kill -9 "$COASTD_PID"
ok "counts are right but for what was in flight" counts \
	".sizes and ([.off[], .urr_off[]] | all(. >= 0 and . <= $IN_FLIGHT))"
echo "counted and not received: $(cat "$LAB_TMP/counts")" >>"$LAB_TMP/figures"
ok "UR-SEQN goes on" is_sequence 7 1
ok "its owner is still away" owner '.state == "inertial"'

# ---- and asked to end
ok "ended" restarted "coastd ended and started" kill "$COASTD_PID"
ok "counts are right but for what was in flight" counts \
	".sizes and ([.off[], .urr_off[]] | all(. >= 0 and . <= $IN_FLIGHT))"
ok "UR-SEQN goes on" is_sequence 7 2

# ---- what came over the socket, and what the file says otherwise
ok "a pool" ctl pool put '{"name": "more", "network_instance": "internet", "prefix": "10.99.0.0/24"}'
ok "a route" ctl route put '{"network_instance": "internet", "prefix": "203.0.113.0/24", "via": [{"gateway": "198.51.100.2"}]}'
ok "a neighbour" ctl neighbour put '{"interface": "n6", "address": "198.51.100.77", "mac": "02:00:00:00:00:77"}'
ok "a port" ctl port modify '{"name": "n6", "mtu": 1400}'
kept() { # CLASS JQ
	rpc "$1.list" '{}' | jq -e "[.result.items[] | $2] | any"
}
# a layout of another size, too: counts that no report has told are in the old one
same_how=--identity
sed -i 's/max_sessions: 1500$/max_sessions: 3000/; s/{name: n3, device: "af_xdp:n3"}/{name: n3, device: "af_xdp:n3", mtu: 1550}/' "$LAB_TMP/coast.yaml"
ok "killed, with another layout to come back to" restarted "coastd with other tables" kill -9 "$COASTD_PID"
ok "says so" said 'tables are made anew from the store: their layout has changed'
ok "UR-SEQN goes on" is_sequence 7 3
ok "the pool is there" kept pool '.name == "more"'
ok "the route" kept route '.prefix == "203.0.113.0/24"'
ok "the neighbour" kept neighbour '.address == "198.51.100.77" and .mac == "02:00:00:00:00:77"'
ok "the port's MTU" kept port '.name == "n6" and .mtu == 1400'
ok "and the file's change of another" kept port '.name == "n3" and .mtu == 1550'
cat "$LAB_TMP/figures"
passed
