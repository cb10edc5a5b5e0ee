# SPDX-License-Identifier: BSD-3-Clause
# The lab's bad links and controllers by themselves: what the one says it has done to packets is
# what the other sees of them.
. "$(dirname "$0")/test.sh"
. "$SRC/tests/lab/impair.sh"

NS_A=$LAB-a NS_B=$LAB-b
LAB_NAMESPACES="$NS_A $NS_B $NS_AIR"

up() {
	air_up && ip netns add "$NS_A" && ip netns add "$NS_B" &&
		lab_link "$NS_A" plc la 1600 "$NS_AIR" && lab_link "$NS_B" plc lb 1600 "$NS_AIR" &&
		ip -n "$NS_A" addr add 192.168.7.1/24 dev plc && ip -n "$NS_B" addr add 192.168.7.2/24 dev plc
}

controllers() {
	plc_start --a "$NS_A/plc" --b "$NS_B/plc" --flow udp,a=192.168.7.1,b=192.168.7.2 \
		--flow eth,type=0x8892,vlan=10,pcp=6,size=46 --flow eth,vlan=0,size=1480,cycle=2000,from=a "$@"
}

is() { # JQ: of the phase that ended
	[ "$(plc "$1")" = true ] || { plc .; return 1; }
}

# From now on, so that what was before does not count.
phase() { # SECONDS JQ
	plc_phase && sleep "$1" && plc_phase && is "$2"
}

counts() { # JQ: of the lane
	air stats | jq -e "$1" || { air stats; return 1; }
}

refused() { # REASON COMMAND...
	refused_why=$1
	shift
	! air "$@" 2>"$LAB_TMP/refused" && grep -q "$refused_why" "$LAB_TMP/refused"
}

unharmed='.flows | all(.sent > 100 and .lost + .duplicated + .reordered + .wrong + .hurt == 0)'

ok "namespaces" up
ok "a lane" air_start 1 --lane a=la,lb
ok "controllers" controllers
ok "a good lane does nothing" phase 0.3 "$unharmed"
air lane a loss 0.2
ok "losses" phase 1 '.flows | all(.duplicated + .reordered + .wrong == 0)'
ok "  within 3 sigma" is '(.flows | map(.sent) | add) as $n |
	((.flows | map(.lost) | add) - $n * 0.2 | fabs) <= 3 * ($n * 0.16 | sqrt)'
air lane a clear delay 20
ok "delay" phase 0.3 '.flows | all(.lost == 0 and .delay_ms >= 20 and .delay_ms < 30)'
air lane a clear duplicate 0.5 3
ok "duplicates" phase 0.3 '.flows | all(.duplicated > .sent and .duplicated < 2 * .sent and .lost == 0)'
air lane a clear reorder 0.1 8
ok "reordering" phase 0.3 '.flows | all(.reordered > .sent * 0.03 and .duplicated + .lost == 0)'
air lane a clear
plc_phase
before=$(air stats | jq '.lanes.a.there.lost')
air lane a there down
sleep 0.2
air lane a there up
plc_phase
after=$(air stats | jq '.lanes.a.there.lost')
ok "an outage one way" is '.flows | all(if .from == "a" then .longest_loss == .lost and .gap_ms > 190
	else .lost == 0 end)'
ok "  as many as were counted" test $((after - before)) = "$(plc '.flows | map(.lost) | add')"
ok "nothing is lost unseen" counts '.overruns == 0 and .lanes.a.back.cut == 0 and .lanes.a.there.cut > 200'
ok "no such lane" refused "no lane b" lane b down
ok "no such word" refused "'lose'" lane a lose 1
ok "no such share" refused "0 to 1" lane a loss 2
ok "end" plc_stop
passed
