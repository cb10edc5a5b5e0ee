/* SPDX-License-Identifier: BSD-3-Clause */
#include "prer_drops.h"

struct cst_drop prer_drops[PRER_DROPS] = {
	[PRER_DROP_TRUNCATED] = {.name = "prer.truncated",
				 .help = "frame that ends within a VLAN tag or a redundancy tag"},
	[PRER_DROP_HAS_TAG] =
		{.name = "prer.has_tag",
		 .help = "a frame with a redundancy tag came where a stream gets its numbers: two "
			 "systems number it, or one of its paths leads back here"},
	[PRER_DROP_NO_STREAM] = {.name = "prer.no_stream",
				 .help = "its stream was deleted or changed while it was on its "
					 "way through coast"},
	[PRER_DROP_PATHS_DOWN] = {.name = "prer.paths_down",
				  .help = "all paths of its stream are shut or without a port: "
					  "'coastctl path list' tells why"},
	[PRER_DROP_TOO_BIG] =
		{.name = "prer.too_big",
		 .help = "with the path's headers it is larger than the MTU of at least one path "
			 "of its stream, so it goes by none; a redundancy tag takes 6 octets: "
			 "raise "
			 "the mtu of the path's port by as much, or lower the sender's"},
	[PRER_DROP_BAD_IP] = {.name = "prer.bad_ip",
			      .help = "no sound IP packet in a frame of a stream with payload ip"},
	[PRER_DROP_DUPLICATE] = {.name = "prer.duplicate",
				 .help = "a copy of it went on already: what elimination is for"},
	[PRER_DROP_ROGUE] =
		{.name = "prer.rogue",
		 .help = "its number is too far from those of its stream (frerSeqRcvyRogue): the "
			 "history is shorter than the paths lag, or the sender began anew"},
	[PRER_DROP_TAGLESS] = {.name = "prer.tagless",
			       .help = "a frame of a stream without a number, and the recovery has "
				       "take_no_sequence: false"},
	[PRER_DROP_LATE] = {.name = "prer.late",
			    .help = "older than what its stream has delivered already, and the "
				    "recovery orders drop_older"},
};

static void __attribute__((constructor)) prer_drops_add(void)
{
	for (int i = 0; i < PRER_DROPS; i++)
		cst_drop_add(&prer_drops[i]);
}
