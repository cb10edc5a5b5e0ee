#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Write wire_vectors.h and the seeds of the packet fuzzer with scapy, an oracle that shares no code
with dataplane/wire: what scapy builds must parse to the values it was given, and what coast writes
must be the bytes that scapy writes.

    make.py            write the files
    make.py --check    exit 1 when they differ from what would be written (77: no scapy)
"""
import os
import random
import socket
import struct
import sys

try:
    from scapy.all import (AH, ARP, ESP, ICMP, IP, TCP, UDP, Dot1AD, Dot1Q, Ether, ICMPv6DestUnreach,
                           ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA,
                           ICMPv6ND_RS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptMTU, ICMPv6NDOptPrefixInfo,
                           ICMPv6NDOptSrcLLAddr, ICMPv6PacketTooBig, IPOption_LSRR, IPOption_NOP,
                           IPOption_RR, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                           IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, Raw)
    from scapy.contrib.gtp import (GTP_PDCP_PDU_ExtensionHeader, GTP_U_Header, GTPEchoRequest,
                                   GTPEchoResponse, GTPErrorIndication, GTPPDUSessionContainer,
                                   GTP_UDPPort_ExtensionHeader, IE_GSNAddress, IE_Recovery, IE_TEIDI)
    from scapy.layers.sctp import SCTP
    from scapy.utils import checksum
except ImportError as why:
    print(f"scapy is not installed: {why}", file=sys.stderr)
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.path.join(HERE, '..', 'fuzz', 'corpus')

GNB_MAC, OWN_MAC = '02:00:00:00:00:11', '02:00:00:00:00:22'
UE4, DN4, GNB4, OWN4 = '10.45.0.2', '198.51.100.2', '192.0.2.2', '192.0.2.1'
UE6, DN6, GNB6, OWN6 = '2001:db8:45::2', '2001:db8:6::2', '2001:db8:3::2', '2001:db8:3::1'

arrays = {}   # name -> bytes
tables = []   # text of the C tables
seeds = {}    # name -> bytes, for fuzz_packet
rules = {}    # name -> bytes, for fuzz_match


def array(name, data):
    assert name not in arrays, name
    arrays[name] = bytes(data)
    return f'BYTES({name})'


def fields(**kw):
    return ', '.join(f'.{k} = {v}' for k, v in kw.items())


def table(ctype, name, rows):
    tables.append(f'static const struct {ctype} {name}[] = {{\n'
                  + ''.join(f'\t{{{r}}},\n' for r in rows) + '};\n')


# --- GTP-U headers -------------------------------------------------------------------------------

def patched(packet, at, *octets):
    data = bytearray(bytes(packet))
    data[at:at + len(octets)] = octets
    return bytes(data)


def gtpu_vectors():
    inner = IP(src=UE4, dst=DN4) / UDP(sport=4000, dport=53) / Raw(b'query')
    n = len(inner)
    rows = []

    def good(name, data, hdr_len, end=None, **want):
        data = bytes(data)
        want = dict(type='CST_GTPU_GPDU', teid='0x01020304', hdr_len=hdr_len,
                    end=end if end is not None else len(data)) | want
        rows.append(f'"{name}", {array("gtpu_" + name, data)}, 0, {{{fields(**want)}}}')

    def bad(name, data, rc, **want):
        rows.append(f'"{name}", {array("gtpu_" + name, data)}, {rc}, {{{fields(**want)}}}')

    def hdr(**kw):
        return GTP_U_Header(**(dict(teid=0x01020304, gtp_type=255) | kw))

    psc = dict(has_psc=1)
    ul, dl = 'CST_GTPU_PSC_UL', 'CST_GTPU_PSC_DL'
    good('plain', hdr() / inner, 8)
    good('empty', hdr(), 8)
    good('padded', bytes(hdr() / inner) + bytes(7), 8, end=8 + n)
    good('seq', hdr(S=1, seq=0xbeef) / inner, 12, seq='0xbeef', flags='CST_GTPU_HAS_SEQ')
    good('npdu', hdr(PN=1, npdu=0x7e) / inner, 12, npdu='0x7e', flags='CST_GTPU_HAS_NPDU')
    good('seq_npdu', hdr(S=1, PN=1, seq=1, npdu=2) / inner, 12, seq=1, npdu=2,
         flags='CST_GTPU_HAS_SEQ | CST_GTPU_HAS_NPDU')
    # values without their flag mean nothing: neither the sequence number nor the next type
    good('seq_stale_next', hdr(S=1, seq=5, next_ex=0x85) / inner, 12, seq=5,
         flags='CST_GTPU_HAS_SEQ')
    good('ext_none', hdr(E=1, seq=0x1234) / inner, 12)
    good('spare_bit', patched(hdr() / inner, 0, 0x38), 8)
    good('psc_dl', hdr() / GTPPDUSessionContainer(type=0, QFI=9) / inner, 16, psc_type=dl, qfi=9,
         **psc)
    good('psc_dl_rqi', hdr() / GTPPDUSessionContainer(type=0, RQI=1, QFI=63) / inner, 16,
         psc_type=dl, qfi=63, rqi=1, **psc)
    good('psc_dl_ppi', hdr() / GTPPDUSessionContainer(type=0, PPP=1, PPI=5, QFI=2) / inner, 20,
         psc_type=dl, qfi=2, psc_at=12, **psc)
    good('psc_dl_qmp', hdr() / GTPPDUSessionContainer(type=0, QMP=1, QFI=3, dlSendTime=1 << 60,
                                                      SNP=1, dlQFISeqNum=7) / inner, 28,
         psc_type=dl, qfi=3, psc_at=12, **psc)
    good('psc_ul', hdr() / GTPPDUSessionContainer(type=1, QFI=1) / inner, 16, psc_type=ul, qfi=1,
         **psc)
    good('psc_ul_delay', hdr() / GTPPDUSessionContainer(type=1, QFI=5, N3N9DelayInd=1,
                                                        N3N9DelayRslt=9) / inner, 20,
         psc_type=ul, qfi=5, psc_at=12, **psc)
    good('psc_ul_qmp', hdr() / GTPPDUSessionContainer(type=1, QFI=6, QMP=1, dlSendTimeRpt=1,
                                                      dlRecvTime=2, ulSendTime=3) / inner, 40,
         psc_type=ul, qfi=6, psc_at=12, **psc)
    good('psc_seq', hdr(S=1, E=1, seq=77, next_ex=0x85) / GTPPDUSessionContainer(type=1, QFI=1)
         / inner, 16, psc_type=ul, qfi=1, seq=77, flags='CST_GTPU_HAS_SEQ', **psc)
    good('psc_padded', bytes(hdr() / GTPPDUSessionContainer(type=1, QFI=1) / inner) + b'\0', 16,
         end=16 + n, psc_type=ul, qfi=1, **psc)
    good('psc_empty', hdr() / GTPPDUSessionContainer(type=1, QFI=1), 16, psc_type=ul, qfi=1, **psc)
    good('port', hdr(E=1, next_ex=0x40) / GTP_UDPPort_ExtensionHeader(udp_port=50000) / inner, 16,
         udp_src_port=50000, flags='CST_GTPU_HAS_PORT')
    good('pdcp', hdr(E=1, next_ex=0xc0) / GTP_PDCP_PDU_ExtensionHeader(pdcp_pdu=3) / inner, 16,
         flags='CST_GTPU_OTHER_EXT')
    good('port_psc', hdr(E=1, next_ex=0x40) / GTP_UDPPort_ExtensionHeader(udp_port=9, next_ex=0x85)
         / GTPPDUSessionContainer(type=0, QFI=4) / inner, 20, udp_src_port=9, psc_type=dl, qfi=4,
         flags='CST_GTPU_HAS_PORT', **psc)
    good('psc_port', hdr() / GTPPDUSessionContainer(type=0, QFI=4, NextExtHdr=0x40)
         / GTP_UDPPort_ExtensionHeader(udp_port=9) / inner, 20, udp_src_port=9, psc_type=dl, qfi=4,
         flags='CST_GTPU_HAS_PORT', **psc)
    good('end_marker', GTP_U_Header(teid=0x01020304, gtp_type=254), 8, type='CST_GTPU_END_MARKER')
    good('echo_request', GTP_U_Header(gtp_type=1, S=1, seq=9) / GTPEchoRequest(), 12, teid=0,
         type='CST_GTPU_ECHO_REQUEST', seq=9, flags='CST_GTPU_HAS_SEQ')

    def chain(count, kind=0x40):
        data = bytes(hdr(E=1, next_ex=kind))
        for i in range(count):
            data += bytes([1, 0, i, kind if i + 1 < count else 0])
        data += bytes(inner)
        return patched(data, 2, *(len(data) - 8).to_bytes(2, 'big'))

    good('ext_8', chain(8), 44, udp_src_port=7, flags='CST_GTPU_HAS_PORT')
    bad('ext_9', chain(9), 'CST_GTPU_EXT_COUNT')
    # unknown types: the two top bits say who must understand them (5.2.1)
    good('ext_00', chain(1, 0x05), 16)
    good('ext_01', chain(1, 0x45), 16)
    bad('ext_10', chain(1, 0x95), 'CST_GTPU_EXT_UNKNOWN', ext_type='0x95', teid='0x01020304')
    bad('ext_11', chain(1, 0xd5), 'CST_GTPU_EXT_UNKNOWN', ext_type='0xd5', teid='0x01020304')
    one = chain(1)
    bad('ext_len_0', patched(one, 12, 0), 'CST_GTPU_EXT_LENGTH')
    bad('ext_len_past', patched(one, 12, 255), 'CST_GTPU_EXT_LENGTH')
    bad('ext_cut', patched(one[:12], 2, 0, 4), 'CST_GTPU_EXT_LENGTH')
    bad('psc_len_0', patched(hdr() / GTPPDUSessionContainer(type=1, QFI=1) / inner, 12, 0),
        'CST_GTPU_EXT_LENGTH')
    bad('version_2', patched(hdr() / inner, 0, 0x50), 'CST_GTPU_VERSION')
    bad('version_0', patched(hdr() / inner, 0, 0x10), 'CST_GTPU_VERSION')
    bad('prime', patched(hdr() / inner, 0, 0x20), 'CST_GTPU_PRIME')
    bad('length_past', patched(hdr() / inner, 2, *(n + 1).to_bytes(2, 'big')), 'CST_GTPU_LENGTH')
    bad('length_short', patched(hdr(S=1) / inner, 2, 0, 3), 'CST_GTPU_LENGTH')
    bad('truncated', bytes(hdr())[:7], 'CST_GTPU_TRUNCATED')
    table('gtpu_vec', 'gtpu_vecs', rows)
    for name in [a for a in arrays if a.startswith('gtpu_')]:
        seeds[name] = arrays[name]


def gtpu_messages():
    """What coast writes itself, byte for byte."""
    inner = b'payload'
    array('put_plain', GTP_U_Header(teid=0xa1b2c3d4, gtp_type=255) / Raw(inner))
    array('put_dl', GTP_U_Header(teid=0xa1b2c3d4, gtp_type=255)
          / GTPPDUSessionContainer(type=0, QFI=9, RQI=1) / Raw(inner))
    array('put_ul', GTP_U_Header(teid=0xa1b2c3d4, gtp_type=255)
          / GTPPDUSessionContainer(type=1, QFI=63) / Raw(inner))
    array('put_echo_request', GTP_U_Header(gtp_type=1, S=1, seq=0xfffe) / GTPEchoRequest())
    array('put_echo_response', GTP_U_Header(gtp_type=2, S=1, seq=0xfffe)
          / GTPEchoResponse(IE_list=[IE_Recovery(restart_counter=0)]))
    for family, address in ('4', dict(length=4, ipv4_address=OWN4)), \
                           ('6', dict(length=16, ipv6_address=OWN6)):
        array('put_error_' + family, GTP_U_Header(gtp_type=26, S=1, E=1, next_ex=0x40)
              / GTP_UDPPort_ExtensionHeader(udp_port=0xc123)
              / GTPErrorIndication(IE_list=[IE_TEIDI(TEIDI=0xa1b2c3d4), IE_GSNAddress(**address)]))
    # scapy gives IE 141 a length of two octets; it has one (TS 29.281 8.5, and tshark reads it so)
    array('put_supported', GTP_U_Header(gtp_type=31, S=1, seq=3) / Raw(bytes.fromhex('8d024085')))
    array('put_end', GTP_U_Header(teid=0xa1b2c3d4, gtp_type=254))
    array('put_end_psc', GTP_U_Header(teid=0xa1b2c3d4, gtp_type=254)
          / GTPPDUSessionContainer(type=0, QFI=9))
    for name in ('put_error_4', 'put_error_6', 'put_supported', 'put_echo_response'):
        seeds['gtpu_' + name] = arrays[name]


# --- IP and flows --------------------------------------------------------------------------------

def flow_vectors():
    rows = []

    def addr(text):
        from ipaddress import ip_address
        return '{.b = {' + ', '.join(f'{b:#x}' for b in ip_address(text).packed) + '}}'

    def good(name, packet, proto, l4=None, ports=None, flags=(), **want):
        """`l4`: the upper layer, to tell its offset; `ports`: source and destination."""
        data = bytes(packet)
        family = data[0] >> 4
        total = want.pop('ip_len', len(data))
        want = dict(family=family, proto=proto, ip_len=total,
                    l4_off=0 if l4 is None else total - len(bytes(l4)),
                    ttl=64, src=addr(UE4 if family == 4 else UE6),
                    dst=addr(DN4 if family == 4 else DN6)) | want
        flags = list(flags) + (['CST_FLOW_DF'] if family == 6 else [])
        if ports:
            want |= dict(src_port=ports[0], dst_port=ports[1])
            flags.append('CST_FLOW_PORTS')
        if 'spi' in want:
            flags.append('CST_FLOW_SPI')
        want['flags'] = ' | '.join(flags) or 0
        rows.append(f'"{name}", {array("flow_" + name, data)}, 0, {{{fields(**want)}}}')

    def bad(name, data, rc):
        rows.append(f'"{name}", {array("flow_" + name, data)}, {rc}, {{0}}')

    def v4(**kw):
        return IP(src=UE4, dst=DN4, **kw)

    def v6(**kw):
        return IPv6(src=UE6, dst=DN6, **dict(dict(hlim=64), **kw))

    udp, tcp = UDP(sport=4000, dport=53) / Raw(b'odd'), TCP(sport=1024, dport=443)
    sctp = SCTP(sport=38412, dport=38413)
    u, t = (4000, 53), (1024, 443)
    esp, ah = ESP(spi=0xdeadbeef, seq=1, data=b'cipher'), AH(spi=0xcafe, nh=17)
    for name, ip in ('4', v4), ('6', v6):
        good('udp' + name, ip() / udp, 'CST_PROTO_UDP', udp, u)
        good('tcp' + name, ip() / tcp, 'CST_PROTO_TCP', tcp, t)
        good('sctp' + name, ip() / sctp, 'CST_PROTO_SCTP', sctp, (38412, 38413))
        good('esp' + name, ip(**({'proto': 50} if ip is v4 else {'nh': 50})) / esp, 'CST_PROTO_ESP',
             esp, spi='0xdeadbeef')
        good('ah' + name, ip(**({'proto': 51} if ip is v4 else {'nh': 51})) / ah / udp,
             'CST_PROTO_AH', bytes(ah) + bytes(udp), spi='0xcafe')
        good('padded' + name, bytes(ip() / udp) + bytes(5), 'CST_PROTO_UDP', udp, u,
             ip_len=len(ip() / udp))
    good('icmp4', v4() / ICMP(), 'CST_PROTO_ICMP', ICMP())
    good('icmp6', v6() / ICMPv6EchoRequest(), 'CST_PROTO_ICMPV6', ICMPv6EchoRequest())
    good('tos4', v4(tos=0xb9) / udp, 'CST_PROTO_UDP', udp, u, tos='0xb9')
    good('tos6', v6(tc=0xb9, fl=0xabcde) / udp, 'CST_PROTO_UDP', udp, u, tos='0xb9',
         flow_label='0xabcde')
    good('df4', v4(flags='DF') / udp, 'CST_PROTO_UDP', udp, u, ['CST_FLOW_DF'])
    good('ttl4', v4(ttl=1) / udp, 'CST_PROTO_UDP', udp, u, ttl=1)
    good('options4', v4(options=[IPOption_NOP(), IPOption_RR(routers=['1.2.3.4'])]) / udp,
         'CST_PROTO_UDP', udp, u, ['CST_FLOW_OPTIONS'])
    good('lsrr4', v4(options=[IPOption_LSRR(routers=['1.2.3.4'])]) / udp, 'CST_PROTO_UDP', udp, u,
         ['CST_FLOW_OPTIONS'])
    good('first4', v4(flags='MF') / UDP(sport=4000, dport=53, len=100, chksum=1) / bytes(8),
         'CST_PROTO_UDP', bytes(16), u, ['CST_FLOW_FRAG', 'CST_FLOW_FRAG_MORE'])
    good('later4', v4(frag=3, proto=17) / Raw(b'4000 53'), 'CST_PROTO_UDP', None, None,
         ['CST_FLOW_FRAG', 'CST_FLOW_FRAG_LATER'])
    good('short_l4', v4(proto=6) / Raw(b'abc'), 'CST_PROTO_TCP', b'abc')
    good('none6', v6(nh=59), 'CST_PROTO_NONE', b'')

    hop, dst, routing = IPv6ExtHdrHopByHop(), IPv6ExtHdrDestOpt(), \
        IPv6ExtHdrRouting(type=4, addresses=[DN6])
    good('hop6', v6() / hop / udp, 'CST_PROTO_UDP', udp, u, ['CST_FLOW_OPTIONS'])
    good('chain6', v6() / hop / dst / routing / dst / tcp, 'CST_PROTO_TCP', tcp, t,
         ['CST_FLOW_OPTIONS'])
    good('atomic6', v6() / IPv6ExtHdrFragment(id=7) / udp, 'CST_PROTO_UDP', udp, u)
    good('first6', v6() / dst / IPv6ExtHdrFragment(id=7, m=1)
         / UDP(sport=4000, dport=53, len=100, chksum=1) / bytes(8), 'CST_PROTO_UDP', bytes(16), u,
         ['CST_FLOW_FRAG', 'CST_FLOW_FRAG_MORE'])
    good('later6', v6() / IPv6ExtHdrFragment(id=7, offset=2, nh=17) / Raw(b'4000 53'),
         'CST_PROTO_UDP', None, None, ['CST_FLOW_FRAG', 'CST_FLOW_FRAG_LATER'])
    eight = v6()
    for _ in range(8):
        eight = eight / IPv6ExtHdrDestOpt()
    good('ext6_8', eight / udp, 'CST_PROTO_UDP', udp, u)
    bad('ext6_9', eight / IPv6ExtHdrDestOpt() / udp, 'CST_IP_EXT_COUNT')
    bad('hop6_late', v6() / dst / hop / udp, 'CST_IP_EXT')
    bad('ext6_past', patched(v6() / dst / udp, 41, 200), 'CST_IP_EXT')
    bad('ext6_cut', v6(nh=60) / Raw(b'\x11\0\0\0'), 'CST_IP_EXT')
    bad('odd_first6', v6() / IPv6ExtHdrFragment(m=1) / Raw(b'123456789'), 'CST_IP_FRAGMENT')
    plain = v4() / udp
    bad('version', patched(plain, 0, 0x55), 'CST_IP_VERSION')
    bad('ihl', patched(plain, 0, 0x44), 'CST_IP_IHL')
    bad('ihl_past', patched(v4(), 0, 0x46), 'CST_IP_LENGTH')
    bad('total_short', patched(plain, 2, 0, 19), 'CST_IP_LENGTH')
    bad('total_past', patched(plain, 2, 0, len(plain) + 1), 'CST_IP_TRUNCATED')
    bad('payload6_past', patched(v6() / udp, 4, 0, len(udp) + 1), 'CST_IP_TRUNCATED')
    bad('odd_first4', v4(flags='MF', proto=17) / Raw(b'123456789'), 'CST_IP_FRAGMENT')
    bad('ping_of_death', v4(frag=8191, proto=17) / Raw(b'0123456789abcdef'), 'CST_IP_FRAGMENT')
    bad('short4', bytes(v4())[:19], 'CST_IP_TRUNCATED')
    bad('short6', bytes(v6())[:39], 'CST_IP_TRUNCATED')
    table('flow_vec', 'flow_vecs', rows)
    for name in [a for a in arrays if a.startswith('flow_')]:
        seeds[name] = arrays[name]
    array('route_6', v6() / IPv6ExtHdrRouting(type=0, addresses=[DN6]) / udp)


def checksums():
    rng = random.Random(29281)
    rows = []
    for size in [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 19, 20, 33, 64, 255]:
        data = bytes(rng.randrange(256) for _ in range(size))
        rows.append(f'"{size}", {array(f"sum_{size}", data)}, {checksum(data):#06x}')
    rows.append(f'"ones", {array("sum_ones", bytes([255] * 40))}, {checksum(bytes([255] * 40)):#06x}')
    table('sum_vec', 'sum_vecs', rows)


# --- frames, neighbours, ICMP --------------------------------------------------------------------

def frames():
    eth = Ether(src=GNB_MAC, dst=OWN_MAC)
    ip = IP(src=GNB4, dst=OWN4) / UDP(sport=50000, dport=2152)
    rows = []

    def frame(name, packet, **want):
        rows.append(f'"{name}", {array("l2_" + name, packet)}, {{{fields(**want)}}}')
        seeds['l2_' + name] = arrays['l2_' + name]

    ipv4 = 'CST_ETH_IPV4'
    frame('plain', eth / ip, ethertype=ipv4, len=14)
    frame('vlan', eth / Dot1Q(vlan=100, prio=5, id=1) / ip, ethertype=ipv4, len=18, tags=1,
          tpid='{0x8100}', tci='{0xb064}')
    frame('qinq', eth / Dot1AD(vlan=7) / Dot1Q(vlan=4094) / ip, ethertype=ipv4, len=22, tags=2,
          tpid='{0x88a8, 0x8100}', tci='{7, 4094}')
    frame('three', eth / Dot1AD(vlan=7) / Dot1Q(vlan=8) / Dot1Q(vlan=9) / ip,
          ethertype='CST_ETH_CTAG', len=22, tags=2, tpid='{0x88a8, 0x8100}', tci='{7, 8}')
    frame('priority', eth / Dot1Q(vlan=0, prio=7) / ip, ethertype=ipv4, len=18, tags=1,
          tpid='{0x8100}', tci='{0xe000}')
    # IEEE 802.1CB 7.8: F1C1, 16 bits reserved, sequence number, EtherType of the payload
    frame('rtag', Ether(src=GNB_MAC, dst=OWN_MAC) / Dot1Q(vlan=100, prio=3, type=0xf1c1)
          / Raw(bytes.fromhex('0000 1234 0800') + bytes(ip)), ethertype='CST_ETH_RTAG', len=18,
          tags=1, tpid='{0x8100}', tci='{0x6064}')
    table('l2_vec', 'l2_vecs', rows)

    gpdu = UDP(sport=50000, dport=2152) / GTP_U_Header(teid=1, gtp_type=255) \
        / GTPPDUSessionContainer(type=1, QFI=1) / IP(src=UE4, dst=DN4) / UDP() / Raw(b'x')
    seeds['n3_v4'] = bytes(eth / IP(src=GNB4, dst=OWN4) / gpdu)
    seeds['n3_v6_vlan'] = bytes(eth / Dot1Q(vlan=5) / IPv6(src=GNB6, dst=OWN6) / gpdu)
    array('n3_v6', IPv6(src=GNB6, dst=OWN6) / gpdu)
    array('n3_v4', IP(src=GNB4, dst=OWN4) / gpdu)

    array('arp_request', ARP(op=1, hwsrc=OWN_MAC, psrc=OWN4, hwdst='00:00:00:00:00:00', pdst=GNB4))
    array('arp_reply', ARP(op=2, hwsrc=OWN_MAC, psrc=OWN4, hwdst=GNB_MAC, pdst=GNB4))
    seeds['arp'] = bytes(Ether(src=GNB_MAC, dst='ff:ff:ff:ff:ff:ff', type=0x0806)) \
        + arrays['arp_request']


def neighbours():
    group = 'ff02::1:ff00:2'
    local = 'fe80::ff:fe00:11'
    array('nd_ns', IPv6(src=OWN6, dst=group, hlim=255, tc=0xc0) / ICMPv6ND_NS(tgt=GNB6)
          / ICMPv6NDOptSrcLLAddr(lladdr=OWN_MAC))
    array('nd_probe', IPv6(src=OWN6, dst=GNB6, hlim=255, tc=0xc0) / ICMPv6ND_NS(tgt=GNB6)
          / ICMPv6NDOptSrcLLAddr(lladdr=OWN_MAC))
    array('nd_na', IPv6(src=OWN6, dst=GNB6, hlim=255, tc=0xc0)
          / ICMPv6ND_NA(tgt=OWN6, R=1, S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=OWN_MAC))
    array('nd_dad', IPv6(src='::', dst=group, hlim=255) / ICMPv6ND_NS(tgt=GNB6))
    array('nd_rs', IPv6(src=local, dst='ff02::2', hlim=255) / ICMPv6ND_RS()
          / ICMPv6NDOptSrcLLAddr(lladdr=GNB_MAC))
    array('nd_ra', IPv6(src=local, dst='ff02::1', hlim=255)
          / ICMPv6ND_RA(chlim=64, M=1, O=0, routerlifetime=1800, reachabletime=30000,
                        retranstimer=1000)
          / ICMPv6NDOptSrcLLAddr(lladdr=GNB_MAC) / ICMPv6NDOptMTU(mtu=1400)
          / ICMPv6NDOptPrefixInfo(prefixlen=64, prefix='2001:db8:45::', L=0, A=1,
                                  validlifetime=7200, preferredlifetime=3600))
    # breaches, each with a right checksum
    array('nd_bad_hops', IPv6(src=OWN6, dst=group, hlim=254) / ICMPv6ND_NS(tgt=GNB6))
    array('nd_bad_code', IPv6(src=OWN6, dst=group, hlim=255) / ICMPv6ND_NS(tgt=GNB6, code=1))
    array('nd_bad_sum', IPv6(src=OWN6, dst=group, hlim=255) / ICMPv6ND_NS(tgt=GNB6, cksum=1))
    array('nd_bad_target', IPv6(src=OWN6, dst=group, hlim=255) / ICMPv6ND_NS(tgt='ff02::1'))
    array('nd_bad_option', IPv6(src=OWN6, dst=group, hlim=255) / ICMPv6ND_NS(tgt=GNB6)
          / Raw(b'\x01\x00' + bytes(6)))
    array('nd_bad_dad', IPv6(src='::', dst=group, hlim=255) / ICMPv6ND_NS(tgt=GNB6)
          / ICMPv6NDOptSrcLLAddr(lladdr=OWN_MAC))
    array('nd_bad_dad_to', IPv6(src='::', dst='ff02::1', hlim=255) / ICMPv6ND_NS(tgt=GNB6))
    array('nd_bad_ra', IPv6(src=GNB6, dst='ff02::1', hlim=255) / ICMPv6ND_RA())
    array('nd_bad_na', IPv6(src=OWN6, dst='ff02::1', hlim=255) / ICMPv6ND_NA(tgt=OWN6, S=1))
    for name in [a for a in arrays if a.startswith('nd_')]:
        seeds[name] = arrays[name]


def icmp():
    about4 = IP(src=UE4, dst=DN4, flags='DF', id=1) / UDP(sport=1, dport=2) / Raw(b'12345678')
    about6 = IPv6(src=UE6, dst=DN6) / UDP(sport=1, dport=2) / Raw(b'12345678')
    array('icmp_echo', ICMP(type=8, id=7, seq=9) / Raw(b'ping me'))
    array('icmp_reply', ICMP(type=0, id=7, seq=9) / Raw(b'ping me'))
    array('icmp_frag_needed', ICMP(type=3, code=4, nexthopmtu=1400) / about4)
    six = IPv6(src=OWN6, dst=UE6)
    array('icmp6_echo', bytes(six / ICMPv6EchoRequest(id=7, seq=9, data=b'ping me')))
    array('icmp6_reply', bytes(IPv6(src=UE6, dst=OWN6)
                               / ICMPv6EchoReply(id=7, seq=9, data=b'ping me')))
    array('icmp6_too_big', bytes(six / ICMPv6PacketTooBig(mtu=1280) / about6))
    array('icmp6_unreach', bytes(six / ICMPv6DestUnreach(code=1) / about6))
    seeds['icmp4'] = bytes(IP(src=OWN4, dst=GNB4)) + arrays['icmp_frag_needed']
    seeds['icmp6'] = arrays['icmp6_too_big']


def rule_seeds():
    """Inputs of fuzz_match: even first byte: a flow description; odd: counts, the lines of a run as in
    upf_core.h, a packet."""
    for i, text in enumerate(['permit out ip from any to assigned',
                              'permit out 17 from 198.51.100.0/24 53 to assigned 1024-65535',
                              'permit out tcp from 2001:db8:6::/48 80,443,8000-8010 to any',
                              'permit out 58 from any to 2001:db8:45::2/128',
                              'deny in ip from !any to any frag']):
        rules[f'description_{i}'] = b'\0' + text.encode()
    four, six = socket.inet_aton(UE4), socket.inet_pton(socket.AF_INET6, UE6)
    run = struct.pack('<QIIHHHHHHBBHI', 1, 1, 1, 5, 1, 1, 1, 2, 3, 3, 64, 1,
                      int.from_bytes(four, 'little')) + six[:8]
    run = run.ljust(64, b'\0')
    pdr = struct.pack('<QIIHHBBBBB', 1 << 9, 0, 0, 0, 0, 2, 1, 4, 0, 1).ljust(64, b'\0')
    anything = struct.pack('<QIIHHBBBBB', (1 << 64) - 1, 0, 0, 0, 0, 0, 1, 4, 1, 0).ljust(64, b'\0')
    sdf = struct.pack('<BBBBBBBBHHHH', 0x11, 4, 17, 24, 0, 0, 0, 0, 53, 53, 0, 65535).ljust(32, b'\0') \
        + socket.inet_aton(DN4).ljust(16, b'\0') + bytes(16)
    any6 = struct.pack('<BBBBBBBBHHHH', 0, 6, 0, 48, 64, 0, 0, 0, 0, 65535, 0, 65535).ljust(32, b'\0') \
        + socket.inet_pton(socket.AF_INET6, DN6) + six
    for name in ('udp4', 'udp6', 'tcp6', 'first4', 'later6', 'esp4'):
        rules['rules_' + name] = b'\1' + bytes([1, 1, 2, 0x80 | 9 << 1 | 1]) + run + pdr + anything + sdf \
            + any6 + arrays['flow_' + name]


def header():
    out = ['/* SPDX-License-Identifier: BSD-3-Clause */',
           '/* Written by make.py with scapy. Do not edit. */',
           '#pragma once', '',
           '#include <stdint.h>', '',
           '#include "flow.h"', '#include "gtpu.h"', '#include "vlan.h"', '',
           '#define BYTES(name) vec_##name, sizeof(vec_##name)', '',
           '/* clang-format off */',
           'struct gtpu_vec { const char *name; const uint8_t *p; uint32_t len; int rc; '
           'struct cst_gtpu want; };',
           'struct flow_vec { const char *name; const uint8_t *p; uint32_t len; int rc; '
           'struct cst_flow want; };',
           'struct l2_vec { const char *name; const uint8_t *p; uint32_t len; struct cst_l2 want; };',
           'struct sum_vec { const char *name; const uint8_t *p; uint32_t len; uint16_t want; };', '']
    for name, data in arrays.items():
        out.append(f'static const uint8_t vec_{name}[{len(data)}] __attribute__((unused)) = {{')
        for i in range(0, len(data), 16):
            out.append('\t' + ', '.join(f'0x{b:02x}' for b in data[i:i + 16]) + ',')
        out.append('};')
    out += [''] + [t.replace('[] = {', '[] __attribute__((unused)) = {', 1) for t in tables]
    out.append('/* clang-format on */')
    return '\n'.join(out) + '\n'


def main():
    gtpu_vectors()
    gtpu_messages()
    flow_vectors()
    checksums()
    frames()
    neighbours()
    icmp()
    rule_seeds()
    files = {os.path.join(HERE, 'wire_vectors.h'): header().encode()}
    files |= {os.path.join(CORPUS, 'packet', name): data for name, data in seeds.items()}
    files |= {os.path.join(CORPUS, 'match', name): data for name, data in rules.items()}
    if '--check' in sys.argv[1:]:
        wrong = []
        for path, data in files.items():
            try:
                with open(path, 'rb') as f:
                    if f.read() != data:
                        wrong.append(path)
            except FileNotFoundError:
                wrong.append(path)
        for path in wrong:
            print(f'{os.path.relpath(path)} is not what make.py writes', file=sys.stderr)
        sys.exit(1 if wrong else 0)
    for name in 'packet', 'match':
        os.makedirs(os.path.join(CORPUS, name), exist_ok=True)
    for path, data in files.items():
        with open(path, 'wb') as f:
            f.write(data)
    print(f'{len(arrays)} vectors, {len(seeds) + len(rules)} seeds')


main()
