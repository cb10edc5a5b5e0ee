#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Write the frames that Pktgen-DPDK plays, as coast-tgen makes them:
#
#   pcaps.sh TGEN N3-MAC N6-MAC [SESSIONS [TEIDS]]
#
# n3-64.pcap, n3-imix.pcap, n6-imix.pcap in this directory. TGEN is the program
# coast-tgen, the MAC addresses are coast's; SESSIONS is 1000 when it is not given,
# TEIDS the file that put_sessions.py wrote. Twelve frames a session and file.
set -eu

[ $# -ge 3 ] || { sed -n '3,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
tgen=$1 n3=$2 n6=$3 sessions=${4:-1000} teids=${5:-}

frames() { # SIZE N3-FILE N6-FILE
	"$tgen" --size "$1" --sessions "$sessions" ${teids:+--teids "$teids"} --order round-robin \
		--n3-mac "$n3" --n6-mac "$n6" --rate 0.1 --packets $((sessions * 24)) --warm-up 0 \
		--vdev "net_pcap0,tx_pcap=$2" --vdev "net_pcap1,tx_pcap=$3" \
		-- --no-huge -m 256 --no-pci --no-telemetry --file-prefix "pcaps$$" --log-level error \
		>/dev/null
	# DPDK writes nanoseconds, Pktgen reads the older kind alone; it looks at no time
	for file in "$2" "$3"; do
		[ ! -f "$file" ] || printf '\324\303\262\241' | dd of="$file" conv=notrunc status=none
	done
}

frames 64 n3-64.pcap /dev/null
frames imix n3-imix.pcap n6-imix.pcap
ls -l n3-64.pcap n3-imix.pcap n6-imix.pcap
