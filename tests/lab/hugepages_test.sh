# SPDX-License-Identifier: BSD-3-Clause
# Packet memory with and without hugepages, and what coastd says when there are none.
. "$(dirname "$0")/test.sh"
. "$SRC/tests/lab/pages.sh"

WANT_MB=400

mapped_huge() { # by coastd: packet memory on a hugetlbfs
	grep -q "${LAB}map_" "/proc/$COASTD_PID/maps"
}

# A machine without hugepages, as far as the command can see.
cat >"$LAB_TMP/no-pages" <<'SH'
#!/bin/sh
exec unshare --mount sh -c 'mount -t tmpfs none /sys/kernel/mm/hugepages && exec "$@"' sh "$@"
SH
chmod +x "$LAB_TMP/no-pages"
ok "namespaces" lab_up

conf_lab '' 'hugepages: off'
lab_start || fail "coastd without hugepages"
ok "off takes none" not mapped_huge
ok "off has no notice" not said hugepage
ok "sessions" lab_sessions 1
ok "gNB" lab_gnb 1
ok "off forwards" forwards
ok "coastd ends" stop_coastd
ok "gNB ends" stop_gnb

conf_lab '' 'hugepages: on'
ok "'on' without pages does not start" starts_not "$LAB_TMP/no-pages"
ok "and names the remedy" said 'system.hugepages: .*(nr_hugepages|dpdk-hugepages)' refused

conf_lab '' 'hugepages: auto'
mkdir "$LAB_TMP/bin"
printf '#!/bin/sh\nexec "%s" "%s/coastd" "$@"\n' "$LAB_TMP/no-pages" "$BUILD" >"$LAB_TMP/bin/coastd"
chmod +x "$LAB_TMP/bin/coastd"
real_build=$BUILD
BUILD=$LAB_TMP/bin
lab_start || fail "coastd on auto without pages"
BUILD=$real_build
ok "auto takes none" not mapped_huge
ok "auto says so once" test "$(grep -c 'ordinary pages' "$LAB_TMP/coastd.log")" = 1
ok "with the remedy" said 'ordinary pages.*nr_hugepages'
ok "coastd ends" stop_coastd

if ! reserve $WANT_MB; then
	echo "skip: 'hugepages: on' wants $WANT_MB MB of them, and memory is short"
else
	conf_lab '' 'hugepages: on'
	lab_start || fail "coastd on hugepages"
	ok "'on' takes them" mapped_huge
	ok "sessions" lab_sessions 1
	ok "gNB" lab_gnb 1
	ok "'on' forwards" forwards
	ok "coastd ends" stop_coastd
fi
passed
