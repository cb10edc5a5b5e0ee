# SPDX-License-Identifier: BSD-3-Clause
# Bad links (impair/impair.c) and a pair of controllers (plc/plc.c). Sourced after lib.sh.

PLC=$BUILD/tests/lab/plc
IMPAIR=$BUILD/tests/lab/impair

# Lanes in a namespace of their own, which the links lead to.
NS_AIR=$LAB-air
LAB_NAMESPACES="$LAB_NAMESPACES $NS_AIR"
in_air() { $lab_exec ip netns exec "$NS_AIR" "$@"; }

air_up() {
	ip netns add "$NS_AIR" && in_air sysctl -qw net.ipv6.conf.default.disable_ipv6=1
}

air_start() { # SEED --lane NAME=IF,IF ...
	air_seed=$1
	shift
	rm -f "$LAB_TMP/impair.log"
	lab_spawn impair in_air "$IMPAIR" --seed "$air_seed" --control "$LAB_TMP/impair.sock" "$@"
	IMPAIR_PID=$LAB_LAST
	lab_wait 5 grep -q ready "$LAB_TMP/impair.log"
}

air() { # COMMAND: `impair --help`
	"$IMPAIR" --tell "$LAB_TMP/impair.sock" "$*"
}

plc_start() { # OPTIONS...
	rm -f "$LAB_TMP/plc.log"
	lab_spawn plc "$PLC" "$@"
	PLC_PID=$LAB_LAST
	lab_wait 5 grep -q ready "$LAB_TMP/plc.log"
}

plc_phases() { grep -c '^{.*}$' "$LAB_TMP/plc.log"; }

plc_has_more() { [ "$(plc_phases)" -gt "$plc_n" ]; }

# The phase so far ends; it is told once what was sent in it had time to come.
plc_phase() {
	plc_n=$(plc_phases)
	kill -USR1 "$PLC_PID" && lab_wait 5 plc_has_more
}

plc_stop() {
	kill "$PLC_PID" && wait "$PLC_PID"
}

# Of the last phase that ended.
plc() { # JQ
	tail -n 1 "$LAB_TMP/plc.log" | jq -r "$1"
}
