/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading goes by two tables, one a line type: a row says which key goes where and how it is
 * read.  Strings of a line are collected in one buffer, which may move while it grows; so
 * their places are noted, and turned into pointers when the line is complete.
 */
#include "common/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/addr.h"
#include "common/mem.h"
#include "common/version.h"

enum { PLACES_MAX = 32, IPS_MAX = 1024 };

struct place {
	const char **target;
	size_t offset; /* in the reader's text */
};

struct exchange_reader {
	struct exchange_machine machine;
	struct exchange_flow flow;
	uint64_t rtt_us, version;
	bool has_rtt, has_port;
	struct buf key, text, extra;
	struct place place[PLACES_MAX];
	size_t places;
	size_t ip_offset[IPS_MAX];
	const char *ip[IPS_MAX];
	struct json extra_json;
	struct json_in in;
	struct err *e;
};

struct key_row;
typedef int key_fn(struct exchange_reader *r, const struct key_row *row, int kind);

struct key_row {
	const char *key;
	key_fn *read;
	size_t offset;
	uint64_t max; /* bytes of a string, value of a number */
};

static int wrong(struct exchange_reader *r, const struct key_row *row, const char *words)
{
	return err_set(r->e, -EINVAL, "%s: %s", row->key, words);
}

static int not_json(struct exchange_reader *r)
{
	return err_set(r->e, -EINVAL, "not JSON: %s",
		       r->in.why ? r->in.why : "text after its end");
}

static int read_into_text(struct exchange_reader *r, const struct key_row *row, size_t *offset)
{
	*offset = r->text.n;
	if (!json_read_string(&r->in, &r->text))
		return not_json(r);
	if (r->text.n - *offset > row->max)
		return err_set(r->e, -EINVAL, "%s: longer than %llu bytes", row->key,
			       (unsigned long long)row->max);
	buf_u8(&r->text, 0);
	return 0;
}

static int read_text(struct exchange_reader *r, const struct key_row *row, int kind)
{
	struct place *p = NULL;
	const char **target = (const char **)((char *)r + row->offset);

	if (kind != JSON_STRING)
		return wrong(r, row, "not a string");
	for (size_t i = 0; i < r->places; i++)
		if (r->place[i].target == target)
			p = &r->place[i]; /* the same key again: the last one holds */
	if (!p)
		p = &r->place[r->places++];
	p->target = target;
	return read_into_text(r, row, &p->offset);
}

static bool is_address(const char *s)
{
	struct addr a;

	return addr_parse(s, &a) == 0;
}

static int read_ip(struct exchange_reader *r, const struct key_row *row, int kind)
{
	size_t offset = r->text.n;
	int rc = read_text(r, row, kind);
	const char *s = rc < 0 ? "" : (const char *)r->text.p + offset;

	if (*s && !is_address(s))
		return err_set(r->e, -EINVAL, "%s: \"%.60s\" is not an address", row->key, s);
	return rc;
}

static int read_ips(struct exchange_reader *r, const struct key_row *row, int kind)
{
	size_t n = 0;
	bool first = true;

	if (kind != JSON_ARRAY)
		return wrong(r, row, "not an array");
	json_enter(&r->in, '[');
	while (json_more(&r->in, ']', &first)) {
		if (json_peek(&r->in) != JSON_STRING)
			return wrong(r, row, "not an array of addresses");
		if (n == IPS_MAX)
			return wrong(r, row, "more than 1,024 addresses");
		if (read_into_text(r, row, &r->ip_offset[n]) < 0)
			return -EINVAL;
		if (!is_address((char *)r->text.p + r->ip_offset[n]))
			return err_set(r->e, -EINVAL, "%s: \"%.60s\" is not an address",
				       row->key, (char *)r->text.p + r->ip_offset[n]);
		n++;
	}
	r->machine.ips_n = n;
	return r->in.why ? not_json(r) : 0;
}

static int read_number(struct exchange_reader *r, const struct key_row *row, int kind,
		       int (*convert)(const char *, size_t, uint64_t *), uint64_t *out)
{
	const char *p;
	size_t n;
	int rc, shown;

	if (kind != JSON_NUMBER)
		return wrong(r, row, "not a number");
	if (!json_read_number(&r->in, &p, &n))
		return not_json(r);
	rc = convert(p, n, out);
	shown = n > 40 ? 40 : (int)n;
	if (*p == '-')
		return err_set(r->e, -EINVAL, "%s: %.*s is negative", row->key, shown, p);
	if (rc == -EINVAL)
		return err_set(r->e, -EINVAL, "%s: %.*s is not whole", row->key, shown, p);
	if (rc < 0 || *out > row->max)
		return err_set(r->e, -EINVAL, "%s: %.*s is more than %llu", row->key, shown, p,
			       (unsigned long long)row->max);
	return 0;
}

static int read_uint(struct exchange_reader *r, const struct key_row *row, int kind)
{
	return read_number(r, row, kind, json_number_uint, (void *)((char *)r + row->offset));
}

static int read_time(struct exchange_reader *r, const struct key_row *row, int kind)
{
	uint64_t v = 0;
	int rc = read_number(r, row, kind, json_number_floor, &v);

	if (rc == 0)
		*(int64_t *)(void *)((char *)r + row->offset) = (int64_t)v;
	return rc;
}

static int read_bytes(struct exchange_reader *r, const struct key_row *row, int kind)
{
	r->flow.c.has_bytes = true;
	return read_uint(r, row, kind);
}

static int read_rtt(struct exchange_reader *r, const struct key_row *row, int kind)
{
	r->has_rtt = true;
	return read_uint(r, row, kind);
}

static int read_port(struct exchange_reader *r, const struct key_row *row, int kind)
{
	uint64_t v = 0;
	int rc = read_number(r, row, kind, json_number_uint, &v);

	r->flow.port = (uint16_t)v;
	r->has_port = true;
	return rc;
}

static int read_bool(struct exchange_reader *r, const struct key_row *row, int kind)
{
	if (kind != JSON_TRUE && kind != JSON_FALSE)
		return wrong(r, row, "neither true nor false");
	*(bool *)((char *)r + row->offset) = kind == JSON_TRUE;
	return json_read_word(&r->in) ? 0 : not_json(r);
}

/* A short string that is looked at and not kept. */
static int read_word(struct exchange_reader *r, const struct key_row *row, int kind,
		     const char **out)
{
	size_t offset = 0;
	int rc;

	*out = "";
	if (kind != JSON_STRING)
		return wrong(r, row, "not a string");
	rc = read_into_text(r, row, &offset);
	if (rc == 0)
		*out = (const char *)r->text.p + offset;
	return rc;
}

static int read_protocol(struct exchange_reader *r, const struct key_row *row, int kind)
{
	const char *word;
	int rc = read_word(r, row, kind, &word);

	if (rc < 0)
		return rc;
	if (strcasecmp(word, "tcp") == 0)
		r->flow.proto = PROTO_TCP;
	else if (strcasecmp(word, "udp") == 0)
		r->flow.proto = PROTO_UDP;
	else
		return wrong(r, row, "neither tcp nor udp");
	return 0;
}

/* Words that this version does not know say nothing about the others. */
static int read_witnesses(struct exchange_reader *r, const struct key_row *row, int kind)
{
	const char *word;
	bool first = true;

	if (kind != JSON_ARRAY)
		return wrong(r, row, "not an array");
	r->flow.witnesses = 0;
	json_enter(&r->in, '[');
	while (json_more(&r->in, ']', &first)) {
		if (read_word(r, row, json_peek(&r->in), &word) < 0)
			return -EINVAL;
		for (int w = WITNESS_CLIENT; w < WITNESS_COUNT; w++)
			if (strcmp(word, witness_word[w]) == 0)
				r->flow.witnesses |= 1u << w;
	}
	return r->in.why ? not_json(r) : 0;
}

static int read_type(struct exchange_reader *r, const struct key_row *row, int kind)
{
	const char *word;

	return read_word(r, row, kind, &word);
}

#define IN_MACHINE(member) offsetof(struct exchange_reader, machine.member)
#define IN_FLOW(member) offsetof(struct exchange_reader, flow.member)
#define TIME_MAX 253402300799ull /* the end of the year 9999; milliseconds are beyond it */

static const struct key_row machine_keys[] = {
	{ "type", read_type, 0, NAME_LEN },
	{ "version", read_uint, offsetof(struct exchange_reader, version), EXCHANGE_MAX },
	{ "id", read_text, IN_MACHINE(id), NAME_LEN },
	{ "name", read_text, IN_MACHINE(name), NAME_LEN },
	{ "ips", read_ips, 0, ADDR_TEXT },
	{ "os", read_text, IN_MACHINE(os), NAME_LEN },
	{ "kernel", read_text, IN_MACHINE(kernel), NAME_LEN },
	{ "arch", read_text, IN_MACHINE(arch), NAME_LEN },
	{ "cores", read_uint, IN_MACHINE(cores), UINT32_MAX },
	{ "memory_bytes", read_uint, IN_MACHINE(memory_bytes), EXCHANGE_MAX },
	{ "site", read_text, IN_MACHINE(site), NAME_LEN },
	{ "sensor", read_bool, IN_MACHINE(sensor), 0 },
	{ "first", read_time, IN_MACHINE(first), TIME_MAX },
	{ "last", read_time, IN_MACHINE(last), TIME_MAX },
	{ NULL },
};

bool exchange_is_machine_key(const void *ctx, const char *key)
{
	(void)ctx;
	for (const struct key_row *row = machine_keys; row->key; row++)
		if (strcmp(row->key, key) == 0)
			return true;
	return false;
}

static const struct key_row flow_keys[] = {
	{ "type", read_type, 0, NAME_LEN },
	{ "version", read_uint, offsetof(struct exchange_reader, version), EXCHANGE_MAX },
	{ "client", read_text, IN_FLOW(client.id), NAME_LEN },
	{ "client_name", read_text, IN_FLOW(client.name), NAME_LEN },
	{ "client_ip", read_ip, IN_FLOW(client.ip), ADDR_TEXT },
	{ "client_process", read_text, IN_FLOW(client.process.name), NAME_LEN },
	{ "server", read_text, IN_FLOW(server.id), NAME_LEN },
	{ "server_name", read_text, IN_FLOW(server.name), NAME_LEN },
	{ "server_ip", read_ip, IN_FLOW(server.ip), ADDR_TEXT },
	{ "server_port", read_port, 0, 65535 },
	{ "server_process", read_text, IN_FLOW(server.process.name), NAME_LEN },
	{ "protocol", read_protocol, 0, NAME_LEN },
	{ "opens", read_uint, IN_FLOW(c.opens), EXCHANGE_MAX },
	{ "failed", read_uint, IN_FLOW(failed), EXCHANGE_MAX },
	{ "refused", read_uint, IN_FLOW(c.refused), EXCHANGE_MAX },
	{ "timed_out", read_uint, IN_FLOW(c.timeouts), EXCHANGE_MAX },
	{ "unreachable", read_uint, IN_FLOW(c.unreachable), EXCHANGE_MAX },
	{ "reset", read_uint, IN_FLOW(c.resets), EXCHANGE_MAX },
	{ "abandoned", read_uint, IN_FLOW(c.abandoned), EXCHANGE_MAX },
	{ "bytes_to_server", read_bytes, IN_FLOW(c.bytes_to_server), EXCHANGE_MAX },
	{ "bytes_to_client", read_bytes, IN_FLOW(c.bytes_to_client), EXCHANGE_MAX },
	{ "first", read_time, IN_FLOW(first), TIME_MAX },
	{ "last", read_time, IN_FLOW(last), TIME_MAX },
	{ "live", read_uint, IN_FLOW(live), EXCHANGE_MAX },
	{ "pending", read_uint, IN_FLOW(pending), EXCHANGE_MAX },
	{ "witnesses", read_witnesses, 0, NAME_LEN },
	{ "guess", read_bool, IN_FLOW(guess), 0 },
	{ "rtt_us", read_rtt, offsetof(struct exchange_reader, rtt_us), UINT32_MAX },
	{ "retransmits", read_uint, IN_FLOW(c.retransmits), EXCHANGE_MAX },
	{ "client_exe", read_text, IN_FLOW(client.process.exe), PATH_LEN },
	{ "client_unit", read_text, IN_FLOW(client.process.unit), NAME_LEN },
	{ "client_user", read_text, IN_FLOW(client.process.user), NAME_LEN },
	{ "client_container", read_text, IN_FLOW(client.process.container), NAME_LEN },
	{ "client_app", read_text, IN_FLOW(client.process.app), PATH_LEN },
	{ "server_exe", read_text, IN_FLOW(server.process.exe), PATH_LEN },
	{ "server_unit", read_text, IN_FLOW(server.process.unit), NAME_LEN },
	{ "server_user", read_text, IN_FLOW(server.process.user), NAME_LEN },
	{ "server_container", read_text, IN_FLOW(server.process.container), NAME_LEN },
	{ "server_app", read_text, IN_FLOW(server.process.app), PATH_LEN },
	{ NULL },
};

/*
 * Lines mostly have their keys in the order of the table, so the search goes on from *NEXT.
 */
static const struct key_row *find_key(const struct key_row *rows, const char *key,
				      const struct key_row **next)
{
	const struct key_row *row = *next;

	do {
		if (!row->key) {
			row = rows;
			continue;
		}
		if (strcmp(row->key, key) == 0) {
			*next = row + 1;
			return row;
		}
		row++;
	} while (row != *next);
	return NULL;
}

static int read_value(struct exchange_reader *r, const struct key_row *row)
{
	int kind = json_peek(&r->in);

	if (kind < 0)
		return not_json(r);
	if (!row) {
		json_key(&r->extra_json, buf_cstr(&r->key));
		return json_copy(&r->in, &r->extra_json) ? 0 : not_json(r);
	}
	if (kind == JSON_NULL) /* the same as absent */
		return json_read_word(&r->in) ? 0 : not_json(r);
	return row->read(r, row, kind);
}

static int read_object(struct exchange_reader *r, const struct key_row *rows)
{
	const struct key_row *next = rows;
	bool first = true;

	json_enter(&r->in, '{');
	while (json_more(&r->in, '}', &first)) {
		if (!json_read_key(&r->in, &r->key))
			break;
		if (read_value(r, find_key(rows, buf_cstr(&r->key), &next)) < 0)
			return -EINVAL;
	}
	if (r->in.why || !json_at_end(&r->in))
		return not_json(r);
	if (r->version > JSON_VERSION)
		return err_set(r->e, -EINVAL, "version %llu is newer than this program",
			       (unsigned long long)r->version);
	return 0;
}

/* The line's type in r->text, "" where it has none. */
static int find_type(struct exchange_reader *r, struct json_in in)
{
	struct buf scratch = { 0 };
	bool first = true, found = false;

	buf_reset(&r->text);
	json_enter(&in, '{');
	while (!found && json_more(&in, '}', &first) && json_read_key(&in, &r->key)) {
		struct json skip = json_to(&scratch);

		found = strcmp(buf_cstr(&r->key), "type") == 0 &&
			json_peek(&in) == JSON_STRING;
		buf_reset(&scratch);
		if (!(found ? json_read_string(&in, &r->text) : json_copy(&in, &skip)))
			break;
	}
	buf_fini(&scratch);
	if (!in.why)
		return 0;
	r->in.why = in.why;
	return not_json(r);
}

static const char *settle(struct exchange_reader *r)
{
	for (size_t i = 0; i < r->places; i++)
		*r->place[i].target = (const char *)r->text.p + r->place[i].offset;
	for (size_t i = 0; i < r->machine.ips_n; i++)
		r->ip[i] = (const char *)r->text.p + r->ip_offset[i];
	r->machine.ips = r->ip;
	json_close(&r->extra_json, '}');
	return r->extra.n > 2 ? buf_cstr(&r->extra) : "";
}

static int check_flow(struct exchange_reader *r)
{
	struct exchange_flow *f = &r->flow;
	uint64_t known;

	if (!*f->client.id && !*f->client.ip)
		return err_set(r->e, -EINVAL, "neither client nor client_ip");
	if (!*f->server.id && !*f->server.ip)
		return err_set(r->e, -EINVAL, "neither server nor server_ip");
	if (!r->has_port)
		return err_set(r->e, -EINVAL, "no server_port");
	known = counters_failed(&f->c);
	if (f->failed < known)
		f->failed = known;
	if (!f->c.opens)
		f->c.opens = f->failed; /* absent, as a rule */
	if (f->failed > f->c.opens)
		return err_set(r->e, -EINVAL, "failed: %llu is more than the opens, %llu",
			       (unsigned long long)f->failed, (unsigned long long)f->c.opens);
	if (!f->first)
		f->first = f->last;
	if (!f->last)
		f->last = f->first;
	return f->last < f->first ? err_set(r->e, -EINVAL, "last is before first") : 0;
}

/* A mean stands for as many connections as there were, so that means of files add up. */
static void weigh_rtt(struct exchange_reader *r)
{
	uint64_t n = r->flow.c.opens;

	if (!r->has_rtt)
		return;
	if (n > 1u << 20)
		n = 1u << 20;
	r->flow.c.rtt_n = n ? n : 1;
	r->flow.c.rtt_sum_us = r->rtt_us * r->flow.c.rtt_n;
}

static int read_flow(struct exchange_reader *r)
{
	static const struct exchange_end nobody = { "", "", "", { "", "", "", "", "", "" } };
	struct exchange_flow *f = &r->flow;

	*f = (struct exchange_flow){ .client = nobody, .server = nobody, .proto = PROTO_TCP };
	if (read_object(r, flow_keys) < 0)
		return -EINVAL;
	f->extra = settle(r);
	if (check_flow(r) < 0)
		return -EINVAL;
	weigh_rtt(r);
	return EXCHANGE_FLOW;
}

static int read_machine(struct exchange_reader *r)
{
	struct exchange_machine *m = &r->machine;

	m->id = m->name = m->os = m->kernel = m->arch = m->site = "";
	if (read_object(r, machine_keys) < 0)
		return -EINVAL;
	m->extra = settle(r);
	if (!*m->id)
		return err_set(r->e, -EINVAL, "a machine without an id");
	return EXCHANGE_MACHINE;
}

static int not_an_object(struct exchange_reader *r)
{
	if (!json_copy(&r->in, &r->extra_json) || !json_at_end(&r->in))
		return not_json(r);
	return err_set(r->e, -EINVAL, "not a JSON object");
}

static void start(struct exchange_reader *r, const char *line, size_t n, struct err *e)
{
	memset(&r->machine, 0, sizeof(r->machine));
	r->in = json_from(line, n);
	r->e = e;
	r->rtt_us = 0;
	r->has_rtt = r->has_port = false;
	r->version = JSON_VERSION;
	r->places = 0;
	buf_reset(&r->extra);
	r->extra_json = json_to(&r->extra);
	json_open(&r->extra_json, '{');
}

int exchange_read(struct exchange_reader *r, const char *line, size_t n, struct err *e)
{
	int kind;

	start(r, line, n, e);
	kind = json_peek(&r->in);
	if (kind < 0)
		return not_json(r);
	if (kind != JSON_OBJECT)
		return not_an_object(r);
	if (find_type(r, r->in) < 0)
		return -EINVAL;
	if (!r->text.n)
		return err_set(e, -EINVAL, "no type");
	if (strcmp(buf_cstr(&r->text), "flow") == 0)
		return read_flow(r);
	if (strcmp(buf_cstr(&r->text), "machine") == 0)
		return read_machine(r);
	r->version = 0;
	return read_object(r, &flow_keys[sizeof(flow_keys) / sizeof(flow_keys[0]) - 1]) < 0
		       ? -EINVAL
		       : EXCHANGE_OTHER;
}

struct exchange_reader *exchange_reader_new(void)
{
	return xcalloc(1, sizeof(struct exchange_reader));
}

void exchange_reader_free(struct exchange_reader *r)
{
	if (!r)
		return;
	buf_fini(&r->key);
	buf_fini(&r->text);
	buf_fini(&r->extra);
	free(r);
}

const struct exchange_machine *exchange_machine(const struct exchange_reader *r)
{
	return &r->machine;
}

const struct exchange_flow *exchange_flow(const struct exchange_reader *r)
{
	return &r->flow;
}
