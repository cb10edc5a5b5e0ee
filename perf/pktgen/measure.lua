-- SPDX-License-Identifier: BSD-3-Clause
-- Run uplink.pkt, downlink.pkt and mixed.pkt for ten seconds each, and tell what went
-- in and came out. IMIX needs other files at the start: see docs/pktgen.md.

local seconds = tonumber(os.getenv("SECONDS_EACH") or "10")
local directory = os.getenv("COAST_PKTGEN") or "."

local function port(n)
	return pktgen.portStats("all", "port")[n]
end

local function run(name)
	pktgen.load(directory .. "/" .. name .. ".pkt")
	pktgen.delay(seconds * 1000)
	pktgen.stop("all")
	pktgen.delay(500)
	local n3, n6 = port(0), port(1)
	return string.format("%-9s up: %10.3f Mpps sent, %10.3f received   down: %10.3f sent, %10.3f received\n",
		name, n3.opackets / seconds / 1e6, n6.ipackets / seconds / 1e6,
		n6.opackets / seconds / 1e6, n3.ipackets / seconds / 1e6)
end

pktgen.screen("off")
local told = ""
for _, name in ipairs({ "uplink", "downlink", "mixed" }) do
	told = told .. run(name)
end
print("\n" .. told)
