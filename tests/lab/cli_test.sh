# SPDX-License-Identifier: BSD-3-Clause
# coastctl against a running coastd: every class, JSON, watching, width, completion, man pages.
. "$(dirname "$0")/test.sh"

ip netns add "$NS_UPF"
conf 'hugepages: off' </dev/null
lab_start || fail "coastd"

json() { # JQ-FILTER COMMAND...: --json output that the filter finds true
	filter=$1
	shift
	ctl --json "$@" >"$LAB_TMP/json" && jq -e "$filter" "$LAB_TMP/json"
}

refused() { # STATUS REGEX COMMAND...: exit status, the reason on stderr, nothing on stdout
	status=$1 want=$2
	shift 2
	ctl "$@" >"$LAB_TMP/stdout" 2>"$LAB_TMP/stderr"
	[ $? -eq "$status" ] && [ ! -s "$LAB_TMP/stdout" ] && grep -E "$want" "$LAB_TMP/stderr" && return
	cat "$LAB_TMP/stderr"
	return 1
}

# ---- make, see, change
ok "put network_instance" ctl network_instance put name=access
ok "several at once" ctl network_instance put '[{"name": "internet"}, {"name": "spare"}]'
ok "put port" ctl port put name=p device=null mtu=1600
ok "put interface, lists by commas" ctl interface put name=i port=p network_instance=access \
	addresses=192.0.2.1/24,2001:db8:3::1/64 gtpu=true
ok "put interface on a VLAN" ctl interface put name=j port=p vlan=42 network_instance=internet addresses=198.51.100.1/24
ok "put route, fields in fields" ctl route put network_instance=internet prefix=0.0.0.0/0 'via[0].gateway=198.51.100.2'
ok "put neighbour" ctl neighbour put interface=j address=198.51.100.2 mac=02:00:00:00:06:02
ok "put pool" ctl pool put name=v4 network_instance=internet prefix=10.45.0.0/24
ok "put session" ctl session put '{"seid": 7, "pdrs": [{"id": 1, "precedence": 9, "far_id": 1, "pdi":
	{"source_interface": "core", "network_instance": "internet", "ue_ip_address": [{"ipv4": "10.45.0.7"}]}}],
	"fars": [{"id": 1, "apply_action": ["DROP"]}]}'
ok "network instances" json '[.items[].name] | sort == ["access", "internet", "spare"]' network_instance show
ok "port with state" json '.mtu == 1600 and .state.up == true' port show p
ok "interface" json '.addresses == ["192.0.2.1/24", "2001:db8:3::1/64"] and .gtpu' interface show i
ok "route" json '[.items[] | select(.prefix == "0.0.0.0/0") | .via[0].gateway] == ["198.51.100.2"]' route show
ok "neighbour" json '.items[0].state == "static"' neighbour show
ok "pool counts" json '.items[0] | .addresses == 256 and .used == 1' pool show
ok "session" json '.ue_ipv4 == "10.45.0.7" and .pdrs[0].packets == 0' session show 7
ok "session, in words" sh -c "'$BUILD/coastctl' -s '$SOCK' session show 7 | grep -A1 '^PDR 1 ' | grep -q 'matched *0 packets'"
ok "modify port" ctl port modify name=p mtu=1500
ok "it took" json '.mtu == 1500' port show p
ok "modify interface" ctl interface modify name=i gtpu=false
ok "it took, the rest stayed" json '.gtpu == false and (.addresses | length) == 2' interface show i
ok "modify session" ctl session modify '{"seid": 7, "create_fars": [{"id": 2, "apply_action": ["DROP"]}]}'
ok "it took" json '[.fars[].id] == [1, 2]' session show 7
ok "a file in YAML" sh -c "printf -- '- {name: y1}\n- {name: y2}\n' | '$BUILD/coastctl' -s '$SOCK' network_instance put @-"

# ---- top
ok "top, JSON" json '(.ports | map(.name)) == ["p"] and (.workers | map(.name)) == ["0", "slow"] and (.sessions | type) == "array"' \
	top interval=0.3
ok "top, plain" sh -c "'$BUILD/coastctl' -s '$SOCK' top interval=0.3 | grep -Eq '^slow +-'"

# ---- refused: the reason, and no trace
ok "wrong value" refused 2 'mtu.*68' port modify name=p mtu=5
ok "no such field, a better one" refused 2 'did you mean.*device' port put name=q devic=null
ok "a reference to nothing" refused 1 'nowhere' interface put name=k port=nowhere network_instance=access
ok "and where to look" grep -q "'coastctl port show'" "$LAB_TMP/stderr"
ok "in use" refused 1 'p|interface' port delete p
ok "one of a list: all or nothing" refused 1 '\[1\]' network_instance put '[{"name": "z"}, {"nam": "z2"}]'
ok "no trace of it" json '[.items[].name] | index("z") == null' network_instance show
ctl nonsense show >/dev/null 2>&1
ok "wrong usage is 2" test $? = 2
"$BUILD/coastctl" -s "$LAB_TMP/none.sock" port show >"$LAB_TMP/stdout" 2>"$LAB_TMP/stderr"
ok "no coastd is 1" test $? = 1
ok "and says where it looked" grep -q none.sock "$LAB_TMP/stderr"

# ---- the rest of what there is to see
for show in drop worker node config event; do
	ok "$show show" ctl $show show
	ok "$show show, JSON" json 'type == "object" or type == "array"' $show show
done
ok "system info" json '.workers == 1' system info
COLUMNS=60 "$BUILD/coastctl" -s "$SOCK" port show >"$LAB_TMP/narrow" 2>/dev/null
ok "60 columns hold the table" awk '{ n++; if (length > 60) bad = 1 } END { exit bad || n < 3 }' "$LAB_TMP/narrow"
ok "what is left out is told" sh -c "sed -n '/^(not shown/,\$p' '$LAB_TMP/narrow' | grep -q 'driver)'"
timeout 1.2 "$BUILD/coastctl" -s "$SOCK" --watch=0.3 port show >"$LAB_TMP/watch"
ok "--watch shows again and again" test "$(grep -c '^p ' "$LAB_TMP/watch")" -ge 3

# ---- completion, by bash as a user has it
complete() { # LINE: what it offers
	bash -c '. "$1"; compopt() { :; }; _init_completion() { words=("${line[@]}"); cword=$((${#line[@]} - 1))
		cur=${line[cword]} prev=${line[cword - 1]}; }; __ltrim_colon_completions() { :; }
		PATH="$2:$PATH"; shift 2; line=("$@"); _coastctl; printf "%s\n" "${COMPREPLY[@]}"' \
		bash "$SRC/packaging/completion/coastctl" "$BUILD" "$@"
}
offers() { # WORD LINE...
	want=$1
	shift
	complete coastctl -s "$SOCK" "$@" >"$LAB_TMP/offers" && grep -Fxq -- "$want" "$LAB_TMP/offers"
}
ok "completes objects" offers session s
ok "those of a running coastd" offers worker ''
ok "completes verbs" offers modify port ''
ok "completes keys that there are" offers p port show ''
ok "completes fields" offers device= port put de
ok "completes values" offers true interface put gtpu=

# ---- man pages
for page in "$SRC"/docs/man/*.[1-8] "$BUILD"/docs/*.5; do
	ok "$(basename "$page") renders" sh -c "groff -man -Tutf8 -ww -z '$page' 2>&1 | { ! grep .; }"
done

# ---- take away, in reverse
ok "delete session" ctl session delete 7
ok "delete pool" ctl pool delete v4
ok "delete neighbour" ctl neighbour delete interface=j address=198.51.100.2
ok "delete route" ctl route delete network_instance=internet prefix=0.0.0.0/0
ok "delete interfaces, a list of keys" ctl interface delete '["i", "j"]'
ok "delete port" ctl port delete p
ok "delete network instances" ctl network_instance delete '[{"name": "access"}, {"name": "internet"}, {"name": "spare"}, {"name": "y1"}, {"name": "y2"}]'
ok "nothing is left" json '[.[] | select(type == "array") | length] | add // 0 == 0' config show
passed
