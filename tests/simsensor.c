/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sensor without probes, for tests: enrols if it has to, sends batches whose totals are a
 * known function of its arguments, through the real spool and link, and exits 0 when all of
 * them have been acknowledged.
 *
 *     simsensor --collector HOST:PORT --data DIR [--token TOKEN] [--batches N] [--records R]
 *               [--seed S] [--pace MS] [--limit SECONDS] [--proxy HOST:PORT]
 *               [--spool BYTES [--free BYTES] [--wait]]
 *
 * Its machine is "sim-S" with the address 10.77.(S >> 8 & 255).(S & 255).  Batch b in [0, N)
 * holds the machine and R flows of one client process "sim"; flow i in [0, R) goes to
 * 10.78.0.(1 + i % 250), port 1000 + i % 7, in minute M + b / 60 (M: when it started), with
 *
 *     opens = 1 + (S + b + i) % 5     bytes_to_server = 100 * opens     bytes_to_client = 10
 *
 * so that a run adds up to: flows N * R, bytes_to_client 10 * N * R, opens the sum of the
 * above, bytes_to_server 100 times the opens.  --totals prints these two numbers and does
 * nothing else.
 *
 * With --spool it hands its batches to a courier, as a real sensor does, with a spool of so
 * many bytes in DIR.  The number of each is its place: killed and started again it goes on
 * behind the last that was spooled.  It ends with the courier's status, with --wait when
 * everything has been acknowledged.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <event2/event.h>

#include "common/addr.h"
#include "common/clock.h"
#include "common/exits.h"
#include "common/log.h"
#include "common/proxy.h"
#include "common/wire_record.h"
#include "sensor/courier.h"
#include "sensor/enroll.h"
#include "sensor/handover.h"
#include "sensor/link.h"
#include "sensor/spool.h"

enum { KEPT = 32 }; /* batches in the spool at once: it must never overflow here */

struct sim {
	unsigned long batches, records, seed, pace_ms, limit_s, spool_bytes, free_bytes;
	bool wait;
	const char *token, *dir;
	char host[256];
	uint16_t port;
	struct proxy proxy;
	uint64_t start_ms;
	unsigned long made;
	struct event_base *base;
	struct event *pace;
	struct spool *spool;
	struct link *link;
	struct courier courier;
	struct spool_place place;
	int rc;
	bool ok;
};

static uint64_t opens_of(const struct sim *s, unsigned long b, unsigned long i)
{
	return 1 + (s->seed + b + i) % 5;
}

static void print_totals(const struct sim *s)
{
	uint64_t opens = 0;

	for (unsigned long b = 0; b < s->batches; b++)
		for (unsigned long i = 0; i < s->records; i++)
			opens += opens_of(s, b, i);
	printf("%llu %llu\n", (unsigned long long)opens, 10ULL * s->batches * s->records);
}

static struct addr own_address(const struct sim *s)
{
	return addr_v4(10U << 24 | 77U << 16 | (s->seed & 0xffff));
}

static void write_machine(const struct sim *s, struct wire_writer *w)
{
	char id[32], name[32];
	struct machine m = { .id = id,
			     .name = name,
			     .os = "sim",
			     .kernel = "0",
			     .arch = "none",
			     .cores = 1,
			     .addrs_n = 1 };

	snprintf(id, sizeof(id), "sim-%lu", s->seed);
	snprintf(name, sizeof(name), "sim%lu", s->seed);
	m.addrs[0] = own_address(s);
	wire_write_machine(w, &m);
}

static void write_flow(const struct sim *s, struct wire_writer *w, unsigned long b,
		       unsigned long i, uint32_t process)
{
	uint64_t opens = opens_of(s, b, i);
	struct flow f = {
		.witness = WITNESS_CLIENT,
		.proto = PROTO_TCP,
		.port = (uint16_t)(1000 + i % 7),
		.client = own_address(s),
		.server = addr_v4(10U << 24 | 78U << 16 | (1 + i % 250)),
		.minute = s->start_ms / 60000 + b / 60,
		.first_ms = s->start_ms,
		.last_ms = s->start_ms,
		.c = { .opens = opens,
		       .bytes_to_server = 100 * opens,
		       .bytes_to_client = 10,
		       .has_bytes = true },
	};

	wire_write_flow(w, &f, process, 0);
}

static void make_batch(struct sim *s)
{
	const struct process p = { "sim", "sim.service", "", "/usr/bin/sim", "nobody", "" };
	struct wire_writer w = { 0 };
	uint32_t process;

	wire_writer_begin(&w, s->start_ms);
	write_machine(s, &w);
	process = wire_write_process(&w, &p);
	for (unsigned long i = 0; i < s->records; i++)
		write_flow(s, &w, s->made, i, process);
	s->place.order = s->made + 1;
	if (s->courier.pid)
		s->rc = handover_send(s->courier.out, &w, s->start_ms, s->start_ms + 1,
				      &s->place);
	else
		spool_add(s->spool, &w, s->start_ms, s->start_ms + 1, NULL);
	wire_writer_fini(&w);
	s->made++;
}

static void fill(struct sim *s)
{
	while (s->made < s->batches && spool_counts(s->spool).batches < KEPT) {
		make_batch(s);
		if (s->pace_ms)
			break;
	}
	link_kick(s->link);
	if (s->made == s->batches && link_drained(s->link)) {
		s->ok = true;
		event_base_loopbreak(s->base);
	}
}

static void on_acked(void *ctx)
{
	struct sim *s = ctx;

	if (!s->pace_ms || s->made == s->batches)
		fill(s);
}

static void on_pace(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	fill(ctx);
}

static void on_state(enum link_state state, const char *words, void *ctx)
{
	static const char *const word[] = { "down", "up", "refused" };

	(void)ctx;
	log_info("%s: %s", word[state], words);
}

static int enrol(const struct sim *s, struct err *e)
{
	struct enroll_config config = { s->host, s->port, s->token, s->dir, false, &s->proxy };
	struct identity id;
	int rc;

	if (!s->token)
		return 0;
	rc = enroll_run(&config, &id, e);
	return rc == -EALREADY ? 0 : rc;
}

static int run(struct sim *s, struct err *e)
{
	struct link_config config = { s->host,	s->port,  s->dir, "simsensor",
				      on_state, on_acked, s,	  &s->proxy };
	struct timeval limit = { .tv_sec = (time_t)s->limit_s };
	struct timeval pace = { (time_t)(s->pace_ms / 1000), s->pace_ms % 1000 * 1000 };
	int rc = enrol(s, e);

	if (rc)
		return rc;
	rc = -EINVAL;
	s->start_ms = clock_ms();
	s->base = event_base_new();
	s->spool = spool_new(64 << 20);
	s->link = link_new(s->base, &config, s->spool, e);
	if (s->link) {
		s->pace = event_new(s->base, -1, EV_PERSIST, on_pace, s);
		if (s->pace_ms)
			event_add(s->pace, &pace);
		fill(s);
		event_base_loopexit(s->base, &limit);
		event_base_dispatch(s->base);
		event_free(s->pace);
		rc = 0;
	}
	link_free(s->link);
	spool_free(s->spool);
	event_base_free(s->base);
	return rc;
}

static int feed(struct sim *s, struct err *e)
{
	struct courier_config config = { .host = s->host,
					 .port = s->port,
					 .dir = s->dir,
					 .spool_bytes = s->spool_bytes,
					 .spool_free = s->free_bytes,
					 .patient = s->wait };
	int rc = enrol(s, e);

	if (!rc)
		rc = courier_start(&config, &s->courier, e);
	if (rc)
		return rc;
	s->start_ms = clock_ms();
	s->made = s->courier.place.order;
	while (s->made < s->batches && !s->rc) {
		make_batch(s);
		usleep((useconds_t)s->pace_ms * 1000);
	}
	rc = courier_finish(&s->courier, e);
	s->ok = !rc && !s->rc;
	return rc;
}

static bool set(struct sim *s, int opt)
{
	switch (opt) {
	case 'c':
		return addr_split_hostport(optarg, s->host, sizeof(s->host), &s->port) == 0;
	case 'd':
		s->dir = optarg;
		return true;
	case 't':
		s->token = optarg;
		return true;
	case 'b':
		s->batches = strtoul(optarg, NULL, 10);
		return true;
	case 'r':
		s->records = strtoul(optarg, NULL, 10);
		return true;
	case 's':
		s->seed = strtoul(optarg, NULL, 10);
		return true;
	case 'p':
		s->pace_ms = strtoul(optarg, NULL, 10);
		return true;
	case 'x':
		return proxy_parse(optarg, &s->proxy) == 0;
	case 'l':
		s->limit_s = strtoul(optarg, NULL, 10);
		return true;
	case 'S':
		s->spool_bytes = strtoul(optarg, NULL, 10);
		return true;
	case 'F':
		s->free_bytes = strtoul(optarg, NULL, 10);
		return true;
	case 'W':
		s->wait = true;
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "collector", 1, NULL, 'c' }, { "data", 1, NULL, 'd' },
		{ "token", 1, NULL, 't' },     { "batches", 1, NULL, 'b' },
		{ "records", 1, NULL, 'r' },   { "seed", 1, NULL, 's' },
		{ "pace", 1, NULL, 'p' },      { "limit", 1, NULL, 'l' },
		{ "totals", 0, NULL, 'T' },    { "spool", 1, NULL, 'S' },
		{ "free", 1, NULL, 'F' },      { "wait", 0, NULL, 'W' },
		{ "proxy", 1, NULL, 'x' },     { 0 },
	};
	struct sim s = { .batches = 100, .records = 20, .seed = 1, .limit_s = 60 };
	bool totals = false;
	struct err e = { 0 };
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'T')
			totals = true;
		else if (!set(&s, opt))
			return EXITS_USAGE;
	}
	if (totals) {
		print_totals(&s);
		return EXITS_OK;
	}
	if (!s.dir || !s.port)
		return EXITS_USAGE;
	signal(SIGPIPE, SIG_IGN);
	log_open("simsensor", LOG_INFO_);
	if ((s.spool_bytes ? feed(&s, &e) : run(&s, &e)) < 0) {
		log_err("%s", e.msg);
		return EXITS_UNREACHED;
	}
	return s.ok ? EXITS_OK : EXITS_NONE;
}
