# SPDX-License-Identifier: BSD-3-Clause
# Packet memory with and without hugepages, and what coastd says when there are none.
. "$(dirname "$0")/test.sh"

# A machine without hugepages, as far as the command can see.
without_hugepages() {
	unshare --mount sh -c 'mount -t tmpfs none /sys/kernel/mm/hugepages && exec "$@"' sh "$@"
}

forwards() {
	lab_sessions 1 && lab_gnb 1 &&
		in_gnb ping -c 3 -i 0.1 -W 1 -I 10.45.0.1 198.51.100.2 &&
		in_gnb ping -c 3 -i 0.1 -W 1 -I 2001:db8:45::1 2001:db8:6::2
}

free_mb() {
	awk '/^HugePages_Free/ { f = $2 } /^HugePages_Rsvd/ { r = $2 } /^Hugepagesize/ { s = $2 }
		END { print int((f - r) * s / 1024) }' /proc/meminfo
}

mapped_huge() { # by coastd: packet memory on a hugetlbfs
	grep -q "${LAB}map_" "/proc/$COASTD_PID/maps"
}

ok "namespaces" lab_up

conf_lab '' 'hugepages: off'
lab_start || fail "coastd without hugepages"
ok "off takes none" not mapped_huge
ok "off has no notice" not said hugepage
ok "off forwards" forwards
ok "coastd ends" stop_coastd
kill "$LAB_LAST" # the gNB of these tunnels

conf_lab '' 'hugepages: on'
ok "'on' without pages does not start" starts_not unshare --mount sh -c \
	'mount -t tmpfs none /sys/kernel/mm/hugepages && exec "$@"' sh
ok "and names the remedy" said 'system.hugepages: .*(nr_hugepages|dpdk-hugepages)' refused

conf_lab '' 'hugepages: auto'
BIN=$BUILD
BUILD=$LAB_TMP/bin
mkdir "$BUILD"
cat >"$BUILD/coastd" <<WRAP
#!/bin/sh
exec unshare --mount sh -c 'mount -t tmpfs none /sys/kernel/mm/hugepages && exec "\$@"' sh "$BIN/coastd" "\$@"
WRAP
chmod +x "$BUILD/coastd"
lab_start || fail "coastd on auto without pages"
BUILD=$BIN
ok "auto takes none" not mapped_huge
ok "auto says so once" test "$(grep -c 'ordinary pages' "$LAB_TMP/coastd.log")" = 1
ok "with the remedy" said 'ordinary pages.*nr_hugepages'
ok "coastd ends" stop_coastd

if [ "$(free_mb)" -lt 200 ]; then
	echo "hugepages: on is not tried: fewer than 200 MB are free"
else
	conf_lab '' 'hugepages: on'
	lab_start || fail "coastd on hugepages"
	ok "'on' takes them" mapped_huge
	ok "'on' forwards" forwards
	ok "coastd ends" stop_coastd
fi
passed
