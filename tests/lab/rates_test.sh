# SPDX-License-Identifier: BSD-3-Clause
# Bit rates as they are held by a real coastd, on one worker and two: perf/rate_table.py.
. "$(dirname "$0")/test.sh"

[ "$(nproc)" -ge 2 ] || skip "two workers need two CPUs"
command -v "${PYTHON:=/usr/bin/python3}" >/dev/null || skip "no python3"
"$PYTHON" "$SRC/perf/rate_table.py" --build "$BUILD" --quick >"$LAB_TMP/rates.log" 2>&1
case $? in
0) ;;
77) skip "$(tail -n 1 "$LAB_TMP/rates.log")" ;;
*) fail "a rate is off by more than 1 %" ;;
esac
tail -n 1 "$LAB_TMP/rates.log"
passed
