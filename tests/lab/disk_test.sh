# SPDX-License-Identifier: BSD-3-Clause
# A disk that is full, and a second coastd on the same store: calls are refused and say why, nothing
# that was confirmed is lost, packets go on all the while.
. "$(dirname "$0")/test.sh"

trap 'test_end; umount -l "$LAB_TMP/disk" 2>/dev/null; lab_down; exit $test_rc' EXIT

# 100 sessions put again and again, each round all in one call, with a name that tells the round:
# until one is refused or there were so many. Prints the last round that was confirmed, and why.
rounds() { # FROM TO
	/usr/bin/python3 - "$SOCK" "$SRC/tests/lab" "$1" "$2" <<'PY'
import json, socket, sys
sys.path.insert(0, sys.argv[2])
from sessions import session
s = socket.socket(socket.AF_UNIX)
s.settimeout(20)
s.connect(sys.argv[1])
f = s.makefile()
first, last = int(sys.argv[3]), int(sys.argv[4])
objects = [session(i, 4) for i in range(10, 110)]
for i in range(first, last + 1):
    for o in objects:
        o["user_id"] = {"nai": f"round-{i}-" + "x" * 200}
    s.sendall(json.dumps({"jsonrpc": "2.0", "id": i, "method": "session.put",
                          "params": objects}).encode() + b"\n")
    reply = json.loads(f.readline())
    if "error" in reply:
        print(i - 1, reply["error"]["data"]["errno"], reply["error"]["data"]["reason"])
        break
else:
    print(last, "all")
PY
}

confirmed() { # ROUND: all of it is there, and nothing of a later one
	test "$(rpc session.list '{"limit": 1000}' |
		jq "[.result.items[] | select(.user_id.nai // \"\" | startswith(\"round-$1-\"))] | length")" = 100
}

start_anew() { # DISK: rw or ro
	kill -9 "$COASTD_PID"
	wait "$COASTD_PID" 2>/dev/null
	mount -o "remount,$1" "$LAB_TMP/disk" || fail "the disk cannot be made $1"
	lab_start || fail "coastd does not start again"
}

# What is left of the disk, but for some bytes, is somebody else's.
fill_disk() {
	dd if=/dev/zero of="$LAB_TMP/disk/other" bs=4096 2>/dev/null
	test "$(stat -f -c %a "$LAB_TMP/disk")" -lt 3
}

ok "namespaces" lab_up
mkdir "$LAB_TMP/disk"
ok "a small disk" mount -t tmpfs -o size=24m none "$LAB_TMP/disk"
conf_lab ""
sed -i "s#store: .*#store: $LAB_TMP/disk/store#" "$LAB_TMP/coast.yaml"
lab_start || fail "coastd"
ok "a user" lab_sessions 1
ok "its gNB" lab_gnb 1
ok "forwards" forwards

ok "confirmed with room" test "$(rounds 1 3)" = "3 all"
ok "somebody fills the disk" fill_disk
rounds 4 3000 >"$LAB_TMP/rounds"
read -r last errno reason <"$LAB_TMP/rounds"
echo "disk full after round $last: $errno $reason"
ok "a call is refused for it" test "$errno" = ENOSPC
ok "what was confirmed is there, and no more" confirmed "$last"
ok "forwards with a full disk" forwards
start_anew ro
ok "starts on a read-only disk and has it" confirmed "$last"
ok "forwards" forwards
start_anew rw
ok "starts on a full disk and has it" confirmed "$last"
ok "forwards" forwards

rm "$LAB_TMP/disk/other"
last=$((last + 20))
ok "with room again it takes more" lab_wait 5 sh -c 'test "$1" = "$2 all"' sh \
	"$(rounds $((last - 19)) $last)" $last
ok "and has it" confirmed $last

start_anew rw
ok "it is there after a kill" confirmed $last
ok "and the user goes on without a new call" forwards

# another coastd, which finds the same store under its own name
ln -s "$LAB" "$LAB_TMP/disk/store/$LAB-b"
sed "s/name: $LAB\$/name: $LAB-b/; /^ports:/,\$d" "$LAB_TMP/coast.yaml" >"$LAB_TMP/b.yaml"
timeout 10 "$BUILD/coastd" -c "$LAB_TMP/b.yaml" -s "$LAB_TMP/b.sock" >"$LAB_TMP/refused.log" 2>&1
ok "a second one does not start" test $? = 1
ok "and names the first" said "process $COASTD_PID" refused
ok "which goes on" forwards
passed
