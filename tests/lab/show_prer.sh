# SPDX-License-Identifier: BSD-3-Clause
# `scripts/demo prer`: what fails on the paths, and what the controllers notice. Sourced by it;
# check() is there. The controllers never stop: each act is a phase of theirs (plc/plc.c).

. "$SRC/tests/lab/prer.sh"

figures() { # FLOW
	plc ".flows | map(select(.name == \"$1\")) | [(map(.sent) | add), (map(.lost) | add), (map(.duplicated) | add),
		(map(.reordered) | add), (map(.gap_ms) | max), (map(.sent_gap_ms) | max)] | @tsv"
}

row() { # FLOW
	# shellcheck disable=SC2046 # columns
	set -- "$1" $(figures "$1")
	printf '%-9s %6d %6d %6d %6d %9.1f %9.1f' "$1" "$2" "$3" "$4" "$5" "$6" "$7"
}

# What both flows saw of the phase that ended, and whether that is right.
saw() { # DESCRIPTION JQ
	saw_right=1
	[ "$(plc "$2")" = true ] && saw_right=0
	check "$1" "$(row udp)" $saw_right
	printf '  %-46s %s\n' "" "$(row profinet)"
}

show_act() { # DESCRIPTION JQ COMMAND...
	show_what=$1 show_right=$2
	shift 2
	act "$@"
	saw "$show_what" "$show_right"
}

cut_the_faster() {
	air lane 2 delay 20
	outage 1 1
}

# What is left is what both paths lose, and nothing else.
show_residual() { # DESCRIPTION SHARE COMMAND...
	show_what=$1 show_share=$2
	shift 2
	act both_lose 4 "$@"
	saw "$show_what" ".flows | (map(.lost) | add) == $lose_lost and all(.duplicated + .wrong == 0)"
	likely "$lose_lost" "$lose_n" "$show_share"
	check "  lost on both, of $lose_n" "$(awk "BEGIN { printf \"%d: %.2f %%, computed %.2f %%\", \
		$lose_lost, 100 * $lose_lost / $lose_n, 100 * $show_share }")" $?
	printf '  %-46s %s\n' "  correlation of losses" "$lose_told as coastd b measures it, $lose_rho as the lanes counted"
}

show_death() {
	plc_phase
	prer_kill a
	prer_start a
	sleep 0.5
	plc_phase
	saw "one coastd killed (kill -9) and started again" '.flows | all(.duplicated + .wrong == 0)'
	show_act "  from then on" "$in_order" sleep 1
	show_act "  and path 1 cut again" "$unharmed" outage 1 1
}

show_prer() {
	prer_plc || { cat "$LAB_TMP/plc.log" >&2; exit 1; }
	sleep 0.5
	echo "== two flows, UDP by d-CW and raw frames by R-TAG, each a packet a millisecond both ways"
	echo "  order: came after a newer one; gap: longest time without a packet; sender's: its longest pause"
	printf '%-48s %-9s %6s %6s %6s %6s %9s %9s\n' "== what the controllers saw" flow sent lost twice \
		order "gap ms" "sender's"
	show_act "nothing fails" "$in_order" sleep 2
	show_act "path 1 cut for a second and restored" "$unharmed" outage 1 1
	show_act "path 2 cut for a second and restored" "$unharmed" outage 2 1
	show_act "path 1 goes and comes eight times" "$unharmed" flap 1 8
	show_act "path 2 is 20 ms slower" "$in_order" impaired 2 1 delay 20
	show_act "  and path 1, the faster, is cut and restored" "$unharmed" cut_the_faster
	show_act "path 1 loses, doubles, turns round 10 %" "$unharmed" impaired 1 1 loss 0.1 duplicate 0.1 2 \
		reorder 0.1 3 jitter 2
	show_residual "both paths lose 10 %, independently" 0.01 "lane all loss 0.1"
	show_residual "both lose 10 %, with a correlation of 0.3" 0.037 "lane all loss 0.1; correlation 0.3 1 2"
	show_death
	echo "== what coastd b says of a stream and of the paths"
	side_ctl b stream show udp
	side_ctl b path show
	plc_stop
}
