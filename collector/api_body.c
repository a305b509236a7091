/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/api_body.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

static bool read_value(struct json_in *in, int kind, struct buf *out)
{
	static const char *const words[] = { "null", "false", "true" };
	const char *p;
	size_t n;

	switch (kind) {
	case JSON_STRING:
		return json_read_string(in, out);
	case JSON_NUMBER:
		if (!json_read_number(in, &p, &n))
			return false;
		buf_put(out, p, n);
		return true;
	case JSON_NULL:
	case JSON_FALSE:
	case JSON_TRUE:
		buf_str(out, words[kind]);
		return json_read_word(in);
	}
	return false;
}

static bool read_member(struct body *b, struct json_in *in, body_nested_fn *nested, void *ctx)
{
	struct buf key = { 0 }, text = { 0 };
	bool good = json_read_key(in, &key);
	int kind = good ? json_peek(in) : -1;

	if (kind == JSON_ARRAY || kind == JSON_OBJECT) {
		good = nested && nested(buf_cstr(&key), in, ctx);
	} else if (good && b->n < BODY_FIELDS && read_value(in, kind, &text)) {
		b->field[b->n].kind = (enum json_kind)kind;
		b->field[b->n].key = xstrdup(buf_cstr(&key));
		b->field[b->n++].text = xstrdup(buf_cstr(&text));
	} else {
		good = false;
	}
	buf_fini(&key);
	buf_fini(&text);
	return good;
}

bool body_read(struct body *b, struct json_in *in, body_nested_fn *nested, void *ctx)
{
	bool first = true;

	*b = (struct body){ .n = 0 };
	if (json_peek(in) != JSON_OBJECT || !json_enter(in, '{'))
		return false;
	while (json_more(in, '}', &first))
		if (!read_member(b, in, nested, ctx))
			return false;
	return !in->why;
}

void body_free(struct body *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		free(b->field[i].key);
		free(b->field[i].text);
	}
	b->n = 0;
}

static int find(const struct body *b, const char *key)
{
	for (unsigned i = 0; i < b->n; i++)
		if (strcmp(b->field[i].key, key) == 0 && b->field[i].kind != JSON_NULL)
			return (int)i;
	return -1;
}

bool body_has(const struct body *b, const char *key)
{
	return find(b, key) >= 0;
}

const char *body_text(const struct body *b, const char *key)
{
	int i = find(b, key);

	return i >= 0 && b->field[i].kind == JSON_STRING ? b->field[i].text : "";
}

bool body_flag(const struct body *b, const char *key)
{
	int i = find(b, key);

	return i >= 0 && b->field[i].kind == JSON_TRUE;
}

bool body_number(const struct body *b, const char *key, uint64_t max, uint64_t *out)
{
	int i = find(b, key);
	uint64_t v;

	if (i < 0)
		return true;
	if (b->field[i].kind != JSON_NUMBER ||
	    json_number_uint(b->field[i].text, strlen(b->field[i].text), &v) < 0 || v > max)
		return false;
	*out = v;
	return true;
}
