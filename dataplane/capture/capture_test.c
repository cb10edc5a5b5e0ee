/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Captures: the rings, the files that may be written, and that each packet comes
 * to stand in the file once, as it was. The file is read by a reader of the
 * test's own; tshark reads one in tests/lab.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "capture/internal.h"
#include "capture/pcapng.h"
#include "net/rig.h"
#include "trace/trace.h"

static char dir[64], file[128];

/* ---- the ring ------------------------------------------------------------------------ */

static struct cst_capture_ring *ring_new(void)
{
	struct cst_capture_ring *r = aligned_alloc(64, sizeof(*r));

	assert_non_null(r);
	memset(r, 0, sizeof(*r));
	return r;
}

static void flush(struct cst_capture_ring *r)
{
	atomic_store(&r->head, r->next);
}

static struct cst_capture_record *push(struct cst_capture_ring *r, uint32_t cap, uint32_t tag)
{
	struct cst_capture_record *rec = cst_capture_push(r, cap);

	if (rec != NULL) {
		rec->len = tag;
		memset(rec->data, (int)(tag & 0xff), cap);
	}
	return rec;
}

static void pop(struct cst_capture_ring *r, uint32_t tag)
{
	const struct cst_capture_record *rec = cst_capture_peek(r);

	assert_non_null(rec);
	assert_int_equal(rec->len, tag);
	for (uint32_t i = 0; i < rec->cap; i++)
		assert_int_equal(rec->data[i], tag & 0xff);
	cst_capture_pop(r);
}

static void ring_keeps_order(void **state)
{
	struct cst_capture_ring *r = ring_new();
	uint32_t in = 0, out = 0, lost = 0;

	srand(5);
	for (int i = 0; i < 200000; i++) {
		if (rand() % 3 != 0) {
			if (push(r, (uint32_t)rand() % (rand() % 8 == 0 ? 65535 : 900), in) != NULL)
				in++;
			else
				lost++;
			flush(r);
		} else if (out < in) {
			pop(r, out++);
		}
	}
	assert_int_equal(r->lost, lost);
	assert_true(lost > 0 && in > 10000);
	while (out < in)
		pop(r, out++);
	assert_null(cst_capture_peek(r));
	/* empty, it takes as much as before */
	assert_non_null(push(r, 65535, in));
	free(r);
}

static void ring_is_read_after_the_flush(void **state)
{
	struct cst_capture_ring *r = ring_new();

	push(r, 10, 1);
	assert_null(cst_capture_peek(r));
	flush(r);
	pop(r, 1);
	free(r);
}

/* ---- files ----------------------------------------------------------------------------- */

static int open_file(const char *path, struct cst_err *e)
{
	int fd;

	memset(e, 0, sizeof(*e));
	fd = capture_file(path, (unsigned)-1, e);
	if (fd >= 0)
		close(fd);
	else
		assert_string_equal(e->field, "file");
	return fd;
}

static void write_file(const char *path, const void *data, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, data, n), (ssize_t)n);
	close(fd);
}

static void files_that_may_be_written(void **state)
{
	const uint32_t magic = CST_PCAPNG_MAGIC;
	char path[128], other[128];
	struct cst_err e;
	struct stat st;

	assert_int_equal(open_file("capture.pcapng", &e), -EINVAL);
	assert_int_equal(open_file("/nowhere/at/all", &e), -ENOENT);
	assert_int_equal(open_file(dir, &e), -EISDIR);
	snprintf(path, sizeof(path), "%s/new", dir);
	assert_true(open_file(path, &e) >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);

	/* what was no capture stays as it is */
	write_file(path, "root:x:0:0", 10);
	assert_int_equal(open_file(path, &e), -EEXIST);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 10);
	write_file(path, &magic, sizeof(magic));
	assert_int_equal(chmod(path, 0666), 0);
	assert_true(open_file(path, &e) >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	if (geteuid() == 0) {
		write_file(path, &magic, sizeof(magic));
		assert_int_equal(chown(path, 65534, (gid_t)-1), 0);
		assert_int_equal(open_file(path, &e), -EEXIST);
		assert_non_null(strstr(e.reason, "another user's"));
		assert_int_equal(chown(path, 0, (gid_t)-1), 0);
	}

	snprintf(other, sizeof(other), "%s/link", dir);
	assert_int_equal(symlink(path, other), 0);
	assert_int_equal(open_file(other, &e), -EINVAL);
	assert_non_null(strstr(e.reason, "symbolic link"));
	unlink(other);
	assert_int_equal(link(path, other), 0);
	assert_int_equal(open_file(path, &e), -EEXIST);
	unlink(other);
	snprintf(other, sizeof(other), "%s/pipe", dir);
	assert_int_equal(mkfifo(other, 0600), 0);
	assert_int_equal(open_file(other, &e), -EINVAL);
	unlink(other);
	unlink(path);
	assert_int_equal(open_file("/dev/null", &e), -EINVAL);
}

/* ---- a reader of pcapng -------------------------------------------------------------------- */

struct found {
	char iface[32], comment[64];
	uint16_t linktype;
	uint32_t direction, cap, len;
	uint64_t ns;
	const uint8_t *data;
};

static struct found found[256];
static unsigned n_found, n_talk;         /* talk: coast's own ARP and neighbour discovery */
static uint64_t told_packets, told_lost; /* by the statistics blocks */

static uint32_t word(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

static uint64_t word64(const uint8_t *p)
{
	return (uint64_t)word(p + 4) << 32 | word(p);
}

static const uint8_t *option(const uint8_t *p, const uint8_t *end, uint16_t code, uint16_t *len)
{
	while (p + 4 <= end) {
		uint16_t c = (uint16_t)word(p), n = (uint16_t)(word(p) >> 16);

		if (c == 0)
			return NULL;
		*len = n;
		if (c == code)
			return p + 4;
		p += 4 + ((n + 3u) & ~3u);
	}
	fail_msg("options without an end");
	return NULL;
}

static void text(const uint8_t *p, const uint8_t *end, uint16_t code, char *buf, size_t size)
{
	uint16_t n = 0;
	const uint8_t *v = option(p, end, code, &n);

	snprintf(buf, size, "%.*s", v != NULL ? n : 0, v != NULL ? (const char *)v : "");
}

static void read_packet(const uint8_t *p, const uint8_t *end, const struct found *ifaces,
			unsigned n_ifaces)
{
	struct found *f = &found[n_found++];
	uint16_t n;

	assert_true(n_found <= RTE_DIM(found));
	assert_true(word(p) < n_ifaces);
	*f = ifaces[word(p)];
	f->ns = (uint64_t)word(p + 4) << 32 | word(p + 8);
	f->cap = word(p + 12);
	f->len = word(p + 16);
	f->data = p + 20;
	p += 20 + ((f->cap + 3u) & ~3u);
	assert_true(p <= end);
	text(p, end, 1, f->comment, sizeof(f->comment));
	f->direction = option(p, end, 2, &n) != NULL ? word(option(p, end, 2, &n)) : 0;
	if (f->linktype == CST_PCAPNG_ETHERNET && rig_is_talk(f->data, f->cap)) {
		n_found--;
		n_talk++;
	}
}

static void read_file(void)
{
	static uint8_t b[1 << 20];
	struct found ifaces[66] = {0};
	unsigned n_ifaces = 0;
	int fd = open(file, O_RDONLY);
	ssize_t n = read(fd, b, sizeof(b));
	uint16_t len;

	close(fd);
	n_found = n_talk = 0;
	told_packets = told_lost = 0;
	assert_true(n > 28 && word(b) == CST_PCAPNG_MAGIC);
	for (const uint8_t *p = b; p < b + n; p += word(p + 4)) {
		const uint8_t *body = p + 8, *end = p + word(p + 4) - 4;

		assert_true(end + 4 <= b + n);
		assert_int_equal(word(end), word(p + 4));
		switch (word(p)) {
		case 1:
			ifaces[n_ifaces].linktype = (uint16_t)word(body);
			text(body + 8, end, 2, ifaces[n_ifaces].iface, sizeof(ifaces[0].iface));
			assert_int_equal(*option(body + 8, end, 9, &len), 9);
			n_ifaces++;
			break;
		case 5:
			told_packets += word64(option(body + 12, end, 4, &len));
			told_lost += word64(option(body + 12, end, 5, &len));
			break;
		case 6:
			read_packet(body, end, ifaces, n_ifaces);
		}
	}
	assert_int_equal(told_packets, n_found + n_talk);
}

/* ---- whole captures ----------------------------------------------------------------------------
 */

static const struct cst_capture_conf plain = {
	.dirs = CST_CAPTURE_IN | CST_CAPTURE_OUT | CST_CAPTURE_DROP,
	.snaplen = CST_CAPTURE_SNAPLEN,
};

static void begin(const struct cst_watch_want *want, struct cst_capture_conf conf)
{
	struct cst_err e = {0};

	snprintf(conf.file, sizeof(conf.file), "%s", file);
	rig_ok(cst_capture_begin(want, &conf, (unsigned)-1, &e), &e);
}

static struct cst_capture_info ended(void)
{
	struct cst_capture_info info;

	for (int i = 0; i < 2000; i++) {
		cst_rcu_reclaim(false);
		cst_modules_tick(1000 + (uint64_t)i);
		cst_capture_state(&info, NULL);
		if (info.phase == CST_CAPTURE_ENDED) {
			cst_modules_tick(4000); /* sees it, too */
			return info;
		}
		usleep(1000);
	}
	fail_msg("the capture does not end");
	return info;
}

static struct cst_capture_info end(void)
{
	struct cst_err e = {0};
	struct cst_capture_info info;

	rig_ok(cst_capture_end(&e), &e);
	info = ended();
	read_file();
	return info;
}

static int after_each(void **state)
{
	rig_clear(&rig_gtpu);
	rig_clear(&rig_pool);
	rig_clear(&rig_ports[0].sent);
	rig_clear(&rig_ports[1].sent);
	unlink(file);
	return 0;
}

static void expect(unsigned i, const char *iface, uint32_t direction, const char *comment,
		   uint16_t linktype)
{
	assert_true(i < n_found);
	assert_string_equal(found[i].iface, iface);
	assert_int_equal(found[i].direction, direction);
	assert_string_equal(found[i].comment, comment);
	assert_int_equal(found[i].linktype, linktype);
}

/* Bytes behind the MAC addresses, some of which the rig puts in. */
static void expect_bytes(unsigned i, const uint8_t *b, unsigned len)
{
	assert_int_equal(found[i].len, len);
	assert_int_equal(found[i].cap, len);
	assert_memory_equal(found[i].data + 12, b + 12, len - 12);
}

static const struct cst_watch_want port0 = {.what = CST_WATCH_PORT, .port = "p0"};
static const struct cst_watch_want every = {.what = CST_WATCH_ALL};

static void of_a_port(void **state)
{
	const struct net_vec *echo = rig_vec("in", "echo4"), *bad = rig_vec("in", "gtpu4_bad_sum");
	struct cst_capture_info info;

	begin(&port0, plain);
	rig_in(0, "echo4");
	rig_in(1, "pool4");
	rig_in(0, "gtpu4_bad_sum");
	rig_in(0, "not_ours");
	info = end();
	assert_string_equal(info.why, "stopped");
	assert_int_equal(info.packets, 6 + n_talk);
	assert_int_equal(info.lost, 0);
	assert_int_equal(n_found, 6);
	expect(0, "p0", CST_PCAPNG_INBOUND, "", CST_PCAPNG_ETHERNET);
	expect_bytes(0, echo->p, echo->len);
	expect(1, "p0", CST_PCAPNG_OUTBOUND, "", CST_PCAPNG_ETHERNET);
	expect_bytes(1, rig_ports[0].sent.p[0]->b, rig_ports[0].sent.p[0]->len);
	expect(2, "p0", CST_PCAPNG_INBOUND, "", CST_PCAPNG_ETHERNET);
	/* dropped behind its L2 header, dropped in front of it: both are told with it */
	expect(3, "p0", 0, "udp.bad_checksum", CST_PCAPNG_ETHERNET);
	expect_bytes(3, bad->p, bad->len);
	expect(5, "p0", 0, "eth.not_ours", CST_PCAPNG_ETHERNET);
	expect_bytes(5, rig_vec("in", "not_ours")->p, rig_vec("in", "not_ours")->len);
	for (unsigned i = 1; i < n_found; i++)
		assert_true(found[i].ns >= found[i - 1].ns);
	assert_true(cst_clock_real() - found[0].ns < 20000000000);
}

static void by_direction(void **state)
{
	struct cst_capture_conf conf = plain;

	conf.dirs = CST_CAPTURE_DROP;
	begin(&every, conf);
	rig_in(0, "echo4");
	rig_in(0, "not_ours");
	end();
	assert_int_equal(n_found, 1);
	expect(0, "p0", 0, "eth.not_ours", CST_PCAPNG_ETHERNET);
	conf.dirs = CST_CAPTURE_OUT;
	begin(&every, conf);
	rig_in(0, "echo4");
	rig_in(0, "not_ours");
	end();
	assert_int_equal(n_found, 1);
	expect(0, "p0", CST_PCAPNG_OUTBOUND, "", CST_PCAPNG_ETHERNET);
}

static void no_more_than_snaplen(void **state)
{
	struct cst_capture_conf conf = plain;

	conf.snaplen = 64;
	begin(&port0, conf);
	rig_in(0, "echo4");
	end();
	assert_int_equal(found[0].cap, 64);
	assert_int_equal(found[0].len, rig_vec("in", "echo4")->len);
}

static int find_session(uint64_t seid, struct cst_watch_keys *k, struct cst_err *e)
{
	if (seid != 7)
		return cst_err(e, -ENOENT, "session", "there is no session");
	k->addrs[0].prefix = rig_prefix("203.0.113.1/32"); /* coast's own on n7, which answers */
	k->addrs[0].vrf = cst_vrf_by_name("internet");
	k->n_addrs = 1;
	return 0;
}

static void of_a_session(void **state)
{
	struct cst_watch_want want = {.what = CST_WATCH_SESSION, .seid = 8};
	struct cst_capture_conf conf = plain;
	struct cst_err e = {0};

	cst_watch_resolver_set(find_session);
	snprintf(conf.file, sizeof(conf.file), "%s", file);
	assert_int_equal(cst_capture_begin(&want, &conf, (unsigned)-1, &e), -ENOENT);
	assert_int_equal(access(file, F_OK), -1);
	want.seid = 7;
	begin(&want, plain);
	rig_in(0, "echo4");
	rig_in(1, "echo_vlan");
	rig_in(1, "pool4");
	end();
	assert_int_equal(n_found, 2);
	expect(0, "p1", CST_PCAPNG_INBOUND, "", CST_PCAPNG_ETHERNET);
	expect(1, "p1", CST_PCAPNG_OUTBOUND, "", CST_PCAPNG_ETHERNET);
}

static void limits_end_it(void **state)
{
	struct cst_capture_conf conf = plain;
	struct cst_capture_info info;

	conf.max_packets = 3;
	begin(&port0, conf);
	for (int i = 0; i < 5; i++)
		rig_in(0, "not_ours");
	info = ended();
	read_file();
	assert_string_equal(info.why, "it holds max_packets");
	assert_int_equal(n_found + n_talk, 3);
	conf.max_packets = 0;
	conf.max_bytes = 1500;
	begin(&port0, conf);
	for (int i = 0; i < 20; i++)
		rig_in(0, "not_ours");
	info = ended();
	read_file();
	assert_string_equal(info.why, "it holds max_bytes");
	assert_true(n_found >= 4 && n_found < 20);
	assert_true(info.bytes < 1500 + 200); /* and the statistics at its end */
}

static void one_at_a_time(void **state)
{
	struct cst_capture_conf conf = plain;
	struct cst_capture_info info;
	struct cst_watch_want want;
	struct cst_err e = {0};

	assert_int_equal(cst_capture_end(&e), -ENOENT);
	begin(&port0, plain);
	snprintf(conf.file, sizeof(conf.file), "%s.2", file);
	assert_int_equal(cst_capture_begin(&port0, &conf, (unsigned)-1, &e), -EBUSY);
	assert_int_equal(access(conf.file, F_OK), -1);
	end();
	assert_int_equal(n_found, 0);
	/* the next may begin once this one is told as ended, whether the tick has been or not */
	begin(&port0, plain);
	rig_ok(cst_capture_end(&e), &e);
	cst_rcu_reclaim(true);
	do
		cst_capture_state(&info, NULL);
	while (info.phase != CST_CAPTURE_ENDED && usleep(1000) == 0);
	begin(&port0, plain);
	end();
	/* one that cannot begin changes nothing of what is told of the last */
	snprintf(conf.file, sizeof(conf.file), "/nowhere/at/all");
	assert_int_equal(cst_capture_begin(&every, &conf, (unsigned)-1, &e), -ENOENT);
	cst_capture_state(&info, &want);
	assert_string_equal(info.file, file);
	assert_int_equal(want.what, CST_WATCH_PORT);
	/* and what nobody wants any more costs nothing any more */
	for (int i = 0; i < 3; i++)
		cst_modules_tick(100000 + 6000 * (uint64_t)i);
	assert_null(atomic_load(&cst_watch_live));
}

/* A disk that takes nothing: the end comes with the reason, and no worker waits. */
static void full_disk(void **state)
{
	struct cst_watch watch = {.epoch = 1};
	struct cst_capture_info info;
	struct cst_capture *c;
	struct cst_err e = {0};
	struct cst_capture_conf conf = plain;

	snprintf(conf.file, sizeof(conf.file), "%s", file);
	c = cst_capture_open(&conf, (unsigned)-1, &e);
	assert_non_null(c);
	close(c->fd);
	c->fd = open("/dev/full", O_WRONLY);
	cst_capture_ports(c, UINT64_MAX);
	rig_ok(cst_capture_start(c, &e), &e);
	watch.capture = c;
	for (int i = 0; i < 100 && !cst_capture_full(c); i++) {
		struct rte_mbuf *m = rig_mbuf(rig_vec("in", "echo4")->p, 80);

		cst_capture_rx(&watch, 0, 1, &m, 1);
		cst_capture_flush(c, 0);
		rte_pktmbuf_free(m);
		usleep(1000);
	}
	assert_true(cst_capture_full(c));
	cst_capture_finish(c, "stopped");
	for (int i = 0; i < 2000; i++) {
		cst_capture_info(c, &info);
		if (info.phase == CST_CAPTURE_ENDED)
			break;
		usleep(1000);
	}
	assert_string_equal(info.why, strerror(ENOSPC));
	assert_true(cst_capture_close(c, true));
}

/* ---- all ----------------------------------------------------------------------------------------
 */

static int up(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/coast-capture.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(file, sizeof(file), "%s/capture.pcapng", dir);
	return rig_up(state);
}

static int down(void **state)
{
	rmdir(dir);
	return rig_down(state);
}

#define T(fn) cmocka_unit_test_teardown(fn, after_each)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(ring_keeps_order),
		T(ring_is_read_after_the_flush),
		T(files_that_may_be_written),
		T(of_a_port),
		T(by_direction),
		T(no_more_than_snaplen),
		T(of_a_session),
		T(limits_end_it),
		T(one_at_a_time),
		T(full_disk),
	};

	return cmocka_run_group_tests(tests, up, down);
}
