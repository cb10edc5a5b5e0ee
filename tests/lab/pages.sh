# SPDX-License-Identifier: BSD-3-Clause
# Hugepages for a test, sourced behind test.sh: they are given back when it ends.
pages_before="" mounted=""
trap 'test_end; lab_down; give_back; exit $test_rc' EXIT

meminfo() { awk -v name="$1:" '$1 == name { print $2 }' /proc/meminfo; }
huge_free_mb() { echo $((($(meminfo HugePages_Free) - $(meminfo HugePages_Rsvd)) * $(meminfo Hugepagesize) / 1024)); }

give_back() {
	[ -z "$mounted" ] || umount /dev/hugepages
	[ -z "$pages_before" ] || echo "$pages_before" >/proc/sys/vm/nr_hugepages
}

# False: so many are not free, and the machine has not ten times that of memory to make some.
reserve() { # MB
	if [ "$(huge_free_mb)" -lt "$1" ]; then
		[ "$(meminfo MemAvailable)" -gt $(($1 * 10 * 1024)) ] || return 1
		pages_before=$(cat /proc/sys/vm/nr_hugepages)
		echo $(($(meminfo HugePages_Total) + $1 * 1024 / $(meminfo Hugepagesize))) >/proc/sys/vm/nr_hugepages 2>/dev/null
		[ "$(huge_free_mb)" -ge "$1" ] || return 1
	fi
	# where all processes see it: coastd's own mount would be in its namespace alone
	if ! grep -q ' hugetlbfs ' /proc/mounts; then
		mkdir -p /dev/hugepages && mount -t hugetlbfs nodev /dev/hugepages && mounted=1
	fi
}
