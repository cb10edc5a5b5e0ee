# SPDX-License-Identifier: BSD-3-Clause
# Adaptive polling: an idle coastd rests, one told to poll does not, and both say how busy they are.
# Its signs of life to systemd are few.
. "$(dirname "$0")/test.sh"

schedstat() { cat "/proc/$COASTD_PID"/task/*/schedstat; } # lines: ns running, ns waiting, runs

# Percent of one CPU that all threads together take for a second: the least of three times, since
# interrupts of others' traffic are put to whoever runs.
takes() {
	for _ in 1 2 3; do
		schedstat >"$LAB_TMP/before"
		sleep 1
		schedstat | paste -d ' ' "$LAB_TMP/before" -
	done | awk -v threads="$(schedstat | wc -l)" '{ t += $4 - $1 }
		NR % threads == 0 { if (min == "" || t < min) min = t; t = 0 }
		END { print int(min / 1e7) }'
}

# Percent of a second that the busiest thread runs, or waits for a CPU that others have.
wants() {
	schedstat >"$LAB_TMP/before"
	sleep 1
	schedstat | paste -d ' ' "$LAB_TMP/before" - \
		| awk '{ t = $4 + $5 - $1 - $2; if (t > max) max = t } END { print int(max / 1e7) }'
}

busy_share() {
	ctl --json worker show | jq '[.items[] | .busy_percent // empty] | max // -1 | floor'
}

ok "namespaces" lab_up
export NOTIFY_SOCKET="$LAB_TMP/notify" WATCHDOG_USEC=3000000
lab_spawn notified python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
	print(s.recv(4096).decode(), flush=True)' "$NOTIFY_SOCKET"
ok "somebody in place of systemd" lab_wait 5 test -S "$NOTIFY_SOCKET"
conf_lab '' 'hugepages: off' 'poll: adaptive'
lab_start || fail "coastd"
ok "answers" lab_wait 5 in_gnb ping -c 1 -W 1 192.0.2.1
sleep 1
used=$(takes)
# 200 us is its longest rest: what 5000 wake-ups a second cost hangs on the machine
ok "an idle coastd takes less than 20 % of a CPU, not $used" test "$used" -lt 20
share=$(busy_share)
ok "and calls itself idle, not $share % busy" test "$share" -ge 0 -a "$share" -lt 20
in_gnb ping -c 10 -i 0.2 -W 1 192.0.2.1 >"$LAB_TMP/ping.log"
ok "it answers from its rest within 20 ms" awk -F/ '/^rtt/ { ms = $5 } END { exit !(ms > 0 && ms < 20) }' "$LAB_TMP/ping.log"
signs=$(grep -c WATCHDOG=1 "$LAB_TMP/notified.log")
sleep 5
signs=$(($(grep -c WATCHDOG=1 "$LAB_TMP/notified.log") - signs))
ok "in 5 s it shows life thrice in each 3 s that systemd waits: $signs times" test "$signs" -ge 3 -a "$signs" -le 6
lab_spawn flood in_gnb ping -f -q 192.0.2.1
ok "traffic shows in the busy share" lab_wait 4 sh -c "'$BUILD/coastctl' -s '$SOCK' --json worker show \
	| jq -e '[.items[] | .busy_percent // empty] | max >= 1'"
kill "$LAB_LAST"
ok "coastd ends" stop_coastd
unset NOTIFY_SOCKET WATCHDOG_USEC

conf_lab '' 'hugepages: off' 'poll: busy'
lab_start || fail "coastd, poll: busy"
sleep 1
used=$(wants)
ok "one that polls takes a CPU, not $used %" test "$used" -ge 90
share=$(busy_share)
ok "its busy share counts packets, not polls: $share %" test "$share" -ge 0 -a "$share" -lt 20
passed
