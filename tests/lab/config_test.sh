# SPDX-License-Identifier: BSD-3-Clause
# A file with errors: all of them are told, each with its line, and nothing is begun.
. "$(dirname "$0")/test.sh"

check() { # FILE: its output in check.log; 1 is what an erroneous file gives
	timeout 10 "$BUILD/coastd" --check "$1" >"$LAB_TMP/check.log" 2>&1
}

told() { # LINE REGEX
	said "^$LAB_TMP/bad.yaml:$1: .*($2)" check
}

cat >"$LAB_TMP/bad.yaml" <<'YAML'
system:
  workers: 99
network_instances:
  - {name: access}
ports:
  - {name: n3, device: "af_xpd:n3"}
  - {name: n4, device: "null", mtu: 20}
  - {device: "null"}
  - {name: n5, device: "null", colour: red}
interfaces:
  - name: n3
    port: nowhere
    network_instance: access
    addresses: [192.0.2.1/24, 192.0.2.300/24]
routes:
  - {network_instance: nobody, prefix: 0.0.0.0/0, via: [{gateway: 198.51.100.2}]}
pools:
  - {name: p, network_instance: access, prefix: not-a-prefix}
YAML
check "$LAB_TMP/bad.yaml"
ok "an erroneous file gives 1" test $? = 1
ok "range" told 2 'system.workers'
ok "unknown device" told 6 'device.*af_xdp'
ok "range in a list" told 7 'mtu'
ok "missing member" told 8 'name'
ok "unknown member" told 9 'colour'
ok "bad address" told 14 'addresses'
ok "bad prefix" told 18 'prefix'
ok "the count of errors" said 'bad.yaml: [0-9]+ errors$' check

"$BUILD/coastd" --check "$SRC/tests/lab/coast.yaml" >"$LAB_TMP/check.log" 2>&1
ok "a correct file gives 0" test $? = 0

ok "namespaces" lab_up
conf 'hugepages: off' <<'YAML'
network_instances: [{name: access}]
ports: [{name: t, device: "tap:ct0"}]
interfaces: [{name: t, port: t, network_instance: access, addresses: [192.0.2.1/24]}]
routes: [{network_instance: access, prefix: 0.0.0.0/0, via: [{gateway: 203.0.113.1}]}]
YAML
ok "an error in the last object: no start" starts_not
ok "its line is told" said 'coast.yaml:[0-9]+: routes\[0\]' refused
ok "no port is left" not in_upf ip link show ct0
ok "no socket is left" not test -e "$SOCK"

python3 -c 'print("ports: " + "[" * 100000)' >"$LAB_TMP/deep.yaml"
check "$LAB_TMP/deep.yaml"
ok "nesting without end is refused" test $? = 1
python3 -c '
print("a0: &a0 [x]")
for i in range(1, 30):
    print(f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 9) + "]")' >"$LAB_TMP/bomb.yaml"
check "$LAB_TMP/bomb.yaml"
ok "an alias bomb is refused" test $? = 1
ok "no file, no start" not check "$LAB_TMP/none.yaml"
passed
