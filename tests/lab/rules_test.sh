# SPDX-License-Identifier: BSD-3-Clause
# Where rules send packets: to another user inside coast, to an anchor behind N9 and beside it, to
# networks behind a user, to a listener, at their time; and that network instances stay apart.
. "$(dirname "$0")/test.sh"
. "$SRC/tests/lab/wide.sh"
. "$SRC/tests/lab/show.sh"

users=8
lab_up && lab_wide_up || fail "the lab could not be made"
sed 's/workers: 1/workers: 2/' "$SRC/tests/lab/coast.yaml" >"$LAB_TMP/two.yaml"
lab_coastd af_xdp "$LAB_TMP/two.yaml" || fail "coastd"
ok "sessions" lab_sessions $users
lab_gnb $users || fail "gNB"
ok "wide lab" lab_wide_coastd
ok "session with an anchor" wide_breakout
ok "session with the address of another one" wide_twin
wide_gnb || fail "second gNB"

pings() { # WHERE FROM TO [OPTIONS...]: all of 10 answered
	pings_in=$1 pings_from=$2 pings_to=$3
	shift 3
	lab_wait 5 "$pings_in" ping -c 1 -W 1 -I "$pings_from" "$pings_to" || return 1
	"$pings_in" ping -c 10 -i 0.02 -W 1 -I "$pings_from" "$@" "$pings_to"
}

# --- user to user ---
ok "the second gNB's user" lab_wait 5 in_gnb2 ping -c 1 -W 1 -I 10.45.1.1 198.51.100.2
for user in 2 3 4 5 6 7; do # on either worker
	up=$(packets_of $user 1) down=$(packets_of 101 3)
	ok "user $user to user of the other gNB" pings in_gnb 10.45.0.$user 10.45.1.1
	up=$(($(packets_of $user 1) - up)) down=$(($(packets_of 101 3) - down))
	ok "both sessions count: $up, $down" test $up -ge 10 -a $down -ge 10 -a $up -eq $down
done
ok "and back" pings in_gnb2 10.45.1.1 10.45.0.6
in_gnb ping -c 1 -W 1 -t 1 -I 10.45.0.6 10.45.1.1 >"$LAB_TMP/ttl.out"
ok "one hop is too few" grep -q 'Time to live exceeded' "$LAB_TMP/ttl.out"
ok "two are enough" in_gnb ping -c 1 -W 1 -t 2 -I 10.45.0.6 10.45.1.1
in_gnb ping -c 1 -W 1 -I 10.45.0.6 10.45.1.77 >"$LAB_TMP/nobody.out"
ok "nobody has that address, and the user hears it" grep -q 'Destination Host Unreachable' "$LAB_TMP/nobody.out"

# --- several anchors ---
ok "the anchor's network" pings in_gnb2 10.45.1.1 203.0.113.2
far=$(packets_of 101 1) near=$(packets_of 101 2) from_far=$(packets_of 101 4)
ok "near" in_gnb2 ping -c 10 -i 0.02 -W 1 -I 10.45.1.1 198.51.100.2
ok "far" in_gnb2 ping -c 7 -i 0.02 -W 1 -I 10.45.1.1 203.0.113.2
ok "each by its way" test "$(($(packets_of 101 2) - near)) $(($(packets_of 101 1) - far)) $(($(packets_of 101 4) - from_far))" = "10 7 7"

# --- network instances ---
answer_with answer1 in_dn internet
answer_with answer2 in_dn2 factory
lab_wait 5 who_answers in_gnb || fail "nobody answers the first user"
lab_wait 5 who_answers in_gnb2 || fail "nobody answers the second user"
ok "one address, two users, two servers" test "$(who_answers in_gnb) $(who_answers in_gnb2)" = "internet factory"
ok "users of two instances do not meet" not in_gnb2 ping -c 2 -i 0.2 -W 1 -I 10.45.0.1 10.45.0.6

# --- a network behind a user ---
in_gnb2 ip addr add 192.0.3.3/24 dev gnb
in_gnb2 ip addr add 172.30.2.1/32 dev lo
ok "framed route" sh -c "'$BUILD/coastctl' -s '$SOCK' --json session put '{\"seid\": 103, $QER,
	\"pdrs\": [$(from_access 1 255 1 10.45.1.9 access), {\"id\": 2, \"precedence\": 255, \"far_id\": 2, \"qer_ids\": [1],
		\"pdi\": {\"source_interface\": \"core\", \"network_instance\": \"internet\",
		\"ue_ip_address\": [{\"ipv4\": \"10.45.1.9\"}], \"framed_routes\": [\"172.30.2.0/24 10.45.1.9 1\"]}}],
	\"fars\": [$(to_core 1 internet), $(to_access 2 0x99 192.0.3.3 access)]}' >'$LAB_TMP/framed.json'"
lab_spawn gnb4 in_gnb2 "$BUILD/tests/lab/gnb" --tun ue9 --local 192.0.3.3 --remote 192.0.3.1 \
	--ue "172.30.2.1,$(created "$LAB_TMP/framed.json" 1),9,0x99"
lab_wait 5 grep -q ready "$LAB_TMP/gnb4.log" || fail "third gNB"
in_gnb2 ip link set ue9 mtu 1400 up
in_gnb2 ip route add default dev ue9 table 9
in_gnb2 ip rule add from 172.30.2.1 table 9
in_gnb2 sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.ue9.rp_filter=0
in_dn ip route add 172.30.2.0/24 via 198.51.100.1
in_gnb ip route add 172.30.2.0/24 dev ue0 src 10.45.0.6
ok "data network to a network behind a user" pings in_dn 198.51.100.2 172.30.2.1
ok "user to a network behind another user" pings in_gnb 10.45.0.6 172.30.2.1
"$BUILD/coastctl" -s "$SOCK" session put "{\"seid\": 104,
	\"pdrs\": [{\"id\": 1, \"precedence\": 1, \"far_id\": 1, \"pdi\": {\"source_interface\": \"core\",
		\"network_instance\": \"internet\", \"framed_routes\": [\"172.30.0.0/16\"]}}],
	\"fars\": [$(to_core 1 internet)]}" >"$LAB_TMP/twice.out" 2>&1
ok "nobody else gets a part of it" grep -q 'framed route 172.30.2.0/24 of session 103' "$LAB_TMP/twice.out"
ok "without it" modify '{"seid": 103, "update_pdrs": [{"id": 2, "pdi": {"source_interface": "core",
	"network_instance": "internet", "ue_ip_address": [{"ipv4": "10.45.1.9"}]}}]}'
ok "it is not reached" not in_gnb ping -c 2 -i 0.2 -W 1 -I 10.45.0.6 172.30.2.1

# --- copies ---
in_gnb ip addr add 192.0.2.4/24 dev gnb
lab_spawn listener in_gnb python3 -u -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("192.0.2.4", 2152))
print("ready")
while True:
    p = s.recv(2000)
    print(p[4:8].hex(), len(p) - 8, socket.inet_ntoa(p[20:24]), socket.inet_ntoa(p[24:28]))'
lab_wait 5 grep -q ready "$LAB_TMP/listener.log" || fail "listener"
ok "copies wanted" modify '{"seid": 7, "update_fars": [{"id": 1, "apply_action": ["FORW", "DUPL"],
	"duplicating_parameters": [{"destination_interface": "li-function", "network_instance": "access",
	"outer_header_creation": {"description": "gtpu-udp-ipv4", "teid": "0x77", "ipv4": "192.0.2.4"}}]}]}'
ok "ping while somebody listens" in_gnb ping -c 11 -i 0.02 -W 1 -I 10.45.0.7 198.51.100.2
heard() { grep -c '^00000077 84 10.45.0.7 198.51.100.2$' "$LAB_TMP/listener.log"; }
lab_wait 3 test "$(heard)" -ge 10 || :
# the first may have waited for the listener's MAC address
ok "a copy of each" test "$(heard)" -eq 11
ok "of nothing else" test "$(grep -vc '^00000077\|ready' "$LAB_TMP/listener.log")" -eq 0

# --- at their time ---
now=$(date +%s)
ok "a rule for later" modify "{\"seid\": 8, \"create_pdrs\": [{\"id\": 9, \"precedence\": 1, \"far_id\": 3,
	\"activation_time\": $((now + 3)), \"deactivation_time\": $((now + 6)), \"outer_header_removal\": \"gtpu-udp-ip\",
	\"pdi\": {\"source_interface\": \"access\", \"network_instance\": \"access\",
	\"f_teid\": {\"choose\": true, \"choose_id\": 1}}}]}"
ok "not yet" in_gnb ping -c 2 -i 0.1 -W 1 -I 10.45.0.8 198.51.100.2
while [ "$(date +%s)" -lt $((now + 4)) ]; do sleep 0.2; done
ok "now it drops" not in_gnb ping -c 2 -i 0.1 -W 1 -I 10.45.0.8 198.51.100.2
while [ "$(date +%s)" -lt $((now + 7)) ]; do sleep 0.2; done
ok "and no more" in_gnb ping -c 2 -i 0.1 -W 1 -I 10.45.0.8 198.51.100.2
passed
