# SPDX-License-Identifier: BSD-3-Clause
# `kernel: true`: the kernel beside coast speaks on N6 through a TAP, coast still answers ping.
. "$(dirname "$0")/test.sh"

listen() { # NAMESPACE ADDRESS: one connection on port 7000, whose words come back in capitals
	ip netns exec "$1" /usr/bin/python3 -c '
import socket, sys
f = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
s = socket.create_server((sys.argv[1], 7000), family=f)
print("listening", flush=True)
c, _ = s.accept()
c.sendall(c.recv(100).upper())' "$2"
}

talk() { # NAMESPACE ADDRESS
	ip netns exec "$1" /usr/bin/python3 -c '
import socket, sys
c = socket.create_connection((sys.argv[1], 7000), 10)
c.sendall(b"hello")
sys.exit(c.recv(100) != b"HELLO")' "$2"
}

tcp() { # WHAT SERVER-NAMESPACE ADDRESS CLIENT-NAMESPACE
	lab_spawn listener listen "$2" "$3"
	lab_wait 5 said listening listener || fail "nobody listens on $3"
	ok "TCP, $1" talk "$4" "$3"
}

five_replies() { # ADDRESS: five, none of them twice
	out=$(in_dn ping -c 5 -i 0.1 -W 1 "$1") && echo "$out" | grep -q ' 5 received' &&
		! echo "$out" | grep -q DUP
}

ok "namespaces" lab_up
in_upf sysctl -qw net.ipv6.conf.default.disable_ipv6=0
conf_lab '/name: n6$/ s/$/\n    kernel: true/'
lab_start || fail "coastd"

ok "the TAP comes" lab_wait 5 in_upf ip link show ct-n6
ok "only the interface that asked has one" not in_upf ip link show ct-n3
ok "its IPv4 address" lab_wait 2 sh -c "ip -n $NS_UPF addr show ct-n6 | grep -q 'inet 198.51.100.1/24'"
ok "its IPv6 address" lab_wait 2 sh -c "ip -n $NS_UPF addr show ct-n6 | grep -q 'inet6 2001:db8:6::1/64'"

lab_wait 5 in_upf ping -c 1 -W 1 198.51.100.2
ok "ping from the kernel, IPv4" in_upf ping -c 3 -i 0.1 -W 1 198.51.100.2
lab_wait 5 in_upf ping -c 1 -W 1 2001:db8:6::2
ok "ping from the kernel, IPv6" in_upf ping -c 3 -i 0.1 -W 1 2001:db8:6::2
ok "ping to coast, each answered once, IPv4" five_replies 198.51.100.1
ok "ping to coast, each answered once, IPv6" five_replies 2001:db8:6::1

tcp "data network to kernel, IPv4" "$NS_UPF" 198.51.100.1 "$NS_DN"
tcp "kernel to data network, IPv4" "$NS_DN" 198.51.100.2 "$NS_UPF"
tcp "data network to kernel, IPv6" "$NS_UPF" 2001:db8:6::1 "$NS_DN"
tcp "kernel to data network, IPv6" "$NS_DN" 2001:db8:6::2 "$NS_UPF"

ok "coastd ends" stop_coastd
ok "the TAP goes with it" not in_upf ip link show ct-n6
passed
