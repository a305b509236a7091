/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/intake.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum {
	EDGES = 131072,
	SCAN_INTERVALS = 6, /* between two looks for network namespaces without connections */
};

struct seen_listener {
	struct listener l;
	struct owner_process *owner;
};

struct intake {
	struct owner_table *owners;
	struct edgetab *edges;
	struct host *host;
	struct nat *nat;
	struct nattab *nattab;
	struct capture_table *capture;
	struct netstat *netstat;
	struct own_link own;
	uint64_t own_closed, own_live; /* bytes that it sent */

	struct seen_listener *listener; /* of this interval */
	size_t listener_n, listener_cap;
	uint64_t listener_hash, told_hash;
	unsigned intervals;
	uint64_t seen, kernel; /* opens told */

	const struct output *out; /* during intake_emit */
	uint64_t told;
};

struct intake *intake_new(struct host *host, struct nat *nat, struct nattab *table,
			  const struct own_link *own)
{
	struct intake *in = xcalloc(1, sizeof(*in));

	in->owners = owner_new();
	in->edges = edgetab_new(EDGES);
	in->capture = capture_new();
	in->netstat = netstat_new();
	in->host = host;
	in->nat = nat;
	in->nattab = table;
	in->own = *own;
	return in;
}

void intake_free(struct intake *in)
{
	if (!in)
		return;
	edgetab_free(in->edges);
	owner_free(in->owners);
	capture_free(in->capture);
	netstat_free(in->netstat);
	free(in->listener);
	free(in);
}

/* What the probe tells */

static void on_process(void *ctx, const struct process_event *ev)
{
	struct intake *in = ctx;

	owner_announce(in->owners, ev);
}

/* A socket's own end is an address of this machine, in whatever network namespace. */
static void own_local(struct intake *in, const struct edge_key *key)
{
	struct addr a;

	memcpy(a.b, key->local, 16);
	host_own(in->host, &a);
	host_namespace(in->host, key->netns, key->tgid);
	netstat_hint(in->netstat, key->netns, key->tgid);
}

/*
 * Our own link to the collector is left out, and its other end where the collector is on this
 * machine: it would tell of nothing but the telling, and never let an interval be quiet.
 */
static bool is_own_link(const struct intake *in, const struct edge_key *key)
{
	struct addr local, collector;

	if (!in->own.courier || key->proto == PROTO_UDP)
		return false;
	if (key->dir == EDGE_CLIENT)
		return key->tgid == (uint32_t)in->own.courier;
	memcpy(local.b, key->local, 16);
	return key->port == in->own.port && addr_is_loopback(&local) &&
	       addr_parse(in->own.host, &collector) == 0 && addr_eq(&local, &collector);
}

static void count_opens(struct intake *in, const struct edge_key *key,
			const struct edge_val *val)
{
	if (key->proto == PROTO_UDP)
		return;
	if (key->dir == EDGE_CLIENT)
		capture_seen(in->capture, key->netns,
			     val->opens - val->unsent + val->abandoned, 0);
	else if (key->dir == EDGE_SERVER)
		capture_seen(in->capture, key->netns, 0, val->opens);
}

/* A connect that got no route has no address of its own. */
static struct edge_key with_address(struct intake *in, const struct edge_key *key)
{
	struct edge_key whole = *key;
	struct addr local, remote;

	memcpy(local.b, key->local, 16);
	memcpy(remote.b, key->remote, 16);
	if (addr_is_any(&local)) {
		local = host_address(in->host, key->netns, &remote);
		memcpy(whole.local, local.b, 16);
	}
	return whole;
}

static void on_closed(void *ctx, const struct edge_key *key, const struct edge_val *val)
{
	struct intake *in = ctx;
	struct edge_key whole;

	count_opens(in, key, val);
	if (is_own_link(in, key)) {
		in->own_closed += key->dir == EDGE_CLIENT ? val->tx : 0;
		return;
	}
	own_local(in, key);
	whole = with_address(in, key);
	edgetab_closed(in->edges, &whole, val, owner_of(in->owners, key->tgid, key->born));
}

static void on_live(void *ctx, const struct live_record *r)
{
	struct intake *in = ctx;

	if (r->pending || r->untold || r->opened)
		capture_waiting(in->capture, r->key.netns, r->key.dir == EDGE_CLIENT,
				r->key.dir == EDGE_SERVER);
	if (r->untold)
		return;
	if (is_own_link(in, &r->key)) {
		in->own_live += r->key.dir == EDGE_CLIENT ? r->tx : 0;
		return;
	}
	own_local(in, &r->key);
	edgetab_live(in->edges, r, owner_of(in->owners, r->key.tgid, r->key.born));
}

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++) /* FNV-1a */
		h = (h ^ b[i]) * 0x100000001b3u;
	return h;
}

static void on_listener(void *ctx, const struct listener_key *key,
			const struct listener_val *val)
{
	struct intake *in = ctx;
	struct seen_listener *seen;
	uint64_t h;

	MEM_GROW(in->listener, in->listener_n, in->listener_cap);
	seen = &in->listener[in->listener_n++];
	memset(seen, 0, sizeof(*seen));
	memcpy(seen->l.addr.b, key->addr, 16);
	seen->l.port = key->port;
	seen->l.proto = key->proto ? key->proto : PROTO_TCP;
	seen->l.scope = key->netns;
	seen->owner = owner_of(in->owners, val->tgid, val->born);
	host_own(in->host, &seen->l.addr);
	host_namespace(in->host, key->netns, val->tgid);
	netstat_hint(in->netstat, key->netns, val->tgid);
	h = mix(0xcbf29ce484222325u, key, sizeof(*key));
	in->listener_hash +=
		mix(h, &seen->owner, sizeof(seen->owner)); /* order does not matter */
}

struct probe_sink intake_sink(struct intake *in)
{
	return (struct probe_sink){ .ctx = in,
				    .process = on_process,
				    .closed = on_closed,
				    .live = on_live,
				    .listener = on_listener };
}

/* One interval */

void intake_begin(struct intake *in, uint64_t boot_ms)
{
	in->listener_n = 0;
	in->listener_hash = 0;
	in->own_live = 0;
	edgetab_begin(in->edges, boot_ms);
	capture_begin(in->capture);
}

void intake_compare(struct intake *in)
{
	uint32_t netns[NETSTAT_NAMESPACES];
	uint64_t active, passive;
	unsigned n;

	if (in->intervals++ % SCAN_INTERVALS == 0) {
		netstat_scan(in->netstat);
		if (in->nat)
			nat_look(in->nat);
	}
	n = netstat_list(in->netstat, netns);
	for (unsigned i = 0; i < n; i++)
		if (netstat_read(in->netstat, netns[i], &active, &passive))
			capture_kernel(in->capture, netns[i], active, passive);
	if (in->nat)
		nat_poll(in->nat);
}

static int by_place(const void *a, const void *b)
{
	const struct seen_listener *x = a, *y = b;
	int d = (int)x->l.port - (int)y->l.port;

	d = d ? d : (int)x->l.proto - (int)y->l.proto;
	d = d ? d : addr_cmp(&x->l.addr, &y->l.addr);
	return d ? d : (x->l.scope > y->l.scope) - (x->l.scope < y->l.scope);
}

bool intake_changed(struct intake *in)
{
	return host_changed(in->host) || in->listener_hash != in->told_hash;
}

void intake_describe(struct intake *in, const struct output *out)
{
	out->machine(out->ctx, host_machine(in->host));
	if (in->listener_n)
		qsort(in->listener, in->listener_n, sizeof(*in->listener), by_place);
	for (size_t i = 0; i < in->listener_n; i++)
		out->listener(out->ctx, &in->listener[i].l, in->listener[i].owner);
	in->told_hash = in->listener_hash;
}

static void on_flow(const struct flow *f, struct owner_process *owner, void *ctx)
{
	struct intake *in = ctx;
	struct flow real = *f;

	in->told++;
	if (in->nattab)
		nattab_apply(in->nattab, &real);
	in->out->flow(in->out->ctx, &real, owner);
}

static void on_capture(const struct capture *c, void *ctx)
{
	struct intake *in = ctx;

	in->told++;
	in->seen += c->active_seen + c->passive_seen;
	in->kernel += c->active_kernel + c->passive_kernel;
	in->out->capture(in->out->ctx, c);
}

static void on_translation(const struct translation *t, void *ctx)
{
	struct intake *in = ctx;

	in->told++;
	in->out->translation(in->out->ctx, t);
}

uint64_t intake_emit(struct intake *in, uint64_t start_ms, uint64_t end_ms,
		     const struct output *out)
{
	in->out = out;
	in->told = 0;
	edgetab_emit(in->edges, start_ms, end_ms, on_flow, in);
	capture_emit(in->capture, start_ms, end_ms, on_capture, in);
	if (in->nattab)
		nattab_emit(in->nattab, end_ms, on_translation, in);
	in->out = NULL;
	return in->told;
}

void intake_retell(struct intake *in)
{
	edgetab_retell(in->edges);
	in->told_hash = in->listener_hash + 1;
}

void intake_tick(struct intake *in)
{
	owner_tick(in->owners);
}

struct owner_table *intake_owners(struct intake *in)
{
	return in->owners;
}

struct edgetab *intake_edges(struct intake *in)
{
	return in->edges;
}

uint64_t intake_own_bytes(const struct intake *in)
{
	return in->own_closed + in->own_live;
}

void intake_opens(const struct intake *in, uint64_t *seen, uint64_t *kernel)
{
	*seen = in->seen;
	*kernel = in->kernel;
}
