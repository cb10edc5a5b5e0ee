# SPDX-License-Identifier: BSD-3-Clause
"""What the figures were measured on and of, and the memory that measuring needs."""
import os
import subprocess

MEMINFO, PAGES = "/proc/meminfo", "/proc/sys/vm/nr_hugepages"


def field(path, name):
    """The first line `name: value` of a file of such lines."""
    with open(path) as f:
        for line in f:
            key, _, value = line.partition(":")
            if key.strip() == name:
                return value.strip()
    return ""


def describe():
    """CPU, cores, memory, kernel, hugepages: no names of hosts or people."""
    flags = field("/proc/cpuinfo", "flags").split()
    gib = int(field(MEMINFO, "MemTotal").split()[0]) / 2**20
    virtual = ", virtual" if "hypervisor" in flags else ""
    return (f"{field('/proc/cpuinfo', 'model name')}, "
            f"{float(field('/proc/cpuinfo', 'cpu MHz')):.0f} MHz, {os.cpu_count()} CPUs{virtual}, "
            f"{gib:.0f} GiB, Linux {os.uname().release.split('-')[0]}")


def commit(source):
    """The commit that is measured, with `+` behind it if files were changed since."""
    def git(*args):
        return subprocess.run(["git", "-C", source, *args], capture_output=True,
                              text=True, check=False).stdout.strip()
    name = git("rev-parse", "--short=12", "HEAD") or "unknown"
    return name + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")


class HugePages:
    """So many MB of free hugepages while in use, if the machine can spare them."""

    def __init__(self, megabytes):
        self.megabytes, self.before = megabytes, None

    def __enter__(self):
        size = int(field(MEMINFO, "Hugepagesize").split()[0]) / 1024
        free = int(field(MEMINFO, "HugePages_Free")) - int(field(MEMINFO, "HugePages_Rsvd"))
        more = int((self.megabytes - free * size) / size)
        available = int(field(MEMINFO, "MemAvailable").split()[0]) / 1024
        if more > 0 and available > 2 * self.megabytes:
            with open(PAGES) as f:
                self.before = f.read()
            with open(PAGES, "w") as f:
                f.write(str(int(self.before) + more))
        return self

    def __exit__(self, *_):
        if self.before is not None:
            with open(PAGES, "w") as f:
                f.write(self.before)
