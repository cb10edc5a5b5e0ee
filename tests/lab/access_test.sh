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
	echo "$out" | grep -qi 'permission denied\|may not\|only look\|not allowed'
}

ok "anybody may list" other $coastctl network_instance show
ok "anybody may get" other $coastctl --json network_instance show access
ok "anybody may see drops" other $coastctl drop show --all
ok "others may not put" refused other $coastctl network_instance put name=x1
ok "others may not delete" refused other $coastctl network_instance delete access
ok "others may not modify" refused other $coastctl port modify name=x mtu=1400
ok "nothing came of it" test "$(ctl --json network_instance show | jq '.items // . | length')" = 1
code=$(other python3 -c '
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"network_instance.put\",\"params\":{\"name\":\"x\"}}\n")
e = json.loads(s.makefile().readline())["error"]
print(e["code"], e["data"]["errno"], bool(e["data"]["reason"]))' "$SOCK")
ok "as EACCES, with a reason" test "$code" = "13 13 True" -o "$code" = "13 EACCES True"
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
