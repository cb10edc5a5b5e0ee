# SPDX-License-Identifier: BSD-3-Clause
"""User packets and GTP-U as octets, many thousands a second: what scapy does, but fast.

Written from RFC 791, RFC 8200, RFC 768, TS 29.281 and TS 38.415, and compared with scapy's bytes
by test_model.py before it is relied upon. Addresses are packed octets.
"""
import socket
import struct

TCP, UDP, ESP, ICMP, SCTP, ICMP6 = 6, 17, 50, 1, 132, 58
MARK = b"coastmdl"  # stands before the packet's number at the end of its payload


def ip4(text):
    return socket.inet_pton(socket.AF_INET, text)


def ip6(text):
    return socket.inet_pton(socket.AF_INET6, text)


def checksum(data):
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def l4_octets(proto, sport, dport, spi, payload, src, dst):
    """Transport header and payload; the checksum is right, so that tshark has nothing to say."""
    if proto == ESP:
        return struct.pack("!II", spi, 1) + payload
    if proto == ICMP:
        body = struct.pack("!BBHHH", 8, 0, 0, sport, dport) + payload
        return body[:2] + struct.pack("!H", checksum(body)) + body[4:]
    if proto == SCTP:
        return struct.pack("!HHII", sport, dport, 1, 0) + payload
    if proto == UDP:
        head, at = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0), 6
    elif proto == TCP:
        head, at = struct.pack("!HHIIBBHHH", sport, dport, 1, 2, 0x50, 0x10, 8192, 0, 0), 16
    else:
        return payload
    length = len(head) + len(payload)
    if len(src) == 4:
        pseudo = src + dst + struct.pack("!BBH", 0, proto, length)
    else:
        pseudo = src + dst + struct.pack("!II", length, proto)
    total = checksum(pseudo + head + payload) or 0xffff
    return head[:at] + struct.pack("!H", total) + head[at + 2:] + payload


def ip_octets(p, number):
    """The user packet that the dict `p` tells: see model_gen.packet()."""
    payload = b"." * p["pad"] + MARK + struct.pack("!I", number)
    src, dst = p["src"], p["dst"]
    offset = p.get("offset", 0)
    if offset:  # the last fragment: no transport header
        body = payload
    else:
        body = l4_octets(p["proto"], p["sport"], p["dport"], p["spi"], payload, src, dst)
    if len(src) == 4:
        head = struct.pack("!BBHHHBBH", 0x45, p["tos"], 20 + len(body), number & 0xffff,
                           offset >> 3, p["ttl"], p["proto"], 0) + src + dst
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body
    proto = p["proto"]
    if offset:
        body = struct.pack("!BBHI", proto, 0, offset, number) + body
        proto = 44
    return struct.pack("!IHBB", 6 << 28 | p["tos"] << 20 | p["label"], len(body), proto,
                       p["ttl"]) + src + dst + body


def one_hop_less(packet):
    if packet[0] >> 4 == 6:
        return packet[:7] + bytes([packet[7] - 1]) + packet[8:]
    head = packet[:8] + bytes([packet[8] - 1]) + packet[9:10] + b"\0\0" + packet[12:20]
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + packet[20:]


def with_tos(packet, tos):
    if packet[0] >> 4 == 6:
        word = struct.unpack_from("!I", packet)[0]
        return struct.pack("!I", word & 0xf00fffff | tos << 20) + packet[4:]
    head = packet[:1] + bytes([tos]) + packet[2:10] + b"\0\0" + packet[12:20]
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + packet[20:]


def gpdu(teid, inner, qfi, src, dst, tos=0):
    """A G-PDU as a gNB sends it, from the outer IP header on; IPv4 outside."""
    if qfi is None:
        gtp = struct.pack("!BBHI", 0x30, 255, len(inner), teid)
    else:  # PDU type 1, uplink
        gtp = struct.pack("!BBHIHBBBBBB", 0x34, 255, len(inner) + 8, teid, 0, 0, 0x85, 1, 0x10,
                          qfi, 0)
    udp = struct.pack("!HHHH", 2152, 2152, 8 + len(gtp) + len(inner), 0)
    head = struct.pack("!BBHHHBBH", 0x45, tos, 28 + len(gtp) + len(inner), 0, 0, 64, UDP, 0)
    head += src + dst
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + udp + gtp + inner


def number_of(packet):
    at = packet.rfind(MARK)
    return struct.unpack_from("!I", packet, at + len(MARK))[0] if at >= 0 else None


def read_ip(packet):
    """(version, tos, proto, src, dst, transport header and on); lengths are checked."""
    if packet[0] >> 4 == 4:
        length = struct.unpack_from("!H", packet, 2)[0]
        assert checksum(packet[:20]) == 0, "bad IPv4 header checksum"
        head, tos, proto, src, dst = 20, packet[1], packet[9], packet[12:16], packet[16:20]
    else:
        length = 40 + struct.unpack_from("!H", packet, 4)[0]
        head, tos, proto = 40, struct.unpack_from("!H", packet)[0] >> 4 & 255, packet[6]
        src, dst = packet[8:24], packet[24:40]
    assert length <= len(packet), f"IP length {length} of {len(packet)}"
    return packet[0] >> 4, tos, proto, src, dst, packet[head:length]


def read_frame(frame):
    """What came out of coast: None when it is nobody's user packet, else a dict.

    plain: {"vlan", "inner"}; tunnel: {"vlan", "src", "dst", "tos", "type", "teid", "psc", "inner"},
    psc: (PDU type, QFI, RQI) or None.
    """
    vlan, at = None, 14
    if frame[12:14] == b"\x81\0":
        vlan, at = struct.unpack_from("!H", frame, 14)[0] & 0xfff, 18
    if frame[at - 2:at] not in (b"\x08\0", b"\x86\xdd"):
        return None
    packet = frame[at:]
    _, tos, proto, src, dst, l4 = read_ip(packet)
    if proto != UDP or l4[2:4] != b"\x08\x68":
        return {"vlan": vlan, "inner": trimmed(packet)}
    out = {"vlan": vlan, "src": src, "dst": dst, "tos": tos}
    assert struct.unpack_from("!H", l4, 4)[0] == len(l4), "UDP length"
    flags, out["type"], length, out["teid"] = struct.unpack_from("!BBHI", l4, 8)
    assert length == len(l4) - 16, "GTP-U length"
    assert flags & 0xf8 == 0x30, f"GTP-U flags {flags:#x}"
    off, out["psc"] = 16, None
    if flags & 7:
        kind, off = l4[19], 20
        while kind:
            size = l4[off] * 4
            assert size and off + size <= len(l4), "extension header"
            if kind == 0x85:
                out["psc"] = (l4[off + 1] >> 4, l4[off + 2] & 63, l4[off + 2] >> 6 & 1)
            kind, off = l4[off + size - 1], off + size
    out["inner"] = l4[off:]
    return out


def trimmed(packet):
    """Without what Ethernet pads behind it."""
    if packet[0] >> 4 == 4:
        return packet[:struct.unpack_from("!H", packet, 2)[0]]
    return packet[:40 + struct.unpack_from("!H", packet, 4)[0]]
