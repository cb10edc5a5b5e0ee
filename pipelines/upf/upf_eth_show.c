/* SPDX-License-Identifier: BSD-3-Clause */
/* Class `mac`: where MAC addresses were seen, for operators; and figures of it on DPDK's telemetry
 * socket. Control thread but for those. */
#include <errno.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_telemetry.h>

#include "net/fib.h"
#include "upf_books.h"
#include "upf_eth_learn.h"

static void to_bytes(uint64_t mac, uint8_t out[6])
{
	for (int i = 5; i >= 0; i--, mac >>= 8)
		out[i] = (uint8_t)mac;
}

static uint64_t to_number(const uint8_t mac[6])
{
	uint64_t n = 0;

	for (int i = 0; i < 6; i++)
		n = n << 8 | mac[i];
	return n;
}

static uint32_t seconds_since(uint32_t seen)
{
	uint32_t now = (uint32_t)(rte_rdtsc() >> UPF_ETH_TIME_SHIFT);
	uint64_t hz = rte_get_tsc_hz();
	int32_t units = (int32_t)(now - seen);

	return units > 0 && hz ? (uint32_t)(((uint64_t)units << UPF_ETH_TIME_SHIFT) / hz) : 0;
}

/* False: its session has just ended, or its interface has left the network instance. */
static bool fill(struct upf_mac_obj *o, uint64_t key, uint64_t value)
{
	uint32_t where = upf_eth_where(value);

	*o = (struct upf_mac_obj){.has = 1u << MAC_INSTANCE | 1u << MAC_MAC | 1u << MAC_AGE,
				  .network_instance = cst_vrf_name((uint16_t)key),
				  .age = seconds_since((uint32_t)value)};
	to_bytes(key >> 16, o->mac);
	if (where & UPF_ETH_IFACE) {
		const struct cst_snap_iface *i = &cst_snap()->ifaces[where % CST_MAX_IFACES];

		if (!(i->flags & CST_SNAP_ETHERNET) || i->vrf != (uint16_t)key)
			return false;
		o->interface = i->name;
		o->has |= 1u << MAC_INTERFACE;
	} else {
		const struct upf_session *s = upf_session_by_state(where);

		if (!s)
			return false;
		o->seid = s->seid;
		o->has |= 1u << MAC_SEID;
	}
	return o->network_instance != NULL;
}

struct listing {
	struct cst_page *page;
	uint64_t at, from;
	bool full;
};

static bool offer(uint64_t key, uint64_t value, void *arg)
{
	struct listing *l = arg;
	struct upf_mac_obj o;
	json_t *item;

	if (l->full || l->at++ < l->from || !fill(&o, key, value))
		return false;
	if (json_array_size(l->page->items) >= l->page->limit) {
		l->page->cursor = l->at - 1;
		l->full = true;
		return false;
	}
	item = cst_encode(&upf_mac_object, &o);
	if (cst_page_wants(l->page, item))
		json_array_append(l->page->items, item);
	json_decref(item);
	return false;
}

static int list(struct cst_page *page, struct cst_err *e)
{
	struct listing l = {.page = page, .from = page->cursor};

	page->cursor = 0;
	if (upf_eth_slots && !page->config)
		upf_eth_macs_each(0, 1u << UPF_ETH_BUCKET_BITS, offer, &l);
	return 0;
}

static int get(const void *obj, json_t **out, struct cst_err *e)
{
	const struct upf_mac_obj *wanted = obj;
	uint64_t key =
		upf_eth_key(cst_vrf_by_name(wanted->network_instance), to_number(wanted->mac));
	uint64_t value = upf_eth_slots ? upf_eth_find(key) : 0;
	struct upf_mac_obj o;
	char text[64];

	if (!value || !fill(&o, key, value))
		return cst_err(e, -ENOENT, "mac", "%s was not seen in network instance %s",
			       cst_mac_text(wanted->mac, text), wanted->network_instance);
	*out = cst_encode(&upf_mac_object, &o);
	return 0;
}

/* In a thread of DPDK's. */
static int tell(const char *cmd, const char *params, struct rte_tel_data *d)
{
	const struct upf_eth_stats *s = &upf_eth_stats;

	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_u64(d, "mac_addresses", upf_eth_macs_count());
	rte_tel_data_add_dict_u64(d, "learnt", __atomic_load_n(&s->learnt, __ATOMIC_RELAXED));
	rte_tel_data_add_dict_u64(d, "moved", __atomic_load_n(&s->moved, __ATOMIC_RELAXED));
	rte_tel_data_add_dict_u64(d, "aged", __atomic_load_n(&s->aged, __ATOMIC_RELAXED));
	rte_tel_data_add_dict_u64(d, "refused", __atomic_load_n(&s->refused, __ATOMIC_RELAXED));
	return 0;
}

static void __attribute__((constructor)) attach(void)
{
	rte_telemetry_register_cmd(
		"/coast/ethernet", tell,
		"MAC addresses of Ethernet PDU sessions: known now; learnt, moved, "
		"aged out and refused since the start. No parameters");
	upf_mac_class.list = list;
	upf_mac_class.get = get;
}
