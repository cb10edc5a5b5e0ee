#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Write upf_vectors.h with scapy, an oracle that shares no code with coast: packets into the UPF's
nodes (in_*) and the packets that must come out of them (out_*). The sessions that they belong to are
set up by pipelines/upf/upf_node_test.c.

    make_upf.py            write the file
    make_upf.py --check    exit 1 when it differs from what would be written (77: no scapy)
"""
import os
import sys

try:
    from scapy.all import ICMP, IP, TCP, UDP, IPv6, IPOption_NOP, IPOption_RR, Raw, fragment, raw
    from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer
except ImportError as why:
    print(f"scapy is not installed: {why}", file=sys.stderr)
    sys.exit(77)

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'upf_vectors.h')

UPF4, GNB4, NEXT4 = '192.0.2.1', '192.0.2.2', '192.0.2.3'
UPF6, GNB6 = '2001:db8:3::1', '2001:db8:3::2'
DN4, DN6 = '198.51.100.2', '2001:db8:6::2'

HASH = 0x12345678              # pkt->hash of downlink packets
SPORT = 0xc000 | HASH >> 18    # cst_hash_port()
LABEL = HASH & 0xfffff

out = {}


def vec(name, packet):
    assert name not in out, name
    out[name] = bytes(packet)


def teid(session):
    """As the test gives them out: the index, 11 tag bits."""
    return session << 11 | 0x123


def ue4(session):
    return f'10.45.0.{session + 1}'


def ue6(session):
    return f'2001:db8:45:{session + 1:x}::2'


def up4(session, **kw):
    l4 = kw.pop('l4', None) or UDP(sport=4000, dport=53)
    return IP(**{'src': ue4(session), 'dst': DN4, 'id': 7, 'ttl': 64, **kw}) / l4 / Raw(b'uplink payload')


def up6(session, **kw):
    return IPv6(**{'src': ue6(session), 'dst': DN6, 'hlim': 64, **kw}) / UDP(
        sport=4000, dport=53) / Raw(b'uplink payload')


def down4(session, **kw):
    l4 = kw.pop('l4', None) or UDP(sport=53, dport=4000)
    load = kw.pop('load', b'downlink payload')
    return IP(**{'src': DN4, 'dst': ue4(session), 'id': 9, 'ttl': 61, **kw}) / l4 / Raw(load)


def down6(session, **kw):
    load = kw.pop('load', b'downlink payload')
    return IPv6(**{'src': DN6, 'dst': ue6(session), 'hlim': 61, **kw}) / UDP(
        sport=53, dport=4000) / Raw(load)


def outer(family=4, src=None, dst=None, sport=2152, **kw):
    """From the peer to coast, unless said otherwise."""
    if family == 4:
        ip = IP(src=src or GNB4, dst=dst or UPF4, **kw)
    else:
        ip = IPv6(src=src or GNB6, dst=dst or UPF6, **kw)
    return ip / UDP(sport=sport, dport=2152)


def gpdu(session, inner, family=4, qfi=9, kind=1, tunnel=None, **kw):
    g = GTP_U_Header(gtp_type=255, teid=teid(session) if tunnel is None else tunnel)
    if qfi is not None:
        g /= GTPPDUSessionContainer(type=kind, QFI=qfi)
    return outer(family, **kw) / g / inner


def by_hand(flags, kind, tunnel, body, **kw):
    """A GTP-U message whose octets are all written out."""
    head = bytes([flags, kind]) + len(body).to_bytes(2, 'big') + tunnel.to_bytes(4, 'big')
    return outer(**kw) / Raw(head + body)


def hop(packet):
    """One hop less, checksum anew."""
    p = packet.copy()
    if p.version == 4:
        p.ttl -= 1
        del p.chksum
    else:
        p.hlim -= 1
    return p


def tunnelled(inner, family=4, tunnel=0x11, qfi=9, kind=0, rqi=0, tos=0, ident=1, peer=None,
              sport=SPORT, label=LABEL, seq=None, qfi_seq=None):
    """From coast to a peer."""
    g = GTP_U_Header(gtp_type=255, teid=tunnel)
    if seq is not None:
        g.S, g.seq = 1, seq
    if qfi is not None:
        g /= GTPPDUSessionContainer(type=kind, QFI=qfi, **({'RQI': rqi} if kind == 0 else {}))
    if qfi_seq is not None:
        g[GTPPDUSessionContainer].SNP = 1
        g[GTPPDUSessionContainer].setfieldval('dlQFISeqNum', qfi_seq)
    if family == 4:
        ip = IP(src=UPF4, dst=peer or GNB4, ttl=64, id=ident, tos=tos)
        udp = UDP(sport=sport, dport=2152, chksum=0)
    else:
        ip = IPv6(src=UPF6, dst=peer or GNB6, hlim=64, tc=tos, fl=label)
        udp = UDP(sport=sport, dport=2152)
    return ip / udp / g / inner


def swapped(packet, tunnel, ident=1, tos=0):
    """The same GTP-U message on its way to the next UPF: other outer headers, other TEID. The UDP
    source port follows the inner flow's hash, which the test does not predict: zero here."""
    p = packet.copy()
    body = bytearray(raw(p[UDP].payload))
    body[4:8] = tunnel.to_bytes(4, 'big')
    return IP(src=UPF4, dst=NEXT4, ttl=64, id=ident, tos=tos) / UDP(
        sport=0, dport=2152, chksum=0) / Raw(bytes(body))


# --- uplink --------------------------------------------------------------------------------------

vec('in_ul4', gpdu(1, up4(1)))
vec('out_ul4', up4(1))
vec('in_ul6', gpdu(1, up6(1), family=6))
vec('out_ul6', up6(1))
vec('in_ul4_outer6', gpdu(1, up4(1), family=6))
vec('in_ul_padded', gpdu(1, up4(1)).build() + b'')
padded = bytearray(raw(up4(1))) + b'\0' * 6
vec('in_ul_trailer', gpdu(1, Raw(bytes(padded))))
vec('in_ul_options', outer(4, options=[IPOption_NOP()] * 4)
    / GTP_U_Header(gtp_type=255, teid=teid(1)) / GTPPDUSessionContainer(type=1, QFI=9) / up4(1))
vec('in_ul_seq', by_hand(0x36, 255, teid(1), bytes.fromhex('00070085' '01100900') + raw(up4(1))))
vec('in_ul_wrong_qfi', gpdu(1, up4(1), qfi=8))
vec('in_ul_no_qfi', gpdu(1, up4(1), qfi=None))
vec('in_ul_spoof4', gpdu(1, up4(1, src='10.45.0.99')))
vec('in_ul_spoof6', gpdu(1, up6(1, src='2001:db8:45:99::2')))
vec('in_ul_unknown', gpdu(1, up4(1), tunnel=0xdeadbeef, sport=33333))
vec('in_ul_unknown6', gpdu(1, up4(1), tunnel=0xdeadbeef, sport=33333, family=6))
vec('in_ul_stale_tag', gpdu(1, up4(1), tunnel=teid(1) ^ 1, sport=33333))
vec('in_ul_inner_version', gpdu(1, Raw(b'\x10' + raw(up4(1))[1:])))
vec('in_ul_inner_short', gpdu(1, Raw(raw(up4(1))[:30])))
vec('in_ul_empty', gpdu(1, Raw(b'')))
vec('in_ul_bad_length', by_hand(0x30, 255, teid(1), b'')[IP].build()[:-6] + b'\xff\xff' + b'\0' * 4)
vec('in_ul_prime', by_hand(0x20, 255, teid(1), raw(up4(1))))
vec('in_ul_zero_ext', by_hand(0x34, 255, teid(1), bytes.fromhex('00000085' '00100900') + raw(up4(1))))
vec('in_ul_must_ext', by_hand(0x34, 255, teid(1), bytes.fromhex('000000fe' '01000000') + raw(up4(1))))
vec('in_ul_ce', gpdu(1, up4(1, tos=0x02), tos=0x03))
vec('out_ul_ce', up4(1, tos=0x03))
vec('in_ul_ce_deaf', gpdu(1, up4(1, tos=0x00), tos=0x03))
vec('in_ul_ect1', gpdu(1, up6(1, tc=0xb8 | 2), tos=0x01))
vec('out_ul_ect1', up6(1, tc=0xb8 | 1))
vec('in_ul_drop', gpdu(2, up4(2)))
vec('in_ul_buff', gpdu(3, up4(3)))
vec('in_ul_no_ohc', gpdu(5, up4(5)))
vec('in_ul_keep', gpdu(6, up4(6)))
vec('in_ul_other', gpdu(8, up4(8)))
vec('in_ul_sdf_tcp', gpdu(9, up4(9, l4=TCP(sport=4000, dport=80))))
vec('in_ul_sdf_udp', gpdu(9, up4(9)))
vec('out_ul_sdf_udp', up4(9))

# N9: the session container goes on unseen, and one is made where there was none
n9 = gpdu(4, up4(4, tos=0xb8), qfi=63)
vec('in_n9_keep', n9)
vec('out_n9_keep', swapped(n9, 0x2222, tos=0xb8))
vec('in_n9_make', gpdu(4, up4(4), qfi=None))
vec('in_n9_seq', by_hand(0x32, 255, teid(4), bytes.fromhex('00070000') + raw(up4(4))))
vec('out_n9_seq', tunnelled(up4(4), tunnel=0x2222, qfi=5, kind=1, peer=NEXT4, sport=0, seq=7))
vec('out_n9_make', tunnelled(up4(4), tunnel=0x2222, qfi=5, kind=1, peer=NEXT4, sport=0))
down = gpdu(4, down4(4), kind=0, qfi=9, tunnel=teid(11), src=NEXT4)
vec('in_n9_down', down)
back = swapped(down, 0x33)
back[IP].dst = GNB4
vec('out_n9_down', back)
# larger than the next tunnel's link: goes on, and is cut outside behind `route`
n9 = gpdu(10, up4(10, l4=UDP(sport=1, dport=2) / Raw(b'x' * 120)))
vec('in_n9_big', n9)
n9 = swapped(n9, 0x2222)
n9[IP].dst = GNB4
vec('out_n9_big', n9)
vec('in_n9_gone', gpdu(12, up4(12)))

# --- redundant transmission: one number by two tunnels -------------------------------------------

for at, args in enumerate([{}, {'tunnel': 0x5151, 'peer': NEXT4}]):
    inner = hop(down4(1))
    vec(f'out_twice_{at}', tunnelled(inner, seq=0xfffe, **args))
    vec(f'out_twice_bare_{at}', tunnelled(inner, qfi=None, seq=0xfffe, **args))
    vec(f'out_twice_qfi_{at}', tunnelled(inner, qfi_seq=0xabcdef, **args))
vec('out_twice_six', tunnelled(hop(down4(1)), family=6, tunnel=0x5151, seq=0xfffe))
twice = bytes.fromhex('00070085') + bytes([1, 0x10, 9, 0])
vec('in_twice_0', by_hand(0x36, 255, teid(1), twice + raw(up4(1))))
vec('in_twice_1', by_hand(0x36, 255, teid(13), twice + raw(up4(1))))
vec('in_twice_bypass', by_hand(0x34, 255, teid(13), twice + raw(up4(1))))
vec('in_twice_other', by_hand(0x34, 255, teid(13), twice[:6] + b'\x08\0' + raw(up4(1))))
qfi_twice = bytes.fromhex('99990085') + bytes([2, 0x11, 9]) + bytes.fromhex('fffffe') + bytes(2)
vec('in_twice_qfi', by_hand(0x34, 255, teid(13), qfi_twice + raw(up4(1))))
vec('in_twice_short', by_hand(0x34, 255, teid(13), bytes.fromhex('00000085') + bytes(
    [2, 0x19, 9, 0, 0, 0, 0, 0]) + raw(up4(1))))

# --- End Marker ----------------------------------------------------------------------------------

marker = outer(tos=0x20) / GTP_U_Header(gtp_type=254, teid=teid(4))
vec('in_marker_n9', marker)
vec('out_marker_n9', swapped(marker, 0x2222, tos=0x20))
vec('in_marker', outer() / GTP_U_Header(gtp_type=254, teid=teid(1)))
vec('in_marker_unknown', outer() / GTP_U_Header(gtp_type=254, teid=0xdeadbeef))

# --- downlink ------------------------------------------------------------------------------------

vec('in_dl4', down4(1))
vec('out_dl4', tunnelled(hop(down4(1))))
vec('out_dl4_same_ttl', tunnelled(down4(1)))
vec('in_dl6', down6(1))
vec('out_dl6', tunnelled(hop(down6(1))))
vec('in_dl_tos', down4(1, tos=0xb9))
vec('out_dl_tos', tunnelled(hop(down4(1, tos=0xb9)), tos=0xb9))
vec('in_dl_mark', down4(6, tos=0xba))
vec('out_dl_mark', tunnelled(hop(down4(6, tos=0xba)), tos=0x88 | 2, qfi=None, tunnel=0x66))
vec('in_dl_outer6', down4(7, load=b'odd'))
vec('out_dl_outer6', tunnelled(hop(down4(7, load=b'odd')), family=6, rqi=1, qfi=1, tunnel=0x77))
vec('in_dl6_outer6', down6(7, tc=0xb8))
vec('out_dl6_outer6', tunnelled(hop(down6(7, tc=0xb8)), family=6, rqi=1, qfi=1, tunnel=0x77, tos=0xb8))
vec('in_dl_no_pdr', down6(9))
vec('in_dl_drop', down4(2))
vec('in_dl_buff', down4(3))
vec('in_dl_no_ohc', down4(5))
vec('in_dl_other', down4(8))
vec('in_dl_sdf', down4(9, l4=UDP(sport=5000, dport=4000)))
vec('out_dl_sdf', tunnelled(hop(down4(9, l4=UDP(sport=5000, dport=4000))), tunnel=0x99, qfi=1))
vec('in_dl_sdf_default', down4(9))
vec('out_dl_sdf_default', tunnelled(hop(down4(9)), tunnel=0x9a, qfi=9))
vec('in_dl_nobody4', down4(99))
vec('in_dl_nobody6', down6(99))
vec('in_dl_far4', down4(1, dst='10.45.255.254'))
vec('out_dl_far4', tunnelled(hop(down4(1, dst='10.45.255.254'))))
vec('in_dl_far6', down6(1, dst='2001:db8:45:fffe::2'))
vec('out_dl_far6', tunnelled(hop(down6(1, dst='2001:db8:45:fffe::2'))))
vec('in_dl_outside', down4(1, dst='203.0.113.7'))
vec('in_dl_ttl4', down4(1, ttl=1))
vec('in_dl_ttl6', down6(1, hlim=1))
vec('in_dl_big_df', down4(10, load=b'x' * 200, flags='DF'))
vec('in_dl_big6', down6(10, load=b'x' * 1233))
# nobody may be asked for less than 1280 bytes: it goes in one piece, the tunnel's packet is cut
vec('in_dl_least6', down6(10, load=b'x' * 1232))
vec('out_dl_least6', tunnelled(hop(down6(10, load=b'x' * 1232)), tunnel=0xaa))
vec('in_dl_least4', down4(10, load=b'x' * 40, flags='DF'))
vec('out_dl_least4', tunnelled(hop(down4(10, load=b'x' * 40, flags='DF')), tunnel=0xaa))

# cut inside the tunnel: 200 bytes of MTU, 44 of them the tunnel's
room = 200 - 44
big = down4(10, load=bytes(range(200)) * 2,
            options=[IPOption_RR(length=7, pointer=4, routers=['0.0.0.0']), IPOption_NOP()])
vec('in_dl_big', big)
body = raw(big[UDP])
hdr = 28
step = (room - hdr) // 8 * 8
whole = hop(big)
for i, at in enumerate(range(0, len(body), step)):
    f = IP(raw(whole)[:hdr])
    f.remove_payload()
    del f.len, f.chksum
    f.frag = at // 8
    f.flags = 'MF' if at + step < len(body) else 0
    if i:
        # the option that is not copied has become "no operation" (RFC 791 3.1)
        f.options = [IPOption_NOP()] * 8
    vec(f'out_dl_big_{i}', tunnelled(IP(raw(f / Raw(body[at:at + step]))), tunnel=0xaa, ident=i + 1))
FRAGMENTS = i + 1

# --- signalling ----------------------------------------------------------------------------------


def answer(body, family=4, dport=2152, ident=1, tos=0, peer=None):
    if family == 4:
        ip = IP(src=UPF4, dst=peer or GNB4, ttl=64, id=ident, tos=tos)
    else:
        ip = IPv6(src=UPF6, dst=peer or GNB6, hlim=64, tc=tos)
    return ip / UDP(sport=2152, dport=dport) / Raw(body)


vec('in_echo', by_hand(0x32, 1, 0, bytes.fromhex('12670000'), sport=5555, tos=0xc0))
vec('out_echo', answer(bytes.fromhex('32020006000000001267' '0000' '0e00'), dport=5555, tos=0xc0))
vec('in_echo6', by_hand(0x32, 1, 0, bytes.fromhex('00010000'), sport=2152, family=6))
vec('out_echo6', answer(bytes.fromhex('32020006000000000001' '0000' '0e00'), family=6))
vec('in_echo_response', by_hand(0x32, 2, 0, bytes.fromhex('00010000' '0e00')))
vec('in_error', by_hand(0x32, 26, 0, bytes.fromhex('00000000' '1000000011' '850004c0000202')))
vec('in_error_forged', by_hand(0x32, 26, 0, bytes.fromhex('00000000' '1000000011' '850004c0000203')))
vec('in_error_short', by_hand(0x32, 26, 0, bytes.fromhex('00000000' '1000000011')))
vec('out_error', answer(bytes.fromhex('361a001400000000' '00000040' '01823500' '10deadbeef'
                                      '850004c0000201')))
vec('out_error6', answer(bytes.fromhex('361a002000000000' '00000040' '01823500' '10deadbeef'
                                       '85001020010db8000300000000000000000001'), family=6))
vec('out_must_ext', answer(bytes.fromhex('321f000800000000' '00000000' '8d024085')))


def text():
    lines = ['/* SPDX-License-Identifier: BSD-3-Clause */',
             '/* Written by make_upf.py with scapy. Do not edit. */', '#pragma once', '',
             '#include <stdint.h>', '', f'#define VEC_HASH      {HASH:#x}u',
             f'#define VEC_FRAGMENTS {FRAGMENTS}', '', '/* clang-format off */']
    for name, data in out.items():
        lines.append(f'static const uint8_t {name}[{len(data)}] __attribute__((unused)) = {{')
        for i in range(0, len(data), 16):
            lines.append('\t' + ' '.join(f'0x{b:02x},' for b in data[i:i + 16]))
        lines.append('};')
    return '\n'.join(lines) + '\n'


if __name__ == '__main__':
    if sys.argv[1:] == ['--check']:
        with open(FILE, encoding='ascii') as f:
            sys.exit(f.read() != text())
    with open(FILE, 'w', encoding='ascii') as f:
        f.write(text())
