/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports: one `device:` string each, whatever stands behind it.
 *
 *   pci:0000:03:00.0     a NIC by its PCI address (bound to vfio-pci, or bifurcated)
 *   af_xdp:eth1          a kernel interface through AF_XDP
 *   vhost:/path          vhost-user server socket, for a virtio-user or VM peer
 *   virtio_user:/path    virtio-user client of such a socket
 *   tap:name             a kernel TAP interface
 *   pcap:in.pcap,out.pcap  read packets from one file, write to another
 *   null                 drops all, receives nothing (null:N receives N-byte packets)
 *   eal:DEVARGS          anything else DPDK knows, e.g. eal:net_ring0
 *
 * Configured by the control thread; polled by workers through a table replaced
 * under RCU. Port 0 is "none"; numbers are coast's own, not ethdev's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "addr.h"

#define CST_MAX_PORTS   64
#define CST_NO_QUEUE    0xffff
#define CST_DEFAULT_MTU 1500

struct cst_port_conf {
	char name[32];
	char device[192];
	uint16_t mtu;              /* bytes of IP packet the port carries; 0: 1500 */
	uint16_t queues;           /* rx queues; 0: one per worker where the device can */
	uint16_t rx_ring, tx_ring; /* descriptors; 0: chosen */
	bool promiscuous;
	bool optional;   /* coastd starts without it and retries every few seconds */
	bool no_offload; /* no rules in the NIC (port/flow.h) */
};

struct cst_port_state {
	bool up, link;
	uint16_t ethdev;     /* ethdev port id, 0xffff when down */
	uint16_t queues;     /* rx queues in use */
	uint32_t speed_mbps; /* 0: unknown */
	uint8_t mac[6];
	uint16_t mtu;
	char driver[32];
	char fault[256]; /* why it is down, with the remedy */
	bool offload_tx_ip4, offload_tx_l4, offload_rx;
};

struct cst_port_stats { /* the driver's own figures */
	uint64_t rx_packets, rx_bytes, rx_errors, rx_missed, rx_nombuf;
	uint64_t tx_packets, tx_bytes, tx_errors;
};

/* Check the device string alone; needs no EAL (coastd --check). */
int cst_port_check(const struct cst_port_conf *conf, struct cst_err *e);
/* Give the port a number and a name and open nothing; needs no EAL, so that the interfaces of a
 * checked file find it. Returns the number; undone by cst_port_discard(). */
int cst_port_declare(const struct cst_port_conf *conf, struct cst_err *e);

/* Bring up a port, but let no worker poll it yet: the plan step, undone by cst_port_discard().
 * Returns the port number or a negative errno; an `optional` port that fails still gets a number,
 * state.up false. */
int cst_port_prepare(const struct cst_port_conf *conf, struct cst_err *e);
void cst_port_discard(uint16_t port);
/* The commit steps: cannot fail. After publish, workers poll it; retire stops that, waits out
 * the grace period in the background and closes the device. */
void cst_port_publish(uint16_t port);
void cst_port_retire(uint16_t port);
/* Before start: somebody who knows ports by their names, and is asked before one loses what others
 * count on, once all of a change is planned: 0, or -EBUSY and who does. */
enum cst_port_loss {
	CST_PORT_GOES,      /* it is retired */
	CST_PORT_OWN_FRAMES /* it is promiscuous no longer */
};
void cst_port_ask(int (*has)(const char *name, enum cst_port_loss loss, struct cst_err *e));
int cst_port_may_lose(const char *name, enum cst_port_loss loss, struct cst_err *e);
/* Change mtu, promiscuous, optional or no_offload of a port at once, but for promiscuous mode,
 * which ends with cst_port_settle(), when the change is final; -EBUSY when more than that differs.
 * The same calls with what cst_port_conf() gave before take it back. */
int cst_port_change(uint16_t port, const struct cst_port_conf *conf, struct cst_err *e);
void cst_port_settle(uint16_t port);
/* Would it be -ENOENT or -EBUSY? The device is not asked. */
int cst_port_may_change(uint16_t port, const struct cst_port_conf *conf, struct cst_err *e);

uint16_t cst_port_by_name(const char *name);              /* 0: no such */
const struct cst_port_conf *cst_port_conf(uint16_t port); /* NULL: no such port */
void cst_port_state(uint16_t port, struct cst_port_state *st);
int cst_port_stats(uint16_t port, struct cst_port_stats *st);
/* A receive queue of the port that this worker polls; CST_NO_QUEUE: it polls none. */
uint16_t cst_port_queue_of(uint16_t port, uint16_t worker);

/* ---- workers ------------------------------------------------------------- */

struct cst_worker;
struct rte_mbuf;

/* Send a burst of whole L2 frames on one port; what the device refuses after a bounded retry is
 * dropped under "port.tx_full", a down port's under "port.down". Software checksums are the
 * caller's. */
void cst_port_tx(struct cst_worker *w, uint16_t port, struct rte_mbuf **pkts, uint16_t n);

/* Poll the worker's queues once; returns packets passed to the running node's edge 0. The `rx`
 * node calls it. */
uint16_t cst_port_poll(struct cst_worker *w);
