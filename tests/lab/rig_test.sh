# SPDX-License-Identifier: BSD-3-Clause
# perf/rig.py over both kinds of ports: every packet that comes back through coast is right, each
# figure is there, and nothing is left behind.
. "$(dirname "$0")/test.sh"
. "$SRC/tests/lab/pages.sh"

[ -x "$BUILD/perf/tgen/coast-tgen" ] || skip "there is no coast-tgen (meson option perf)"
[ "$(nproc)" -ge 2 ] || skip "the rig wants two CPUs"
command -v dpdk-testpmd >/dev/null || skip "there is no dpdk-testpmd (package dpdk-dev)"
reserve 1024 || skip "there is no memory for 1024 MB of hugepages"

rig() {
	"$SRC/perf/rig.py" --build "$BUILD" --quick --rounds 1 --seconds 0.5 --sessions 300 --loss 50 "$@"
}
figures() { # NAME...
	for figure; do
		jq -e --arg name "$figure" '[.figures[] | select(.name == $name) | .samples[]]
			| length == 1 and all(. >= 0)' "$LAB_TMP/figures.json" || return 1
	done
}
left() {
	ip netns list | grep -q "^rig$1" || ls -d /tmp/coast-rig-* /dev/shm/rig"$1"* /run/dpdk/rig"$1"* 2>/dev/null
}

ok "virtio" rig --ports virtio --json "$LAB_TMP/figures.json"
ok "its figures" figures rig.virtio.mpps rig.virtio.macswap_mpps rig.virtio.vs_macswap \
	rig.virtio.vs_io rig.virtio.coast_cycles rig.virtio.macswap_cycles rig.virtio.zero_loss_mpps \
	rig.virtio.p50_us rig.virtio.p99_us rig.virtio.p99.9_us rig.virtio.p99.99_us \
	rig.virtio.noise_p99.9_us
ok "AF_XDP" rig --ports af_xdp --json "$LAB_TMP/figures.json"
ok "its figures" figures rig.af_xdp.mpps rig.af_xdp.io_mpps rig.af_xdp.vs_io

lab_spawn rig "$SRC/perf/rig.py" --build "$BUILD" --ports virtio
ok "it runs" lab_wait 20 said 'virtio coast:' rig
pid=$LAB_LAST
kill "$pid"
ok "an interrupt ends it" lab_wait 10 not kill -0 "$pid"
ok "nothing is left" not left "$pid"
passed
