/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/lines.h"

#include "common/exchange.h"
#include "common/json.h"
#include "common/version.h"

/* What the sensor says now goes before what a line once said. */
static void put_extra(struct buf *out, const struct machine_row *m)
{
	struct exchange_watch w = { .opens_seen = m->opens_seen,
				    .opens_kernel = m->opens_kernel,
				    .lost = m->lost,
				    .overflow = m->overflow,
				    .unnamed = m->unnamed,
				    .skew_ms = m->skew_ms,
				    .degraded = m->degraded };
	struct json j = json_to(out);

	json_open(&j, '{');
	exchange_write_watch(&j, &w);
	if (m->opens_kernel)
		exchange_write_some(&j, m->extra, exchange_is_watch_key, NULL);
	else
		exchange_write_extra(&j, m->extra);
	json_close(&j, '}');
}

void lines_machine(struct buf *out, const struct machine_row *m)
{
	struct buf extra = { 0 };
	struct exchange_machine line = {
		.id = m->id,
		.name = m->name,
		.os = m->os,
		.kernel = m->kernel,
		.arch = m->arch,
		.site = m->site,
		.ips = m->ips,
		.ips_n = m->ips_n,
		.sensor = m->sensor,
		.cores = m->cores,
		.memory_bytes = m->memory_bytes,
		.first = m->first,
		.last = m->last,
	};

	put_extra(&extra, m);
	line.extra = buf_cstr(&extra);
	exchange_write_machine(out, &line);
	buf_fini(&extra);
}

static int put_usage(const struct usage_row *u, void *ctx)
{
	struct json *j = ctx;

	json_open(j, '{');
	json_member_string(j, "metric", usage_word[u->metric]);
	if (*u->device)
		json_member_string(j, "device", u->device);
	json_member_uint(j, "mean", u->mean);
	json_member_uint(j, "p95", u->p95);
	json_member_uint(j, "max", u->max);
	json_member_uint(j, "slots", u->slots);
	json_close(j, '}');
	return 0;
}

static int put_capture(const struct capture_row *c, void *ctx)
{
	struct json *j = ctx;

	json_open(j, '{');
	if (c->hour < 0)
		json_member_uint(j, "netns", c->netns);
	else
		json_member_uint(j, "worst_hour", (uint64_t)c->hour * 3600);
	json_member_uint(j, "connects_seen", c->active_seen);
	json_member_uint(j, "connects_kernel", c->active_kernel);
	json_member_uint(j, "accepts_seen", c->passive_seen);
	json_member_uint(j, "accepts_kernel", c->passive_kernel);
	json_close(j, '}');
	return 0;
}

static int put_service(const struct listener_row *l, void *ctx)
{
	struct json *j = ctx;

	if (!l->current)
		return 0;
	json_open(j, '{');
	json_member_uint(j, "port", l->port);
	json_member_string(j, "protocol", l->proto == PROTO_UDP ? "udp" : "tcp");
	json_member_string(j, "ip", l->ip);
	json_member_string(j, "process", l->process.name);
	json_close(j, '}');
	return 0;
}

int lines_machine_whole(struct buf *out, const struct machine_row *m, struct store *s,
			struct err *e)
{
	struct filter f = { .machine = m->id };
	struct json j = json_to(out);
	struct buf line = { 0 };
	int rc;

	lines_machine(&line, m);
	json_open(&j, '{');
	exchange_write_extra(&j, buf_cstr(&line));
	json_key(&j, "capture");
	json_open(&j, '[');
	rc = query_captures(s, m->id, put_capture, &j, e);
	json_close(&j, ']');
	json_key(&j, "usage");
	json_open(&j, '[');
	if (!rc)
		rc = query_usage(s, m->id, put_usage, &j, e);
	json_close(&j, ']');
	json_key(&j, "services");
	json_open(&j, '[');
	if (!rc)
		rc = query_listeners(s, &f, put_service, &j, e);
	json_close(&j, ']');
	json_close(&j, '}');
	buf_fini(&line);
	return rc;
}

static struct exchange_end end_of(const struct end_row *end)
{
	return (struct exchange_end){
		.id = end->id ? end->id : "",
		.name = end->name,
		.ip = end->ip,
		.process = end->process,
	};
}

void lines_edge(struct buf *out, const struct edge_row *e)
{
	const struct exchange_flow line = {
		.client = end_of(&e->client),
		.server = end_of(&e->server),
		.proto = e->proto,
		.port = e->port,
		.c = e->c,
		.failed = counters_failed(&e->c),
		.live = e->live,
		.pending = e->pending,
		.first = e->first,
		.last = e->last,
		.witnesses = e->witnesses,
		.guess = e->guess,
		.server_seen = *e->server_seen ? e->server_seen : NULL,
		.extra = e->extra,
	};

	exchange_write_flow(out, &line);
}

static void put_text(struct json *j, const char *key, const char *s)
{
	if (!*s)
		return;
	json_key(j, key);
	json_string(j, s);
}

static void put_int(struct json *j, const char *key, int64_t v)
{
	json_key(j, key);
	json_int(j, v);
}

void lines_listener(struct buf *out, const struct listener_row *l)
{
	struct json j = json_to(out);

	json_open(&j, '{');
	put_text(&j, "type", "service");
	put_int(&j, "version", JSON_VERSION);
	put_text(&j, "machine", l->machine);
	put_text(&j, "machine_name", l->machine_name);
	put_text(&j, "ip", l->ip);
	put_int(&j, "port", l->port);
	put_text(&j, "protocol", l->proto == PROTO_UDP ? "udp" : "tcp");
	json_key(&j, "process");
	if (*l->process.name)
		json_string(&j, l->process.name);
	else
		json_null(&j);
	if (l->first)
		put_int(&j, "first", l->first);
	if (l->last)
		put_int(&j, "last", l->last);
	json_key(&j, "current");
	json_bool(&j, l->current);
	exchange_write_process(&j, "", &l->process);
	json_close(&j, '}');
}
