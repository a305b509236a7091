/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The eBPF probe: loads bpf/conn.bpf.c, seeds what was open before, and drains its maps.
 *
 * An interval ends with putting the other edge map in place.  Only then the open connections
 * are read: one that closes meanwhile is counted in the next interval, so an interval may say
 * too little of it and never too much; edgetab makes up for it when the end is known.
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
#include "common/log.h"
#include "common/mem.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"

enum { BATCH = 1024, LIVE_PASSES = 4 };

struct probe_state {
	struct conn_bpf *skel;
	struct ring_buffer *ring;
	struct bpf_link *live;
	struct probe_sink sink;
	uint64_t start_ns;
	int retired; /* which of the two edge maps is not in use */
	uint64_t drops[DROP_COUNT];
	size_t told_live; /* records of one pass over open connections */
	uint64_t *each;	  /* one counter a possible CPU */
	int cpus;
	struct edge_key key[BATCH];
	struct edge_val val[BATCH];
	struct listener_key listener_key[BATCH];
	struct listener_val listener_val[BATCH];
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
		       "; it needs a kernel built with CONFIG_DEBUG_INFO_BTF",
		       u.release);
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
	bpf_map__set_max_entries(st->skel->maps.sockets, config->max_sockets);
	bpf_map__set_max_entries(st->skel->maps.edges_a, config->max_edges);
	bpf_map__set_max_entries(st->skel->maps.edges_b, config->max_edges);
	rc = conn_bpf__load(st->skel);
	if (rc)
		return explain(rc, "eBPF: load", e);
	return 0;
}

static int attach(struct probe_state *st, struct err *e)
{
	struct conn_bpf *s = st->skel;

	s->links.has_read = bpf_program__attach(s->progs.has_read);
	if (!s->links.has_read)
		return explain(-errno, "eBPF: attach tcp_rcv_space_adjust", e);
	s->links.state_first = bpf_program__attach(s->progs.state_first);
	s->links.state_second = bpf_program__attach(s->progs.state_second);
	if (!s->links.state_first || !s->links.state_second)
		return explain(-errno, "eBPF: attach inet_sock_set_state", e);
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
	return 0;
}

static void ebpf_close(struct probe_state *st)
{
	if (!st)
		return;
	ring_buffer__free(st->ring);
	bpf_link__destroy(st->live);
	conn_bpf__destroy(st->skel);
	free(st->each);
	free(st);
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
		return st;
	ebpf_close(st);
	return NULL;
}

static int ebpf_fd(struct probe_state *st)
{
	return ring_buffer__epoll_fd(st->ring);
}

static void ebpf_poll(struct probe_state *st)
{
	ring_buffer__consume(st->ring);
}

/* Draining */

static int retire(struct probe_state *st)
{
	struct bpf_map *next = st->retired ? st->skel->maps.edges_b : st->skel->maps.edges_a;
	int fd = bpf_map__fd(next);
	uint32_t zero = 0;

	if (bpf_map_update_elem(bpf_map__fd(st->skel->maps.edges), &zero, &fd, BPF_ANY))
		return -errno;
	st->retired = !st->retired;
	return 0;
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

static int read_listeners(struct probe_state *st)
{
	uint32_t at, *in = NULL;
	int rc = 0;

	while (rc == 0) {
		uint32_t n = BATCH;

		rc = bpf_map_lookup_batch(bpf_map__fd(st->skel->maps.listeners), in, &at,
					  st->listener_key, st->listener_val, &n, NULL);
		if (rc && rc != -ENOENT)
			break;
		for (uint32_t i = 0; i < n; i++)
			st->sink.listener(st->sink.ctx, &st->listener_key[i],
					  &st->listener_val[i]);
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
		out[why] = sum - st->drops[why];
		st->drops[why] = sum;
	}
}

static int ebpf_drain(struct probe_state *st, struct probe_interval *out, struct err *e)
{
	int rc = retire(st);

	memset(out, 0, sizeof(*out));
	out->start_ns = st->start_ns;
	out->end_ns = boot_ns();
	if (rc)
		return explain(rc, "eBPF: change edge maps", e);
	st->start_ns = out->end_ns;
	rc = read_live(st);
	if (rc)
		return explain(rc, "eBPF: read open connections", e);
	ebpf_poll(st);
	rc = drain_edges(st);
	if (rc)
		return explain(rc, "eBPF: drain edges", e);
	rc = read_listeners(st);
	if (rc)
		return explain(rc, "eBPF: read listeners", e);
	read_drops(st, out->drops);
	return 0;
}

const struct probe probe_ebpf = {
	.name = "ebpf",
	.help = "every TCP connection of this host and its processes (Linux 5.10, BTF, root)",
	.open = ebpf_open,
	.fd = ebpf_fd,
	.poll = ebpf_poll,
	.drain = ebpf_drain,
	.close = ebpf_close,
};

#endif
