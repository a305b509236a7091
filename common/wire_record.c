/* SPDX-License-Identifier: Apache-2.0 */
#include "common/wire_record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/wire.h"

/* Written */

void wire_writer_begin(struct wire_writer *w, uint64_t base_ms)
{
	buf_reset(&w->body);
	w->base_ms = base_ms;
	w->records = 0;
	w->processes = 0;
	buf_u64(&w->body, base_ms);
}

void wire_writer_fini(struct wire_writer *w)
{
	buf_fini(&w->body);
}

/* Room is kept for the longest record: a machine with all its addresses. */
bool wire_writer_full(const struct wire_writer *w)
{
	return w->body.n > WIRE_BODY_MAX - 65536 || w->processes >= WIRE_PROCESSES - 2;
}

/* A record is kind, length (u16 is enough for the longest: 16 bytes * 512 addresses), body. */
static size_t record_begin(struct wire_writer *w, enum wire_kind kind)
{
	buf_u8(&w->body, (uint8_t)kind);
	buf_u16(&w->body, 0);
	w->records++;
	return w->body.n;
}

static void record_end(struct wire_writer *w, size_t mark)
{
	size_t n = w->body.n - mark;

	w->body.p[mark - 2] = (uint8_t)(n >> 8);
	w->body.p[mark - 1] = (uint8_t)n;
}

/* Signed difference to the batch's base, zigzag as in Protocol Buffers. */
static void put_time(struct wire_writer *w, uint64_t ms)
{
	uint64_t d = ms - w->base_ms;

	buf_varint(&w->body, d >> 63 ? ~(d << 1) : d << 1);
}

static uint64_t get_time(const struct wire_reader *r, struct cur *c)
{
	uint64_t z = cur_varint(c);

	return r->base_ms + ((z >> 1) ^ (0 - (z & 1)));
}

static void put_addr(struct buf *b, const struct addr *a)
{
	bool v4 = addr_is_v4(a);

	buf_u8(b, v4 ? 4 : 16);
	buf_put(b, v4 ? a->b + 12 : a->b, v4 ? 4 : 16);
}

static void get_addr(struct cur *c, struct addr *out)
{
	uint8_t n = cur_u8(c);
	const uint8_t *p = NULL;

	if (n == 4 || n == 16)
		p = cur_take(c, n);
	if (!p) {
		c->bad = true;
		memset(out, 0, sizeof(*out));
		return;
	}
	*out = addr_v4(0);
	memcpy(n == 4 ? out->b + 12 : out->b, p, n);
}

/* The reader refuses longer ones: they are cut, between two characters of UTF-8. */
static void put_text(struct buf *b, const char *s, size_t max)
{
	size_t n = strnlen(s, max + 1);

	if (n > max)
		for (n = max; n && ((unsigned char)s[n] & 0xc0) == 0x80;)
			n--;
	buf_varint(b, n);
	buf_put(b, s, n);
	buf_u8(b, 0);
}

uint32_t wire_write_process(struct wire_writer *w, const struct process *p)
{
	size_t mark;

	if (!p)
		return 0;
	mark = record_begin(w, WIRE_R_PROCESS);
	put_text(&w->body, p->name, NAME_LEN);
	put_text(&w->body, p->unit, NAME_LEN);
	put_text(&w->body, p->container, NAME_LEN);
	put_text(&w->body, p->exe, PATH_LEN);
	put_text(&w->body, p->user, NAME_LEN);
	put_text(&w->body, p->app, PATH_LEN);
	put_text(&w->body, p->args ? p->args : "", PATH_LEN);
	record_end(w, mark);
	return ++w->processes;
}

/* The counters in the order of the wire; what a later version adds goes to the end. */
/* clang-format off */
#define COUNTERS(X)                                                                           \
	X(opens) X(refused) X(timeouts) X(unreachable) X(resets) X(failed_other)              \
	X(abandoned) X(bytes_to_server) X(bytes_to_client) X(retransmits) X(rtt_sum_us) X(rtt_n)
/* clang-format on */

static void put_counters(struct buf *b, const struct counters *c)
{
#define PUT(field) buf_varint(b, c->field);
	COUNTERS(PUT)
#undef PUT
	buf_u8(b, c->has_bytes);
}

static void get_counters(struct cur *cur, struct counters *c)
{
#define GET(field) c->field = cur_varint_max(cur, INT64_MAX);
	COUNTERS(GET)
#undef GET
	c->has_bytes = cur_u8(cur) != 0;
}

static void put_sample(struct wire_writer *w, const struct sample *s)
{
	buf_u16(&w->body, s->client_port);
	put_time(w, s->start_ms);
	buf_u8(&w->body, s->has_translated);
	if (s->has_translated) {
		put_addr(&w->body, &s->translated);
		buf_u16(&w->body, s->translated_port);
	}
}

static void get_sample(const struct wire_reader *r, struct cur *c, struct sample *s)
{
	memset(s, 0, sizeof(*s));
	s->client_port = cur_u16(c);
	s->start_ms = get_time(r, c);
	s->has_translated = cur_u8(c) != 0;
	if (s->has_translated) {
		get_addr(c, &s->translated);
		s->translated_port = cur_u16(c);
	}
}

void wire_write_flow(struct wire_writer *w, const struct flow *f, uint32_t client,
		     uint32_t server)
{
	struct buf *b = &w->body;
	size_t mark = record_begin(w, WIRE_R_FLOW);

	buf_u8(b, (uint8_t)f->witness);
	buf_u8(b, f->proto);
	buf_u16(b, f->port);
	put_addr(b, &f->client);
	put_addr(b, &f->server);
	buf_varint(b, f->scope);
	buf_varint(b, client);
	buf_varint(b, server);
	buf_varint(b, f->minute);
	put_time(w, f->first_ms);
	put_time(w, f->last_ms);
	put_counters(b, &f->c);
	buf_varint(b, f->live);
	buf_varint(b, f->pending);
	buf_u8(b, (uint8_t)f->samples_n);
	for (unsigned i = 0; i < f->samples_n; i++)
		put_sample(w, &f->samples[i]);
	buf_u8(b, f->has_seen);
	if (f->has_seen) {
		put_addr(b, &f->seen);
		buf_u16(b, f->seen_port);
	}
	buf_varint(b, f->sampling);
	record_end(w, mark);
}

void wire_write_listener(struct wire_writer *w, const struct listener *l, uint32_t process)
{
	size_t mark = record_begin(w, WIRE_R_LISTENER);

	buf_u8(&w->body, l->proto);
	buf_u16(&w->body, l->port);
	put_addr(&w->body, &l->addr);
	buf_varint(&w->body, l->scope);
	buf_varint(&w->body, process);
	record_end(w, mark);
}

void wire_write_machine(struct wire_writer *w, const struct machine *m)
{
	struct buf *b = &w->body;
	size_t mark = record_begin(w, WIRE_R_MACHINE);

	put_text(b, m->id, NAME_LEN);
	put_text(b, m->name, NAME_LEN);
	put_text(b, m->os, NAME_LEN);
	put_text(b, m->kernel, NAME_LEN);
	put_text(b, m->arch, NAME_LEN);
	buf_varint(b, m->cores);
	buf_varint(b, m->memory_bytes);
	buf_varint(b, m->addrs_n);
	for (unsigned i = 0; i < m->addrs_n; i++)
		put_addr(b, &m->addrs[i]);
	put_text(b, m->extra ? m->extra : "", EXTRA_LEN);
	record_end(w, mark);
}

void wire_write_cover(struct wire_writer *w, const struct cover *c)
{
	size_t mark = record_begin(w, WIRE_R_COVER);

	put_time(w, c->start_ms);
	put_time(w, c->end_ms);
	buf_varint(&w->body, c->overflow);
	buf_varint(&w->body, c->unnamed);
	buf_varint(&w->body, c->degraded);
	record_end(w, mark);
}

void wire_write_lost(struct wire_writer *w, const struct lost *l)
{
	size_t mark = record_begin(w, WIRE_R_LOST);

	put_time(w, l->start_ms);
	put_time(w, l->end_ms);
	buf_varint(&w->body, l->records);
	record_end(w, mark);
}

void wire_write_capture(struct wire_writer *w, const struct capture *c)
{
	size_t mark = record_begin(w, WIRE_R_CAPTURE);

	put_time(w, c->start_ms);
	put_time(w, c->end_ms);
	buf_varint(&w->body, c->netns);
	buf_varint(&w->body, c->active_seen);
	buf_varint(&w->body, c->active_kernel);
	buf_varint(&w->body, c->passive_seen);
	buf_varint(&w->body, c->passive_kernel);
	record_end(w, mark);
}

void wire_write_usage(struct wire_writer *w, const struct usage *u)
{
	size_t mark = record_begin(w, WIRE_R_USAGE);

	buf_u8(&w->body, (uint8_t)u->metric);
	put_text(&w->body, u->device, NAME_LEN);
	put_time(w, u->start_ms);
	put_time(w, u->end_ms);
	buf_varint(&w->body, u->samples);
	buf_varint(&w->body, u->mean);
	buf_varint(&w->body, u->max);
	record_end(w, mark);
}

void wire_write_translation(struct wire_writer *w, const struct translation *t)
{
	struct buf *b = &w->body;
	size_t mark = record_begin(w, WIRE_R_TRANSLATION);

	buf_u8(b, t->proto);
	put_addr(b, &t->client);
	put_addr(b, &t->client_seen);
	put_addr(b, &t->seen);
	buf_u16(b, t->seen_port);
	put_addr(b, &t->server);
	buf_u16(b, t->port);
	put_time(w, t->first_ms);
	put_time(w, t->last_ms);
	buf_varint(b, t->opens);
	record_end(w, mark);
}

/* Read; what an earlier minor version does not write is "" or 0. */

static const char *zstr_if_any(struct cur *c, size_t max)
{
	return cur_left(c) ? cur_zstr(c, max) : "";
}

static uint64_t varint_if_any(struct cur *c, uint64_t max)
{
	return cur_left(c) ? cur_varint_max(c, max) : 0;
}

void wire_reader_begin(struct wire_reader *r, struct cur body)
{
	memset(r, 0, sizeof(*r));
	r->c = body;
	r->base_ms = cur_u64(&r->c);
}

void wire_reader_fini(struct wire_reader *r)
{
	free(r->process);
	memset(r, 0, sizeof(*r));
}

static int read_process(struct wire_reader *r, struct cur *c)
{
	struct process p;

	p.name = cur_zstr(c, NAME_LEN);
	p.unit = cur_zstr(c, NAME_LEN);
	p.container = cur_zstr(c, NAME_LEN);
	p.exe = cur_zstr(c, PATH_LEN);
	p.user = cur_zstr(c, NAME_LEN);
	p.app = cur_zstr(c, PATH_LEN);
	p.args = zstr_if_any(c, PATH_LEN);
	if (c->bad || r->process_n >= WIRE_PROCESSES)
		return -EPROTO;
	if (!r->process) /* once, at its cap: records point into it */
		r->process = xcalloc(WIRE_PROCESSES, sizeof(*r->process));
	r->process[r->process_n++] = p;
	return 0;
}

static const struct process *process_at(const struct wire_reader *r, struct cur *c)
{
	uint64_t i = cur_varint_max(c, r->process_n);

	return i ? &r->process[i - 1] : NULL;
}

static int read_flow(const struct wire_reader *r, struct cur *c, struct flow *f)
{
	f->witness = cur_u8(c);
	f->proto = cur_u8(c);
	f->port = cur_u16(c);
	get_addr(c, &f->client);
	get_addr(c, &f->server);
	f->scope = (uint32_t)cur_varint_max(c, UINT32_MAX);
	f->client_process = process_at(r, c);
	f->server_process = process_at(r, c);
	f->minute = cur_varint_max(c, UINT32_MAX);
	f->first_ms = get_time(r, c);
	f->last_ms = get_time(r, c);
	get_counters(c, &f->c);
	f->live = (uint32_t)cur_varint_max(c, UINT32_MAX);
	f->pending = (uint32_t)cur_varint_max(c, UINT32_MAX);
	f->samples_n = cur_u8(c);
	if (f->samples_n > FLOW_SAMPLES || f->witness <= WITNESS_NONE ||
	    f->witness > WITNESS_IMPORT)
		return -EPROTO;
	for (unsigned i = 0; i < f->samples_n; i++)
		get_sample(r, c, &f->samples[i]);
	f->has_seen = cur_left(c) && cur_u8(c) != 0;
	if (f->has_seen) {
		get_addr(c, &f->seen);
		f->seen_port = cur_u16(c);
	}
	f->sampling = cur_left(c) ? (uint32_t)cur_varint_max(c, UINT32_MAX) : 0;
	return cur_verdict(c);
}

static int read_listener(const struct wire_reader *r, struct cur *c, struct listener *l)
{
	l->proto = cur_u8(c);
	l->port = cur_u16(c);
	get_addr(c, &l->addr);
	l->scope = (uint32_t)cur_varint_max(c, UINT32_MAX);
	l->process = process_at(r, c);
	return cur_verdict(c);
}

static int read_machine(struct cur *c, struct machine *m)
{
	m->id = cur_zstr(c, NAME_LEN);
	m->name = cur_zstr(c, NAME_LEN);
	m->os = cur_zstr(c, NAME_LEN);
	m->kernel = cur_zstr(c, NAME_LEN);
	m->arch = cur_zstr(c, NAME_LEN);
	m->cores = (uint32_t)cur_varint_max(c, UINT32_MAX);
	m->memory_bytes = cur_varint_max(c, INT64_MAX);
	m->addrs_n = (unsigned)cur_varint_max(c, MACHINE_ADDRS);
	for (unsigned i = 0; i < m->addrs_n && !c->bad; i++)
		get_addr(c, &m->addrs[i]);
	m->extra = zstr_if_any(c, EXTRA_LEN);
	return c->bad || !*m->id ? -EPROTO : 0;
}

static int read_cover(const struct wire_reader *r, struct cur *c, struct cover *out)
{
	out->start_ms = get_time(r, c);
	out->end_ms = get_time(r, c);
	out->overflow = cur_varint_max(c, INT64_MAX);
	out->unnamed = varint_if_any(c, INT64_MAX);
	out->degraded = (uint32_t)varint_if_any(c, UINT32_MAX);
	return cur_verdict(c);
}

static int read_capture(const struct wire_reader *r, struct cur *c, struct capture *out)
{
	out->start_ms = get_time(r, c);
	out->end_ms = get_time(r, c);
	out->netns = (uint32_t)cur_varint_max(c, UINT32_MAX);
	out->active_seen = cur_varint_max(c, INT64_MAX);
	out->active_kernel = cur_varint_max(c, INT64_MAX);
	out->passive_seen = cur_varint_max(c, INT64_MAX);
	out->passive_kernel = cur_varint_max(c, INT64_MAX);
	return cur_verdict(c);
}

/* A metric of a later version is left out, not an error. */
static int read_usage(const struct wire_reader *r, struct cur *c, struct usage *out)
{
	out->metric = cur_u8(c);
	out->device = cur_zstr(c, NAME_LEN);
	out->start_ms = get_time(r, c);
	out->end_ms = get_time(r, c);
	out->samples = (uint32_t)cur_varint_max(c, UINT32_MAX);
	out->mean = cur_varint_max(c, INT64_MAX);
	out->max = cur_varint_max(c, INT64_MAX);
	if (out->metric <= USAGE_NONE || out->metric >= USAGE_METRICS)
		return c->bad ? -EPROTO : 1;
	return cur_verdict(c);
}

static int read_translation(const struct wire_reader *r, struct cur *c, struct translation *t)
{
	t->proto = cur_u8(c);
	get_addr(c, &t->client);
	get_addr(c, &t->client_seen);
	get_addr(c, &t->seen);
	t->seen_port = cur_u16(c);
	get_addr(c, &t->server);
	t->port = cur_u16(c);
	t->first_ms = get_time(r, c);
	t->last_ms = get_time(r, c);
	t->opens = cur_varint_max(c, INT64_MAX);
	return cur_verdict(c);
}

static int read_record(struct wire_reader *r, struct cur *c, struct wire_record *out)
{
	switch (out->kind) {
	case WIRE_R_PROCESS:
		return read_process(r, c);
	case WIRE_R_FLOW:
		return read_flow(r, c, &out->flow);
	case WIRE_R_LISTENER:
		return read_listener(r, c, &out->listener);
	case WIRE_R_MACHINE:
		return read_machine(c, &out->machine);
	case WIRE_R_COVER:
		return read_cover(r, c, &out->cover);
	case WIRE_R_LOST:
		out->lost.start_ms = get_time(r, c);
		out->lost.end_ms = get_time(r, c);
		out->lost.records = cur_varint_max(c, INT64_MAX);
		return cur_verdict(c);
	case WIRE_R_CAPTURE:
		return read_capture(r, c, &out->capture);
	case WIRE_R_USAGE:
		return read_usage(r, c, &out->usage);
	case WIRE_R_TRANSLATION:
		return read_translation(r, c, &out->translation);
	}
	return 1; /* of a later version */
}

int wire_reader_next(struct wire_reader *r, struct wire_record *out)
{
	while (!r->c.bad && cur_left(&r->c)) {
		struct cur c;
		int rc;

		out->kind = cur_u8(&r->c);
		c = cur_sub(&r->c, cur_u16(&r->c));
		if (r->c.bad)
			break;
		rc = read_record(r, &c, out);
		if (rc < 0)
			return rc;
		if (rc == 0 && out->kind != WIRE_R_PROCESS)
			return 1;
	}
	return cur_verdict(&r->c);
}
