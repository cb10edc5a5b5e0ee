/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses of the UE, and in which network instances they lead to it. */
#include <errno.h>
#include <string.h>

#include "upf_ni.h"
#include "upf_work.h"

struct wanted { /* by family */
	bool given, choose;
	struct upf_held_addr a;
};

static int want(struct wanted *one, bool v6, const uint8_t *b, uint8_t bits, const char *field,
		struct cst_err *e)
{
	struct upf_held_addr a = {.v6 = v6, .bits = bits & 15};

	memcpy(a.b, b, v6 ? 8 : 4);
	if (v6)
		a.b[7] &= (uint8_t)(0xff << bits);
	if (one->given && (memcmp(one->a.b, a.b, 8) != 0 || one->a.bits != a.bits))
		return cst_err(e, -EINVAL, field, "the session has another address of this family");
	one->given = true;
	one->a = a;
	return 0;
}

static int want_of(const struct upf_ue_ip_obj *u, struct wanted want_by[2], struct cst_err *e)
{
	uint8_t bits = cst_has(u, UE_IP_PREFIX_LENGTH) ? (uint8_t)(64 - u->ipv6_prefix_length)
						       : u->ipv6_prefix_delegation_bits;
	int rc = 0;

	want_by[0].choose |= u->choose_v4;
	want_by[1].choose |= u->choose_v6;
	if (u->choose_v6 && bits)
		return cst_err(e, -ENOTSUP, "choose_v6", "only a /64 is chosen");
	if (cst_has(u, UE_IP_IPV4))
		rc = want(&want_by[0], false, u->ipv4.b, 0, "ipv4", e);
	if (rc == 0 && cst_has(u, UE_IP_IPV6))
		rc = want(&want_by[1], true, u->ipv6.b, bits, "ipv6", e);
	return rc;
}

/* Does the session's type leave room for it? */
static int right_family(const struct upf_ue_ip_obj *u, struct cst_err *e)
{
	const struct upf_session_obj *s = upf_work.s;
	bool v4 = cst_has(u, UE_IP_IPV4), v6 = cst_has(u, UE_IP_IPV6);

	if (!cst_has(s, SESSION_PDN_TYPE))
		return 0;
	if (s->pdn_type == UPF_PDN_IPV4 && (v6 || u->choose_v6))
		return cst_err(e, -EINVAL, v6 ? "ipv6" : "choose_v6",
			       "the session's pdn_type is ipv4");
	if (s->pdn_type == UPF_PDN_IPV6 && (v4 || u->choose_v4))
		return cst_err(e, -EINVAL, v4 ? "ipv4" : "choose_v4",
			       "the session's pdn_type is ipv6");
	return 0;
}

static int collect_addrs(struct wanted want_by[2], struct cst_err *e)
{
	for (unsigned i = 0; i < upf_work.n; i++) {
		const struct cst_list *l = &upf_work.links[i].pdr->pdi.ue_ip_address;
		const struct upf_ue_ip_obj *u = l->items;

		for (unsigned j = 0; j < l->n; j++) {
			int rc = right_family(&u[j], e);

			if (rc == 0)
				rc = want_of(&u[j], want_by, e);

			if (rc < 0) {
				cst_err_prefix(e, "pdrs[%u].pdi.ue_ip_address[%u]", i, j);
				return rc;
			}
		}
	}
	return 0;
}

/* Network instances in which plain packets to the UE come in. Where only uplink is there yet, the
 * one it goes out by. */
static int ue_vrfs(uint16_t vrfs[UPF_MAX_HELD_ADDRS / 2], bool must, struct cst_err *e)
{
	unsigned n = 0;

	for (unsigned i = 0; i < upf_work.n; i++) {
		const struct upf_link *l = &upf_work.links[i];
		uint16_t vrf = l->rec.in_vrf;
		unsigned j = 0;

		if (!(l->rec.need & UPF_NEED_PLAIN) || l->rec.source_if == UPF_IF_CP_FUNCTION)
			continue;
		if (vrf == 0 && upf_ni_find(NULL, &vrf, e) < 0) {
			cst_err_prefix(e, "pdrs[%u].pdi", i);
			return -EINVAL;
		}
		while (j < n && vrfs[j] != vrf)
			j++;
		if (j == UPF_MAX_HELD_ADDRS / 2)
			return cst_err(e, -E2BIG, "pdrs",
				       "more than %d network instances for one UE",
				       UPF_MAX_HELD_ADDRS / 2);
		if (j == n)
			vrfs[n++] = vrf;
	}
	for (unsigned i = 0; n == 0 && must && i < upf_work.n; i++) {
		const struct upf_link *l = &upf_work.links[i];
		const struct upf_fp_obj *fp = &l->far->forwarding_parameters;

		if (!l->dl && fp->network_instance && fp->destination_interface == UPF_IF_CORE &&
		    upf_ni_find(fp->network_instance, &vrfs[0], NULL) == 0)
			n = 1;
	}
	if (n == 0 && must) {
		if (upf_ni_find(NULL, &vrfs[0], e) < 0)
			return cst_err(
				e, -EINVAL, "pdrs",
				"no PDR or FAR names the network instance of the UE's address");
		n = 1;
	}
	return (int)n;
}

bool upf_same_addr(const struct upf_held_addr *a, const struct upf_held_addr *b)
{
	return a->v6 == b->v6 && a->vrf == b->vrf && a->bits == b->bits &&
	       memcmp(a->b, b->b, 8) == 0;
}

static int hold_addr(const struct upf_held_addr *want_addr, unsigned had, struct cst_err *e)
{
	struct upf_held_addr a = *want_addr;
	const struct upf_held_addr *before = upf_work.old ? upf_addrs(upf_work.old) : NULL;
	int rc;

	for (unsigned i = 0; i < had; i++) {
		if (upf_same_addr(&before[i], &a)) {
			upf_work.addrs[upf_work.n_addrs++] = before[i];
			return 0;
		}
	}
	rc = upf_addr_take(&a, e);
	if (rc < 0)
		return rc;
	upf_work.addrs[upf_work.n_addrs++] = a;
	return 0;
}

/* One family: chosen when it has to be, then held in every network instance. */
static int plan_family(struct wanted *want_one, bool v6, const uint16_t *vrfs, int n,
		       struct cst_err *e)
{
	const struct upf_session *was = upf_work.old    ? upf_work.old
					: upf_work.past ? upf_work.past->book
							: NULL;
	unsigned had = upf_work.old ? upf_work.old->n_addrs : 0;
	int first = 0;

	for (unsigned i = 0; was && i < was->n_addrs && !want_one->given; i++) {
		const struct upf_held_addr *a = &upf_addrs(was)[i];

		if (a->v6 == v6 && a->chosen) {
			want_one->a = *a;
			want_one->given = true;
		}
	}
	if (!want_one->given) {
		struct upf_held_addr a = {.v6 = v6, .vrf = vrfs[0]};
		int rc = upf_plan_may_take(true, e);

		if (rc == 0)
			rc = upf_addr_choose(&a, e);

		if (rc < 0)
			return rc;
		want_one->a = upf_work.addrs[upf_work.n_addrs++] = a;
		want_one->given = true;
		first = 1;
	}
	for (int i = first; i < n; i++) {
		struct upf_held_addr a = want_one->a;
		int rc;

		a.vrf = vrfs[i];
		a.fresh = a.gone = 0;
		rc = hold_addr(&a, had, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* It has no address, and yet a network instance: that of its group. */
static bool is_ethernet(void)
{
	return upf_work.s->pdn_type == UPF_PDN_ETHERNET;
}

int upf_plan_addrs(struct cst_err *e)
{
	struct wanted want_by[2] = {0};
	uint16_t *vrfs = upf_work.ue_vrfs;
	int rc = collect_addrs(want_by, e), n;

	if (rc < 0)
		return rc;
	vrfs[0] = 0;
	n = ue_vrfs(vrfs, want_by[0].choose || want_by[1].choose || is_ethernet(), e);
	if (n < 0)
		return n;
	if (n > 1 && is_ethernet())
		return cst_err(e, -ENOTSUP, "pdrs",
			       "frames of an Ethernet PDU session come from one network instance");
	upf_work.ue_vrf = vrfs[0];
	upf_work.n_ue_vrfs = (unsigned)n;
	for (int f = 0; f < 2; f++) {
		struct wanted *one = &want_by[f];

		if (!one->given && !one->choose)
			continue;
		rc = plan_family(one, f == 1, vrfs, n, e);
		if (rc < 0) {
			if (e && !e->field[0])
				cst_err_prefix(e, "ue_ip_address");
			return rc;
		}
	}
	upf_work.id.vrf = upf_work.ue_vrf;
	upf_work.id.v4 = want_by[0].given;
	upf_work.id.v6 = want_by[1].given;
	memcpy(&upf_work.id.ue_v4, want_by[0].a.b, 4);
	memcpy(upf_work.id.ue_v6, want_by[1].a.b, 8);
	upf_work.id.ue_v6_len = (uint8_t)(64 - want_by[1].a.bits);
	return 0;
}
