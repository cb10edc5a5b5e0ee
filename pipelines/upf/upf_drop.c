/* SPDX-License-Identifier: BSD-3-Clause */
/* The UPF's drop reasons, all in one place for the operator. */

#include "upf_node.h"

struct cst_drop upf_drops[UPF_DROPS] = {
	[UPF_DROP_MALFORMED] = {.name = "upf.malformed",
				.help = "GTP-U header that breaks TS 29.281 or ends past its "
					"datagram; look at the peer"},
	[UPF_DROP_FRAGMENT] = {.name = "upf.outer_fragment",
			       .help = "GTP-U datagram in IP fragments; raise the MTU between the "
				       "peers"},
	[UPF_DROP_INNER] = {.name = "upf.malformed_inner",
			    .help = "tunnelled packet that is no whole IPv4 or IPv6 packet"},
	[UPF_DROP_UNKNOWN_TEID] = {.name = "upf.unknown_teid",
				   .help = "no session has this TEID; the peer gets an Error "
					   "Indication unless they are rate-limited or suppressed"},
	[UPF_DROP_UNKNOWN_EXTENSION] = {.name = "upf.unknown_extension",
					.help = "GTP-U extension header that must be understood "
						"and is not; the peer is told which ones are"},
	[UPF_DROP_MESSAGE] = {.name = "upf.gtpu_message",
			      .help = "GTP-U message of a type that asks for nothing here"},
	[UPF_DROP_ERROR_INDICATION] = {.name = "upf.error_indication",
				       .help = "a peer knows a tunnel no more; the session that "
					       "sends into it, if there is one, is told of by an "
					       "event and its downlink waits"},
	[UPF_DROP_FORGED_ERROR] = {.name = "upf.forged_error_indication",
				   .help = "Error Indication that lacks an element or names "
					   "another address than its source"},
	[UPF_DROP_END_MARKER] = {.name = "upf.end_marker",
				 .help = "End Marker of a tunnel that ends here"},
	[UPF_DROP_NO_SESSION] = {.name = "upf.no_session",
				 .help = "address of a UE pool that no session has; the sender "
					 "gets an ICMP unreachable unless rate-limited"},
	[UPF_DROP_NO_PDR] = {.name = "upf.no_pdr",
			     .help = "session found, but none of its PDRs matches the packet"},
	[UPF_DROP_SPOOFED] = {.name = "upf.spoofed",
			      .help = "uplink packet whose source is not the UE's address"},
	[UPF_DROP_FAR] = {.name = "upf.far_drop", .help = "the FAR of the matching PDR says DROP"},
	[UPF_DROP_GATE] = {.name = "upf.gate_closed",
			   .help = "a QER of the matching PDR has its gate closed this way"},
	[UPF_DROP_RATE] = {.name = "upf.rate",
			   .help = "faster than the bit rate or packet rate that a QER of the "
				   "matching PDR allows"},
	[UPF_DROP_QUOTA] = {.name = "upf.quota",
			    .help = "a URR of the matching PDR has its quota spent; a new quota "
				    "lets traffic pass again"},
	[UPF_DROP_BUFFER_OLDEST] =
		{.name = "upf.buffer_oldest",
		 .help = "made room in its session's downlink buffer for a newer "
			 "packet; the BAR says how many may wait, else 64"},
	[UPF_DROP_BUFFER_FULL] = {.name = "upf.buffer_full",
				  .help = "downlink buffers of all sessions together hold half of "
					  "system.packet_buffers: raise it"},
	[UPF_DROP_BUFFER_DISCARDED] =
		{.name = "upf.buffer_discarded",
		 .help = "waited for its user in vain: the control plane had "
			 "it dropped, its time was over, or the session ended"},
	[UPF_DROP_NO_OUTER_HEADER] = {.name = "upf.no_outer_header",
				      .help = "the FAR forwards to access without Outer Header "
					      "Creation: the gNB's tunnel is not known yet"},
	[UPF_DROP_KEPT_OUTER_HEADER] = {.name = "upf.kept_outer_header",
					.help = "the PDR lacks Outer Header Removal, the packet "
						"would only come back"},
	[UPF_DROP_ECN] = {.name = "upf.ecn",
			  .help = "congestion marked outside, and the transport inside cannot "
				  "hear of it (RFC 6040)"},
	[UPF_DROP_COPY] =
		{.name = "upf.copy",
		 .help = "copy of a user packet (DUPL, DFRT) that could not be made: no packet "
			 "buffers, or no room in one for headers; raise "
			 "system.packet_buffers or system.buffer_size"},
	[UPF_DROP_DUPLICATE] = {.name = "upf.duplicate",
				.help = "redundant uplink packet whose other copy came first, or "
					"whose number is too far from what is expected; the "
					"session's PDR tells which"},
	[UPF_DROP_NO_HEADROOM] = {.name = "upf.no_headroom",
				  .help = "no room in the packet buffer for headers; raise "
					  "system.buffer_size"},
};

static void __attribute__((constructor)) upf_drops_add(void)
{
	for (int i = 0; i < UPF_DROPS; i++)
		cst_drop_add(&upf_drops[i]);
}
