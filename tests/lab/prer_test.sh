# SPDX-License-Identifier: BSD-3-Clause
# Two paths between two controllers: a fault of one costs nothing, faults of both what both lose,
# and a stream in a storm harms no other.
. "$(dirname "$0")/test.sh"
. "$SRC/tests/lab/prer.sh"

MANY=1000 # healthy streams

# Of the phase that ended, and what of it would not do.
is() { # JQ
	[ "$(plc "$1")" = true ] || { plc '.flows[] | tostring'; return 1; }
}

costs_nothing() { # COMMAND...
	act "$@" && is "$unharmed"
}

in_all() { # SIDE STREAM JQ: over its state
	side_ctl "$1" --json stream show "$2" | jq -e "if type == \"array\" then .[0] else . end | .state | $3"
}

# Every number that came was passed, discarded or rogue, whatever it was.
adds_up() {
	for test_side in $SIDES; do
		for test_stream in profinet udp; do
			in_all "$test_side" $test_stream \
				'(.paths | map(.seen) | add) == .passed + .discarded + .rogue' >/dev/null ||
				{ in_all "$test_side" $test_stream .; return 1; }
		done
	done
}

residual() { # SHARE COMMAND...
	residual_share=$1
	shift
	act both_lose 3 "$@"
	echo "lost on both paths: $lose_lost of $lose_n, $residual_share expected" | tee -a "$LAB_TMP/figures"
	is ".flows | (map(.lost) | add) == $lose_lost and all(.duplicated + .wrong == 0)" &&
		likely "$lose_lost" "$lose_n" "$residual_share"
}

# ---- faults of one path
ok "namespaces" prer_up
ok "two coastd" prer_coastd 'hugepages: off'
ok "paths and streams" prer_objects
ok "controllers" prer_plc
sleep 0.3
ok "nothing fails" costs_nothing sleep 0.3
ok "path 1 cut" costs_nothing outage 1 0.4
ok "path 2 cut" costs_nothing outage 2 0.4
ok "path 1 slower" costs_nothing impaired 1 0.5 delay 20
ok "path 2 slower" costs_nothing impaired 2 0.5 delay 20
ok "path 1 comes and goes" costs_nothing flap 1 3
ok "path 1 doubles" costs_nothing impaired 1 0.5 duplicate 0.3 3
ok "path 2 turns round" costs_nothing impaired 2 0.5 reorder 0.2 4 jitter 2
ok "path 1 loses in bursts" costs_nothing impaired 1 0.5 burst 0.2 10
ok "what came was counted" adds_up

# ---- faults of both
ok "independent losses" residual 0.01 "lane all loss 0.1"
ok "correlated losses" residual 0.037 "lane all loss 0.1; correlation 0.3 1 2"
ok "controllers end" plc_stop

# ---- one end dies
restarted() {
	prer_kill a && prer_start a
}
ok "controllers" prer_plc
sleep 0.3
ok "killed and started again" restarted
sleep 0.3
ok "in its time" plc_phase
ok "nothing came twice" is '.flows | all(.duplicated + .wrong == 0)'
echo "coastd killed: $(plc '.flows | "\(map(.lost) | add) lost, \(map(.gap_ms) | max) ms without a packet"')" \
	>>"$LAB_TMP/figures"
ok "nothing is lost from then on" costs_nothing outage 1 0.2

# ---- forged frames
# As they look on a path to b: to the stream of these addresses, in the path's VLAN.
member() { # FLOW NUMBER
	printf '020b%02x000000020a%02x000000810000%02xf1c10000%04x8892%092d' "$1" "$1" 101 "$2" 0
}
counter() { # COUNTER: of b's profinet
	in_all b profinet ".$1"
}
forged() { # COUNTER HEX
	forged_before=$(counter "$1")
	in_air "$SRC/tests/lab/flood.py" b1 "$2" 5 20
	sleep 0.1
	[ $(($(counter "$1") - forged_before)) -eq 20 ] || { in_all b profinet .; return 1; }
}
far() { # a number that is outside b's window
	in_all a profinet '(.next_sequence + 30000) % 65536'
}
untagged_member() {
	printf '020b01000000020a01000000810000658892%092d' 0
}
plc_phase
ok "numbers outside the window" forged rogue "$(member 1 "$(far)")"
ok "members without a number" forged tagless "$(untagged_member)"
ok "cost nothing" costs_nothing sleep 0.2
ok "what came was counted" adds_up
ok "controllers end" plc_stop

# ---- a storm beside many
prer_storm() { # b's stream of flow 3, to which nobody sends but the storm
	side_ctl b stream put '{"name": "storm", "paths": ["frames-1", "frames-2"], "receive": {"port": "plc",
		"vlan": 10, "identification": {"type": "null", "mac": "02:0b:03:00:00:00", "tagged": "tagged"}}}'
}
storm() {
	plc_phase
	in_air "$SRC/tests/lab/flood.py" b1 "$(member 3 7)" 1 >"$LAB_TMP/storm"
	plc_phase
}
ok "many streams to send" prer_many a $MANY
ok "many streams to receive" prer_many b $MANY
ok "a stream for the storm" prer_storm
ok "controllers" prer_plc --flow "eth,name=many,count=$MANY,cycle=200000,vlan=10,size=46,from=a"
ok "all is well" costs_nothing sleep 0.3
ok "a storm of copies" storm
ok "  harms nobody" is "$unharmed"
ok "  one was passed" in_all b storm '.passed <= 2 and .discarded > 10000'
echo "storm: $(cat "$LAB_TMP/storm") on path 1, $(in_all b storm .discarded) discarded," \
	"$(plc '.flows | "\(map(.sent) | add) packets of \(map(.streams) | add) streams: \(map(.lost) | add) lost"')" \
	>>"$LAB_TMP/figures"
ok "controllers end" plc_stop

cat "$LAB_TMP/figures"
passed
