#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Write net_vectors.h with scapy, an oracle that shares no code with coast: frames into the nodes of
dataplane/net (in_*), IP packets from inside coast (go_*), and what must come out (out_*). The
interfaces and routes that they belong to are set up by dataplane/net/rig.h, which also puts the
ports' real MAC addresses in OWN_MAC's place.

    make_net.py            write the file
    make_net.py --check    exit 1 when it differs from what would be written (77: no scapy)
"""
import os
import sys

try:
    from scapy.all import (ICMP, IP, TCP, UDP, Dot1AD, Dot1Q, Ether, ICMPv6DestUnreach,
                           ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6PacketTooBig,
                           ICMPv6TimeExceeded, IPOption_LSRR, IPOption_NOP, IPOption_RR, IPv6,
                           IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, Raw, fragment,
                           fragment6, raw)
except ImportError as why:
    print(f"scapy is not installed: {why}", file=sys.stderr)
    sys.exit(77)

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'net_vectors.h')

PEER_MAC, OWN_MAC, ALL_MAC = '02:00:00:00:00:11', '02:00:00:00:00:22', 'ff:ff:ff:ff:ff:ff'
GNB4, N3_4, GNB6, N3_6 = '192.0.2.2', '192.0.2.1', '2001:db8:3::2', '2001:db8:3::1'
DN4, N6_4, DN6, N6_6 = '198.51.100.2', '198.51.100.1', '2001:db8:6::2', '2001:db8:6::1'
NARROW4, NARROW6 = '203.0.113.2', '2001:db8:7::2'  # behind a VLAN with an MTU of 1400
UE4, UE6, FAR4, FAR6 = '10.45.0.2', '2001:db8:45::2', '8.8.8.8', '2001:db8:ffff::8'

out = {}


def vec(name, packet):
    assert name not in out, name
    out[name] = raw(packet)


def rx(name, packet, dst=OWN_MAC, tags=None):
    l2 = Ether(src=PEER_MAC, dst=dst)
    if tags is not None:
        l2 = l2 / tags
    frame = raw(l2 / packet)
    vec('in_' + name, frame + bytes(60 - len(frame)) if len(frame) < 60 else frame)


def tx(name, packet, tags=None):
    l2 = Ether(src=OWN_MAC, dst=PEER_MAC)
    vec('out_' + name, l2 / tags / packet if tags is not None else l2 / packet)


def patched(packet, at, data):
    b = bytearray(raw(packet))
    b[at:at + len(data)] = data
    return Raw(bytes(b))


DATA = Raw(bytes(range(40)))
gnb4 = IP(src=GNB4, dst=N3_4, id=7)
gnb6 = IPv6(src=GNB6, dst=N3_6)
gtpu4 = gnb4 / UDP(sport=40000, dport=2152) / DATA
gtpu6 = gnb6 / UDP(sport=40000, dport=2152) / DATA

# --- classify ---------------------------------------------------------------------------------

rx('gtpu4', gtpu4)
rx('gtpu6', gtpu6)
rx('gtpu4_no_sum', gnb4 / UDP(sport=40000, dport=2152, chksum=0) / DATA)
rx('gtpu6_no_sum', gnb6 / UDP(sport=40000, dport=2152, chksum=0) / DATA)
rx('gtpu4_bad_sum', gnb4 / UDP(sport=40000, dport=2152, chksum=0x1234) / DATA)
rx('gtpu6_bad_sum', gnb6 / UDP(sport=40000, dport=2152, chksum=0x1234) / DATA)
rx('udp6_no_sum', gnb6 / UDP(sport=40000, dport=9, chksum=0) / DATA)
rx('gtpu4_length', gnb4 / UDP(sport=40000, dport=2152, len=200, chksum=0) / DATA)
rx('gtpu4_priority_tag', gtpu4, tags=Dot1Q(vlan=0, prio=5))
rx('pool4', IP(src=DN4, dst=UE4, id=7) / UDP(sport=53, dport=4000) / DATA)
rx('pool6', IPv6(src=DN6, dst=UE6) / UDP(sport=53, dport=4000) / DATA)
rx('pool4_tiny', IP(src=DN4, dst=UE4, id=7) / UDP(sport=53, dport=4000) / Raw(b'x'))
rx('pool4_vlan', IP(src=NARROW4, dst=UE4, id=7) / UDP(sport=53, dport=4000) / DATA,
   tags=Dot1Q(vlan=7, prio=3))
rx('pool4_qinq_priority', IP(src=NARROW4, dst=UE4, id=7) / UDP(sport=53, dport=4000) / DATA,
   tags=Dot1AD(vlan=0) / Dot1Q(vlan=7))
rx('pool4_options', IP(src=DN4, dst=UE4, id=7, options=[IPOption_NOP(), IPOption_RR()])
   / UDP(sport=53, dport=4000) / DATA)

rx('not_ours', gtpu4, dst='02:00:00:00:00:33')
rx('no_vlan', gtpu4, tags=Dot1Q(vlan=9))
rx('qinq', gtpu4, tags=Dot1AD(vlan=6) / Dot1Q(vlan=7))
vec('in_short', raw(Ether(src=PEER_MAC, dst=OWN_MAC))[:13])
rx('lldp', Raw(bytes(46)))
out['in_lldp'] = out['in_lldp'][:12] + b'\x88\xcc' + out['in_lldp'][14:]
rx('unicast_in_group', gtpu4, dst=ALL_MAC)
rx('unicast6_in_group', gtpu6, dst=ALL_MAC)
rx('version4', patched(gtpu4, 0, b'\x65'))
out['in_version4'] = out['in_version4'][:12] + b'\x08\x00' + out['in_version4'][14:]
rx('version6', patched(gtpu6, 0, b'\x40'))
out['in_version6'] = out['in_version6'][:12] + b'\x86\xdd' + out['in_version6'][14:]


def ip_frame(name, base, at, data, ethertype=b'\x08\x00'):
    rx(name, patched(base, at, data))
    out['in_' + name] = out['in_' + name][:12] + ethertype + out['in_' + name][14:]


ip_frame('ihl', gtpu4, 0, b'\x44')
ip_frame('length4', gtpu4, 2, b'\x02\x00')
ip_frame('length6', gtpu6, 4, b'\x02\x00', b'\x86\xdd')
ip_frame('checksum', gtpu4, 10, b'\x00\x00')
rx('lsrr', IP(src=GNB4, dst=N3_4, options=[IPOption_LSRR(routers=['192.0.2.9'])]) / UDP(dport=2152)
   / DATA)
for i, (name, src) in enumerate((('zero', '0.0.0.0'), ('loop', '127.0.0.1'), ('group', '224.0.0.1'),
                                 ('all', '255.255.255.255'))):
    rx('source_' + name, IP(src=src, dst=N3_4) / UDP(dport=2152) / DATA)
rx('source6_none', IPv6(src='::', dst=N3_6) / UDP(dport=2152) / DATA)
rx('source6_loop', IPv6(src='::1', dst=N3_6) / UDP(dport=2152) / DATA)
rx('source6_group', IPv6(src='ff02::1', dst=N3_6) / UDP(dport=2152) / DATA)
rx('transit4', IP(src=GNB4, dst='192.0.2.77') / UDP(dport=53) / DATA)
rx('transit6', IPv6(src=GNB6, dst='2001:db8:3::77') / UDP(dport=53) / DATA)
rx('no_route4', IP(src=GNB4, dst=FAR4) / UDP(dport=53) / DATA)
rx('link_local6', IPv6(src=GNB6, dst='fe80::77') / UDP(dport=53) / DATA)
rx('blackhole', IP(src=DN4, dst='192.168.1.1') / UDP(dport=53) / DATA)
rx('broadcast', IP(src=GNB4, dst='192.0.2.255') / UDP(dport=53) / DATA, dst=ALL_MAC)
rx('limited_broadcast', IP(src=GNB4, dst='255.255.255.255') / UDP(dport=53) / DATA, dst=ALL_MAC)
rx('multicast4', IP(src=GNB4, dst='224.0.0.5') / UDP(dport=53) / DATA, dst='01:00:5e:00:00:05')
rx('multicast6', IPv6(src=GNB6, dst='ff02::5') / UDP(dport=53) / DATA, dst='33:33:00:00:00:05')
rx('extension6', gnb6 / IPv6ExtHdrDestOpt() / UDP(sport=40000, dport=2152) / DATA)
rx('tcp_local', gnb4 / TCP(dport=179))

# --- echo -------------------------------------------------------------------------------------

rx('echo4', gnb4 / ICMP(id=3, seq=4) / DATA)
tx('echo4', IP(src=N3_4, dst=GNB4, id=7, ttl=64) / ICMP(type=0, id=3, seq=4) / DATA)
rx('echo4_odd', gnb4 / ICMP(id=3, seq=4) / Raw(bytes(range(37))))
tx('echo4_odd', IP(src=N3_4, dst=GNB4, id=7, ttl=64) / ICMP(type=0, id=3, seq=4)
   / Raw(bytes(range(37))))
rx('echo4_sum', gnb4 / ICMP(id=3, seq=4, chksum=1) / DATA)
rx('echo6', IPv6(src=GNB6, dst=N3_6, hlim=9) / ICMPv6EchoRequest(id=3, seq=4, data=bytes(40)))
tx('echo6', IPv6(src=N3_6, dst=GNB6, hlim=64) / ICMPv6EchoReply(id=3, seq=4, data=bytes(40)))
rx('echo6_sum', IPv6(src=GNB6, dst=N3_6) / ICMPv6EchoRequest(id=3, seq=4, cksum=1, data=bytes(40)))
rx('echo_vlan', IP(src=NARROW4, dst='203.0.113.1', id=7) / ICMP(id=3, seq=4) / DATA,
   tags=Dot1Q(vlan=7))
tx('echo_vlan', IP(src='203.0.113.1', dst=NARROW4, id=7, ttl=64) / ICMP(type=0, id=3, seq=4) / DATA,
   tags=Dot1Q(vlan=7))

# --- route, output ----------------------------------------------------------------------------


def go(name, packet):
    vec('go_' + name, packet)


def udp4(dst, size=40, ttl=64, src=UE4, **kw):
    return IP(src=src, dst=dst, ttl=ttl, id=9, **kw) / UDP(sport=4000, dport=53) / Raw(
        bytes(i & 0xff for i in range(size)))


def udp6(dst, size=40, hlim=64, src=UE6):
    return IPv6(src=src, dst=dst, hlim=hlim) / UDP(sport=4000, dport=53) / Raw(
        bytes(i & 0xff for i in range(size)))


go('far4', udp4(FAR4))
tx('far4', udp4(FAR4, ttl=63))
go('far6', udp6(FAR6))
tx('far6', udp6(FAR6, hlim=63))
go('ttl2', udp4(DN4, ttl=2))
tx('ttl2', udp4(DN4, ttl=1))
go('narrow4', udp4(NARROW4, size=1372))
tx('narrow4', udp4(NARROW4, size=1372, ttl=63), tags=Dot1Q(vlan=7))
go('pool4', udp4('10.45.0.3'))
go('pool6', udp6('2001:db8:45::3'))
go('blackhole', udp4('192.168.1.1'))
go('broadcast', udp4('198.51.100.255'))
go('group4', udp4('224.0.0.5'))
go('all4', udp4('255.255.255.255'))
go('loop4', udp4('127.0.0.1'))
go('group6', udp6('ff02::5'))
go('link6', udp6('fe80::5'))
go('none6', udp6('::'))
vec('go_short', raw(udp4(FAR4))[:19])
go('gtpu_local', IP(src=UE4, dst=N6_4) / UDP(dport=2152) / DATA)
go('echo_local', IP(src=UE4, dst=N6_4, id=7) / ICMP(id=3, seq=4) / DATA)
vec('out_echo_local', IP(src=N6_4, dst=UE4, id=7, ttl=64) / ICMP(type=0, id=3, seq=4) / DATA)

# --- fragments --------------------------------------------------------------------------------

big = udp4(NARROW4, size=3000)
go('frag', big)
big = udp4(NARROW4, size=3000, ttl=63)
for i, f in enumerate(fragment(IP(raw(big)), fragsize=1376)):
    tx(f'frag{i}', f, tags=Dot1Q(vlan=7))
again = IP(raw(fragment(IP(raw(udp4(NARROW4, size=4000))), fragsize=2000)[1]))
go('refrag', again)
part = raw(again)[20:]
for i in range(2):
    piece = part[i * 1376:(i + 1) * 1376]
    tx(f'refrag{i}', IP(src=UE4, dst=NARROW4, ttl=63, id=9, proto=17, frag=(2000 + i * 1376) // 8,
                        flags='MF') / Raw(piece), tags=Dot1Q(vlan=7))
opts = [IPOption_NOP(), IPOption_RR(pointer=4, routers=['0.0.0.0']), IPOption_NOP(),
        IPOption_NOP(copy_flag=0)]
with_options = udp4(NARROW4, size=2000, options=[IPOption_RR(pointer=4, routers=['0.0.0.0'])])
go('frag_options', with_options)

# --- fragments to own addresses ----------------------------------------------------------------

LOAD = Raw(bytes(i * 7 % 251 for i in range(3001)))


def parts(name, whole, pieces):
    """The frames of a datagram in fragments, and the datagram as it is once whole again."""
    for i, f in enumerate(pieces):
        rx(f'{name}_{i}', f)
    vec('whole_' + name, whole)


w = IP(src=GNB4, dst=N3_4, id=0x51, tos=0x20) / UDP(sport=40000, dport=2152) / LOAD
parts('part4', w, fragment(IP(raw(w)), fragsize=1000))
w = IP(src=GNB4, dst=N3_4, id=0x52, options=[IPOption_RR(pointer=4, routers=['0.0.0.0'])]) / UDP(
    sport=40000, dport=2152) / LOAD
parts('part4_options', w, fragment(IP(raw(w)), fragsize=1400))
w = UDP(sport=40000, dport=2152) / LOAD
parts('part6', gnb6 / w, fragment6(gnb6 / IPv6ExtHdrFragment(id=9) / w, 1280))
hbh = gnb6 / IPv6ExtHdrHopByHop()
parts('part6_options', hbh / w, fragment6(hbh / IPv6ExtHdrFragment(id=10) / w, 1280))
w = IP(src=GNB4, dst=N3_4, id=0x53) / ICMP(id=3, seq=4) / LOAD
parts('part4_echo', w, fragment(IP(raw(w)), fragsize=1400))
w = IP(src=N3_4, dst=GNB4, id=0x53, ttl=64) / ICMP(type=0, id=3, seq=4) / LOAD
for i, f in enumerate(fragment(IP(raw(w)), fragsize=1480)):
    tx(f'part4_echo_{i}', f)

# --- errors -----------------------------------------------------------------------------------


def err4(name, about, cap=548, src=N6_4, **icmp):
    vec('out_' + name, IP(src=src, dst=IP(raw(about)).src, tos=0xc0, ttl=64, id=0, flags='DF')
        / ICMP(**icmp) / Raw(raw(about)[:cap]))


def err6(name, about, icmp, src=N6_6):
    quoted = raw(about)[:1232]
    vec('out_' + name, IPv6(src=src, dst=IPv6(raw(about)).src, tc=0xc0, hlim=64) / icmp / Raw(quoted))


p = udp4(FAR4, ttl=1)
go('err_ttl4', p)
err4('err_ttl4', p, type=11)
p = udp4(FAR4, ttl=1, size=1300)
go('err_ttl4_long', p)
err4('err_ttl4_long', p, type=11)
p = udp6(FAR6, hlim=1)
go('err_ttl6', p)
err6('err_ttl6', p, ICMPv6TimeExceeded())
p = udp6(FAR6, hlim=1, size=1400)
go('err_ttl6_long', p)
err6('err_ttl6_long', p, ICMPv6TimeExceeded())
p = udp4(NARROW4, size=1373, flags='DF')
go('err_big4', p)
err4('err_big4', p, type=3, code=4, nexthopmtu=1400)
p = udp6(NARROW6, size=1401)
go('err_big6', p)
err6('err_big6', p, ICMPv6PacketTooBig(mtu=1400))
p = udp4('172.31.0.1', src='10.45.0.2')
go('err_failed4', p)
p = udp4('172.31.0.1', src='10.45.0.2', ttl=63)  # it was forwarded, only to nobody
err4('err_failed4', p, type=3, code=1)
p = IP(src=GNB4, dst=N3_4, id=7) / UDP(sport=5, dport=9) / DATA
rx('err_port4', p)
vec('reply_err_port4', Ether(src=OWN_MAC, dst=PEER_MAC) / IP(src=N3_4, dst=GNB4, tos=0xc0, ttl=64, id=0,
    flags='DF') / ICMP(type=3, code=3) / Raw(raw(p)))
p = IPv6(src=GNB6, dst=N3_6) / UDP(sport=5, dport=9) / DATA
rx('err_port6', p)
vec('reply_err_port6', Ether(src=OWN_MAC, dst=PEER_MAC) / IPv6(src=N3_6, dst=GNB6, tc=0xc0, hlim=64)
    / ICMPv6DestUnreach(code=4) / Raw(raw(p)))
# in network instance `access`, where there is no default route
p = IP(src=GNB4, dst=FAR4, id=7) / UDP(dport=53) / DATA
go('err_route4', p)
vec('reply_err_route4', Ether(src=OWN_MAC, dst=PEER_MAC) / IP(src=N3_4, dst=GNB4, tos=0xc0, ttl=64, id=0,
    flags='DF') / ICMP(type=3, code=0) / Raw(raw(p)))
p = IPv6(src=GNB6, dst=FAR6) / UDP(dport=53) / DATA
go('err_route6', p)
vec('reply_err_route6', Ether(src=OWN_MAC, dst=PEER_MAC) / IPv6(src=N3_6, dst=GNB6, tc=0xc0, hlim=64)
    / ICMPv6DestUnreach(code=0) / Raw(raw(p)))

# about these nobody is told
ttl1 = dict(ttl=1, id=9)
go('mute_error4', IP(src=UE4, dst=FAR4, **ttl1) / ICMP(type=3, code=1) / DATA)
go('mute_redirect4', IP(src=UE4, dst=FAR4, **ttl1) / ICMP(type=5) / DATA)
go('mute_fragment4', IP(src=UE4, dst=FAR4, frag=10, proto=17, **ttl1) / DATA)
go('mute_zero4', IP(src='0.0.0.0', dst=FAR4, **ttl1) / UDP() / DATA)
go('mute_loop4', IP(src='127.0.0.1', dst=FAR4, **ttl1) / UDP() / DATA)
go('mute_group4', IP(src='224.0.0.1', dst=FAR4, **ttl1) / UDP() / DATA)
go('mute_all4', IP(src='255.255.255.255', dst=FAR4, **ttl1) / UDP() / DATA)
go('mute_error6', IPv6(src=UE6, dst=FAR6, hlim=1) / ICMPv6DestUnreach() / DATA)
go('mute_fragment6', IPv6(src=UE6, dst=FAR6, hlim=1) / IPv6ExtHdrFragment(offset=10, nh=17) / DATA)
go('mute_none6', IPv6(src='::', dst=FAR6, hlim=1) / UDP() / DATA)
go('mute_group6', IPv6(src='ff02::1', dst=FAR6, hlim=1) / UDP() / DATA)
p = IP(src=UE4, dst=FAR4, **ttl1) / ICMP(id=1, seq=1) / DATA
go('told_echo4', p)
err4('told_echo4', p, type=11)

# --- write ------------------------------------------------------------------------------------


def text():
    lines = ['/* SPDX-License-Identifier: BSD-3-Clause */',
             '/* Written by make_net.py with scapy. Do not edit. */', '#pragma once', '',
             '#include <stdint.h>', '', '/* clang-format off */',
             'static const struct net_vec { const char *name; uint16_t len; const uint8_t *p; }'
             ' net_vecs[] = {']
    for name, data in out.items():
        lines.append(f'\t{{"{name}", {len(data)}, (const uint8_t[]){{')
        for i in range(0, len(data), 16):
            lines.append('\t\t' + ' '.join(f'0x{b:02x},' for b in data[i:i + 16]))
        lines.append('\t}},')
    return '\n'.join(lines + ['};', '/* clang-format on */', ''])


if '--check' in sys.argv[1:]:
    with open(FILE) as f:
        sys.exit(f.read() != text())
with open(FILE, 'w') as f:
    f.write(text())
