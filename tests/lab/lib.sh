# SPDX-License-Identifier: BSD-3-Clause
# The lab: three namespaces (gNB, coast, data network) joined by veth pairs.
# Sourced by scripts/demo and the end-to-end tests. Everything made here is
# taken down by lab_down, which runs on exit, also when interrupted.
#
#   gnb  192.0.2.2, 2001:db8:3::2 --- n3 [coastd] n6 --- 198.51.100.2, 2001:db8:6::2  dn
#
# Callers set LAB (a short unique name) and BUILD (the build directory).

LAB_PIDS=""
LAB_TMP=$(mktemp -d "/tmp/coast-$LAB.XXXXXX")
SOCK=$LAB_TMP/coastd.sock
NS_GNB=$LAB-gnb NS_UPF=$LAB-upf NS_DN=$LAB-dn
LAB_NAMESPACES="$NS_GNB $NS_UPF $NS_DN" # taken down at the end

lab_exec=""
in_gnb() { $lab_exec ip netns exec "$NS_GNB" "$@"; }
in_upf() { $lab_exec ip netns exec "$NS_UPF" "$@"; }
in_dn() { $lab_exec ip netns exec "$NS_DN" "$@"; }
ctl() { "$BUILD/coastctl" -s "$SOCK" "$@"; }

# Start a command in the background, its output in $LAB_TMP/NAME.log; it dies with the lab.
lab_spawn() { # NAME COMMAND...
	lab_name=$1
	shift
	# in the place of the shell, so that signals and its exit status are the command's own
	(lab_exec='exec' && "$@") >"$LAB_TMP/$lab_name.log" 2>&1 </dev/null &
	LAB_LAST=$!
	LAB_PIDS="$LAB_PIDS $LAB_LAST"
}

lab_wait() { # SECONDS COMMAND...: until it succeeds
	lab_until=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt $lab_until ] || return 1
		sleep 0.1
	done
}

lab_down() {
	trap - EXIT
	trap '' INT TERM HUP PIPE # taking down is not interrupted
	for lab_pid in $LAB_PIDS; do
		kill "$lab_pid" 2>/dev/null
	done
	for lab_pid in $LAB_PIDS; do
		lab_n=0
		while kill -0 "$lab_pid" 2>/dev/null && [ $lab_n -lt 50 ]; do
			sleep 0.1
			lab_n=$((lab_n + 1))
		done
		kill -9 "$lab_pid" 2>/dev/null
	done
	for lab_ns in $LAB_NAMESPACES; do
		ip netns pids "$lab_ns" 2>/dev/null | xargs -r kill -9 2>/dev/null
		ip netns del "$lab_ns" 2>/dev/null
	done
	# tables outlive a coastd of their name; nobody starts one of this name again
	for lab_dir in /dev/shm $(awk '$3 == "hugetlbfs" { print $2 }' /proc/mounts); do
		rm -f "$lab_dir/$LAB"-tables "$lab_dir/$LAB"-*-tables "$lab_dir/$LAB"map_*
	done
	rm -rf "/run/dpdk/$LAB" "/run/dpdk/$LAB"-* "$LAB_TMP"
}
trap 'lab_rc=$?; lab_down; exit $lab_rc' EXIT
trap 'exit 130' INT TERM HUP PIPE

# A veth pair: NAME in namespace A, the coast end (MTU $4) in the UPF's or another coastd's.
# Checksums must be in the packets: AF_XDP and AF_PACKET hand them over as they are.
lab_link() { # NS_A NAME COAST_END MTU [NS_COAST]
	lab_ns_coast=${5:-$NS_UPF}
	ip link add "$2" netns "$1" numrxqueues 1 numtxqueues 1 type veth \
		peer name "$3" netns "$lab_ns_coast" numrxqueues 1 numtxqueues 1 || return 1
	for lab_end in "$1 $2" "$lab_ns_coast $3"; do
		# shellcheck disable=SC2086 # two words
		set -- "$1" "$2" "$3" "$4" $lab_end
		ip -n "$5" link set "$6" mtu "$4" up
		ip netns exec "$5" ethtool -K "$6" tx off tso off gso off gro off >/dev/null 2>&1
		ip netns exec "$5" sysctl -qw "net.ipv6.conf.$6.accept_dad=0" 2>/dev/null
	done
}

lab_up() {
	for lab_ns in "$NS_GNB" "$NS_UPF" "$NS_DN"; do
		ip netns add "$lab_ns" || return 1
		ip -n "$lab_ns" link set lo up
	done
	# the coast namespace holds bare links: coast speaks for itself on them
	in_upf sysctl -qw net.ipv6.conf.default.disable_ipv6=1
	lab_link "$NS_GNB" gnb n3 1600 || return 1
	lab_link "$NS_DN" dn n6 1500 || return 1
	ip -n "$NS_GNB" addr add 192.0.2.2/24 dev gnb
	ip -n "$NS_GNB" addr add 2001:db8:3::2/64 dev gnb nodad
	ip -n "$NS_DN" addr add 198.51.100.2/24 dev dn
	ip -n "$NS_DN" addr add 2001:db8:6::2/64 dev dn nodad
	ip -n "$NS_DN" route add 10.45.0.0/16 via 198.51.100.1
	ip -n "$NS_DN" route add 2001:db8:45::/48 via 2001:db8:6::1
}

# For virtio mode a testpmd joins the kernel's veth ends with coastd's vhost sockets, frame by
# frame: what a VM or container with virtio-user would be.
lab_virtio_wire() {
	lab_spawn wire in_upf dpdk-testpmd --no-pci --no-huge -m 256 --file-prefix "$LAB-wire" \
		--lcores 0@0,1@0 --log-level warning \
		--vdev net_virtio_user0,path="$LAB_TMP/n3.vhost" --vdev net_pcap0,rx_iface_in=n3,tx_iface=n3 \
		--vdev net_virtio_user1,path="$LAB_TMP/n6.vhost" --vdev net_pcap1,rx_iface_in=n6,tx_iface=n6 \
		-- --forward-mode=io --portmask=0xf --total-num-mbufs=8192 --max-pkt-len=1700 \
		--auto-start --stats-period=3600
}

# Start coastd in its namespace from $LAB_TMP/coast.yaml, or fail with what it said. It finds
# nothing in its store.
# shellcheck disable=SC2120 # the demo needs no options
lab_start() { # [OPTIONS...]
	rm -rf "$LAB_TMP/store"
	lab_restart "$@"
}

# The same, with all that an earlier one left.
lab_restart() { # [OPTIONS...]
	rm -f "$LAB_TMP/coastd.log"
	lab_spawn coastd in_upf "$BUILD/coastd" -c "$LAB_TMP/coast.yaml" -s "$SOCK" "$@"
	COASTD_PID=$LAB_LAST
	lab_wait 30 sh -c "grep -q ' ready' '$LAB_TMP/coastd.log' || ! kill -0 $COASTD_PID"
	grep -q ' ready' "$LAB_TMP/coastd.log" && return
	echo "coastd did not start:" >&2
	cat "$LAB_TMP/coastd.log" >&2
	return 1
}

# The same from a copy of the lab's configuration, on the ports wanted.
lab_coastd() { # af_xdp|virtio [CONFIG]
	lab_conf=${2:-$SRC/tests/lab/coast.yaml}
	if [ "$1" = virtio ]; then
		sed -e "s|af_xdp:n3|vhost:$LAB_TMP/n3.vhost|; s|af_xdp:n6|vhost:$LAB_TMP/n6.vhost|" \
			"$lab_conf" >"$LAB_TMP/coast.yaml"
	else
		cp "$lab_conf" "$LAB_TMP/coast.yaml"
	fi
	sed -i "s|^system:|system:\n  name: $LAB\n  run_dir: $LAB_TMP\n  store: $LAB_TMP/store|" "$LAB_TMP/coast.yaml"
	lab_start || return 1
	[ "$1" != virtio ] || lab_virtio_wire
}

# Put COUNT users on the control socket; the reply, with their tunnels, in reply.json.
lab_sessions() { # COUNT
	"$SRC/tests/lab/sessions.py" "$1" >"$LAB_TMP/sessions.json" &&
		ctl --json session put "@$LAB_TMP/sessions.json" >"$LAB_TMP/reply.json"
}

# A gNB for them: each user's addresses stand on ue0, and what they send goes through its tunnel.
lab_gnb() { # COUNT
	# shellcheck disable=SC2046 # arguments, to be split
	lab_spawn gnb in_gnb "$BUILD/tests/lab/gnb" --tun ue0 --local 192.0.2.2 --remote 192.0.2.1 \
		$("$SRC/tests/lab/sessions.py" --gnb "$LAB_TMP/reply.json")
	GNB_PID=$LAB_LAST
	lab_wait 5 grep -q ready "$LAB_TMP/gnb.log" || { cat "$LAB_TMP/gnb.log" >&2; return 1; }
	in_gnb ip link set ue0 mtu 1400 up
	lab_i=0
	while [ $lab_i -lt "$1" ]; do
		in_gnb ip addr add "10.45.0.$((1 + lab_i))/32" dev ue0
		in_gnb ip addr add "2001:db8:45:$(printf %x $lab_i)::1/128" dev ue0 nodad
		lab_i=$((lab_i + 1))
	done
	in_gnb ip route add 198.51.100.0/24 dev ue0 src 10.45.0.1
	in_gnb ip route add 2001:db8:6::/64 dev ue0 src 2001:db8:45::1
	lab_wait 10 in_gnb ping -c 1 -W 1 -I 10.45.0.1 198.51.100.2 || : # neighbours resolve
}
