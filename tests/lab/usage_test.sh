# SPDX-License-Identifier: BSD-3-Clause
# Charging: a threshold that reports, a quota that runs out under traffic and is granted again, a
# query, the final report. Bytes of all reports together are those of two captures, in which coast
# has no part: uplink on the data network's side, downlink inside the tunnels on the gNB's.
. "$(dirname "$0")/test.sh"

for tool in tshark tcpdump; do
	command -v $tool >/dev/null || skip "$tool is not installed"
done
ECHO="$SRC/tests/lab/echo.py"

event() { # JQ: over all events of usage, in their order
	jq -cs "[.[] | select(.type == \"session.usage_report\") | .data] | $1" "$LAB_TMP/events.log"
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

urr() { # JQ: of URR 1 as the session shows it
	ctl --json session show 1 | jq -c ".urrs[0] | $1"
}

drops() { # NAME
	ctl --json drop show --all | jq "[.items[] | select(.name == \"$1\") | .packets] | add // 0"
}

load() { # COUNT SIZE [SECONDS]: how many came back
	in_gnb "$ECHO" load 10.45.0.1 198.51.100.2 7 "$@"
}

grant() { # BYTES
	ctl --json session modify "{\"seid\": 1, \"update_urrs\": [{\"id\": 1, \"volume_quota\": {\"total\": $1}}]}"
}

capture() { # NAME NAMESPACE INTERFACE FILTER
	lab_spawn "$1" ip netns exec "$2" tcpdump -U -B 16384 -i "$3" -w "$LAB_TMP/$1.pcap" "$4"
	eval "$1_PID=$LAB_LAST"
	lab_wait 5 grep -q 'listening on' "$LAB_TMP/$1.log"
}

inner_bytes() { # NAME FILTER: of the innermost IP packets
	tshark -r "$LAB_TMP/$1.pcap" -Y "$2" -T fields -E occurrence=l -e ip.len -e ipv6.plen 2>/dev/null |
		awk '{ n += NF == 1 ? $1 : 0 } END { print n + 0 }'
}

ok "namespaces" lab_up
conf_lab '' 'hugepages: off'
lab_start || fail "coastd"
lab_spawn events "$SRC/tests/lab/events.py" "$SOCK"
ok "listens to events" lab_wait 5 grep -q subscribed "$LAB_TMP/events.log"
# IPv6 stays out of it, so that one column of tshark's holds all bytes
"$SRC/tests/lab/sessions.py" 1 | jq '.[0].urrs = [
	{id: 1, measurement_method: ["VOLUM", "DURAT"], reporting_triggers: ["VOLTH", "VOLQU"],
	 volume_threshold: {total: 200000}, volume_quota: {total: 500000}, measurement_information: ["MNOP"]},
	{id: 2, measurement_method: ["VOLUM"], reporting_triggers: ["LIUSA"], linked_urr_ids: [1]}]
	| .[0].pdrs[:2][].urr_ids = [1, 2]
	| .[0].cp_f_seid = {seid: 4711, ipv4: "192.0.2.9"}
	| del(.[0].pdrs[].pdi.ue_ip_address[] | select(.ipv6))' >"$LAB_TMP/sessions.json"
ctl --json session put "@$LAB_TMP/sessions.json" >"$LAB_TMP/reply.json" || fail "a session"
capture dn "$NS_DN" dn 'ip src 10.45.0.1'
capture n3 "$NS_GNB" gnb 'udp port 2152 and src 192.0.2.1'
ok "a gNB" lab_gnb 1
lab_spawn echo in_dn "$ECHO" serve 198.51.100.2 7
ok "an echo" lab_wait 5 grep -q ready "$LAB_TMP/echo.log"

# ---- the threshold: reports, and traffic goes on
load 100 1172 0.002 >"$LAB_TMP/back" # 1200 bytes each way
ok "all come back" grep -qx 100 "$LAB_TMP/back"
ok "a threshold's report" is '["VOLTH"]' event '[.[] | select(.urr_id == 1)] | .[0].usage_report_trigger'
ok "of 200000 bytes, at most a burst more" event '.[0].volume_measurement.total | if . >= 200000 and . < 240000 then . else error end'
ok "brings the one that is linked" is '["LIUSA"]' event '[.[] | select(.urr_id == 2)] | .[0].usage_report_trigger'
ok "tells whose" is 4711 event '.[0].cp_f_seid.seid'

# ---- the quota: traffic stops at the last packet that fits
load 2000 1172 0.0005 >"$LAB_TMP/back"
ok "not all come back" test "$(cat "$LAB_TMP/back")" -lt 300
ok "the quota's report" is '["VOLQU"]' event '[.[] | select(.urr_id == 1)] | last.usage_report_trigger'
ok "the quota is spent" is true urr .quota_spent
ok "never more than granted" urr '.volume_measured.total | if . <= 500000 and . > 498800 then . else error end'
ok "what is refused has a name" test "$(drops upf.quota)" -gt 1000
before=$(urr .volume_measured.total)
load 50 100 >"$LAB_TMP/back"
ok "nothing passes" is "$before" urr .volume_measured.total

# ---- granted again, the same number of bytes, from the last report on
ok "a grant" grant 500000
ok "is not spent" is false urr .quota_spent
ok "holds all" is 500000 urr .volume_quota_left.total
load 100 1172 0.001 >"$LAB_TMP/back"
ok "all come back again" grep -qx 100 "$LAB_TMP/back"

# ---- asked for, while traffic flows
lab_spawn load in_gnb "$ECHO" load 10.45.0.1 198.51.100.2 7 400 100 0.002
ctl --json session modify '{"seid": 1, "query_all_urrs": true}' >"$LAB_TMP/query.json" || fail "query"
ok "the reply has both reports" jq -e '[.usage_reports[] | select(.usage_report_trigger == ["IMMER"]) | .urr_id] == [1, 2]' "$LAB_TMP/query.json"
rpc session.query '{"seid": 1, "urr_ids": [1]}' >"$LAB_TMP/query2.json"
ok "session.query as well" jq -e '.result.usage_reports | length == 1' "$LAB_TMP/query2.json"
wait "$LAB_LAST"

# ---- the end, with traffic still coming
lab_spawn load2 in_gnb "$ECHO" load 10.45.0.1 198.51.100.2 7 20000 64
sleep 0.3
rpc session.delete '{"seid": 1}' >"$LAB_TMP/end.json"
ok "the reply has the final reports" jq -e '[.result.usage_reports[] | select(.usage_report_trigger == ["TERMR"]) | .urr_id] == [1, 2]' "$LAB_TMP/end.json"
wait "$LAB_LAST"
sleep 0.5
kill "$dn_PID" "$n3_PID"
wait "$dn_PID" "$n3_PID"
ok "captures are whole" not grep -hE '^[1-9][0-9]* packets dropped' "$LAB_TMP/dn.log" "$LAB_TMP/n3.log"

ok "sequence numbers without a gap" event '[1, 2] as $u | . as $all | $u[] as $id | [$all[] | select(.urr_id == $id) | .ur_seqn] | if . == [range(length)] then . else error end'
ok "ends with TERMR" event 'if (map(select(.usage_report_trigger == ["TERMR"])) | length) == 2 then . else error end'
ok "as the reply said" is "$(jq -c '[.result.usage_reports[] | [.urr_id, .ur_seqn, .volume_measurement.total]]' "$LAB_TMP/end.json")" \
	event '.[-2:] | [.[] | [.urr_id, .ur_seqn, .volume_measurement.total]]'
ul=$(inner_bytes dn 'ip.src == 10.45.0.1')
dl=$(inner_bytes n3 'gtp.message == 0xff')
for id in 1 2; do
	ok "uplink bytes of URR $id are the capture's" is "$ul" event "[.[] | select(.urr_id == $id) | .volume_measurement.ul] | add"
	ok "downlink bytes of URR $id are the capture's" is "$dl" event "[.[] | select(.urr_id == $id) | .volume_measurement.dl] | add"
done
packets=$(tshark -r "$LAB_TMP/dn.pcap" -Y 'ip.src == 10.45.0.1' 2>/dev/null | wc -l)
ok "so are the packets" is "$packets" event '[.[] | select(.urr_id == 1) | .volume_measurement.ul_packets] | add'
echo "uplink $ul bytes in $packets packets, downlink $dl bytes: as in the captures"
passed
