# SPDX-License-Identifier: BSD-3-Clause
# `coastctl capture`: what tshark finds in the file is what went over the wire.
. "$(dirname "$0")/test.sh"

command -v tshark >/dev/null || skip "tshark is not installed"
command -v tcpdump >/dev/null || skip "tcpdump is not installed"

ok "namespaces" lab_up
conf_lab ''
lab_start || fail "coastd"
ok "session" lab_sessions 2
lab_gnb 2 || fail "gNB"
ok "traffic flows" forwards
FILE=$LAB_TMP/capture.pcapng

count() { # FILTER [FILE]: packets that match, says tshark
	tshark -r "${2:-$FILE}" -Y "$1" 2>/dev/null | wc -l
}

info() { # JQ-EXPRESSION
	ctl --json capture show | jq -e "$1"
}

spoofed() { # COUNT: user packets with a source that is not the session's
	in_gnb /usr/bin/python3 "$SRC/tests/lab/gtpu_send.py" 192.0.2.1 "$teid" 10.45.0.99 "$1"
}
teid=$(jq -r '.[0].created_pdrs[] | select(.id == 1) | .f_teid.teid' "$LAB_TMP/reply.json")

# --- a port: as many as tcpdump sees on the other end of its wire
lab_spawn tcpdump in_gnb tcpdump -i gnb --immediate-mode -U -w "$LAB_TMP/gnb.pcap"
TCPDUMP=$LAB_LAST
ok "tcpdump" lab_wait 5 said 'listening on' tcpdump
ok "start" ctl capture start port=n3 file="$FILE"
ok "runs" info '.state == "running" and .port == "n3"'
ok "a second one is refused" not ctl capture start port=n6 file="$FILE.2"
ok "and makes no file" not test -e "$FILE.2"
ok "100 there and back" in_gnb ping -q -c 100 -i 0.002 -W 1 -I 10.45.0.1 198.51.100.2
ok "IPv6 too" in_gnb ping -q -c 20 -i 0.01 -W 1 -I 2001:db8:45::1 2001:db8:6::2
ok "seven with another's address" spoofed 7
sleep 0.5
ok "stop" ctl capture stop
kill $TCPDUMP
wait $TCPDUMP
ok "it has ended" info '.state == "ended" and .lost == 0'
ok "tshark reads it all" sh -c "! tshark -r '$FILE' 2>&1 >/dev/null | grep -i -e error -e 'cut short' -e damaged"
ok "as many packets as coast says" info ".packets == $(count frame)"

for what in icmp icmpv6.type==128 icmpv6.type==129 gtp 'icmp.type==8' 'icmp.type==0'; do
	# those of the wire; a dropped packet stands in the file a second time, with a comment
	ours=$(count "$what && !frame.comment")
	wire=$(count "$what" "$LAB_TMP/gnb.pcap")
	ok "$what: $ours in the file, $wire on the wire" test "$ours" = "$wire" -a "$wire" -gt 0
done
ok "in as on the wire" test "$(count 'icmp.type==8 && ip.src==10.45.0.1 && frame.packet_flags_direction==1')" = 100
ok "out as on the wire" test "$(count 'icmp.type==0 && ip.dst==10.45.0.1 && frame.packet_flags_direction==2')" = 100
ok "dropped ones by name" test "$(count 'frame.comment == "upf.spoofed"')" = 7
ok "and by nothing else" test "$(count 'frame.comment && ip.src==10.45.0.99')" = 7
ok "a name for each port" sh -c "tshark -r '$FILE' -T fields -e frame.interface_name 2>/dev/null | sort -u | grep -x n3"
ok "of this port only" test "$(count 'frame.interface_name != "n3" && !(frame.interface_name == "coast-raw")')" = 0
ok "nanoseconds" sh -c "tshark -r '$FILE' -T fields -e frame.time_epoch 2>/dev/null | grep -Eq '\.[0-9]{8}[1-9]$'"

# the same bytes at about the same time
/usr/bin/python3 - "$FILE" "$LAB_TMP/gnb.pcap" <<'PY' || fail "bytes or times differ"
import subprocess, sys

def echoes(path):
    out = subprocess.run(["tshark", "-r", path, "-Y", "icmp.type==8 && !frame.comment", "-T", "fields", "-e",
                          "icmp.seq", "-e", "frame.time_epoch", "-e", "frame.len", "-e", "gtp.teid", "-e", "icmp.checksum"],
                         capture_output=True, text=True, check=True).stdout
    return {f[0]: f[1:] for f in (line.split("\t") for line in out.splitlines())}

ours, wire = echoes(sys.argv[1]), echoes(sys.argv[2])
assert len(wire) >= 100 and set(ours) == set(wire), (len(ours), len(wire))
for seq, (time, *rest) in wire.items():
    assert rest == ours[seq][1:], (seq, rest, ours[seq])
    assert abs(float(time) - float(ours[seq][0])) < 0.1, (seq, time, ours[seq])
PY

# --- a session: both sides of it and nobody else's, cut, with an end
ok "start" ctl capture start --session 1 --file "$FILE" --snaplen 96 --direction in,out --max-packets 12
ok "the other user" in_gnb ping -q -c 5 -i 0.01 -W 1 -I 10.45.0.2 198.51.100.2
ok "the user" in_gnb ping -q -c 5 -i 0.01 -W 1 -I 10.45.0.1 198.51.100.2
ended() {
	info '.state == "ended" and .why == "it holds max_packets"'
}
ok "ends by itself" lab_wait 5 ended
ok "twelve" test "$(count frame)" = 12
ok "none of the other's" test "$(count 'ip.addr == 10.45.0.2')" = 0
ok "on both ports" test "$(tshark -r "$FILE" -T fields -e frame.interface_name 2>/dev/null | sort -u | tr '\n' ' ')" = "n3 n6 "
ok "cut" test "$(count 'frame.cap_len > 96')" = 0
ok "by their own length" test "$(count 'frame.len > 96')" -gt 0

# --- what is dropped where no L2 header stands any more
ok "all ports" ctl capture start file="$FILE" direction=drop
# to a blocked port of the data network, and to a user who is not there
in_gnb /usr/bin/python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.45.0.1", 0))
s.sendto(b"x", ("198.51.100.2", 9))'
in_dn ping -q -c 2 -i 0.1 -W 1 10.45.0.77 >/dev/null
in_gnb ping -q -c 2 -i 0.1 -W 1 -t 1 -I 10.45.0.1 198.51.100.2 >/dev/null
sleep 0.3
ok "stop" ctl capture stop
ok "one by its rule" test "$(count 'frame.comment == "upf.far_drop" && udp.dstport == 9')" = 1
ok "two without a session" test "$(count 'frame.comment == "upf.no_session" && ip.dst == 10.45.0.77')" = 2
ok "with L2 where it stands" test "$(count 'frame.comment == "upf.no_session" && eth && frame.interface_name == "n6"')" = 2
ok "without where it does not" test "$(count 'frame.comment == "ip.ttl_exceeded" && !eth && frame.interface_name == "coast-raw"')" = 2
ok "nothing else" test "$(count '!frame.comment')" = 0

# --- files that may not be written
refused() { # WORD FILE
	not ctl capture start port=n3 file="$2" >"$LAB_TMP/refused" 2>&1 && grep -q -- "$1" "$LAB_TMP/refused"
}
ok "a relative path" refused 'absolute' capture.pcapng
echo precious >"$LAB_TMP/precious"
ok "a file that is no capture" refused 'is no capture' "$LAB_TMP/precious"
ok "which stays" grep -qx precious "$LAB_TMP/precious"
ln -s "$FILE" "$LAB_TMP/link"
ok "a symbolic link" refused 'symbolic link' "$LAB_TMP/link"
mkfifo "$LAB_TMP/pipe"
ok "a pipe" refused 'no regular file' "$LAB_TMP/pipe"
ok "no such directory" refused 'No such file' "$LAB_TMP/nowhere/x"
chmod 711 "$LAB_TMP"
AS="setpriv --reuid nobody --clear-groups" rpc capture.start "{\"file\": \"$FILE.3\"}" >"$LAB_TMP/asnobody"
ok "not anybody may capture" grep -q 'may only read' "$LAB_TMP/asnobody"
ok "and no file is made" not test -e "$FILE.3"
ok "nothing to stop" not ctl capture stop

# --- coastd ends in the midst of one
ok "a file of its own choice" ctl capture start port=n3
own=$(ctl --json capture show | jq -r .file)
ok "traffic" in_gnb ping -q -c 5 -i 0.01 -W 1 -I 10.45.0.1 198.51.100.2
ok "coastd ends" stop_coastd
ok "and the file is whole" test "$(count 'icmp && !frame.comment' "$own")" = 10
passed
