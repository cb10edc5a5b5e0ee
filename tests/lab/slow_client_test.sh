# SPDX-License-Identifier: BSD-3-Clause
# Clients that ask for much and read nothing hold up nobody, cost bounded memory, and are cut off.
. "$(dirname "$0")/test.sh"

ip netns add "$NS_UPF"
conf_lab 's/af_xdp:n[36]/null/' 'hugepages: off'
lab_start || fail "coastd"
ok "sessions" lab_sessions 250
rss() { awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$COASTD_PID/status"; }
before=$(rss)

cat >"$LAB_TMP/clients.py" <<'PY'
import json, socket, sys, time

SLOW, FLOOD = 8, b"".join(json.dumps(c).encode() + b"\n" for c in [
    {"jsonrpc": "2.0", "id": 1, "method": "event.subscribe"},
    *[{"jsonrpc": "2.0", "id": i, "method": "session.list", "params": {"limit": 1000}}
      for i in range(500)]])

def connect():
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    return s

slow = []
for _ in range(SLOW):
    s = connect()
    s.setblocking(False)
    left = FLOOD
    try:
        while left:
            left = left[s.send(left):]
    except BlockingIOError:
        pass
    slow.append(s)

good, times = connect(), []
answers = good.makefile()
def call(method, params):
    began = time.monotonic()
    good.sendall(json.dumps({"jsonrpc": "2.0", "id": 9, "method": method, "params": params}).encode() + b"\n")
    reply = json.loads(answers.readline())
    assert "result" in reply, reply
    times.append(time.monotonic() - began)

began = time.monotonic()
while time.monotonic() < began + 4:
    call("port.put", {"name": "e", "device": "null"})  # an event for those who subscribed
    call("session.get", {"seid": 7})
    call("port.delete", {"name": "e"})
    time.sleep(0.01)
times.sort()
print(f"{len(times)} calls, middle {times[len(times) // 2] * 1e3:.1f} ms, worst {times[-1] * 1e3:.0f} ms", flush=True)
assert times[len(times) // 2] < 0.1 and times[-1] < 3, "the others are held up"
time.sleep(60)  # read nothing; the test ends this
PY
lab_spawn clients /usr/bin/python3 "$LAB_TMP/clients.py" "$SOCK"
ok "others have their answers" lab_wait 20 said '^[0-9]+ calls' clients
sleep 0.3
ok "in time" not said Assertion clients
grew=$(($(rss) - before))
ok "memory for them is bounded, not $grew MB" test $grew -lt 150
waits
cut_off() { test "$(grep -c 'does not read was cut off' "$LAB_TMP/coastd.log")" -ge 8; }
ok "they are cut off" lab_wait 45 cut_off
ok "coastd goes on" ctl --json session show 1
passed
