/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/wave_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"

enum { VERSION = 1, LIST_MAX = 10000 };

void wave_rules_fini(struct wave_rules *r)
{
	for (unsigned i = 0; i < r->shared_n; i++)
		free(r->shared[i].what);
	free(r->shared);
	free(r->freeze);
	memset(r, 0, sizeof(*r));
}

static int by_start(const void *pa, const void *pb)
{
	const struct wave_freeze *a = pa, *b = pb;

	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return (a->to > b->to) - (a->to < b->to);
}

void wave_rules_freeze(struct wave_rules *r, int64_t from, int64_t to)
{
	unsigned out = 0;

	if (from >= to || r->freeze_n >= LIST_MAX)
		return;
	r->freeze = xreallocarray(r->freeze, r->freeze_n + 1ul, sizeof(*r->freeze));
	r->freeze[r->freeze_n++] = (struct wave_freeze){ from, to };
	qsort(r->freeze, r->freeze_n, sizeof(*r->freeze), by_start);
	for (unsigned i = 1; i < r->freeze_n; i++) {
		if (r->freeze[i].from > r->freeze[out].to)
			r->freeze[++out] = r->freeze[i];
		else if (r->freeze[i].to > r->freeze[out].to)
			r->freeze[out].to = r->freeze[i].to;
	}
	r->freeze_n = out + 1;
}

static int by_what(const void *pa, const void *pb)
{
	const struct wave_shared *a = pa, *b = pb;

	return strcmp(a->what, b->what);
}

void wave_rules_shared(struct wave_rules *r, const char *what, enum service_advice advice)
{
	for (unsigned i = 0; i < r->shared_n; i++) {
		if (strcmp(r->shared[i].what, what) == 0) {
			r->shared[i].advice = advice;
			return;
		}
	}
	if (r->shared_n >= LIST_MAX)
		return;
	r->shared = xreallocarray(r->shared, r->shared_n + 1ul, sizeof(*r->shared));
	r->shared[r->shared_n++] = (struct wave_shared){ xstrdup(what), advice };
	qsort(r->shared, r->shared_n, sizeof(*r->shared), by_what);
}

bool wave_rules_advice(const char *word, enum service_advice *out)
{
	for (int a = SERVICE_REPLICATE; a <= SERVICE_LAST; a++) {
		const char *name = service_advice_word((enum service_advice)a);
		size_t n = strlen(name);

		if (strncmp(word, name, n) != 0)
			continue;
		/* "replicated", "stretched" */
		if (!word[n] || strcmp(word + n, name[n - 1] == 'e' ? "d" : "ed") == 0) {
			*out = (enum service_advice)a;
			return true;
		}
	}
	return false;
}

/* Numbers by their keys, for writing and for reading. */
struct number {
	const char *key;
	size_t offset, size;
};

#define NUMBER(member)                                                                        \
	{                                                                                     \
#member, offsetof(struct wave_rules, member),                                 \
			sizeof(((struct wave_rules *)0)->member)                              \
	}

static const struct number numbers[] = {
	NUMBER(capacity), NUMBER(capacity_bytes), NUMBER(pilot),    NUMBER(link_bits),
	NUMBER(start),	  NUMBER(assume_bytes),	  NUMBER(deadline), NUMBER(every),
	NUMBER(rtt_us),	  NUMBER(chatty),
};

enum { NUMBERS_N = sizeof(numbers) / sizeof(numbers[0]) };

static uint64_t get_number(const struct wave_rules *r, const struct number *n)
{
	const char *at = (const char *)r + n->offset;
	unsigned narrow;
	uint64_t wide;

	if (n->size == sizeof(wide)) {
		memcpy(&wide, at, sizeof(wide));
		return wide;
	}
	memcpy(&narrow, at, sizeof(narrow));
	return narrow;
}

static void set_number(struct wave_rules *r, const struct number *n, uint64_t v)
{
	char *at = (char *)r + n->offset;
	unsigned narrow = v > UINT_MAX ? UINT_MAX : (unsigned)v;

	v = v > INT64_MAX ? INT64_MAX : v;
	if (n->size == sizeof(v))
		memcpy(at, &v, sizeof(v));
	else
		memcpy(at, &narrow, sizeof(narrow));
}

static void write_lists(const struct wave_rules *r, struct json *j)
{
	json_key(j, "freeze");
	json_open(j, '[');
	for (unsigned i = 0; i < r->freeze_n; i++) {
		json_open(j, '{');
		json_key(j, "from");
		json_int(j, r->freeze[i].from);
		json_key(j, "to");
		json_int(j, r->freeze[i].to);
		json_close(j, '}');
	}
	json_close(j, ']');
	json_key(j, "shared");
	json_open(j, '[');
	for (unsigned i = 0; i < r->shared_n; i++) {
		json_open(j, '{');
		json_key(j, "what");
		json_string(j, r->shared[i].what);
		json_key(j, "treatment");
		json_string(j, service_advice_word(r->shared[i].advice));
		json_close(j, '}');
	}
	json_close(j, ']');
}

void wave_rules_write(const struct wave_rules *r, struct buf *out)
{
	struct json j = json_to(out);

	json_open(&j, '{');
	json_key(&j, "version");
	json_uint(&j, VERSION);
	for (unsigned i = 0; i < NUMBERS_N; i++) {
		uint64_t v = get_number(r, &numbers[i]);

		if (!v)
			continue;
		json_key(&j, numbers[i].key);
		json_uint(&j, v);
	}
	write_lists(r, &j);
	json_close(&j, '}');
}

static bool read_uint(struct json_in *in, uint64_t *v)
{
	const char *p;
	size_t n;

	return json_peek(in) == JSON_NUMBER && json_read_number(in, &p, &n) &&
	       json_number_uint(p, n, v) == 0;
}

static bool skip(struct json_in *in)
{
	struct buf b = { 0 };
	struct json out = json_to(&b);
	bool good = json_copy(in, &out);

	buf_fini(&b);
	return good;
}

static bool read_string(struct json_in *in, struct buf *out)
{
	buf_reset(out);
	return json_peek(in) == JSON_STRING && json_read_string(in, out);
}

/* One object of a list: {"from","to"} or {"what","treatment"}. */
static bool read_item(struct json_in *in, struct wave_rules *r)
{
	struct buf key = { 0 }, what = { 0 }, word = { 0 };
	enum service_advice advice;
	uint64_t from = 0, to = 0;
	bool first = true, good = json_enter(in, '{');

	while (good && json_more(in, '}', &first)) {
		buf_reset(&key);
		good = json_read_key(in, &key);
		if (good && strcmp(buf_cstr(&key), "from") == 0)
			good = read_uint(in, &from);
		else if (good && strcmp(buf_cstr(&key), "to") == 0)
			good = read_uint(in, &to);
		else if (good && strcmp(buf_cstr(&key), "what") == 0)
			good = read_string(in, &what);
		else if (good && strcmp(buf_cstr(&key), "treatment") == 0)
			good = read_string(in, &word);
		else if (good)
			good = skip(in);
	}
	if (good && to && to <= INT64_MAX && from < to)
		wave_rules_freeze(r, (int64_t)from, (int64_t)to);
	if (good && what.n && wave_rules_advice(buf_cstr(&word), &advice))
		wave_rules_shared(r, buf_cstr(&what), advice);
	buf_fini(&key);
	buf_fini(&what);
	buf_fini(&word);
	return good && !in->why;
}

static bool read_list(struct json_in *in, struct wave_rules *r)
{
	bool first = true;

	if (!json_enter(in, '['))
		return false;
	while (json_more(in, ']', &first))
		if (!read_item(in, r))
			return false;
	return !in->why;
}

static bool read_member(struct json_in *in, const char *key, struct wave_rules *r,
			uint64_t *version)
{
	uint64_t v;

	if (strcmp(key, "version") == 0)
		return read_uint(in, version);
	if (strcmp(key, "freeze") == 0 || strcmp(key, "shared") == 0)
		return read_list(in, r);
	for (unsigned i = 0; i < NUMBERS_N; i++) {
		if (strcmp(key, numbers[i].key) != 0)
			continue;
		if (!read_uint(in, &v))
			return false;
		set_number(r, &numbers[i], v);
		return true;
	}
	return skip(in);
}

int wave_rules_read(const char *json, struct wave_rules *out, struct err *e)
{
	struct json_in in = json_from(json, strlen(json));
	struct buf key = { 0 };
	uint64_t version = 0;
	bool first = true, good = json_enter(&in, '{');

	memset(out, 0, sizeof(*out));
	while (good && json_more(&in, '}', &first)) {
		buf_reset(&key);
		good = json_read_key(&in, &key) &&
		       read_member(&in, buf_cstr(&key), out, &version);
	}
	buf_fini(&key);
	if (good && !in.why && json_at_end(&in) && version == VERSION)
		return 0;
	wave_rules_fini(out);
	if (version > VERSION)
		return err_set(
			e, -EINVAL,
			"the rules of waves are from a newer skein (skein waves --reset "
			"forgets them)");
	return err_set(e, -EINVAL,
		       "the rules of waves in the database are damaged (skein waves --reset "
		       "forgets them)");
}
