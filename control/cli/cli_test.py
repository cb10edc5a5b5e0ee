#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""coastctl against a coastd without a data plane: cli_test.py COASTCTL TEST_DAEMON"""
import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest

COASTCTL, DAEMON = [os.path.abspath(p) for p in sys.argv[1:3]]
BASH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../packaging/completion/coastctl")


class Cli(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="coast-cli-test.")
        self.sock = os.path.join(self.dir.name, "sock")
        self.env = dict(os.environ, HOME=self.dir.name, LC_ALL="C.UTF-8")
        self.env.pop("COLUMNS", None)
        self.daemon = None
        self.start()

    def start(self):
        self.daemon = subprocess.Popen([DAEMON, self.sock], stdout=subprocess.PIPE)
        self.assertEqual(self.daemon.stdout.readline(), b"ready\n")

    def stop(self):
        if self.daemon is not None:
            self.daemon.terminate()
            self.assertEqual(self.daemon.wait(10), 0)
            self.daemon.stdout.close()
            self.daemon = None

    def tearDown(self):
        self.stop()
        self.dir.cleanup()

    def run_ctl(self, *args, stdin="", columns=None):
        env = dict(self.env, COLUMNS=str(columns)) if columns else self.env
        return subprocess.run([COASTCTL, "-s", self.sock, *args], input=stdin, env=env, timeout=30,
                              capture_output=True, text=True)

    def ok(self, *args, **kw):
        r = self.run_ctl(*args, **kw)
        self.assertEqual((r.returncode, r.stderr), (0, ""), args)
        return r.stdout

    def fails(self, status, text, *args, **kw):
        r = self.run_ctl(*args, **kw)
        self.assertEqual(r.returncode, status, r.stderr)
        self.assertIn(text, r.stderr)
        self.assertTrue(r.stderr.startswith("coastctl: "), r.stderr)
        return r.stderr

    def two_ports(self):
        self.ok("port", "put", "name=n3", "device=af_xdp:n3")
        self.ok("port", "put", '{"name": "n6", "device": "af_xdp:n6", "mtu": 9000}')

    # ---- arguments

    def test_forms_of_arguments(self):
        self.two_ports()
        path = os.path.join(self.dir.name, "ports.yaml")
        with open(path, "w") as f:
            f.write("- {name: y1, device: \"null\", mtu: 2000}\n- name: y2\n  device: \"null\"\n")
        self.ok("port", "put", "@" + path)
        self.ok("port", "put", "@-", stdin='[{"name": "s1", "device": "null"}]')
        self.ok("port", "put", "@-", stdin="name: s2\ndevice: \"null\"\n")
        self.ok("port", "put", '{"name": "j", "device": "null"}', "mtu=1400")
        items = json.loads(self.ok("port", "show", "--json"))["items"]
        self.assertEqual({i["name"]: i["mtu"] for i in items},
                         {"n3": 1500, "n6": 9000, "y1": 2000, "y2": 1500, "s1": 1500, "s2": 1500,
                          "j": 1400})

    def test_nested_and_lists(self):
        self.ok("interface", "put", "name=n3", "port=n3", "network_instance=access",
                "addresses=192.0.2.1/24,2001:db8::1/64", "gtpu=yes")
        i = json.loads(self.ok("--json", "interface", "show", "n3"))
        self.assertEqual(i["addresses"], ["192.0.2.1/24", "2001:db8::1/64"])
        self.assertIs(i["gtpu"], True)
        self.ok("route", "put", "network_instance=i", "prefix=::/0", "via[0].gateway=2001:db8::2",
                "via[1].gateway=2001:db8::3", "via[1].interface=n6")
        r = json.loads(self.ok("route", "show", "i", "::/0", "-j"))
        self.assertEqual(r["via"], [{"gateway": "2001:db8::2"},
                                    {"gateway": "2001:db8::3", "interface": "n6"}])
        self.ok("session", "put", "seid=7", "pdrs[0].id=1", "pdrs[0].precedence=255",
                "pdrs[0].pdi.source_interface=access", "pdrs[0].pdi.f_teid.teid=0x1001",
                "pdrs[0].pdi.f_teid.ipv4=192.0.2.1", "pdrs[0].far_id=1", "fars[0].id=1",
                "fars[0].apply_action=DROP")
        s = json.loads(self.ok("session", "show", "7", "--json"))
        self.assertEqual(s["pdrs"][0]["pdi"]["f_teid"], {"teid": "0x1001", "ipv4": "192.0.2.1"})

    def test_bad_arguments(self):
        self.fails(2, "mtu: must be 68..9600 bytes, got 12", "port", "put", "name=x", "mtu=12")
        self.fails(2, "did you mean name?", "port", "put", "nmae=x")
        self.fails(2, "one word too many", "port", "put", "a", "b")
        self.fails(2, "not JSON", "port", "put", '{"name":')
        self.fails(2, "No such file", "port", "put", "@/nonexistent")
        self.fails(2, "via is a list", "route", "put", "via.gateway=10.0.0.1")
        self.fails(2, "next index is [0]", "route", "put", "via[3].gateway=10.0.0.1")
        self.fails(2, "is no list", "port", "put", "mtu[0]=1500")
        self.fails(2, "no fields of its own", "port", "put", "mtu.x=1500")
        self.fails(2, "give FIELD=VALUE", "port", "put")
        self.fails(2, "takes no arguments", "rpc", "version", "x=1")
        self.fails(2, "stdin:2", "port", "put", "@-", stdin="name: [x\n")
        self.fails(2, "did you mean port?", "prot", "show")
        self.fails(2, "it has show, put", "port", "shwo")
        r = self.run_ctl("port", "show", "--colour")
        self.assertEqual(r.returncode, 2)

    def test_lists_of_keys(self):
        def names():
            return [i["name"] for i in json.loads(self.ok("port", "show", "--json"))["items"]]

        self.two_ports()
        self.ok("port", "put", '[{"name": "a", "device": "null"}, {"name": "b", "device": "null"}]')
        self.fails(1, "[1]", "port", "delete", '["n3", "zz"]')
        self.assertEqual(len(names()), 4)
        self.ok("port", "delete", '["n3", "n6"]')
        self.assertEqual(names(), ["a", "b"])
        self.ok("port", "delete", '["a"]')
        self.ok("port", "delete", '[{"name": "b"}]')
        self.assertEqual(names(), [])
        for i in (1, 2, 3):
            self.ok("session", "put", f"seid={i}", "pdrs[0].id=1", "pdrs[0].precedence=1",
                    "pdrs[0].pdi.source_interface=access", "pdrs[0].far_id=1", "fars[0].id=1",
                    "fars[0].apply_action=DROP")
        self.ok("session", "delete", "[1, 2]")
        self.ok("session", "delete", "@-", stdin="- 3\n")
        self.ok("route", "put", "network_instance=i", "prefix=::/0", "blackhole=true")
        # two fields make the key of a route
        self.fails(2, "list of keys", "route", "delete", '["::/0"]')
        self.ok("route", "delete", '[{"network_instance": "i", "prefix": "::/0"}]')
        self.fails(2, "list of keys", "port", "delete", '[["n3"]]')
        # the same by the socket itself
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(10)
        s.connect(self.sock)
        s.sendall(b'{"jsonrpc":"2.0","id":1,"method":"thing.put","params":'
                  b'[{"name":"k","size":100},{"name":"l","size":100}]}\n'
                  b'{"jsonrpc":"2.0","id":2,"method":"thing.get","params":["k","l"]}\n'
                  b'{"jsonrpc":"2.0","id":3,"method":"thing.delete","params":["k","l"]}\n'
                  b'{"jsonrpc":"2.0","id":4,"method":"thing.get","params":["k"]}\n')
        replies = [json.loads(line) for _, line in zip(range(4), s.makefile())]
        s.close()
        self.assertEqual([r["name"] for r in replies[1]["result"]], ["k", "l"])
        self.assertEqual(replies[2]["result"], [{}, {}])
        self.assertIn("error", replies[3])

    # ---- errors of coastd's

    def test_refusals(self):
        text = self.fails(1, "device: is required", "port", "put", "name=x")
        self.assertIn("'coastctl port put --help'", text)
        text = self.fails(1, "no such port", "port", "show", "zz")
        self.assertIn("'coastctl port show'", text)
        self.fails(1, "ports[1].mtu: must be 68..9600 bytes, got 12", "port", "put",
                   '[{"name":"a","device":"null"},{"name":"b","device":"null","mtu":12}]')
        self.assertEqual(json.loads(self.ok("port", "show", "--json"))["items"], [])

    def test_no_daemon(self):
        self.stop()
        text = self.fails(1, "coastd is not running", "port", "show")
        self.assertIn("systemctl start coastd", text)
        self.fails(1, "coastd does not answer", "drop", "show")
        self.fails(2, "it has show", "system", "put", "workers=1")
        # help and checks need no coastd
        self.assertIn("largest IP packet", self.ok("port", "put", "--help"))
        self.fails(2, "must be 68..9600 bytes", "port", "put", "mtu=1")

    @unittest.skipIf(os.geteuid() != 0, "only root can become somebody else")
    def test_no_rights(self):
        os.chmod(self.dir.name, 0o755)
        r = subprocess.run([COASTCTL, "-s", self.sock, "port", "put", "name=x", "device=null"],
                           env=self.env, capture_output=True, text=True, user=65534, group=65534,
                           extra_groups=[])
        self.assertEqual(r.returncode, 1)
        self.assertIn("may only read", r.stderr)
        self.assertIn("usermod -aG coast", r.stderr)
        r = subprocess.run([COASTCTL, "-s", self.sock, "port", "show"], env=self.env, user=65534,
                           group=65534, extra_groups=[])
        self.assertEqual(r.returncode, 0)

    def test_strange_peer(self):
        path = os.path.join(self.dir.name, "strange")
        s = socket.socket(socket.AF_UNIX)
        s.bind(path)
        s.listen()

        def answer():
            for reply in (b"hello\n", b"", b"[1]\n"):
                c, _ = s.accept()
                while not c.recv(1000).endswith(b"\n"):
                    pass
                c.sendall(reply)
                c.close()
        t = threading.Thread(target=answer, daemon=True)
        t.start()
        self.fails(1, "not coastd", "-s", path, "port", "show")
        self.fails(1, "closed the connection", "-s", path, "port", "show")
        self.fails(1, "not coastd", "-s", path, "port", "show")
        t.join(10)
        s.close()

    # ---- verbs

    def test_show_modify_delete(self):
        self.two_ports()
        self.assertIn("mtu: 9000  # bytes", self.ok("port", "show", "n6"))
        self.ok("port", "modify", "n6", "mtu=1400")
        self.assertEqual(json.loads(self.ok("port", "show", "name=n6", "--json"))["mtu"], 1400)
        one = json.loads(self.ok("port", "show", "mtu=1400", "--json"))["items"]
        self.assertEqual([i["name"] for i in one], ["n6"])
        self.assertEqual(self.ok("ports", "list"), self.ok("port"))
        self.ok("port", "del", "n3", "n6")
        self.assertEqual(self.ok("port", "show"), "")

    def test_what_is_shown_can_be_put(self):
        self.ok("route", "put", "network_instance=i", "prefix=0.0.0.0/0", "via[0].gateway=10.0.0.2")
        before = self.ok("route", "show", "i", "0.0.0.0/0")
        self.ok("route", "delete", "i", "0.0.0.0/0")
        self.ok("route", "put", "@-", stdin=before)
        self.assertEqual(self.ok("route", "show", "i", "0.0.0.0/0"), before)

    def test_all_pages(self):
        ports = [{"name": f"p{i}", "device": "null"} for i in range(2500)]
        self.ok("port", "put", "@-", stdin=json.dumps(ports))
        lines = self.ok("port", "show").splitlines()
        self.assertEqual(len(lines), 2501)
        self.assertEqual(sum(line.startswith("NAME") for line in lines), 1)
        items = json.loads(self.ok("port", "show", "--json"))["items"]
        self.assertEqual(items[2499]["name"], "p2499")

    def test_methods_and_zero_rows(self):
        out = self.ok("drop", "show")
        self.assertIn("gtpu_no_session", out)
        self.assertNotIn("ip_ttl", out)
        self.assertIn("ip_ttl", self.ok("drop", "show", "--all"))
        self.assertEqual(len(json.loads(self.ok("drop", "show", "--json"))["items"]), 2)
        self.assertIn("api: 1", self.ok("rpc", "version"))
        self.assertIn("classes", json.loads(self.ok("rpc", "describe", "--json")))
        self.two_ports()
        self.assertEqual(len(json.loads(self.ok("config", "show", "--json"))["ports"]), 2)

    # ---- tables

    def test_table_fits(self):
        self.two_ports()
        self.ok("interface", "put", "name=n3", "port=n3", "network_instance=access",
                "addresses=" + ",".join(f"2001:db8::{i:x}/64" for i in range(1, 9)))
        for what in ("port", "interface"):
            for width in (20, 40, 60, 80, 120):
                for line in self.ok(what, "show", columns=width).splitlines():
                    self.assertLessEqual(len(line), width, line)
        # what cannot be listed on one line is counted
        self.ok("route", "put", json.dumps({"network_instance": "i", "prefix": "::/0", "via": [
            {"gateway": f"2001:db8::{i}", "interface": f"n{i}"} for i in range(1, 4)]}))
        self.assertRegex(self.ok("route", "show"), r"(?m)^i +::/0 .*\[3\]$")
        self.assertIn("MTU (bytes)", self.ok("interface", "show"))
        self.assertIn("not shown for want of width", self.ok("interface", "show", columns=40))
        self.assertNotIn("not shown", self.ok("interface", "show"))

    # ---- help

    def test_help(self):
        text = self.ok("--help")
        for word in ("Usage:", "session", "drop", "event", "Exit status"):
            self.assertIn(word, text)
        text = self.ok("port", "--help")
        for word in ("show", "put", "modify", "delete"):
            self.assertIn(word, text)
        text = self.ok("port", "put", "--help")
        for word in ("68..9600 bytes", "default 1500", "required", "key"):
            self.assertIn(word, text)
        self.assertIn("pdi.f_teid.", self.ok("session", "put", "--help"))
        self.assertIn("coastctl ", self.ok("--version"))
        self.fails(2, "unknown object", "nothing-like-it", "--help")

    # ---- completion

    def candidates(self, *words):
        r = subprocess.run([COASTCTL, "complete", "--", "-s", self.sock, *words], env=self.env,
                           capture_output=True, text=True, timeout=10)
        self.assertEqual((r.returncode, r.stderr), (0, ""))
        return r.stdout.split("\n")[:-1]

    def test_completion(self):
        self.two_ports()
        self.assertIn("port", self.candidates("po"))
        self.assertIn("drop", self.candidates(""))
        self.assertEqual(self.candidates("port", "de"), ["delete"])
        self.assertEqual(self.candidates("port", "delete", "n"), ["name=", "n3", "n6"])
        self.assertEqual(self.candidates("port", "put", "mt"), ["mtu="])
        self.assertEqual(self.candidates("port", "show", "name="), ["name=n3", "name=n6"])
        self.assertEqual(self.candidates("interface", "put", "port=n"), ["port=n3", "port=n6"])
        self.assertEqual(self.candidates("interface", "put", "gtpu=t"), ["gtpu=true"])
        self.assertEqual(self.candidates("route", "put", "vi"), ["via[0]."])
        self.assertEqual(self.candidates("route", "put", "via[0].ga"), ["via[0].gateway="])
        self.assertEqual(self.candidates("session", "put", "pdrs[0].pdi.source_interface=ac"),
                         ["pdrs[0].pdi.source_interface=access"])
        self.assertEqual(self.candidates("--js"), ["--json"])
        self.assertEqual(self.candidates("nothing", "x", "y"), [])
        self.assertEqual(self.candidates("top", "by="), ["by=bits", "by=packets"])
        self.assertEqual(self.candidates("reload", "ch"), ["check="])

    def test_bash_completion(self):
        common = "/usr/share/bash-completion/bash_completion"
        if not os.path.exists(common):
            self.skipTest("bash-completion is not installed")
        self.two_ports()
        script = f"""
            source {common}; source {BASH}
            coastctl() {{ "{COASTCTL}" "$@"; }}
            try() {{
                # as readline splits it: = is a word of its own
                COMP_LINE=$1; COMP_POINT=${{#COMP_LINE}}; COMP_WORDS=(${{1//=/ = }})
                COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
                COMPREPLY=(); _coastctl 2>/dev/null; echo "${{COMPREPLY[*]}}"
            }}
            try "coastctl -s {self.sock} port de"
            try "coastctl -s {self.sock} interface put port=n"
            try "coastctl -s {self.sock} port put mt"
        """
        r = subprocess.run(["bash", "-c", script], env=self.env, capture_output=True, text=True)
        self.assertEqual(r.stdout.splitlines(), ["delete", "n3 n6", "mtu="], r.stderr)

    # ---- on a terminal

    def terminal(self, *args):
        self.left = b""  # read but not yet asked for
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(COASTCTL, [COASTCTL, "-s", self.sock, *args], dict(self.env, TERM="vt100"))
        return pid, fd

    def read_until(self, fd, text, seconds=10):
        got, end = self.left, time.time() + seconds
        while text.encode() not in got:
            if not select.select([fd], [], [], max(0, end - time.time()))[0]:
                self.fail(f"no {text!r} in {got!r}")
            try:
                part = os.read(fd, 4096)
            except OSError:
                part = b""
            if not part:
                self.fail(f"ended without {text!r}: {got!r}")
            got += part
        at = got.index(text.encode()) + len(text)
        self.left = got[at:]
        return got[:at].decode(errors="replace")

    def end_of(self, pid):
        for _ in range(100):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
        self.fail("did not end")

    def top_frames(self, *args, keys=b"q", sig=None):
        """What top leaves behind: its output and its exit status."""
        self.two_ports()
        pid, fd = self.terminal("top", *args)
        before = termios.tcgetattr(fd)
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 40, 0, 0))
        os.kill(pid, signal.SIGWINCH)
        got = self.read_until(fd, "PORT")
        if sig:
            os.kill(pid, sig)
        else:
            os.write(fd, keys)
        got += self.read_until(fd, "\x1b[?1049l")
        self.assertEqual(self.end_of(pid), 0)
        self.assertEqual(termios.tcgetattr(fd)[3], before[3])
        os.close(fd)
        return got

    def test_top_on_a_terminal(self):
        got = self.top_frames("interval=0.1")
        self.assertTrue(got.startswith("\x1b[?1049h\x1b[?25l"))
        self.assertTrue(got.endswith("\x1b[?25h\x1b[?1049l"))
        frame = got.split("\x1b[H")[-1]
        plain = re.sub(r"\x1b\[[?0-9]*[A-Za-z]", "", frame).split("\r\n")
        self.assertLessEqual(len(plain), 10)
        self.assertLessEqual(max(len(line) for line in plain), 40)

    def test_top_ends_cleanly(self):
        self.top_frames("interval=0.1", keys=b"\x03")
        self.top_frames("interval=0.1", sig=signal.SIGTERM)

    def test_top_counts(self):
        pid, fd = self.terminal("top", "interval=0.1", "count=2")
        self.read_until(fd, "\x1b[?1049l")
        self.assertEqual(self.end_of(pid), 0)
        os.close(fd)

    def test_top_elsewhere(self):
        self.two_ports()
        text = self.ok("top", "interval=0.1")
        self.assertNotIn("\x1b", text)
        self.assertIn("n6", text)
        got = [json.loads(line) for line in
               self.ok("top", "--interval", "0.1", "--count=2", "--json").splitlines()]
        self.assertEqual([[p["name"] for p in g["ports"]] for g in got], [["n3", "n6"]] * 2)
        self.assertNotIn("workers", got[0])  # this coastd has none
        one = json.loads(self.ok("--json", "top", "-w0.1"))
        self.assertEqual(one["interval"], 0.1)
        self.fails(2, "interval", "top", "interval=soon")
        self.fails(2, "interval", "top", "interval=0.01")
        self.fails(2, "count", "top", "count=0")
        self.fails(2, "by", "top", "by=name")
        self.stop()
        self.fails(1, "not running", "top")

    def test_session_in_words(self):
        self.ok("session", "put", json.dumps({
            "seid": 7, "dnn": "internet", "user_id": {"imsi": "001010000000001"},
            "cp_f_seid": {"seid": 99, "ipv4": "192.0.2.50"},
            "pdrs": [{"id": 1, "precedence": 10, "far_id": 1, "qer_ids": [1], "urr_ids": [2],
                      "outer_header_removal": "gtpu-udp-ipv4",
                      "pdi": {"source_interface": "access", "network_instance": "n3", "qfi": [5, 9],
                              "f_teid": {"teid": "0x1001", "ipv4": "192.0.2.1"},
                              "sdf_filters": [{"id": 3, "flow_description":
                                               "permit out udp from any to assigned 53"}]}}],
            "fars": [{"id": 1, "apply_action": ["FORW"], "forwarding_parameters": {
                          "destination_interface": "core", "network_instance": "n6"}},
                     {"id": 4, "apply_action": ["BUFF", "NOCP"], "bar_id": 6}],
            "qers": [{"id": 1, "qfi": 9, "mbr": {"ul": 10000, "dl": 2500000}, "correlation_id": 77}],
            "urrs": [{"id": 2, "measurement_method": ["VOLUM"], "reporting_triggers": ["VOLTH"],
                      "volume_threshold": {"total": 1234567}, "measurement_period": 61}],
            "bars": [{"id": 6, "suggested_buffering_packets_count": 17}]}))
        text = self.ok("session", "show", "7")
        for part in ("session 7  DNN internet", "imsi 001010000000001", "SEID 99 at 192.0.2.50",
                     "PDR 1  precedence 10", "tunnel 0x1001 at 192.0.2.1", "QFI 5, 9",
                     "filter 3 permit out udp from any to assigned 53", "takes off      gtpu-udp-ipv4",
                     "1: forward to core in n6", "FAR 4  of no PDR",
                     "buffer and notify the control plane by BAR 6", "QER 1  of PDR 1",
                     "uplink 10.0 Mbit/s, downlink 2.50 Gbit/s", "correlation id: 77",
                     "URR 2  of PDR 1", "total 1.23 MB", "measurement period: 61 seconds", "BAR 6",
                     "suggested buffering packets count: 17 packets"):
            self.assertIn(part, text)

    def test_reload(self):
        path = os.path.join(self.dir.name, "new.yaml")
        with open(path, "w") as f:
            f.write("network_instances: [{name: a}]\nports:\n- {name: n3, device: \"null\"}\n")
        self.fails(1, "started without a file", "reload")
        text = self.ok("reload", path, "--check")
        self.assertIn("+ port name=n3", text)
        self.assertIn("nothing was done yet", text)
        self.assertEqual(self.ok("port", "show"), "")
        self.ok("reload", path)
        got = json.loads(self.ok("reload", "path=" + path, "--dry-run", "--json"))
        self.assertEqual((got["applied"], got["unchanged"], got["created"]), (False, 2, []))
        with open(path, "w") as f:
            f.write("network_instances: [{name: a}]\nports:\n- {name: n3, device: \"null\",\n   mtu: 1600}\n")
        self.assertIn("~ port name=n3: mtu 1500 -> 1600", self.ok("reload", path))
        with open(path, "w") as f:
            f.write("ports:\n- {name: n3, device: \"null\",\n   mtu: 1}\n- {nam: x}\n")
        r = self.run_ctl("reload", path)
        self.assertEqual(r.returncode, 1)
        self.assertIn(f"{path}:3: ports[0].mtu: must be", r.stderr)
        self.assertIn(f"{path}:4: ports[1].nam: ", r.stderr)
        self.assertIn("4 errors, nothing was changed", r.stderr)
        r = self.run_ctl("--json", "reload", path)
        self.assertEqual([e["line"] for e in json.loads(r.stdout)], [3, 4, 4, 4])
        self.fails(2, "unknown", "reload", "--frob")
        self.fails(2, "No such file", "reload", "/nonexistent.yaml")

    def test_interactive(self):
        self.two_ports()
        pid, fd = self.terminal()
        self.read_until(fd, "coast> ")
        os.write(fd, b"port show mtu=9000\n")
        self.assertNotIn("af_xdp:n3", self.read_until(fd, "coast> ").split("\n", 1)[1])
        os.write(fd, b"port put 'name=q' device=null mtu=12\n")
        self.read_until(fd, "must be 68..9600")
        self.read_until(fd, "coast> ")
        os.write(fd, b"port sh\t\n")
        self.read_until(fd, "af_xdp:n6")
        self.read_until(fd, "coast> ")
        os.write(fd, b"help\n")
        self.read_until(fd, "Objects:")
        self.read_until(fd, "coast> ")
        os.write(fd, b"drop show -w0.2\n")
        for _ in range(3):
            self.read_until(fd, "gtpu_no_session")
        os.write(fd, b"\x03")
        self.read_until(fd, "coast> ")
        os.write(fd, b"exit\n")
        self.assertEqual(self.end_of(pid), 0)
        os.close(fd)
        with open(os.path.join(self.dir.name, ".coastctl_history")) as f:
            self.assertIn("mtu", f.read())

    def test_watch(self):
        p = subprocess.Popen([COASTCTL, "-s", self.sock, "drop", "show", "--watch=0.1"], env=self.env,
                             stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (p.kill(), p.communicate()))
        seen = 0
        for line in p.stdout:
            seen += "gtpu_no_session" in line
            if seen == 3:
                break
        p.send_signal(signal.SIGINT)
        p.communicate(timeout=10)
        self.assertEqual(p.returncode, 0)
        self.fails_plain(2, "must be 0.1..86400", "drop", "show", "--watch=no")

    def fails_plain(self, status, text, *args):
        r = self.run_ctl(*args)
        self.assertEqual(r.returncode, status)
        self.assertIn(text, r.stderr)

    def test_event_watch_survives_a_restart(self):
        p = subprocess.Popen([COASTCTL, "-s", self.sock, "event", "watch", "from=0"], env=self.env,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (p.kill(), p.communicate()))
        self.ok("thing", "put", "name=a", "size=100")
        self.assertIn("thing.changed", p.stdout.readline())
        self.stop()
        self.assertIn("waiting for coastd", p.stderr.readline())
        self.start()
        self.assertIn("earlier events are gone", p.stderr.readline())
        self.ok("thing", "put", "name=a", "size=100")
        self.assertIn("planned=1", p.stdout.readline())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
