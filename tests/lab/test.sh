# SPDX-License-Identifier: BSD-3-Clause
# What the end-to-end tests share beside the lab itself. A test is sourced by nobody: tests/lab/run
# starts it with COAST_BUILD set; it ends with 0, or with 77 when it cannot be done here.

SRC=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${COAST_BUILD:?names the build directory}
LAB=ctl$$
. "$SRC/tests/lab/lib.sh"
test_ok=""
trap 'test_end; lab_down; exit $test_rc' EXIT

test_end() {
	test_rc=$?
	trap '' INT TERM HUP PIPE
	# every test says at its end that it got there: one that breaks off early has failed
	[ -n "$test_ok" ] || [ $test_rc -ne 0 ] || test_rc=1
	case $test_rc in 0 | 77 | 130) return ;; esac
	for test_log in "$LAB_TMP"/*.log; do
		[ -f "$test_log" ] || continue
		echo "--- $(basename "$test_log")"
		tail -n 30 "$test_log" | cut -c -300
	done
}

passed() {
	test_ok=1
	exit 0
}

# From here on it is idle and what others do meanwhile is nothing to it: tests/lab/run begins them.
# A line of its own in the test.
waits() {
	echo waits
}

skip() { # REASON
	echo "skip: $*"
	exit 77
}

fail() { # WHAT
	echo "FAILED: $*"
	exit 1
}

# Each check is one line; the first that does not hold ends the test.
ok() { # WHAT COMMAND...
	test_what=$1
	shift
	"$@" >"$LAB_TMP/out" 2>&1 || fail "$test_what: $* -> $? $(cat "$LAB_TMP/out")"
}

not() { # COMMAND...: succeeds when it fails
	! "$@"
}

# A configuration of a small coastd: what stands on stdin behind the system block.
conf() { # [SYSTEM-MEMBERS...]
	{
		printf 'system:\n  name: %s\n  run_dir: %s\n  store: %s/store\n  workers: 1\n' \
			"$LAB" "$LAB_TMP" "$LAB_TMP"
		printf '  packet_buffers: 16383\n  max_sessions: 1000\n  max_addresses: 200000\n'
		for test_member; do
			printf '  %s\n' "$test_member"
		done
		cat
	} >"$LAB_TMP/coast.yaml"
}

# The lab's own objects, ports n3 and n6 on AF_XDP, changed by a sed script.
conf_lab() { # SED-SCRIPT [SYSTEM-MEMBERS...]
	test_sed=$1
	shift
	sed -e '1,/^network_instances/ { /^network_instances/!d }' -e "$test_sed" \
		"$SRC/tests/lab/coast.yaml" | conf "$@"
}

# coastd that must not start: it ends by itself, with an error, within ten seconds.
starts_not() { # [COMMAND-IN-FRONT...]
	in_upf timeout 10 "$@" "$BUILD/coastd" -c "$LAB_TMP/coast.yaml" -s "$SOCK" \
		>"$LAB_TMP/refused.log" 2>&1 </dev/null
	test_refused=$?
	[ $test_refused -ne 0 ] && [ $test_refused -lt 124 ]
}

said() { # REGEX [LOG]
	grep -Eq -- "$1" "$LAB_TMP/${2:-coastd}.log"
}

stop_coastd() {
	kill "$COASTD_PID"
	wait "$COASTD_PID"
}

stop_gnb() {
	kill "$GNB_PID"
	wait "$GNB_PID" 2>/dev/null
	lab_wait 3 not in_gnb ip link show ue0
}

# The DNN's user 10.45.0.1 reaches the data network and is reached.
forwards() {
	in_gnb ping -c 3 -i 0.1 -W 1 -I 10.45.0.1 198.51.100.2 &&
		in_gnb ping -c 3 -i 0.1 -W 1 -I 2001:db8:45::1 2001:db8:6::2
}

rpc() { # METHOD PARAMS: the reply, by a client that is not coastctl; behind $AS, as somebody else
	${AS:-} /usr/bin/python3 -c '
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
s.connect(sys.argv[1])
call = {"jsonrpc": "2.0", "id": 1, "method": sys.argv[2], "params": json.loads(sys.argv[3])}
s.sendall(json.dumps(call).encode() + b"\n")
print(s.makefile().readline(), end="")' "$SOCK" "$1" "$2"
}
