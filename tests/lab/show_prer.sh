# SPDX-License-Identifier: BSD-3-Clause
# `scripts/demo prer`: what fails on the paths, and what the controllers notice. Sourced by it;
# check() is there. The controllers never stop: each act is a phase of theirs (plc/plc.c).

. "$SRC/tests/lab/prer.sh"

figures() { # FLOW
	plc ".flows | map(select(.name == \"$1\")) | [(map(.sent) | add), (map(.lost) | add), (map(.duplicated) | add),
		(map(.reordered) | add), (map(.gap_ms) | max), (map(.delay_ms) | max)] | @tsv"
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

# A fault of one path costs nothing. What the other has under way may come after newer packets.
unharmed='.flows | all(.sent > 0 and .lost + .duplicated + .wrong == 0)'
in_order='.flows | all(.sent > 0 and .lost + .duplicated + .reordered + .wrong == 0)'

# From a good moment to a good moment, what is done to the paths in between.
act() { # DESCRIPTION JQ COMMAND...
	act_what=$1 act_right=$2
	shift 2
	plc_phase
	"$@"
	air lane all clear
	air lane all up
	sleep 0.3
	plc_phase
	saw "$act_what" "$act_right"
}

cut() { # LANE
	sleep 0.5
	air lane "$1" down
	sleep 1
	air lane "$1" up
	sleep 0.5
}

slower() {
	air lane 2 delay 20
	sleep 2
}

cut_the_faster() {
	air lane 2 delay 20
	sleep 0.5
	cut 1
}

flap() {
	for act_i in 1 2 3 4 5 6 7 8; do
		air lane 1 down
		sleep 0.1
		air lane 1 up
		sleep 0.1
	done
}

noisy() {
	air lane 1 loss 0.1 duplicate 0.1 2 reorder 0.1 3 jitter 2
	sleep 2
}

# So many losses of n are within three sigma of what the losses of the paths make likely.
likely() { # LOST N P
	awk "BEGIN { d = $1 - $2 * $3; exit !(d * d <= 9 * $2 * $3 * (1 - $3)) }"
}

joint() { air stats | jq "[.copies[].$1] | add"; }

# Both paths lose: what is left is what both lose, and nothing else.
both_lose() { # DESCRIPTION P COMMAND...
	lose_what=$1 lose_p=$2
	shift 2
	plc_phase
	n=$(joint packets) lost=$(joint lost_on_all)
	for lose_command; do
		air "$lose_command"
	done
	sleep 6
	n=$(($(joint packets) - n))
	air correlation 0 1 2
	air lane all clear
	sleep 0.3
	plc_phase
	lost=$(($(joint lost_on_all) - lost))
	likely $lost $n "$lose_p"
	lose_likely=$?
	saw "$lose_what" ".flows | (map(.lost) | add) == $lost and all(.duplicated + .wrong == 0)"
	check "  lost on both paths, of $n" "$(awk "BEGIN { printf \"%d: %.2f %%, computed %.2f %%\", \
		$lost, 100 * $lost / $n, 100 * $lose_p }")" $lose_likely
}

died() {
	plc_phase
	prer_kill a
	prer_start a
	sleep 0.3
	plc_phase
	saw "one coastd killed (kill -9) and started again" '.flows | all(.duplicated + .wrong == 0)'
	plc_phase
	sleep 2
	plc_phase
	saw "  from then on" "$in_order"
}

show_prer() {
	prer_plc || { cat "$LAB_TMP/plc.log" >&2; exit 1; }
	printf '%-48s %-9s %6s %6s %6s %6s %9s %9s\n' "== what the controllers saw" flow sent lost twice \
		order "gap ms" "delay ms"
	act "nothing fails" "$in_order" sleep 2
	act "path 1 cut for a second and restored" "$unharmed" cut 1
	act "path 2 cut for a second and restored" "$unharmed" cut 2
	act "path 1 goes and comes eight times" "$unharmed" flap
	act "path 2 is 20 ms slower" "$in_order" slower
	act "  and path 1, the faster, is cut and restored" "$unharmed" cut_the_faster
	act "path 1 loses, doubles, turns round 10 %" "$unharmed" noisy
	both_lose "both paths lose 10 %, independently" 0.01 "lane all loss 0.1"
	both_lose "both lose 10 %, with a correlation of 0.3" 0.037 "lane all loss 0.1" "correlation 0.3 1 2"
	died
	echo "== what coastd b says of the streams"
	side_ctl b stream show udp
	side_ctl b path show
	plc_stop
}
