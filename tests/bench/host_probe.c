/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sensor's probe, owners and edge table without its link, for tests/bench/host.py: answers
 * each line on standard input with one of JSON.
 *
 *     host_probe PORT [MAX_EDGES MAX_SOCKETS]      "drain" or "cost"; counts edges of PORT
 */
#include <inttypes.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "sensor/edgetab.h"
#include "sensor/owner.h"
#include "sensor/probe.h"

enum { NAMES = 16 };

struct tally {
	char name[32];
	uint64_t opens, refused, timeouts, unreachable, resets, abandoned, tx, rx, live;
};

static struct edgetab *edges;
static struct owner_table *owners;
static struct tally tally[2][NAMES]; /* clients, servers */
static uint16_t port;
static uint64_t flows, live, untold;

static void on_process(void *ctx, const struct process_event *e)
{
	(void)ctx;
	owner_announce(owners, e);
}

static void on_closed(void *ctx, const struct edge_key *key, const struct edge_val *val)
{
	(void)ctx;
	edgetab_closed(edges, key, val, owner_of(owners, key->tgid, key->born));
}

static void on_live(void *ctx, const struct live_record *r)
{
	(void)ctx;
	live++;
	untold += r->untold;
	edgetab_live(edges, r, owner_of(owners, r->key.tgid, r->key.born));
}

static void on_listener(void *ctx, const struct listener_key *key,
			const struct listener_val *val)
{
	(void)ctx;
	(void)key;
	(void)val;
}

static void on_flow(const struct flow *f, struct owner_process *owner, void *ctx)
{
	const char *name = owner ? owner->p.name : "?";
	struct tally *t = tally[f->witness == WITNESS_SERVER];
	unsigned i = 0;

	(void)ctx;
	flows++;
	if (f->port != port)
		return;
	while (i < NAMES - 1 && t[i].name[0] && strcmp(t[i].name, name) != 0)
		i++;
	snprintf(t[i].name, sizeof(t[i].name), "%s", name);
	t[i].opens += f->c.opens;
	t[i].refused += f->c.refused;
	t[i].timeouts += f->c.timeouts;
	t[i].unreachable += f->c.unreachable;
	t[i].resets += f->c.resets;
	t[i].abandoned += f->c.abandoned;
	t[i].tx += f->c.bytes_to_server;
	t[i].rx += f->c.bytes_to_client;
	t[i].live = f->live;
}

static void print_tally(const char *side, const struct tally *t)
{
	printf("\"%s\":{", side);
	for (unsigned i = 0; i < NAMES && t[i].name[0]; i++)
		printf("%s\"%s\":{\"opens\":%" PRIu64 ",\"refused\":%" PRIu64
		       ",\"timeouts\":%" PRIu64 ",\"unreachable\":%" PRIu64
		       ",\"resets\":%" PRIu64 ",\"abandoned\":%" PRIu64 ",\"tx\":%" PRIu64
		       ",\"rx\":%" PRIu64 ",\"live\":%" PRIu64 "}",
		       i ? "," : "", t[i].name, t[i].opens, t[i].refused, t[i].timeouts,
		       t[i].unreachable, t[i].resets, t[i].abandoned, t[i].tx, t[i].rx,
		       t[i].live);
	printf("},");
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t resident(void)
{
	unsigned long size = 0, rss = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f && fscanf(f, "%lu %lu", &size, &rss) != 2)
		rss = 0;
	if (f)
		fclose(f);
	return rss * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int drain(struct probe_state *st)
{
	struct probe_interval in;
	struct err e = { 0 };
	uint64_t began = now_ms(), took, at_most;

	memset(tally, 0, sizeof(tally));
	flows = live = untold = 0;
	edgetab_begin(edges, 1000);
	if (probe_ebpf.drain(st, &in, &e)) {
		fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	took = now_ms() - began;
	at_most = edgetab_count(edges);
	edgetab_emit(edges, began, now_ms(), on_flow, NULL);
	owner_tick(owners);
	putchar('{');
	print_tally("client", tally[0]);
	print_tally("server", tally[1]);
	printf("\"edges\":%" PRIu64 ",\"flows\":%" PRIu64 ",\"live\":%" PRIu64
	       ",\"untold\":%" PRIu64 ",\"drops\":[",
	       at_most, flows, live, untold);
	for (int i = 0; i < DROP_COUNT; i++)
		printf("%s%" PRIu64, i ? "," : "", in.drops[i]);
	printf("],\"overflow\":%" PRIu64 ",\"degraded\":%" PRIu32 ",\"ms\":%" PRIu64
	       ",\"rss\":%" PRIu64 "}\n",
	       edgetab_overflow(edges), in.degraded, took, resident());
	return 0;
}

static void cost(struct probe_state *st)
{
	struct probe_cost c = { 0 };

	if (probe_ebpf.cost)
		probe_ebpf.cost(st, &c);
	printf("{\"run_ns\":%" PRIu64 ",\"runs\":%" PRIu64 ",\"map_bytes\":%" PRIu64
	       ",\"rss\":%" PRIu64 "}\n",
	       c.run_ns, c.runs, c.map_bytes, resident());
}

static int answer(struct probe_state *st)
{
	struct pollfd p[2] = { { .fd = 0, .events = POLLIN },
			       { .fd = probe_ebpf.fd(st), .events = POLLIN } };
	char line[64];
	ssize_t n;

	while (poll(p, 2, -1) > 0) {
		if (p[1].revents)
			probe_ebpf.poll(st);
		if (!p[0].revents)
			continue;
		n = read(0, line, sizeof(line) - 1);
		if (n <= 0)
			return 0;
		if (line[0] == 'd' && drain(st))
			return 1;
		if (line[0] == 'c')
			cost(st);
		if (line[0] == 's')
			probe_ebpf.shed(st, SHED_READER), puts("{}");
		fflush(stdout);
	}
	return 1;
}

int main(int argc, char **argv)
{
	struct probe_sink sink = { .process = on_process,
				   .closed = on_closed,
				   .live = on_live,
				   .listener = on_listener };
	struct probe_config config = { .max_edges = argc > 2 ? (uint32_t)atol(argv[2]) : 49152,
				       .max_sockets =
					       argc > 3 ? (uint32_t)atol(argv[3]) : 131072 };
	struct probe_state *st;
	struct err e = { 0 };
	uint64_t began = now_ms();
	int rc;

	port = argc > 1 ? (uint16_t)atoi(argv[1]) : 0;
	owners = owner_new();
	edges = edgetab_new(131072);
	st = probe_ebpf.open(&config, &sink, &e);
	if (!st) {
		fprintf(stderr, "%s\n", e.msg);
		return 3;
	}
	printf("{\"open_ms\":%" PRIu64 "}\n", now_ms() - began);
	fflush(stdout);
	rc = answer(st);
	probe_ebpf.close(st);
	edgetab_free(edges);
	owner_free(owners);
	return rc;
}
