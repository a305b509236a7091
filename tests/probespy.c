/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A probe by itself, for tests: what it tells, before any collector makes the best of it.
 *
 *     probespy PROBE [INTERVAL_MS] [MAX_SOCKETS] [udp-hooks]
 *
 * Opens it (`choose`: as the sensor would by itself), prints the line "ready NAME", and at the
 * end of every interval a JSON line for each edge of which something is new, and one that
 * begins with "interval".  Ends with the last interval when its standard input is closed.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/json.h"
#include "common/log.h"
#include "sensor/edgetab.h"
#include "sensor/owner.h"
#include "sensor/probe.h"

struct spy {
	const struct probe *probe;
	struct probe_state *st;
	struct owner_table *owners;
	struct edgetab *edges;
	unsigned live, unnamed, listeners;
};

static void on_process(void *ctx, const struct process_event *e)
{
	owner_announce(((struct spy *)ctx)->owners, e);
}

static void on_closed(void *ctx, const struct edge_key *key, const struct edge_val *val)
{
	struct spy *s = ctx;

	edgetab_closed(s->edges, key, val, owner_of(s->owners, key->tgid, key->born));
}

static void on_live(void *ctx, const struct live_record *r)
{
	struct spy *s = ctx;
	struct owner_process *owner = owner_of(s->owners, r->key.tgid, r->key.born);

	s->live++;
	s->unnamed += owner == NULL;
	edgetab_live(s->edges, r, owner);
}

static void on_listener(void *ctx, const struct listener_key *key,
			const struct listener_val *val)
{
	(void)key;
	(void)val;
	((struct spy *)ctx)->listeners++;
}

static void print_flow(const struct flow *f, struct owner_process *owner, void *ctx)
{
	char client[ADDR_TEXT], server[ADDR_TEXT];
	struct buf b = { 0 };
	struct json j = json_to(&b);

	(void)ctx;
	json_open(&j, '{');
	json_member_string(&j, "side", witness_word[f->witness]);
	if (owner)
		json_member_string(&j, "process", owner->p.name);
	json_member_string(&j, "client", addr_text(&f->client, client));
	json_member_string(&j, "server", addr_text(&f->server, server));
	json_member_uint(&j, "port", f->port);
	json_member_string(&j, "protocol", f->proto == PROTO_UDP ? "udp" : "tcp");
	json_member_uint(&j, "opens", f->c.opens);
	json_member_uint(&j, "refused", f->c.refused);
	json_member_uint(&j, "timeouts", f->c.timeouts);
	json_member_uint(&j, "unreachable", f->c.unreachable);
	json_member_uint(&j, "resets", f->c.resets);
	json_member_uint(&j, "abandoned", f->c.abandoned);
	if (f->c.has_bytes) {
		json_member_uint(&j, "to_server", f->c.bytes_to_server);
		json_member_uint(&j, "to_client", f->c.bytes_to_client);
	}
	json_member_uint(&j, "retransmits", f->c.retransmits);
	json_member_uint(&j, "rtt_n", f->c.rtt_n);
	json_member_uint(&j, "live", f->live);
	json_close(&j, '}');
	puts(buf_cstr(&b));
	buf_fini(&b);
}

static uint64_t spent_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000u +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void print_interval(const struct spy *s, const struct probe_interval *i)
{
	static const char *const words[DROP_COUNT] = {
		[DROP_EDGE_FULL] = "edge_full",
		[DROP_SOCKET_FULL] = "socket_full",
		[DROP_LISTENER_FULL] = "listener_full",
		[DROP_PROCESS_FULL] = "process_full",
		[DROP_NOTICES] = "notices",
		[DROP_FAILURE] = "failure",
		[DROP_UDP_PLACE] = "udp_place",
	};
	struct buf b = { 0 };
	struct json j = json_to(&b);

	json_open(&j, '{');
	json_member_uint(&j, "interval", (i->end_ns - i->start_ns) / 1000000);
	json_member_uint(&j, "cpu_us", spent_us());
	json_member_uint(&j, "live", s->live);
	json_member_uint(&j, "unnamed", s->unnamed);
	json_member_uint(&j, "listeners", s->listeners);
	json_member_uint(&j, "degraded", i->degraded);
	for (int n = 0; n < DROP_COUNT; n++)
		json_member_uint(&j, words[n], i->drops[n]);
	json_close(&j, '}');
	puts(buf_cstr(&b));
	fflush(stdout);
	buf_fini(&b);
}

static int drain(struct spy *s, struct err *e)
{
	struct probe_interval i;

	s->live = s->unnamed = s->listeners = 0;
	edgetab_begin(s->edges, 0);
	if (s->probe->drain(s->st, &i, e))
		return -1;
	edgetab_emit(s->edges, i.start_ns / 1000000, i.end_ns / 1000000, print_flow, NULL);
	owner_tick(s->owners);
	print_interval(s, &i);
	return 0;
}

static int watch(struct spy *s, int every_ms, struct err *e)
{
	struct pollfd fds[2] = { { .fd = s->probe->fd(s->st), .events = POLLIN },
				 { .fd = STDIN_FILENO, .events = POLLIN } };
	struct timespec t;
	int64_t now, next = 0;
	char c;

	printf("ready %s\n", s->probe->name);
	fflush(stdout);
	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &t);
		now = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
		if (now >= next) {
			if (drain(s, e))
				return -1;
			next = now + every_ms;
		}
		poll(fds, 2, (int)(next - now));
		if (fds[0].revents)
			s->probe->poll(s->st);
		if (fds[1].revents && read(STDIN_FILENO, &c, 1) <= 0)
			return drain(s, e);
	}
}

int main(int argc, char **argv)
{
	struct probe_config config = { .max_edges = 32768, .max_sockets = 65536 };
	struct spy s = { .probe = NULL };
	struct probe_sink sink = { .ctx = &s,
				   .process = on_process,
				   .closed = on_closed,
				   .live = on_live,
				   .listener = on_listener };
	struct err e = { 0 };
	int rc;

	log_open("probespy", LOG_INFO_);
	if (argc < 2)
		return 2;
	if (argc > 3)
		config.max_sockets = (uint32_t)atoi(argv[3]);
	config.udp_hooks_alone = argc > 4;
	s.owners = owner_new();
	s.edges = edgetab_new(131072);
	if (strcmp(argv[1], "choose") == 0) {
		probe_choose(&config, &sink, &s.probe, &s.st, &e);
	} else {
		s.probe = probe_find(argv[1]);
		if (s.probe && s.probe->open)
			s.st = s.probe->open(&config, &sink, &e);
	}
	rc = s.st ? watch(&s, argc > 2 ? atoi(argv[2]) : 1000, &e) : -1;
	if (rc)
		log_err("%s", e.msg);
	if (s.st)
		s.probe->close(s.st);
	edgetab_free(s.edges);
	owner_free(s.owners);
	return rc ? 1 : 0;
}
