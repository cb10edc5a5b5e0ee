# SPDX-License-Identifier: BSD-3-Clause
# Numbered packets both ways through the lab's coastd (stream/stream.c), and what
# coastd says it has counted of them. Sourced after lib.sh, which has the lab up.

# What a link without coastd forgets in a moment would look like coastd's loss.
stream_neighbours() {
	for stream_end in "$NS_GNB gnb 192.0.2.1 n3" "$NS_DN dn 198.51.100.1 n6"; do
		# shellcheck disable=SC2086 # four words
		set -- $stream_end
		stream_mac=$(in_upf cat "/sys/class/net/$4/address")
		ip -n "$1" neigh replace "$3" lladdr "$stream_mac" dev "$2" nud permanent || return 1
	done
}

# In the background, for the sessions of reply.json; its reports go to $LAB_TMP/stream.log.
stream_start() { # RATE [OPTIONS...]: packets a second each way
	stream_rate=$1
	shift
	"$SRC/tests/lab/sessions.py" --stream "$LAB_TMP/reply.json" >"$LAB_TMP/stream.sessions" || return 1
	lab_spawn stream "$BUILD/tests/lab/stream" --gnb-ns "$NS_GNB" --gnb 192.0.2.2 --upf 192.0.2.1 \
		--dn-ns "$NS_DN" --dn 198.51.100.2 --sessions "$LAB_TMP/stream.sessions" \
		--rate "$stream_rate" "$@"
	STREAM_PID=$LAB_LAST
	lab_wait 5 grep -q ready "$LAB_TMP/stream.log"
}

stream_reports() { grep -c '^{.*}$' "$LAB_TMP/stream.log"; }

stream_has_more() { [ "$(stream_reports)" -gt "$stream_n" ]; }

# What was sent and what came so far.
stream_look() {
	stream_n=$(stream_reports)
	kill -USR1 "$STREAM_PID"
	lab_wait 10 stream_has_more
}

stream_stop() {
	kill "$STREAM_PID" && wait "$STREAM_PID"
}

# Of the last report.
stream() { # JQ
	tail -n 1 "$LAB_TMP/stream.log" | jq -r "$1"
}
