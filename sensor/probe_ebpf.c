/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The eBPF probe: loads bpf/conn.bpf.c, seeds what was open before, and drains its maps.
 *
 * An interval ends with putting the other edge map in place.  Only then the open connections
 * are read: one that closes meanwhile is counted in the next interval, so an interval may say
 * too little of it and never too much; edgetab makes up for it when the end is known.  Edges
 * are also drained within an interval when many are new (bpf/tally.h): so the maps stay small.
 */
#include "sensor/probe.h"

#if HAVE_BPF

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "bpf/conn.skel.h"
#include "common/fact.h"
#include "common/log.h"
#include "common/mem.h"
#include "sensor/cgroup_root.h"
#include "sensor/meter.h"
#include "sensor/udp_ebpf.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"

enum {
	BATCH = 1024,
	LIVE_PASSES = 4,
	WAKE_AT = 16384,      /* new edges since the last drain */
	PREALLOCATED = 32768, /* edges that a map has room for where it takes all at once */
};

struct probe_state {
	struct conn_bpf *skel;
	struct udp_part *udp; /* NULL: not wanted, or not to be had */
	struct ring_buffer *ring;
	struct bpf_link *live;
	struct probe_sink sink;
	uint64_t start_ns;
	int retired; /* which of the two edge maps is not in use */
	uint64_t drops[DROP_COUNT];
	uint64_t unplaced; /* of UDP */
	size_t told_live;  /* records of one pass over open connections */
	uint64_t *each;	   /* one counter a possible CPU */
	int cpus;
	uint32_t degraded;
	bool draining, wants_drain;
	struct meter *meter;
	struct listening *listening; /* every socket that listens, sorted by address */
	size_t listening_n, listening_cap;
	struct edge_key key[BATCH];
	struct edge_val val[BATCH];
	struct listener_key listener_key[BATCH];
	struct listener_val listener_val[BATCH];
	uint64_t socket[BATCH];
	struct live_record record[BATCH];
};

/* libbpf's last complaint, for the one line that a person gets. */
static char complaint[256];

static int note_complaint(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[256];

	if (level == LIBBPF_DEBUG)
		return 0;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = 0;
	if (level == LIBBPF_WARN && !complaint[0])
		memcpy(complaint, line, sizeof(complaint));
	log_debug("%s", line);
	return 0;
}

static uint64_t boot_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int explain(int rc, const char *what, struct err *e)
{
	struct utsname u = { 0 };

	uname(&u);
	if (rc == -EPERM || rc == -EACCES)
		return err_set(
			e, rc,
			"%s: not permitted; eBPF needs root, or CAP_BPF, CAP_PERFMON and "
			"CAP_SYS_PTRACE: run it with sudo",
			what);
	if (access(BTF_PATH, R_OK) != 0)
		return err_set(e, rc,
			       "%s: kernel %s has no type information at " BTF_PATH
			       "; eBPF needs a kernel built with CONFIG_DEBUG_INFO_BTF",
			       what, u.release);
	return err_set(e, rc, "%s: %s (kernel %s, %s); kernels from 5.10 are supported", what,
		       strerror(-rc), u.release, complaint[0] ? complaint : "no detail");
}

static int check_btf(struct err *e)
{
	FILE *f = fopen(BTF_PATH, "re");
	unsigned char magic[2] = { 0 };
	bool good = f && fread(magic, 1, 2, f) == 2 &&
		    ((magic[0] == 0x9f && magic[1] == 0xeb) ||
		     (magic[0] == 0xeb && magic[1] == 0x9f));
	struct utsname u = { 0 };

	if (f)
		fclose(f);
	if (good)
		return 0;
	uname(&u);
	return err_set(e, -ENOTSUP,
		       "eBPF: kernel %s has no type information at " BTF_PATH
		       "; it needs a kernel built with CONFIG_DEBUG_INFO_BTF; "
		       "--poll watches without eBPF, and sees less",
		       u.release);
}

/*
 * From Linux 6.1 a map that takes memory as it needs it is safe in every context and about as
 * fast (kernel/bpf/memalloc.c); before, it has to take all of it at once.
 */
static bool has_memalloc(void)
{
	struct utsname u = { 0 };
	int major = 0, minor = 0;

	uname(&u);
	return sscanf(u.release, "%d.%d", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 1));
}

static void size_maps(struct conn_bpf *s, const struct probe_config *config)
{
	struct bpf_map *const maps[] = { s->maps.sockets, s->maps.edges_a, s->maps.edges_b,
					 bpf_map__inner_map(s->maps.edges) };
	uint32_t edges = config->max_edges;

	if (has_memalloc())
		for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
			bpf_map__set_map_flags(maps[i], BPF_F_NO_PREALLOC);
	else if (edges > PREALLOCATED)
		edges = PREALLOCATED;
	bpf_map__set_max_entries(s->maps.sockets, config->max_sockets);
	bpf_map__set_max_entries(s->maps.edges_a, edges);
	bpf_map__set_max_entries(s->maps.edges_b, edges);
	s->bss->wake_at = edges / 2 < WAKE_AT ? edges / 2 : WAKE_AT;
}

/* One that this kernel has no tracepoint for must not fail the whole. */
static void want(struct bpf_program *prog, const char *tracepoint)
{
	libbpf_print_fn_t print =
		libbpf_set_print(NULL); /* that it is missing is no complaint */

	if (libbpf_find_vmlinux_btf_id(tracepoint, BPF_TRACE_RAW_TP) <= 0)
		bpf_program__set_autoload(prog, false);
	libbpf_set_print(print);
}

static int load(struct probe_state *st, const struct probe_config *config, struct err *e)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	int rc;

	setrlimit(RLIMIT_MEMLOCK, &all); /* maps count against it before Linux 5.11 */
	libbpf_set_print(note_complaint);
	complaint[0] = 0;
	st->skel = conn_bpf__open();
	if (!st->skel)
		return explain(-errno, "eBPF: open", e);
	size_maps(st->skel, config);
	want(st->skel->progs.has_read, "tcp_rcv_space_adjust");
	want(st->skel->progs.on_destroy, "tcp_destroy_sock");
	want(st->skel->progs.on_error, "inet_sk_error_report"); /* Linux 5.14 */
	rc = conn_bpf__load(st->skel);
	if (rc)
		return explain(rc, "eBPF: load", e);
	return 0;
}

/* Without the reader's program the owners are the listeners: less, and not nothing. */
static void lose_reader(struct probe_state *st)
{
	bpf_link__destroy(st->skel->links.has_read);
	st->skel->links.has_read = NULL;
	st->skel->bss->readerless = true;
	st->degraded |= DEGRADED_READER;
}

/* Without them all is seen but what fails before anything is sent. */
static void attach_attempts(struct conn_bpf *s)
{
	struct err e = { 0 };
	int cgroup = cgroup_root_open(NULL, &e);

	if (cgroup >= 0) {
		s->links.attempt4 = bpf_program__attach_cgroup(s->progs.attempt4, cgroup);
		s->links.attempt6 = bpf_program__attach_cgroup(s->progs.attempt6, cgroup);
		close(cgroup);
	}
	if (!s->links.attempt4 || !s->links.attempt6)
		log_warn("eBPF: no hook of the cgroup (%s): connects that fail for want of a "
			 "route are not seen",
			 cgroup < 0 ? e.msg : strerror(errno));
}

static int attach(struct probe_state *st, struct err *e)
{
	struct conn_bpf *s = st->skel;

	if (bpf_program__fd(s->progs.has_read) >= 0)
		s->links.has_read = bpf_program__attach(s->progs.has_read);
	if (!s->links.has_read) {
		log_warn("eBPF: tcp_rcv_space_adjust cannot be attached (%s): connections "
			 "are their listeners' processes'",
			 strerror(errno));
		lose_reader(st);
	}
	if (bpf_program__fd(s->progs.on_destroy) >= 0)
		s->links.on_destroy = bpf_program__attach(s->progs.on_destroy);
	if (bpf_program__fd(s->progs.on_error) >= 0)
		s->links.on_error = bpf_program__attach(s->progs.on_error);
	s->links.on_state = bpf_program__attach(s->progs.on_state);
	if (!s->links.on_state)
		return explain(-errno, "eBPF: attach inet_sock_set_state", e);
	attach_attempts(s);
	log_debug("TCP: hooks: inet_sock_set_state%s%s%s%s",
		  s->links.has_read ? ", tcp_rcv_space_adjust" : "",
		  s->links.on_destroy ? ", tcp_destroy_sock" : "",
		  s->links.on_error ? ", inet_sk_error_report" : "",
		  s->links.attempt4 ? ", connect" : "");
	return 0;
}

/* Runs an iterator to its end; each read may give up to N bytes into P. */
static int iterate(struct bpf_link *link, void *p, size_t n,
		   void (*fn)(struct probe_state *, ssize_t), struct probe_state *st)
{
	int fd = bpf_iter_create(bpf_link__fd(link));
	ssize_t got;

	if (fd < 0)
		return -errno;
	while ((got = read(fd, p, n)) > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN)))
		if (fn && got > 0)
			fn(st, got);
	got = got < 0 ? -errno : 0;
	close(fd);
	return (int)got;
}

static int seed(struct probe_state *st, struct err *e)
{
	struct bpf_link *link = bpf_program__attach_iter(st->skel->progs.seed, NULL);
	char none[64];
	int rc = 0;

	if (!link)
		return explain(-errno, "eBPF: attach iter/task_file", e);
	for (int pass = 0; pass < 2 && rc == 0; pass++) {
		st->skel->bss->seed_connections = pass;
		rc = iterate(link, none, sizeof(none), NULL, st);
	}
	bpf_link__destroy(link);
	st->skel->bss->settled = true;
	return rc ? explain(rc, "eBPF: look at open connections", e) : 0;
}

static int attach_live(struct probe_state *st, struct err *e)
{
	union bpf_iter_link_info info = { .map.map_fd = (uint32_t)bpf_map__fd(
						  st->skel->maps.sockets) };
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info,
		    .link_info_len = sizeof(info));

	st->live = bpf_program__attach_iter(st->skel->progs.live, &opts);
	return st->live ? 0 : explain(-errno, "eBPF: attach iter/bpf_map_elem", e);
}

static int on_ring(void *ctx, void *data, size_t n)
{
	struct probe_state *st = ctx;

	if (n >= sizeof(struct process_event))
		st->sink.process(st->sink.ctx, data);
	else if (n == sizeof(struct udp_place) && st->udp)
		udp_place(st->udp, data);
	else
		st->wants_drain = true;
	return 0;
}

static void ebpf_close(struct probe_state *st)
{
	if (!st)
		return;
	ring_buffer__free(st->ring);
	bpf_link__destroy(st->live);
	meter_free(st->meter);
	udp_close(st->udp);
	conn_bpf__destroy(st->skel);
	free(st->listening);
	free(st->each);
	free(st);
}

/* Without it the watch goes on, and says that it has no UDP. */
static void open_udp(struct probe_state *st, const struct probe_config *config)
{
	struct udp_shared shared = { .processes = bpf_map__fd(st->skel->maps.processes),
				     .announced = bpf_map__fd(st->skel->maps.announced),
				     .drops = bpf_map__fd(st->skel->maps.drops),
				     .no_prealloc = has_memalloc() };
	struct err e = { 0 };

	if (config->no_udp)
		return;
	complaint[0] = 0;
	st->udp = udp_open(config, &shared, &st->sink, &e);
	if (st->udp) {
		meter_add(st->meter, udp_object(st->udp));
		return;
	}
	log_warn("eBPF: no UDP: %s%s%s; TCP alone is watched", e.msg, *complaint ? ": " : "",
		 complaint);
	st->degraded |= DEGRADED_NO_UDP;
}

static struct probe_state *ebpf_open(const struct probe_config *config,
				     const struct probe_sink *sink, struct err *e)
{
	struct probe_state *st = xcalloc(1, sizeof(*st));
	int rc;

	st->sink = *sink;
	st->retired = 1;
	st->cpus = libbpf_num_possible_cpus();
	st->each = xcalloc(st->cpus > 0 ? (size_t)st->cpus : 1, sizeof(*st->each));
	rc = check_btf(e);
	if (rc == 0)
		rc = load(st, config, e);
	if (rc == 0) {
		st->meter = meter_new();
		meter_add(st->meter, st->skel->obj);
	}
	if (rc == 0) {
		st->ring = ring_buffer__new(bpf_map__fd(st->skel->maps.processes), on_ring, st,
					    NULL);
		rc = st->ring ? 0 : explain(-errno, "eBPF: ring", e);
	}
	if (rc == 0)
		rc = attach_live(st, e);
	if (rc == 0)
		rc = attach(st, e);
	st->start_ns = boot_ns();
	if (rc == 0)
		rc = seed(st, e);
	if (rc == 0)
		open_udp(st, config);
	if (rc == 0)
		return st;
	ebpf_close(st);
	return NULL;
}

static int ebpf_fd(struct probe_state *st)
{
	return ring_buffer__epoll_fd(st->ring);
}

/* Draining */

/*
 * The change takes as long as the kernel waits for its programs, maybe a tenth of a second:
 * what is new in the other map meanwhile has to count.
 */
static int retire(struct probe_state *st)
{
	struct bpf_map *next = st->retired ? st->skel->maps.edges_b : st->skel->maps.edges_a;
	int fd = bpf_map__fd(next);
	uint32_t zero = 0;

	if (st->udp)
		udp_flip(st->udp); /* what the kernel waits for below are its programs, too */
	st->skel->bss->new_edges = 0;
	if (bpf_map_update_elem(bpf_map__fd(st->skel->maps.edges), &zero, &fd, BPF_ANY))
		return -errno;
	st->retired = !st->retired;
	return 0;
}

static int drain_edges(struct probe_state *st)
{
	struct bpf_map *map = st->retired ? st->skel->maps.edges_b : st->skel->maps.edges_a;
	uint32_t at, *in = NULL;
	int rc = 0;

	while (rc == 0) {
		uint32_t n = BATCH;

		rc = bpf_map_lookup_and_delete_batch(bpf_map__fd(map), in, &at, st->key,
						     st->val, &n, NULL);
		if (rc && rc != -ENOENT)
			break;
		for (uint32_t i = 0; i < n; i++)
			st->sink.closed(st->sink.ctx, &st->key[i], &st->val[i]);
		in = &at;
	}
	return rc == -ENOENT ? 0 : rc;
}

static int drain_udp(struct probe_state *st)
{
	return st->udp ? udp_drain(st->udp, &st->unplaced) : 0;
}

/*
 * While an interval is being ended nothing may be drained beside it: an edge's connections
 * that have just been told of as open would be told again as closed.
 */
static void ebpf_poll(struct probe_state *st)
{
	ring_buffer__consume(st->ring);
	if (!st->wants_drain || st->draining)
		return;
	st->wants_drain = false;
	if (retire(st) == 0) {
		ring_buffer__consume(st->ring); /* names first */
		drain_edges(st); /* what fails here is drained at the end of the interval */
		drain_udp(st);
	}
	st->skel->bss->woken = 0;
}

static void tell_live(struct probe_state *st, ssize_t got)
{
	size_t n = (size_t)got / sizeof(struct live_record);

	ebpf_poll(st); /* names first: whoever is named now may be gone from /proc */
	for (size_t i = 0; i < n; i++)
		st->sink.live(st->sink.ctx, &st->record[i]);
	st->told_live += n;
}

/*
 * An iterator over a map that changes may pass elements by.  Those that a pass has come to are
 * marked with its number, so another one of the same number tells of the others only.
 */
static int read_live(struct probe_state *st)
{
	int rc = 0;

	st->skel->bss->live_pass++;
	st->told_live = 1;
	for (int i = 0; i < LIVE_PASSES && st->told_live && !rc; i++) {
		st->told_live = 0;
		rc = iterate(st->live, st->record, sizeof(st->record), tell_live, st);
	}
	return rc;
}

static int by_address(const void *a, const void *b)
{
	const struct listening *x = a, *y = b;
	int d = memcmp(&x->key, &y->key, sizeof(x->key));

	if (!d)
		d = (x->born > y->born) - (x->born < y->born);
	return d ? d : (x->tgid > y->tgid) - (x->tgid < y->tgid);
}

static int read_listening(struct probe_state *st)
{
	int fd = bpf_map__fd(st->skel->maps.listening), rc = 0;
	uint32_t at, *in = NULL;

	st->listening_n = 0;
	while (rc == 0) {
		uint32_t n = BATCH;

		while (st->listening_cap < st->listening_n + BATCH)
			MEM_GROW(st->listening, st->listening_cap, st->listening_cap);
		rc = bpf_map_lookup_batch(fd, in, &at, st->socket,
					  st->listening + st->listening_n, &n, NULL);
		if (rc && rc != -ENOENT)
			return rc;
		st->listening_n += n;
		in = &at;
	}
	if (st->listening_n)
		qsort(st->listening, st->listening_n, sizeof(*st->listening), by_address);
	return 0;
}

/* The sockets that listen at an address: the first of them, and how many. */
static const struct listening *listening_at(const struct probe_state *st,
					    const struct listener_key *key, uint32_t *count)
{
	size_t low = 0, high = st->listening_n, end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(&st->listening[middle].key, key, sizeof(*key)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < st->listening_n; end++)
		if (memcmp(&st->listening[end].key, key, sizeof(*key)) != 0)
			break;
	*count = (uint32_t)(end - low);
	return *count ? &st->listening[low] : NULL;
}

/*
 * Tells of one address.  Where it stands after its last socket is gone, or names a process
 * whose socket is gone while others' are left, it is put right (bpf/listen.h).
 */
static void tell_listener(struct probe_state *st, const struct listener_key *key,
			  struct listener_val *val)
{
	int fd = bpf_map__fd(st->skel->maps.listeners);
	uint32_t count;
	const struct listening *first = listening_at(st, key, &count);

	if (!first) {
		bpf_map_delete_elem(fd, key);
		return;
	}
	if (!val->sk) {
		val->tgid = first->tgid;
		val->born = first->born;
	}
	if (!val->sk || val->count != count) {
		val->count = count;
		bpf_map_update_elem(fd, key, val, BPF_EXIST);
	}
	st->sink.listener(st->sink.ctx, key, val);
}

/* By address first, so that whoever is in the second and not in the first has just come. */
static int read_listeners(struct probe_state *st)
{
	uint32_t at, *in = NULL;
	int rc = read_listening(st);

	while (rc == 0) {
		uint32_t n = BATCH;

		rc = bpf_map_lookup_batch(bpf_map__fd(st->skel->maps.listeners), in, &at,
					  st->listener_key, st->listener_val, &n, NULL);
		if (rc && rc != -ENOENT)
			break;
		for (uint32_t i = 0; i < n; i++)
			tell_listener(st, &st->listener_key[i], &st->listener_val[i]);
		in = &at;
	}
	return rc == -ENOENT ? 0 : rc;
}

static void read_drops(struct probe_state *st, uint64_t out[DROP_COUNT])
{
	for (uint32_t why = 0; why < DROP_COUNT; why++) {
		uint64_t sum = 0;

		if (bpf_map_lookup_elem(bpf_map__fd(st->skel->maps.drops), &why, st->each))
			continue;
		for (int i = 0; i < st->cpus; i++)
			sum += st->each[i];
		out[why] += sum - st->drops[why];
		st->drops[why] = sum;
	}
}

static int drain_all(struct probe_state *st, struct probe_interval *out, struct err *e)
{
	int rc = retire(st);

	out->start_ns = st->start_ns;
	out->end_ns = boot_ns();
	if (rc)
		return explain(rc, "eBPF: change edge maps", e);
	st->start_ns = out->end_ns;
	rc = st->degraded & DEGRADED_OFF ? 0 : read_live(st);
	if (rc)
		return explain(rc, "eBPF: read open connections", e);
	ebpf_poll(st);
	rc = drain_edges(st);
	if (rc == 0)
		rc = drain_udp(st);
	if (rc)
		return explain(rc, "eBPF: drain edges", e);
	rc = read_listeners(st);
	if (rc == 0 && st->udp && !(st->degraded & DEGRADED_NO_UDP))
		rc = udp_listeners(st->udp, &out->drops[DROP_LISTENER_FULL]);
	return rc ? explain(rc, "eBPF: read listeners", e) : 0;
}

static int ebpf_drain(struct probe_state *st, struct probe_interval *out, struct err *e)
{
	int rc;

	memset(out, 0, sizeof(*out));
	st->draining = true;
	rc = drain_all(st, out, e);
	st->draining = st->wants_drain = false;
	st->skel->bss->woken = 0; /* the next new edge may ask again */
	if (rc)
		return rc;
	read_drops(st, out->drops);
	out->drops[DROP_UDP_PLACE] += st->unplaced;
	st->unplaced = 0;
	out->degraded = st->degraded;
	meter_tick(st->meter);
	return 0;
}

/* What it costs */

static void ebpf_cost(struct probe_state *st, struct probe_cost *out)
{
	meter_cost(st->meter, out);
}

static void ebpf_shed(struct probe_state *st, enum probe_shed what)
{
	struct conn_bpf *s = st->skel;

	if (what >= SHED_READER && !(st->degraded & DEGRADED_READER))
		lose_reader(st);
	if (what >= SHED_READER && st->udp) {
		udp_detach(st->udp);
		st->degraded |= DEGRADED_NO_UDP;
	}
	if (what < SHED_ALL)
		return;
	bpf_link__destroy(s->links.on_state);
	bpf_link__destroy(s->links.on_destroy);
	bpf_link__destroy(s->links.on_error);
	bpf_link__destroy(s->links.attempt4);
	bpf_link__destroy(s->links.attempt6);
	s->links.on_state = s->links.on_destroy = s->links.on_error = NULL;
	s->links.attempt4 = s->links.attempt6 = NULL;
	st->degraded |= DEGRADED_OFF;
}

const struct probe probe_ebpf = {
	.name = "ebpf",
	.help = "every TCP connection and UDP peer of this host and its processes (Linux 5.10, BTF, root)",
	.open = ebpf_open,
	.fd = ebpf_fd,
	.poll = ebpf_poll,
	.drain = ebpf_drain,
	.close = ebpf_close,
	.cost = ebpf_cost,
	.shed = ebpf_shed,
};

#endif
