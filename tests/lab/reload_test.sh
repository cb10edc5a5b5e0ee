# SPDX-License-Identifier: BSD-3-Clause
# coastctl reload and SIGHUP: what has changed in the file is applied, what has not is not touched,
# and traffic does not notice.
. "$(dirname "$0")/test.sh"

ok "namespaces" lab_up
conf_lab '' 'hugepages: off'
cp "$LAB_TMP/coast.yaml" "$LAB_TMP/first.yaml"
lab_start || fail "coastd"
ok "sessions" lab_sessions 2
ok "gNB" lab_gnb 2
ok "forwards" forwards

# A second and more of traffic through a session: what does not come back has been lost.
flood() { lab_spawn "$1" in_gnb ping -c 700 -i 0.002 -q -W 3 -I 10.45.0.1 198.51.100.2; }
flood_ends() { # NAME: no packet was lost
	wait "$LAB_LAST"
	awk '/packets transmitted/ { sent = $1; got = $4 } END { exit !(sent == 700 && got == 700) }' "$LAB_TMP/$1.log"
}
file() { # SED-SCRIPT: the first file, changed
	sed "$@" "$LAB_TMP/first.yaml" >"$LAB_TMP/coast.yaml"
}
# shellcheck disable=SC2120 # called with arguments through ok
reload() { ctl reload "$@" >"$LAB_TMP/reload.log" 2>&1; }
counter() { ctl --json session show 1 | jq '[.pdrs[].packets] | add'; }
neighbours() { ctl --json neighbour show | jq -cS '[.items[] | select(.address | startswith("fe80") | not) | {interface, address, mac}] | sort'; }

# ---- nothing to do
before=$(counter)
neighbours=$(neighbours)
flood idle
sleep 0.5
ok "the same file: nothing to do" reload
ok "it says so" said '0 created, 0 changed, 0 deleted, [0-9]+ as before' reload
sleep 0.5
ok "no packet is lost" flood_ends idle
ok "the session counts on" test "$(counter)" -gt "$before"
ok "neighbours are known still" test "$(neighbours)" = "$neighbours"

# ---- objects come, change and go
ctl network_instance put name=mine
ctl route put network_instance=mine prefix=203.0.113.0/24 blackhole=true
file -e '/^pools:/i\  - {network_instance: internet, prefix: 203.0.113.0/25, blackhole: true}' \
	-e 's/name: n6, device: "af_xdp:n6"/&, mtu: 1400/' \
	-e '/^pools:/a\  - {name: extra, network_instance: internet, prefix: 10.99.0.0/24}' \
	-e '/name: internet}/a\  - {name: other}'
flood change
sleep 0.5
ok "dry run" reload --dry-run
ok "it shows the new" said '^\+ route network_instance=internet prefix=203.0.113.0/25' reload
ok "and the change" said '^~ port name=n6: mtu 1500 -> 1400' reload
ok "and does nothing" not ctl network_instance show other
before=$(counter)
ok "reload" reload
ok "3 created, 1 changed" said '3 created, 1 changed, 0 deleted' reload
sleep 0.5
ok "no packet is lost" flood_ends change
ok "the session counts on" test "$(counter)" -gt "$before"
ok "the network instance is there" ctl network_instance show other
ok "and the pool" ctl pool show extra
ok "the MTU took" sh -c "'$BUILD/coastctl' -s '$SOCK' --json port show n6 | jq -e '.state.mtu == 1400'"
ok "a packet to the blackhole is dropped" not in_gnb ping -c 1 -W 1 -I 10.45.0.1 203.0.113.1

flood back
sleep 0.5
cp "$LAB_TMP/first.yaml" "$LAB_TMP/coast.yaml"
ok "back to the first file" reload
ok "3 deleted" said '0 created, 1 changed, 3 deleted' reload
ok "pools before network instances" test "$(grep -n '^- pool' "$LAB_TMP/reload.log" | cut -d: -f1)" \
	-lt "$(grep -n '^- network_instance' "$LAB_TMP/reload.log" | cut -d: -f1)"
sleep 0.5
ok "no packet is lost" flood_ends back
ok "it is gone" not ctl network_instance show other
ok "what came by the socket stays" ctl route show network_instance=mine prefix=203.0.113.0/24
ok "all else is as it was" test "$(neighbours)" = "$neighbours"

# ---- refused: every error with its line, nothing changed
file -e 's/name: n6, device: "af_xdp:n6"/&, mtu: 20/' -e 's/, via: .*2001:db8:6::2.*/, vai: 1}/' \
	-e 's|10.45.0.0/16|10.45.0.0/33|'
flood refused
sleep 0.3
reload
ok "refused is 1" test $? = 1
for field in 'ports\[1\].mtu' 'routes\[1\].vai' 'pools\[0\].prefix'; do
	line=$(sed -n "s/^.*coast.yaml:\([0-9]*\): $field: .*/\1/p" "$LAB_TMP/reload.log")
	case $field in
	ports*) want='mtu: 20' ;;
	routes*) want='vai: 1' ;;
	*) want='10.45.0.0/33' ;;
	esac
	ok "$field is told with its line" sh -c "sed -n '${line:-0}p' '$LAB_TMP/coast.yaml' | grep -q '$want'"
done
ok "nothing was changed" sh -c "'$BUILD/coastctl' -s '$SOCK' --json port show n6 | jq -e '.mtu == 1500'"
file -e '/internet-v4/d'
reload
ok "a pool in use cannot go" test $? = 1
ok "that is told" said 'pools: pool .*internet-v4.* no longer in the file.*(in use|session)' reload
file -e 's/packet_buffers: 16383/packet_buffers: 8191/'
reload
ok "system is for the next start" test $? = 1
ok "the field is named" said 'coast.yaml:[0-9]+: system.packet_buffers: takes effect at the next start' reload
ok "no packet is lost" flood_ends refused

# ---- others
ok "another file" reload "$LAB_TMP/first.yaml"
ok "no such file" not reload "$LAB_TMP/none.yaml"
file -e '/name: internet}/a\  - {name: hup}'
kill -HUP "$COASTD_PID"
ok "SIGHUP" lab_wait 3 ctl network_instance show hup
ok "is told in the log" said 'reloaded .*: 1 created'
file -e 's/^routes:/rouets:/'
kill -HUP "$COASTD_PID"
ok "with its errors" lab_wait 3 said 'not reloaded: [0-9]+ error'
ok "and lines" said 'coast.yaml:[0-9]+: rouets: unknown key'
ok "others may not" sh -c "! setpriv --reuid nobody --regid nogroup --clear-groups '$BUILD/coastctl' -s '$SOCK' reload"
ok "forwards still" forwards
passed
