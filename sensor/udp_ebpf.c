/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/udp_ebpf.h"

#if HAVE_BPF

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bpf/udp.skel.h"
#include "common/log.h"
#include "common/mem.h"
#include "sensor/cgroup_root.h"
#include "sensor/ownaddr.h"
#include "sensor/udp_bound.h"
#include "sensor/udp_side.h"

enum {
	BATCH = 512,
	EDGES = 16384,
	PREALLOCATED = 8192, /* where a map takes all its memory at once */
	WALK_S = 60,	     /* between two looks at all open files, or more: */
	WALK_SHARE = 500,    /* they take no more than this part of the time */
};

struct udp_part {
	struct udp_bpf *skel;
	struct probe_sink sink;
	struct udp_sides *sides;
	struct ownaddr *ownaddr;
	struct udp_bound *bound;
	struct bpf_link *walk;
	uint64_t walk_ns; /* when the next one is due */
	bool bytes;
	uint64_t unplaced;
	struct listening waiting[BATCH];
	struct udp_key *key; /* of one drain */
	struct udp_val *val;
};

/* How the end of a call is seen: bpf/udp.bpf.c. */
enum ends { ENDS_RETURNS, ENDS_LENGTHS, ENDS_NONE };

/* Some kernels have the functions and let no program be put there: it is tried. */
static bool takes_returns(uint32_t btf_id)
{
	const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FEXIT,
		    .attach_btf_id = btf_id);
	int prog = bpf_prog_load(BPF_PROG_TYPE_TRACING, "skein_try", "GPL", nothing, 2, &opts);
	int link = prog >= 0 ? bpf_raw_tracepoint_open(NULL, prog) : -1;

	if (link >= 0)
		close(link);
	if (prog >= 0)
		close(prog);
	return link >= 0;
}

static uint32_t arguments(const struct btf *btf, int32_t func)
{
	const struct btf_type *t = btf__type_by_id(btf, (uint32_t)func);

	return btf_vlen(btf__type_by_id(btf, t->type));
}

static enum ends find_ends(const struct btf *btf, bool *nonblock_apart)
{
	int32_t send = btf__find_by_name_kind(btf, "udp_sendmsg", BTF_KIND_FUNC);
	int32_t receive = btf__find_by_name_kind(btf, "udp_recvmsg", BTF_KIND_FUNC);
	uint32_t n = receive > 0 ? arguments(btf, receive) : 0;

	*nonblock_apart = n == 6;
	if (send > 0 && (n == 5 || n == 6) &&
	    btf__find_by_name_kind(btf, "udpv6_sendmsg", BTF_KIND_FUNC) > 0 &&
	    btf__find_by_name_kind(btf, "udpv6_recvmsg", BTF_KIND_FUNC) > 0 &&
	    takes_returns((uint32_t)send))
		return ENDS_RETURNS;
	if (btf__find_by_name_kind(btf, "btf_trace_sock_send_length", BTF_KIND_TYPEDEF) > 0 &&
	    btf__find_by_name_kind(btf, "btf_trace_sock_recv_length", BTF_KIND_TYPEDEF) > 0)
		return ENDS_LENGTHS;
	return ENDS_NONE;
}

static void choose_programs(struct udp_part *u, const struct probe_config *config)
{
	struct udp_bpf *s = u->skel;
	struct btf *btf = config->udp_hooks_alone ? NULL : btf__load_vmlinux_btf();
	enum ends ends = ENDS_NONE;
	bool nonblock_apart = false;

	if (btf && libbpf_get_error(btf) == 0) {
		ends = find_ends(btf, &nonblock_apart);
		btf__free(btf);
	}
	u->bytes = ends != ENDS_NONE;
	s->rodata->lengths = u->bytes;
	s->rodata->nonblock_apart = nonblock_apart;
	bpf_program__set_autoload(s->progs.sent4, ends == ENDS_RETURNS);
	bpf_program__set_autoload(s->progs.sent6, ends == ENDS_RETURNS);
	bpf_program__set_autoload(s->progs.received4, ends == ENDS_RETURNS);
	bpf_program__set_autoload(s->progs.received6, ends == ENDS_RETURNS);
	bpf_program__set_autoload(s->progs.on_send, ends == ENDS_LENGTHS);
	bpf_program__set_autoload(s->progs.on_receive, ends == ENDS_LENGTHS);
	bpf_program__set_autoload(s->progs.connect4, ends == ENDS_NONE);
	bpf_program__set_autoload(s->progs.connect6, ends == ENDS_NONE);
	log_debug("UDP: calls are seen to end by %s", ends == ENDS_RETURNS   ? "fexit"
						      : ends == ENDS_LENGTHS ? "tracepoints"
									     : "nothing");
}

static void size_maps(struct udp_bpf *s, const struct probe_config *config, bool no_prealloc)
{
	uint32_t edges = config->max_edges < EDGES ? config->max_edges : EDGES;

	if (no_prealloc) {
		bpf_map__set_map_flags(s->maps.udp_a, BPF_F_NO_PREALLOC);
		bpf_map__set_map_flags(s->maps.udp_b, BPF_F_NO_PREALLOC);
	} else if (edges > PREALLOCATED) {
		edges = PREALLOCATED;
	}
	bpf_map__set_max_entries(s->maps.udp_a, edges);
	bpf_map__set_max_entries(s->maps.udp_b, edges);
	s->bss->wake_at = edges / 2;
}

static int load(struct udp_part *u, const struct probe_config *config,
		const struct udp_shared *shared, struct err *e)
{
	int rc;

	u->skel = udp_bpf__open();
	if (!u->skel)
		return err_sys(e, -errno, "open programs");
	choose_programs(u, config);
	u->skel->bss->home = ownaddr_own(u->ownaddr);
	size_maps(u->skel, config, shared->no_prealloc);
	rc = bpf_map__reuse_fd(u->skel->maps.processes, shared->processes);
	if (!rc)
		rc = bpf_map__reuse_fd(u->skel->maps.announced, shared->announced);
	if (!rc)
		rc = bpf_map__reuse_fd(u->skel->maps.drops, shared->drops);
	if (!rc)
		rc = udp_bpf__load(u->skel);
	if (rc == -EPERM)
		return err_set(e, rc,
			       "programs may not be loaded; hooks of the cgroup need "
			       "CAP_NET_ADMIN beside CAP_BPF and CAP_PERFMON");
	return rc ? err_sys(e, rc, "load programs") : 0;
}

static struct bpf_link **link_of(const struct udp_part *u, const struct bpf_program *prog)
{
	struct bpf_object_skeleton *s = u->skel->skeleton;

	for (int i = 0; i < s->prog_cnt; i++)
		if (*s->progs[i].prog == prog)
			return s->progs[i].link;
	return NULL;
}

static int attach_to(struct udp_part *u, int cgroup, struct err *e)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, u->skel->obj)
	{
		struct bpf_link **link = link_of(u, prog);

		if (!link || !bpf_program__autoload(prog) || prog == u->skel->progs.bound)
			continue;
		if (bpf_program__type(prog) == BPF_PROG_TYPE_CGROUP_SOCK_ADDR)
			*link = bpf_program__attach_cgroup(prog, cgroup);
		else
			*link = bpf_program__attach(prog);
		if (!*link)
			return err_sys(e, -errno, "attach %s", bpf_program__name(prog));
	}
	return 0;
}

static int attach(struct udp_part *u, struct err *e)
{
	int cgroup = cgroup_root_open(NULL, e), rc;

	if (cgroup < 0)
		return cgroup;
	rc = attach_to(u, cgroup, e);
	close(cgroup);
	if (rc)
		return rc;
	u->walk = bpf_program__attach_iter(u->skel->progs.bound, NULL);
	return u->walk ? 0 : err_sys(e, -errno, "attach iter/task_file");
}

void udp_detach(struct udp_part *u)
{
	udp_bpf__detach(u->skel);
}

void udp_close(struct udp_part *u)
{
	if (!u)
		return;
	bpf_link__destroy(u->walk);
	udp_bpf__destroy(u->skel);
	udp_bound_free(u->bound);
	udp_sides_free(u->sides);
	ownaddr_free(u->ownaddr);
	free(u);
}

struct udp_part *udp_open(const struct probe_config *config, const struct udp_shared *shared,
			  const struct probe_sink *sink, struct err *e)
{
	struct udp_part *u = xcalloc(1, sizeof(*u));

	u->sink = *sink;
	u->sides = udp_sides_new();
	u->bound = udp_bound_new();
	u->ownaddr = ownaddr_new();
	if (load(u, config, shared, e) == 0 && attach(u, e) == 0) {
		if (!u->bytes)
			log_info("UDP: this kernel tells no amounts, and of "
				 "connected sockets only questions to well-known ports");
		return u;
	}
	udp_close(u);
	return NULL;
}

void udp_flip(struct udp_part *u)
{
	u->skel->bss->new_edges = u->skel->bss->places = 0;
	u->skel->bss->second = !u->skel->bss->second;
}

static bool is_set(const uint8_t a[16])
{
	static const uint8_t none[16];

	return memcmp(a, none, 16) != 0;
}

static void tell(struct udp_part *u, struct udp_key *k, const struct udp_val *v)
{
	struct edge_key key;
	struct edge_val val;

	if (!is_set(k->local)) {
		switch (ownaddr_find(u->ownaddr, k->netns, k->tgid, k->local_port, k->remote,
				     k->local)) {
		case OWNADDR_FOUND:
			break;
		case OWNADDR_NOBODY:
			return;
		case OWNADDR_UNKNOWN:
			u->unplaced += 1;
			return;
		}
	}
	udp_edge(u->sides, k, v, u->bytes, &key, &val);
	u->sink.closed(u->sink.ctx, &key, &val);
}

/* All of a drain, since one edge may say what another one does not. */
static void tell_all(struct udp_part *u, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!is_set(u->key[i].local) && u->key[i].local_port)
			ownaddr_expect(u->ownaddr, u->key[i].netns, u->key[i].local_port,
				       u->key[i].remote);
	for (uint32_t i = 0; i < n; i++)
		if (is_set(u->key[i].local) && u->key[i].local_port)
			ownaddr_learn(u->ownaddr, u->key[i].netns, u->key[i].local_port,
				      u->key[i].remote, u->key[i].local);
	for (uint32_t i = 0; i < n; i++)
		tell(u, &u->key[i], &u->val[i]);
	ownaddr_home(u->ownaddr);
}

/* What is read is gone from the map: it is told, whatever comes then. */
int udp_drain(struct udp_part *u, uint64_t *unplaced)
{
	struct bpf_map *map = u->skel->bss->second ? u->skel->maps.udp_a : u->skel->maps.udp_b;
	uint32_t cap = bpf_map__max_entries(map) + BATCH, at, *in = NULL, n = 0;
	int rc = 0;

	u->key = xcalloc(cap, sizeof(*u->key));
	u->val = xcalloc(cap, sizeof(*u->val));
	while (rc == 0 && n + BATCH <= cap) {
		uint32_t some = BATCH;

		rc = bpf_map_lookup_and_delete_batch(bpf_map__fd(map), in, &at, u->key + n,
						     u->val + n, &some, NULL);
		if (rc && rc != -ENOENT)
			break;
		n += some;
		in = &at;
	}
	tell_all(u, n);
	free(u->key);
	free(u->val);
	udp_sides_tick(u->sides);
	u->skel->bss->woken = 0;
	*unplaced += u->unplaced;
	u->unplaced = 0;
	return rc == -ENOENT ? 0 : rc;
}

/* The answer is kept for the drain. */
void udp_place(struct udp_part *u, const struct udp_place *place)
{
	uint8_t local[16];

	ownaddr_find(u->ownaddr, place->netns, place->tgid, 0, place->remote, local);
	ownaddr_home(u->ownaddr);
}

/* Who waits */

static uint64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int walk(struct udp_part *u, uint64_t *dropped)
{
	int fd = bpf_iter_create(bpf_link__fd(u->walk));
	ssize_t n;
	int rc;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, u->waiting, sizeof(u->waiting))) > 0 ||
	       (n < 0 && (errno == EINTR || errno == EAGAIN)))
		for (ssize_t i = 0; i < n / (ssize_t)sizeof(u->waiting[0]); i++)
			udp_bound_add(u->bound, &u->waiting[i]);
	rc = n < 0 ? -errno : 0;
	close(fd);
	*dropped += udp_bound_turn(u->bound);
	return rc;
}

int udp_listeners(struct udp_part *u, uint64_t *dropped)
{
	uint64_t start = monotonic_ns(), took;
	const struct listening *l;
	size_t n;
	int rc = 0;

	if (start >= u->walk_ns) {
		rc = walk(u, dropped);
		took = monotonic_ns() - start;
		u->walk_ns = start + WALK_S * 1000000000ull;
		if (u->walk_ns < start + took * WALK_SHARE)
			u->walk_ns = start + took * WALK_SHARE;
	}
	l = udp_bound_list(u->bound, &n);
	for (size_t i = 0; i < n; i++) {
		struct listener_val val = { .born = l[i].born, .tgid = l[i].tgid, .count = 1 };

		u->sink.listener(u->sink.ctx, &l[i].key, &val);
	}
	return rc;
}

const struct bpf_object *udp_object(const struct udp_part *u)
{
	return u->skel->obj;
}

#endif
