/* SPDX-License-Identifier: Apache-2.0 */
/* Writing; exchange_read.c reads. */
#include "common/exchange.h"

#include <stdio.h>
#include <string.h>

#include "common/version.h"

static void put_text(struct json *j, const char *key, const char *s)
{
	if (!*s)
		return;
	json_key(j, key);
	json_string(j, s);
}

static void put_or_null(struct json *j, const char *key, const char *s)
{
	json_key(j, key);
	if (*s)
		json_string(j, s);
	else
		json_null(j);
}

static void put_uint(struct json *j, const char *key, uint64_t v)
{
	json_key(j, key);
	json_uint(j, v);
}

static void put_above_zero(struct json *j, const char *key, uint64_t v)
{
	if (v)
		put_uint(j, key, v);
}

static void put_time(struct json *j, const char *key, int64_t v)
{
	if (!v)
		return;
	json_key(j, key);
	json_int(j, v);
}

static void begin(struct json *j, const char *type)
{
	json_open(j, '{');
	put_text(j, "type", type);
	put_uint(j, "version", JSON_VERSION);
}

void exchange_write_extra(struct json *j, const char *extra)
{
	size_t n = strlen(extra);

	if (n > 2 && extra[0] == '{' && extra[n - 1] == '}')
		json_raw(j, extra + 1, n - 2);
}

void exchange_write_machine(struct buf *out, const struct exchange_machine *m)
{
	struct json j = json_to(out);

	begin(&j, "machine");
	put_text(&j, "id", m->id);
	put_text(&j, "name", m->name);
	json_key(&j, "ips");
	json_open(&j, '[');
	for (size_t i = 0; i < m->ips_n; i++)
		json_string(&j, m->ips[i]);
	json_close(&j, ']');
	put_text(&j, "os", m->os);
	put_text(&j, "kernel", m->kernel);
	put_text(&j, "arch", m->arch);
	put_above_zero(&j, "cores", m->cores);
	put_above_zero(&j, "memory_bytes", m->memory_bytes);
	put_text(&j, "site", m->site);
	json_key(&j, "sensor");
	json_bool(&j, m->sensor);
	put_time(&j, "first", m->first);
	put_time(&j, "last", m->last);
	exchange_write_extra(&j, m->extra);
	json_close(&j, '}');
}

static void put_end(struct json *j, const struct exchange_end *end, bool client, uint16_t port)
{
	put_or_null(j, client ? "client" : "server", end->id);
	put_text(j, client ? "client_name" : "server_name", end->name);
	put_text(j, client ? "client_ip" : "server_ip", end->ip);
	if (!client)
		put_uint(j, "server_port", port);
	put_or_null(j, client ? "client_process" : "server_process", end->process.name);
}

static void put_counters(struct json *j, const struct exchange_flow *f)
{
	put_uint(j, "opens", f->c.opens);
	put_uint(j, "failed", f->failed);
	put_above_zero(j, "refused", f->c.refused);
	put_above_zero(j, "timed_out", f->c.timeouts);
	put_above_zero(j, "unreachable", f->c.unreachable);
	put_above_zero(j, "reset", f->c.resets);
	put_above_zero(j, "abandoned", f->c.abandoned);
	if (!f->c.has_bytes)
		return;
	put_uint(j, "bytes_to_server", f->c.bytes_to_server);
	put_uint(j, "bytes_to_client", f->c.bytes_to_client);
}

static void put_witnesses(struct json *j, unsigned bits)
{
	json_key(j, "witnesses");
	json_open(j, '[');
	for (int w = WITNESS_CLIENT; w < WITNESS_COUNT; w++)
		if (bits & 1u << w)
			json_string(j, witness_word[w]);
	json_close(j, ']');
}

static void put_joined(struct json *j, const char *prefix, const char *key, const char *s)
{
	char name[32];

	if (!*s)
		return;
	stpcpy(stpcpy(name, prefix), key);
	put_text(j, name, s);
}

void exchange_write_process(struct json *j, const char *prefix, const struct process *p)
{
	put_joined(j, prefix, "exe", p->exe);
	put_joined(j, prefix, "unit", p->unit);
	put_joined(j, prefix, "user", p->user);
	put_joined(j, prefix, "container", p->container);
	put_joined(j, prefix, "app", p->app);
}

/* An end's name that is known by now, or a guess that was made, beats what a line once said.
 */
static bool is_written(const void *ctx, const char *key)
{
	const struct exchange_flow *f = ctx;

	if (strcmp(key, "client_name") == 0)
		return *f->client.name;
	if (strcmp(key, "server_name") == 0)
		return *f->server.name;
	if (strcmp(key, "server_seen") == 0)
		return f->server_seen;
	return strcmp(key, "guess") == 0 && f->guess;
}

/* Each key may stand in the line once only. */
void exchange_write_some(struct json *j, const char *extra, exchange_skip_fn *skip,
			 const void *ctx)
{
	struct json_in in = json_from(extra, strlen(extra));
	struct buf key = { 0 }, nowhere = { 0 };
	struct json sink = json_to(&nowhere);
	bool first = true;

	if (!*extra || !json_enter(&in, '{'))
		return;
	while (json_more(&in, '}', &first) && json_read_key(&in, &key)) {
		struct json *to = skip(ctx, buf_cstr(&key)) ? &sink : j;

		json_key(to, buf_cstr(&key));
		if (!json_copy(&in, to))
			break;
	}
	buf_fini(&key);
	buf_fini(&nowhere);
}

static const char *const watch_keys[] = { "opens_seen", "opens_kernel",	 "capture_rate",
					  "lost",	"overflow",	 "unnamed",
					  "degraded",	"clock_skew_ms", NULL };

bool exchange_is_watch_key(const void *ctx, const char *key)
{
	(void)ctx;
	for (const char *const *k = watch_keys; *k; k++)
		if (strcmp(*k, key) == 0)
			return true;
	return false;
}

/* Cut, not rounded: a rate of 1 is one. */
static void put_rate(struct json *j, uint64_t part, uint64_t whole)
{
	uint64_t millionths = part >= whole ? 1000000 : part * 1000000 / whole;
	char text[16];
	int n = snprintf(text, sizeof(text), "%u.%06u", (unsigned)(millionths / 1000000),
			 (unsigned)(millionths % 1000000));

	json_key(j, "capture_rate");
	json_raw(j, text, (size_t)n);
}

void exchange_write_watch(struct json *j, const struct exchange_watch *w)
{
	if (w->opens_kernel) {
		put_uint(j, "opens_seen", w->opens_seen);
		put_uint(j, "opens_kernel", w->opens_kernel);
		put_rate(j, w->opens_seen, w->opens_kernel);
	}
	put_above_zero(j, "lost", w->lost);
	put_above_zero(j, "overflow", w->overflow);
	put_above_zero(j, "unnamed", w->unnamed);
	if (w->skew_ms > EXCHANGE_SKEW_MS || w->skew_ms < -EXCHANGE_SKEW_MS) {
		json_key(j, "clock_skew_ms");
		json_int(j, w->skew_ms);
	}
	if (!w->degraded)
		return;
	json_key(j, "degraded");
	json_open(j, '[');
	for (unsigned i = 0; i < DEGRADED_WORDS; i++)
		if (w->degraded & 1u << i)
			json_string(j, degraded_word[i]);
	json_close(j, ']');
}

void exchange_write_flow(struct buf *out, const struct exchange_flow *f)
{
	struct json j = json_to(out);

	begin(&j, "flow");
	put_end(&j, &f->client, true, 0);
	put_end(&j, &f->server, false, f->port);
	put_text(&j, "protocol", f->proto == PROTO_UDP ? "udp" : "tcp");
	put_counters(&j, f);
	put_time(&j, "first", f->first);
	put_time(&j, "last", f->last);
	put_uint(&j, "live", f->live);
	put_uint(&j, "pending", f->pending);
	put_witnesses(&j, f->witnesses);
	if (f->guess) {
		json_key(&j, "guess");
		json_bool(&j, true);
	}
	if (f->c.rtt_n)
		put_uint(&j, "rtt_us", f->c.rtt_sum_us / f->c.rtt_n);
	put_above_zero(&j, "retransmits", f->c.retransmits);
	exchange_write_process(&j, "client_", &f->client.process);
	exchange_write_process(&j, "server_", &f->server.process);
	if (f->server_seen)
		put_text(&j, "server_seen", f->server_seen);
	exchange_write_some(&j, f->extra, is_written, f);
	json_close(&j, '}');
}
