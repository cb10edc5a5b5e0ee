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
				       .help = "peer has no context for a TEID sent to; its "
					       "session is gone there"},
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
	[UPF_DROP_BUFFERING_OFF] = {.name = "upf.buffering_off",
				    .help = "the FAR says BUFF and buffering is not switched on"},
	[UPF_DROP_NO_OUTER_HEADER] = {.name = "upf.no_outer_header",
				      .help = "the FAR forwards to access without Outer Header "
					      "Creation: the gNB's tunnel is not known yet"},
	[UPF_DROP_KEPT_OUTER_HEADER] = {.name = "upf.kept_outer_header",
					.help = "the PDR lacks Outer Header Removal, the packet "
						"would only come back"},
	[UPF_DROP_ECN] = {.name = "upf.ecn",
			  .help = "congestion marked outside, and the transport inside cannot "
				  "hear of it (RFC 6040)"},
	[UPF_DROP_MTU] = {.name = "upf.mtu",
			  .help = "packet from tunnel to tunnel larger than the way out takes"},
	[UPF_DROP_NO_HEADROOM] = {.name = "upf.no_headroom",
				  .help = "no room in the packet buffer for headers; raise "
					  "system.buffer_size"},
};

static void __attribute__((constructor)) upf_drops_add(void)
{
	for (int i = 0; i < UPF_DROPS; i++)
		cst_drop_add(&upf_drops[i]);
}
