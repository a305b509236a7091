/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/card.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/json.h"
#include "common/text.h"
#include "common/utf8.h"

enum { KEY_WIDTH = 24 };

static void put_bytes(struct buf *out, uint64_t v)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	double d = (double)v;
	unsigned u = 0;

	while (d >= 1024 && u < 5) {
		d /= 1024;
		u++;
	}
	buf_printf(out, u && d < 100 ? "%.1f %s" : "%.0f %s", d, units[u]);
}

/* A mean or maximum in the units of its metric (common/fact.h, enum usage_metric). */
static void put_amount(struct buf *out, const char *metric, uint64_t v)
{
	if (strcmp(metric, "cpu") == 0)
		buf_printf(out, "%.1f %%", (double)v / 10);
	else if (text_ends(metric, "_ops"))
		buf_printf(out, "%.1f/s", (double)v / 1000);
	else
		put_bytes(out, v);
	if (text_ends(metric, "_bytes"))
		buf_str(out, "/s");
}

static void put_time(struct buf *out, uint64_t v)
{
	time_t t = (time_t)v;
	struct tm tm;
	char text[32];

	if (gmtime_r(&t, &tm) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm))
		buf_str(out, text);
}

static bool is_time(const char *key)
{
	return strcmp(key, "first") == 0 || strcmp(key, "last") == 0 ||
	       strcmp(key, "boot_time") == 0 || strcmp(key, "worst_hour") == 0;
}

static bool is_amount(const char *key)
{
	return strcmp(key, "mean") == 0 || strcmp(key, "p95") == 0 || strcmp(key, "max") == 0;
}

/* METRIC: that of the object around it, or "". */
static void put_number(struct buf *out, const char *key, const char *metric,
		       struct json_in *in)
{
	const char *p;
	uint64_t v;
	size_t n;

	if (!json_read_number(in, &p, &n))
		return;
	if (json_number_uint(p, n, &v))
		buf_put(out, p, n);
	else if (*metric && is_amount(key))
		put_amount(out, metric, v);
	else if (is_time(key))
		put_time(out, v);
	else if (text_ends(key, "_bytes"))
		put_bytes(out, v);
	else
		buf_put(out, p, n);
}

static void put_clean(struct buf *out, struct buf *text)
{
	utf8_show(out, buf_cstr(text), text->n);
}

static void put_text(struct buf *out, struct json_in *in)
{
	struct buf text = { 0 };

	json_read_string(in, &text);
	put_clean(out, &text);
	buf_fini(&text);
}

static void put_value(struct buf *out, const char *key, const char *metric, struct json_in *in,
		      unsigned depth);

/* "name vda, size 256 GiB" on one line. */
static void put_members(struct buf *out, struct json_in *in, unsigned depth)
{
	struct buf key = { 0 };
	char metric[32] = "";
	bool first = true, any = false;

	if (!json_enter(in, '{'))
		return;
	while (json_more(in, '}', &first) && (buf_reset(&key), json_read_key(in, &key))) {
		buf_str(out, any ? ", " : "");
		size_t at;

		put_clean(out, &key);
		buf_str(out, " ");
		at = out->n;
		put_value(out, buf_cstr(&key), metric, in, depth + 1);
		if (strcmp(buf_cstr(&key), "metric") == 0)
			snprintf(metric, sizeof(metric), "%s", buf_cstr(out) + at);
		any = true;
	}
	buf_fini(&key);
}

static void put_elements(struct buf *out, const char *key, struct json_in *in, unsigned depth)
{
	bool first = true, any = false;

	if (!json_enter(in, '['))
		return;
	while (json_more(in, ']', &first)) {
		if (any && depth == 0 && json_peek(in) == JSON_OBJECT)
			buf_printf(out, "\n%-*s", KEY_WIDTH, "");
		else
			buf_str(out, any ? " " : "");
		put_value(out, key, "", in, depth + 1);
		any = true;
	}
}

static void put_value(struct buf *out, const char *key, const char *metric, struct json_in *in,
		      unsigned depth)
{
	switch (json_peek(in)) {
	case JSON_STRING:
		put_text(out, in);
		break;
	case JSON_NUMBER:
		put_number(out, key, metric, in);
		break;
	case JSON_OBJECT:
		put_members(out, in, depth);
		break;
	case JSON_ARRAY:
		put_elements(out, key, in, depth);
		break;
	case JSON_TRUE:
		buf_str(out, "yes");
		json_read_word(in);
		break;
	case JSON_FALSE:
		buf_str(out, "no");
		json_read_word(in);
		break;
	case JSON_NULL:
		buf_str(out, "-");
		json_read_word(in);
		break;
	}
}

void card_write(struct buf *out, const char *p, size_t n)
{
	struct json_in in = json_from(p, n);
	struct buf key = { 0 };
	bool first = true;

	if (!json_enter(&in, '{'))
		return;
	while (json_more(&in, '}', &first) && (buf_reset(&key), json_read_key(&in, &key))) {
		bool hidden = strcmp(buf_cstr(&key), "type") == 0 ||
			      strcmp(buf_cstr(&key), "version") == 0;
		size_t at = out->n;

		put_clean(out, &key);
		buf_printf(out, "%*s", key.n < KEY_WIDTH ? (int)(KEY_WIDTH - key.n) : 1, "");
		put_value(out, buf_cstr(&key), "", &in, 0);
		buf_str(out, "\n");
		if (hidden)
			out->n = at;
	}
	buf_fini(&key);
}
