# SPDX-License-Identifier: BSD-3-Clause
# GTP-U from a file, users' packets into another, by a coastd without any privilege.
. "$(dirname "$0")/test.sh"

setpriv --reuid nobody --clear-groups true 2>/dev/null || skip "setpriv cannot become nobody"
mkdir "$LAB_TMP/open"
chmod 711 "$LAB_TMP"
chmod 777 "$LAB_TMP/open"
cp "$BUILD/coastd" "$BUILD/coastctl" "$LAB_TMP/" # the build may lie where nobody may go

/usr/bin/python3 - "$LAB_TMP/open" <<'PY'
import sys
from scapy.all import Ether, ICMP, IP, UDP, wrpcap
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer

# 02:70...: what the first of DPDK's pcap ports is called
def uplink(user, teid, i):
    outer = Ether(dst="02:70:63:61:70:00", src="02:00:00:00:03:02") / IP(src="192.0.2.2", dst="192.0.2.1")
    gtpu = GTP_U_Header(teid=teid, gtp_type=255) / GTPPDUSessionContainer(type=1, QFI=9)
    return outer / UDP(sport=2152, dport=2152) / gtpu / IP(src=user, dst="198.51.100.2", id=i) / ICMP(seq=i)

frames = [uplink("10.45.0.1", 0x1001, i) for i in range(50)]
frames += [uplink("10.45.0.9", 0x1001, i) for i in range(3)]  # not this user's address
wrpcap(f"{sys.argv[1]}/n3.pcap", frames)
PY

conf 'hugepages: off' "arena_path: $LAB_TMP/open/tables" <<YAML
network_instances: [{name: access}, {name: internet}]
ports:
  - {name: n3, device: "pcap:$LAB_TMP/open/n3.pcap,$LAB_TMP/open/n3-out.pcap"}
  - {name: n6, device: "pcap:,$LAB_TMP/open/n6.pcap"}
interfaces:
  - {name: n3, port: n3, network_instance: access, addresses: [192.0.2.1/24], gtpu: true}
  - {name: n6, port: n6, network_instance: internet, addresses: [198.51.100.1/24]}
neighbours: [{interface: n6, address: 198.51.100.2, mac: "02:00:00:00:06:02"}]
pools: [{name: v4, network_instance: internet, prefix: 10.45.0.0/24}]
sessions:
  - seid: 1
    pdrs:
      - id: 1
        precedence: 255
        pdi:
          source_interface: access
          network_instance: access
          f_teid: {teid: "0x1001", ipv4: 192.0.2.1}
          ue_ip_address: [{ipv4: 10.45.0.1}]
        outer_header_removal: gtpu-udp-ip
        far_id: 1
    fars:
      - id: 1
        apply_action: [FORW]
        forwarding_parameters: {destination_interface: core, network_instance: internet}
YAML
sed -i "s|run_dir: .*|run_dir: $LAB_TMP/open|; s|store: .*|store: $LAB_TMP/open/store|" "$LAB_TMP/coast.yaml"
SOCK=$LAB_TMP/open/coastd.sock
lab_spawn coastd env XDG_RUNTIME_DIR="$LAB_TMP/open" setpriv --reuid nobody --regid nogroup --clear-groups \
	--bounding-set=-all --no-new-privs "$LAB_TMP/coastd" -c "$LAB_TMP/coast.yaml" -s "$SOCK"
COASTD_PID=$LAB_LAST
ok "coastd starts as nobody" lab_wait 15 said ' ready'
drops() { ctl --json drop show --all | jq "[.items[] | select(.name == \"$1\") | .packets] | add // 0"; }
three_spoofed() { test "$(drops upf.spoofed)" = 3; }
ok "the three with another user's address are dropped" lab_wait 5 three_spoofed
counted=$(ctl --json session show 1 | jq '[.pdrs[].packets] | add')
ok "fifty are counted, not $counted" test "$counted" = 50
ok "coastd ends" stop_coastd

ok "the output is what a router would send" /usr/bin/python3 - "$LAB_TMP/open/n6.pcap" <<'PY'
import sys
from scapy.all import ICMP, IP, Ether, rdpcap

frames = [f for f in rdpcap(sys.argv[1]) if IP in f]
assert [f[IP].id for f in frames] == list(range(50)), "fifty in their order"
for f in frames:
    assert f[Ether].dst == "02:00:00:00:06:02" and f[Ether].type == 0x800, f.summary()
    assert (f[IP].src, f[IP].dst, f[IP].ttl) == ("10.45.0.1", "198.51.100.2", 63), f.summary()
    again = IP(bytes(f[IP]))
    del again.chksum
    assert IP(bytes(again)).chksum == f[IP].chksum and ICMP in f, f.summary()
PY
passed
