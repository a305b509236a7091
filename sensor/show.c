/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/show.h"

#include <string.h>

#include "common/json.h"

static void put_addr(struct json *j, const char *key, const struct addr *a)
{
	char text[ADDR_TEXT];

	addr_text(a, text);
	json_member_string(j, key, text);
}

static void put_text(struct json *j, const char *key, const char *s)
{
	if (*s)
		json_member_string(j, key, s);
}

static void put_above_zero(struct json *j, const char *key, uint64_t v)
{
	if (v)
		json_member_uint(j, key, v);
}

static void put_process(struct json *j, const char *key, const struct process *p)
{
	if (!p)
		return;
	json_key(j, key);
	json_open(j, '{');
	json_member_string(j, "name", p->name);
	put_text(j, "unit", p->unit);
	put_text(j, "container", p->container);
	put_text(j, "exe", p->exe);
	put_text(j, "user", p->user);
	put_text(j, "app", p->app);
	put_text(j, "args", p->args);
	json_close(j, '}');
}

static void put_span(struct json *j, uint64_t start_ms, uint64_t end_ms)
{
	json_member_uint(j, "start_ms", start_ms);
	json_member_uint(j, "end_ms", end_ms);
}

static void put_counters(struct json *j, const struct counters *c)
{
	json_member_uint(j, "opens", c->opens);
	put_above_zero(j, "refused", c->refused);
	put_above_zero(j, "timed_out", c->timeouts);
	put_above_zero(j, "unreachable", c->unreachable);
	put_above_zero(j, "reset", c->resets);
	put_above_zero(j, "abandoned", c->abandoned);
	if (c->has_bytes) {
		json_member_uint(j, "bytes_to_server", c->bytes_to_server);
		json_member_uint(j, "bytes_to_client", c->bytes_to_client);
	}
	put_above_zero(j, "retransmits", c->retransmits);
	put_above_zero(j, "rtt_sum_us", c->rtt_sum_us);
	put_above_zero(j, "rtt_n", c->rtt_n);
}

static void put_samples(struct json *j, const struct flow *f)
{
	json_key(j, "client_ports");
	json_open(j, '[');
	for (unsigned i = 0; i < f->samples_n; i++)
		json_uint(j, f->samples[i].client_port);
	json_close(j, ']');
}

static void put_flow(struct json *j, const struct flow *f)
{
	json_member_string(j, "witness", witness_word[f->witness]);
	json_member_string(j, "protocol", f->proto == PROTO_UDP ? "udp" : "tcp");
	put_addr(j, "client_ip", &f->client);
	put_process(j, "client_process", f->client_process);
	put_addr(j, "server_ip", &f->server);
	json_member_uint(j, "server_port", f->port);
	put_process(j, "server_process", f->server_process);
	if (f->has_seen) {
		put_addr(j, "server_seen_ip", &f->seen);
		json_member_uint(j, "server_seen_port", f->seen_port);
	}
	put_above_zero(j, "netns", f->scope);
	put_span(j, f->first_ms, f->last_ms);
	put_counters(j, &f->c);
	json_member_uint(j, "live", f->live);
	put_above_zero(j, "pending", f->pending);
	put_samples(j, f);
}

static void put_machine(struct json *j, const struct machine *m)
{
	json_member_string(j, "id", m->id);
	put_text(j, "name", m->name);
	put_text(j, "os", m->os);
	put_text(j, "kernel", m->kernel);
	put_text(j, "arch", m->arch);
	put_above_zero(j, "cores", m->cores);
	put_above_zero(j, "memory_bytes", m->memory_bytes);
	json_key(j, "ips");
	json_open(j, '[');
	for (unsigned i = 0; i < m->addrs_n; i++) {
		char text[ADDR_TEXT];

		addr_text(&m->addrs[i], text);
		json_string(j, text);
	}
	json_close(j, ']');
	if (*m->extra) {
		struct json_in in = json_from(m->extra, strlen(m->extra));

		json_key(j, "inventory");
		if (!json_copy(&in, j))
			json_null(j);
	}
}

static void put_listener(struct json *j, const struct listener *l)
{
	json_member_string(j, "protocol", l->proto == PROTO_UDP ? "udp" : "tcp");
	put_addr(j, "ip", &l->addr);
	json_member_uint(j, "port", l->port);
	put_above_zero(j, "netns", l->scope);
	put_process(j, "process", l->process);
}

static void put_capture(struct json *j, const struct capture *c)
{
	put_span(j, c->start_ms, c->end_ms);
	json_member_uint(j, "netns", c->netns);
	json_member_uint(j, "active_seen", c->active_seen);
	json_member_uint(j, "active_kernel", c->active_kernel);
	json_member_uint(j, "passive_seen", c->passive_seen);
	json_member_uint(j, "passive_kernel", c->passive_kernel);
}

static void put_usage(struct json *j, const struct usage *u)
{
	json_member_string(j, "metric", usage_word[u->metric]);
	put_text(j, "device", u->device);
	put_span(j, u->start_ms, u->end_ms);
	json_member_uint(j, "samples", u->samples);
	json_member_uint(j, "mean", u->mean);
	json_member_uint(j, "max", u->max);
}

static void put_translation(struct json *j, const struct translation *t)
{
	json_member_string(j, "protocol", t->proto == PROTO_UDP ? "udp" : "tcp");
	put_addr(j, "client_ip", &t->client);
	put_addr(j, "client_seen_ip", &t->client_seen);
	put_addr(j, "server_seen_ip", &t->seen);
	json_member_uint(j, "server_seen_port", t->seen_port);
	put_addr(j, "server_ip", &t->server);
	json_member_uint(j, "server_port", t->port);
	put_span(j, t->first_ms, t->last_ms);
	json_member_uint(j, "opens", t->opens);
}

static void put_cover(struct json *j, const struct cover *c)
{
	put_span(j, c->start_ms, c->end_ms);
	put_above_zero(j, "overflow", c->overflow);
	put_above_zero(j, "unnamed", c->unnamed);
	put_above_zero(j, "degraded", c->degraded);
}

static const char *kind_word(enum wire_kind kind)
{
	static const char *const words[] = {
		[WIRE_R_PROCESS] = "process",
		[WIRE_R_FLOW] = "flow",
		[WIRE_R_LISTENER] = "listener",
		[WIRE_R_MACHINE] = "machine",
		[WIRE_R_COVER] = "cover",
		[WIRE_R_LOST] = "lost",
		[WIRE_R_CAPTURE] = "capture",
		[WIRE_R_USAGE] = "usage",
		[WIRE_R_TRANSLATION] = "translation",
	};

	return words[kind];
}

static void put_record(struct json *j, const struct wire_record *r)
{
	json_open(j, '{');
	json_member_string(j, "record", kind_word(r->kind));
	switch (r->kind) {
	case WIRE_R_FLOW:
		put_flow(j, &r->flow);
		break;
	case WIRE_R_LISTENER:
		put_listener(j, &r->listener);
		break;
	case WIRE_R_MACHINE:
		put_machine(j, &r->machine);
		break;
	case WIRE_R_COVER:
		put_cover(j, &r->cover);
		break;
	case WIRE_R_LOST:
		put_span(j, r->lost.start_ms, r->lost.end_ms);
		json_member_uint(j, "records", r->lost.records);
		break;
	case WIRE_R_CAPTURE:
		put_capture(j, &r->capture);
		break;
	case WIRE_R_USAGE:
		put_usage(j, &r->usage);
		break;
	case WIRE_R_TRANSLATION:
		put_translation(j, &r->translation);
		break;
	case WIRE_R_PROCESS:
		break;
	}
	json_close(j, '}');
}

void show_batch(struct buf *out, const struct wire_writer *w)
{
	struct wire_reader r;
	struct wire_record rec;

	wire_reader_begin(&r, cur_of(w->body.p, w->body.n));
	while (wire_reader_next(&r, &rec) > 0) {
		struct json j = json_to(out);

		put_record(&j, &rec);
		buf_str(out, "\n");
	}
	wire_reader_fini(&r);
}
