# SPDX-License-Identifier: BSD-3-Clause
# DPDK's own tools on a running coastd: the telemetry socket always; dpdk-proc-info and dpdk-dumpcap,
# which map coastd's memory, where there are hugepages.
. "$(dirname "$0")/test.sh"
. "$SRC/tests/lab/pages.sh"

WANT_MB=400 # of hugepages

telemetry() { # COMMAND: the reply's JSON, by a client of our own
	/usr/bin/python3 -c '
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.settimeout(5)
s.connect(sys.argv[1])
limit = json.loads(s.recv(1024))["max_output_len"]
s.send(sys.argv[2].encode())
print(s.recv(limit).decode())' "/run/dpdk/$LAB/dpdk_telemetry.v2" "$1" | tee "$LAB_TMP/telemetry.log"
}
tells() { # JQ-FILTER COMMAND
	telemetry "$2" | jq -e "$1"
}
drops_agree() { # what both sides say of packets to an unknown tunnel
	ours=$(ctl --json drop show | jq '.items[] | select(.name == "upf.unknown_teid") | .packets')
	[ "$ours" -gt 0 ] && tells "[.[]][0][\"upf/unknown_teid\"] == $ours" /coast/drops
}
second() { in_upf timeout 30 "$@"; } # a second process, as an operator would start it
nic_packets() { # RX|TX PORT-NUMBER, as dpdk-proc-info has it
	sed -n "/statistics for port $2 /,/####\$/s/.*$1-packets: *\([0-9]*\) .*/\1/p" "$LAB_TMP/info.log" | head -n 1
}

ok "namespaces" lab_up
pages=off
if reserve $WANT_MB; then
	pages=on
fi
conf_lab '' "hugepages: $pages"
lab_start || fail "coastd"
ok "sessions" lab_sessions 1
ok "gNB" lab_gnb 1
ok "forwards" forwards
stop_gnb
ctl session delete 1
in_gnb /usr/bin/python3 - >/dev/null 2>&1 <<'PY'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(3):
    s.sendto(bytes.fromhex("30ff000412345678") + b"abcd", ("192.0.2.1", 2152))
PY
sleep 0.5

# ---- telemetry
ok "drops" drops_agree
ok "workers" tells '[.[]][0] == [0]' /coast/workers
ok "a worker" tells '[.[]][0] | .worker == 0 and .rx > 0 and .held == 0 and .cycles_per_second > 0' /coast/worker,0
ok "no such worker" tells '[.[]][0] == null' /coast/worker,99
ok "nodes" tells '[.[]][0] | .rx > 0 and .classify > 0' /coast/nodes
ok "a node" tells '[.[]][0] | .node == "classify" and .packets > 0' /coast/node,classify
ok "DPDK's own commands" tells '[.[]][0] == [0, 1]' /ethdev/list
ok "the list of commands" tells '.["/"] | index("/coast/drops") != null' /
if command -v dpdk-telemetry.py >/dev/null; then
	ok "dpdk-telemetry.py" sh -c "echo /coast/drops | dpdk-telemetry.py -f '$LAB' | grep -q unknown_teid"
else
	echo "skip: there is no dpdk-telemetry.py (package dpdk-dev)"
fi

# ---- a second process
command -v dpdk-proc-info >/dev/null && command -v dpdk-dumpcap >/dev/null || {
	echo "skip: there is no dpdk-proc-info or dpdk-dumpcap (package dpdk-dev)"
	passed
}
if [ $pages = off ]; then
	second dpdk-proc-info --file-prefix "$LAB" -- --stats >"$LAB_TMP/info.log" 2>&1
	ok "without hugepages dpdk-proc-info ends" test $? -ne 0
	ok "coastd goes on" ctl port show
	echo "skip: dpdk-proc-info and dpdk-dumpcap want $WANT_MB MB of hugepages, and memory is short"
	passed
fi
ok "sessions" lab_sessions 1
ok "gNB" lab_gnb 1
ok "dpdk-proc-info --stats" sh -c "ip netns exec '$NS_UPF' timeout 30 dpdk-proc-info --file-prefix '$LAB' -- --stats >'$LAB_TMP/info.log' 2>&1"
rx=$(ctl --json port show n3 | jq .state.rx_packets)
seen=$(nic_packets RX 0)
ok "it counts what coastd counts: $seen, $rx" test "$seen" -gt 0 -a "$((rx - seen))" -ge 0 -a "$((rx - seen))" -lt 20
ok "dpdk-proc-info --xstats" sh -c "ip netns exec '$NS_UPF' timeout 30 dpdk-proc-info --file-prefix '$LAB' -- --xstats 2>&1 | grep -q '^rx_good_packets: [1-9]'"
ok "dpdk-dumpcap -D" sh -c "ip netns exec '$NS_UPF' timeout 30 dpdk-dumpcap --file-prefix='$LAB' -D 2>&1 | grep -q '^0\. net_af_xdp0'"

lab_spawn dumpcap second dpdk-dumpcap --file-prefix="$LAB" -i net_af_xdp0 -a duration:6 -w "$LAB_TMP/n3.pcapng"
ok "dpdk-dumpcap starts" lab_wait 10 said 'File: ' dumpcap
sleep 1
ok "traffic goes on" in_gnb ping -c 20 -i 0.05 -W 1 -I 10.45.0.1 198.51.100.2
ok "dpdk-dumpcap ends" lab_wait 20 not kill -0 "$LAB_LAST"
count() { tshark -r "$LAB_TMP/n3.pcapng" -Y "gtp && $1" 2>/dev/null | wc -l; }
ok "it saw what came: 20 requests, not $(count icmp.type==8)" test "$(count icmp.type==8)" = 20
ok "and what went: 20 replies, not $(count icmp.type==0)" test "$(count icmp.type==0)" = 20
ok "forwards" forwards
ok "coastd ends in order" stop_coastd
passed
