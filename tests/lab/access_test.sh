# SPDX-License-Identifier: BSD-3-Clause
# The rights on the control socket are the connecting process's: others look, the group changes.
. "$(dirname "$0")/test.sh"

getent group games >/dev/null || skip "there is no group 'games' to stand for coast's"
setpriv --reuid nobody --clear-groups true 2>/dev/null || skip "setpriv cannot become nobody"

other() { setpriv --reuid nobody --regid nogroup --clear-groups "$@"; }
member() { setpriv --reuid nobody --regid nogroup --groups games "$@"; }
primary() { setpriv --reuid nobody --regid games --clear-groups "$@"; }

cp "$BUILD/coastctl" "$LAB_TMP/" # the build may lie where nobody may go
coastctl="$LAB_TMP/coastctl -s $SOCK"
chmod 711 "$LAB_TMP"
ip netns add "$NS_UPF"
conf 'hugepages: off' <<'YAML'
network_instances: [{name: access}]
YAML
lab_start -g games || fail "coastd"

refused() { # COMMAND...: with the reason
	out=$("$@" 2>&1) && return 1
	echo "$out" | grep -q 'may only read: changes need'
}

ok "anybody may list" other $coastctl network_instance show
ok "anybody may get" other $coastctl --json network_instance show access
ok "anybody may see drops" other $coastctl drop show --all
ok "others may not put" refused other $coastctl network_instance put name=x1
ok "others may not delete" refused other $coastctl network_instance delete access
ok "others may not modify" refused other $coastctl port modify name=x mtu=1400
ok "nothing came of it" test "$(ctl --json network_instance show | jq '.items // . | length')" = 1
AS="setpriv --reuid nobody --regid nogroup --clear-groups"
rpc network_instance.put '{"name": "x"}' >"$LAB_TMP/reply"
AS=""
ok "as EACCES, with a reason" jq -e '.error.code == 13 and (.error.data.reason | length > 0)' "$LAB_TMP/reply"
ok "a member of the group may put" member $coastctl network_instance put name=x2
ok "and one whose first group it is" primary $coastctl network_instance put name=x3
ok "and delete" member $coastctl network_instance delete x3
ok "root may" ctl network_instance put name=x4
ok "what was put is there" test "$(ctl --json network_instance show | jq -r '[.items // . | .[].name] | sort | join(" ")')" = "access x2 x4"

ok "coastd ends" stop_coastd
conf 'hugepages: off' </dev/null
lab_start -g nosuchgroup || fail "coastd with a group that does not exist"
ok "it says that the group is not there" said 'group nosuchgroup does not exist'
ok "then nobody else may" refused member $coastctl network_instance put name=x5
passed
