/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/once.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#include "common/buf.h"
#include "common/exchange.h"
#include "common/file.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/pair.h"

enum { CLAIMS = 262144, PORTS = PAIR_PORTS, NUMBERED = 1 };

/* What both ends of a connection agree on. */
struct conversation {
	struct addr client, server;
	uint32_t scope;
	uint16_t port;
	uint8_t proto;
	uint8_t pad;
};

struct claim_key {
	struct conversation at;
	struct owner_process *owner;
	uint64_t witness;
};

struct claim {
	struct claim_key key;
	struct counters c;
	uint64_t first_ms, last_ms;
	uint32_t live, pending;
	uint16_t port[PORTS];
	unsigned ports_n;
	bool has_seen;
	struct addr seen;
	uint16_t seen_port;
	UT_hash_handle hh;
};

struct once {
	struct claim *claims;
	struct owner_process **owner; /* by number, from 1: for pair_claim */
	size_t owner_n, owner_cap;
	struct machine machine;
	char *text[6]; /* the strings of it, copied */
	uint64_t start_ms, end_ms;
	uint64_t seen, kernel; /* opens */
	uint64_t overflow, unnamed;
	uint32_t degraded;
	struct buf usage; /* JSON objects with commas between them */
};

struct once *once_new(void)
{
	return xcalloc(1, sizeof(struct once));
}

static void forget_machine(struct once *o)
{
	for (unsigned i = 0; i < 6; i++)
		free(o->text[i]);
}

void once_free(struct once *o)
{
	struct claim *c, *next;

	if (!o)
		return;
	HASH_ITER (hh, o->claims, c, next) {
		HASH_DEL(o->claims, c);
		free(c);
	}
	free(o->owner);
	forget_machine(o);
	buf_fini(&o->usage);
	free(o);
}

/* Taking */

static void begin(void *ctx, uint64_t start_ms, uint64_t end_ms)
{
	struct once *o = ctx;

	if (!o->start_ms)
		o->start_ms = start_ms;
	o->end_ms = end_ms;
}

static void machine(void *ctx, const struct machine *m)
{
	struct once *o = ctx;

	forget_machine(o);
	o->machine = *m;
	o->machine.id = o->text[0] = xstrdup(m->id);
	o->machine.name = o->text[1] = xstrdup(m->name);
	o->machine.os = o->text[2] = xstrdup(m->os);
	o->machine.kernel = o->text[3] = xstrdup(m->kernel);
	o->machine.arch = o->text[4] = xstrdup(m->arch);
	o->machine.extra = o->text[5] = xstrdup(m->extra ? m->extra : "");
}

static void listener(void *ctx, const struct listener *l, struct owner_process *owner)
{
	(void)ctx, (void)l, (void)owner; /* the format has no line for them */
}

static struct claim *claim_of(struct once *o, const struct flow *f,
			      struct owner_process *owner)
{
	struct claim_key key;
	struct claim *c;

	memset(&key, 0, sizeof(key));
	key.at.client = f->client;
	key.at.server = f->server;
	key.at.scope = f->scope;
	key.at.port = f->port;
	key.at.proto = f->proto;
	key.owner = owner;
	key.witness = f->witness;
	HASH_FIND(hh, o->claims, &key, sizeof(key), c);
	if (c)
		return c;
	if (HASH_COUNT(o->claims) >= CLAIMS) {
		o->overflow += f->c.opens;
		return NULL;
	}
	c = xcalloc(1, sizeof(*c));
	c->key = key;
	HASH_ADD(hh, o->claims, key, sizeof(c->key), c);
	return c;
}

static void add(struct counters *to, const struct counters *from)
{
	to->opens += from->opens;
	to->refused += from->refused;
	to->timeouts += from->timeouts;
	to->unreachable += from->unreachable;
	to->resets += from->resets;
	to->failed_other += from->failed_other;
	to->abandoned += from->abandoned;
	to->bytes_to_server += from->bytes_to_server;
	to->bytes_to_client += from->bytes_to_client;
	to->retransmits += from->retransmits;
	to->rtt_sum_us += from->rtt_sum_us;
	to->rtt_n += from->rtt_n;
	to->has_bytes |= from->has_bytes;
}

static void keep_ports(struct claim *c, const struct flow *f)
{
	for (unsigned i = 0; i < f->samples_n && c->ports_n < PORTS; i++)
		c->port[c->ports_n++] = f->samples[i].client_port;
}

static void flow(void *ctx, const struct flow *f, struct owner_process *owner)
{
	struct claim *c = claim_of(ctx, f, owner);

	if (!c)
		return;
	add(&c->c, &f->c);
	if (!c->first_ms || f->first_ms < c->first_ms)
		c->first_ms = f->first_ms;
	if (f->last_ms > c->last_ms)
		c->last_ms = f->last_ms;
	c->live = f->live;
	c->pending = f->pending;
	keep_ports(c, f);
	if (f->has_seen) {
		c->has_seen = true;
		c->seen = f->seen;
		c->seen_port = f->seen_port;
	}
}

static void capture(void *ctx, const struct capture *c)
{
	struct once *o = ctx;

	o->seen += c->active_seen + c->passive_seen;
	o->kernel += c->active_kernel + c->passive_kernel;
}

static void usage(void *ctx, const struct usage *u)
{
	struct once *o = ctx;
	struct json j = json_to(&o->usage);

	if (o->usage.n > EXTRA_LEN / 2)
		return;
	buf_str(&o->usage, o->usage.n ? "," : "[");
	json_open(&j, '{');
	json_member_string(&j, "metric", usage_word[u->metric]);
	if (*u->device)
		json_member_string(&j, "device", u->device);
	json_member_uint(&j, "mean", u->mean);
	json_member_uint(&j, "max", u->max);
	json_member_uint(&j, "samples", u->samples);
	json_close(&j, '}');
}

static void translation(void *ctx, const struct translation *t)
{
	(void)ctx, (void)t; /* those of its own edges are told with them */
}

static void end(void *ctx, const struct cover *c)
{
	struct once *o = ctx;

	o->overflow += c->overflow;
	o->unnamed += c->unnamed;
	o->degraded |= c->degraded;
}

struct output once_output(struct once *o)
{
	return (struct output){ .ctx = o,
				.begin = begin,
				.machine = machine,
				.listener = listener,
				.flow = flow,
				.capture = capture,
				.usage = usage,
				.translation = translation,
				.end = end };
}

/* Writing: claims by conversation, in an order that depends on nothing but them. */

static const char *name_of(const struct claim *c)
{
	return c->key.owner ? c->key.owner->p.name : "";
}

static int by_at(const struct conversation *a, const struct conversation *b)
{
	int d = addr_cmp(&a->client, &b->client);

	d = d ? d : addr_cmp(&a->server, &b->server);
	d = d ? d : (int)a->port - (int)b->port;
	d = d ? d : (int)a->proto - (int)b->proto;
	return d ? d : (a->scope > b->scope) - (a->scope < b->scope);
}

static int by_claim(const struct claim *a, const struct claim *b)
{
	const struct process none = { "", "", "", "", "", "", "" };
	const struct process *p = a->key.owner ? &a->key.owner->p : &none;
	const struct process *q = b->key.owner ? &b->key.owner->p : &none;
	int d = by_at(&a->key.at, &b->key.at);

	d = d ? d : (a->key.witness > b->key.witness) - (a->key.witness < b->key.witness);
	d = d ? d : strcmp(name_of(a), name_of(b));
	d = d ? d : strcmp(p->unit, q->unit);
	return d ? d : strcmp(p->container, q->container);
}

static int64_t number_of(struct once *o, struct owner_process *owner)
{
	if (!owner)
		return 0;
	if (owner->stamp != NUMBERED) {
		MEM_GROW(o->owner, o->owner_n, o->owner_cap);
		o->owner[o->owner_n++] = owner;
		owner->stamp = NUMBERED;
		owner->index = (uint32_t)o->owner_n;
	}
	return owner->index;
}

static struct process process_at(const struct once *o, int64_t number)
{
	const struct process none = { "", "", "", "", "", "", "" };

	return number ? o->owner[number - 1]->p : none;
}

static bool is_ours(const struct once *o, const struct addr *a)
{
	if (addr_is_loopback(a))
		return true;
	for (unsigned i = 0; i < o->machine.addrs_n; i++)
		if (addr_eq(&o->machine.addrs[i], a))
			return true;
	return false;
}

/* "IP:PORT", or "" where nothing was translated. */
static const char *seen_text(const struct claim *c, char out[ADDR_TEXT + 8])
{
	char ip[ADDR_TEXT];

	if (!c->has_seen)
		return NULL;
	snprintf(out, ADDR_TEXT + 8, addr_is_v4(&c->seen) ? "%s:%u" : "[%s]:%u",
		 addr_text(&c->seen, ip), c->seen_port);
	return out;
}

static void put_edge(struct once *o, struct buf *out, const struct claim *c,
		     const struct pair_claim *p, unsigned witnesses)
{
	char client[ADDR_TEXT], server[ADDR_TEXT], seen[ADDR_TEXT + 8];
	const char *id = o->machine.id ? o->machine.id : "";
	struct exchange_flow f = { .proto = c->key.at.proto,
				   .port = c->key.at.port,
				   .c = c->c,
				   .failed = counters_failed(&c->c),
				   .live = c->live,
				   .pending = c->pending,
				   .first = (int64_t)(c->first_ms / 1000),
				   .last = (int64_t)(c->last_ms / 1000),
				   .witnesses = witnesses,
				   .guess = p->guess,
				   .server_seen = seen_text(c, seen),
				   .extra = "" };

	f.client = (struct exchange_end){
		.id = is_ours(o, &c->key.at.client) ? id : "",
		.name = "",
		.ip = addr_text(&c->key.at.client, client),
		.process = process_at(o, p->edge[PAIR_CLIENT]),
	};
	f.server = (struct exchange_end){
		.id = is_ours(o, &c->key.at.server) ? id : "",
		.name = "",
		.ip = addr_text(&c->key.at.server, server),
		.process = process_at(o, p->edge[PAIR_SERVER]),
	};
	exchange_write_flow(out, &f);
	buf_str(out, "\n");
}

/*
 * The side whose processes are several knows best how the connections are shared out, since
 * the other side's process is then certain; where both are, the client's counts.
 */
static enum witness authority(struct claim *const *c, unsigned n)
{
	unsigned side[WITNESS_COUNT] = { 0 };

	for (unsigned i = 0; i < n; i++)
		side[c[i]->key.witness]++;
	if (side[WITNESS_MIRROR]) /* a mirror's file has no other */
		return WITNESS_MIRROR;
	if (!side[WITNESS_CLIENT] || (side[WITNESS_CLIENT] == 1 && side[WITNESS_SERVER] > 1))
		return WITNESS_SERVER;
	return WITNESS_CLIENT;
}

static void put_conversation(struct once *o, struct buf *out, struct claim *const *c,
			     unsigned n)
{
	struct pair_claim *p = xcalloc(n, sizeof(*p));
	enum witness which = authority(c, n);
	unsigned bits = 0;

	for (unsigned i = 0; i < n; i++) {
		bool client = c[i]->key.witness == WITNESS_CLIENT;

		p[i].process[client ? PAIR_CLIENT : PAIR_SERVER] =
			number_of(o, c[i]->key.owner);
		p[i].opens = c[i]->c.opens;
		memcpy(p[i].port, c[i]->port, sizeof(p[i].port));
		p[i].ports_n = c[i]->ports_n;
		bits |= 1u << c[i]->key.witness;
	}
	pair_resolve(p, n);
	for (unsigned i = 0; i < n; i++)
		if (c[i]->key.witness == which)
			put_edge(o, out, c[i], &p[i], bits);
	free(p);
}

static void put_edges(struct once *o, struct buf *out)
{
	size_t n = HASH_COUNT(o->claims), i = 0, from = 0;
	struct claim **all = xcalloc(n ? n : 1, sizeof(*all));

	HASH_SORT(o->claims, by_claim);
	for (struct claim *c = o->claims; c; c = c->hh.next)
		all[i++] = c;
	for (i = 1; i <= n; i++)
		if (i == n || by_at(&all[from]->key.at, &all[i]->key.at)) {
			put_conversation(o, out, all + from, (unsigned)(i - from));
			from = i;
		}
	free(all);
}

static void put_watch(const struct once *o, struct json *j)
{
	struct exchange_watch w = { .opens_seen = o->seen,
				    .opens_kernel = o->kernel,
				    .overflow = o->overflow,
				    .unnamed = o->unnamed,
				    .degraded = o->degraded };

	exchange_write_watch(j, &w);
	json_member_uint(j, "watched_from", o->start_ms / 1000);
	json_member_uint(j, "watched_to", o->end_ms / 1000);
}

static void put_machine(struct once *o, struct buf *out)
{
	const struct machine *m = &o->machine;
	char(*text)[ADDR_TEXT] = xcalloc(MACHINE_ADDRS, sizeof(*text));
	const char **ips = xcalloc(MACHINE_ADDRS, sizeof(*ips));
	struct buf extra = { 0 };
	struct json j = json_to(&extra);
	struct exchange_machine x = { .id = m->id,
				      .name = m->name,
				      .os = m->os,
				      .kernel = m->kernel,
				      .arch = m->arch,
				      .site = "",
				      .ips = ips,
				      .ips_n = m->addrs_n,
				      .sensor = true,
				      .cores = m->cores,
				      .memory_bytes = m->memory_bytes,
				      .first = (int64_t)(o->start_ms / 1000),
				      .last = (int64_t)(o->end_ms / 1000) };

	for (unsigned i = 0; i < m->addrs_n; i++)
		ips[i] = addr_text(&m->addrs[i], text[i]);
	json_open(&j, '{');
	put_watch(o, &j);
	if (o->usage.n) {
		buf_str(&o->usage, "]");
		json_key(&j, "usage");
		json_raw(&j, buf_cstr(&o->usage), o->usage.n);
	}
	exchange_write_extra(&j, m->extra);
	json_close(&j, '}');
	x.extra = buf_cstr(&extra);
	exchange_write_machine(out, &x);
	buf_str(out, "\n");
	buf_fini(&extra);
	free(ips);
	free(text);
}

void once_print(struct once *o, struct buf *out)
{
	if (o->machine.id)
		put_machine(o, out);
	put_edges(o, out);
}

int once_write(struct once *o, const char *path, struct err *e)
{
	struct buf out = { 0 };
	int rc = 0;

	once_print(o, &out);
	if (strcmp(path, "-") != 0)
		rc = file_replace(path, 0600, out.p, out.n, e);
	else if (fwrite(out.p, 1, out.n, stdout) != out.n || fflush(stdout))
		rc = err_sys(e, -errno, "standard output");
	buf_fini(&out);
	return rc;
}

bool once_degraded(const struct once *o, char *words, size_t cap)
{
	const uint32_t harmless =
		DEGRADED_NO_UDP | DEGRADED_NO_NAT; /* this host has none of it */
	struct buf all = { 0 };

	for (unsigned i = 0; i < DEGRADED_WORDS; i++)
		if (o->degraded & ~harmless & 1u << i)
			buf_printf(&all, "%s%s", all.n ? ", " : "", degraded_word[i]);
	if (o->overflow)
		buf_printf(&all, "%s%llu connections fitted no table", all.n ? ", " : "",
			   (unsigned long long)o->overflow);
	snprintf(words, cap, "%s", buf_cstr(&all));
	buf_fini(&all);
	return *words;
}
