# SPDX-License-Identifier: BSD-3-Clause
# coastd killed in traffic starts again at once; asked to end it ends soon; a second one of the
# same name is refused and does no harm to the first.
. "$(dirname "$0")/test.sh"

# A new gNB for the tunnels of a new coastd, and traffic that only the lab's end stops.
users() {
	lab_sessions 1 && lab_gnb 1 || return 1
	lab_spawn flood in_gnb ping -f -q -I 10.45.0.1 198.51.100.2
}

milliseconds() { date +%s%3N; }

ok "namespaces" lab_up
# and a vhost port: what a killed coastd leaves of its socket must not be in the way
conf_lab "/name: n6, dev/a\\  - {name: v, device: \"vhost:$LAB_TMP/v.vhost\"}"
lab_start || fail "coastd"
ok "users" users
ok "forwards" forwards

for round in 1 2; do
	kill -9 "$COASTD_PID"
	wait "$COASTD_PID" 2>/dev/null
	ok "the kill left the vhost socket" test -S "$LAB_TMP/v.vhost"
	ok "and the control socket" test -S "$SOCK"
	lab_start || fail "coastd does not start after a kill, round $round"
	ok "gNB ends" stop_gnb
	ok "users, put again" users
	ok "forwards after a kill, round $round" forwards
done

# the same name and ports, another control socket
real_sock=$SOCK
SOCK=$LAB_TMP/second.sock
ok "a second of this name does not start" starts_not
ok "and says why" said "(another instance named '$LAB'|in use by process $COASTD_PID|system.name)" refused
SOCK=$real_sock
ok "the first goes on" forwards
# another name, the same control socket
sed "s/name: $LAB\$/name: $LAB-b/; /^ports:/,\$d" "$LAB_TMP/coast.yaml" >"$LAB_TMP/b.yaml"
timeout 10 "$BUILD/coastd" -c "$LAB_TMP/b.yaml" -s "$SOCK" >"$LAB_TMP/refused.log" 2>&1
ok "a second on this socket does not start" test $? = 1
ok "and says why" said 'another coastd answers there' refused
ok "the socket is still the first's" ctl system show
ok "which forwards" forwards

began=$(milliseconds)
kill "$COASTD_PID"
wait "$COASTD_PID"
ok "SIGTERM ends it with 0" test $? = 0
took=$(($(milliseconds) - began))
ok "within two seconds, not $took ms" test $took -lt 2000
ok "the control socket is gone" not test -e "$SOCK"
ok "the vhost socket is gone" not test -e "$LAB_TMP/v.vhost"
ok "DPDK's files are gone" not test -e "/run/dpdk/$LAB"
passed
