/* SPDX-License-Identifier: Apache-2.0 */
#include "common/check.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/exits.h"
#include "common/json.h"
#include "common/utf8.h"
#include "common/version.h"

enum { NAME_COLUMNS = 12 };

static const struct {
	const char *word, *color;
} look[] = {
	[CHECK_OK] = { "ok", "\033[32m" },
	[CHECK_WARN] = { "warn", "\033[33m" },
	[CHECK_FAIL] = { "FAIL", "\033[31m" },
};

static const char *const json_word[] = { "ok", "warn", "fail" };

void check_found(struct check *c, enum check_status status, const char *name, const char *fmt,
		 ...)
{
	va_list ap;

	c->status = status;
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->mend[0] = 0;
	va_start(ap, fmt);
	vsnprintf(c->found, sizeof(c->found), fmt, ap);
	va_end(ap);
}

void check_mend(struct check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->mend, sizeof(c->mend), fmt, ap);
	va_end(ap);
}

void check_also(struct check *c, enum check_status status, const char *fmt, ...)
{
	size_t n = strlen(c->found);
	va_list ap;

	n += (size_t)snprintf(c->found + n, sizeof(c->found) - n, "%s", n ? "; " : "");
	if (n >= sizeof(c->found))
		n = sizeof(c->found) - 1;
	va_start(ap, fmt);
	vsnprintf(c->found + n, sizeof(c->found) - n, fmt, ap);
	va_end(ap);
	if (status > c->status)
		c->status = status;
}

static bool wants_color(FILE *out)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fileno(out)) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

struct check_report check_begin(FILE *out, bool json)
{
	return (struct check_report){ .out = out,
				      .json = json,
				      .color = !json && wants_color(out) };
}

static void write_line(struct buf *out, const struct check_report *r, const struct check *c)
{
	size_t at;

	buf_printf(out, "%s%-4s%s  ", r->color ? look[c->status].color : "",
		   look[c->status].word, r->color ? "\033[0m" : "");
	at = out->n;
	utf8_show(out, c->name, strlen(c->name));
	buf_printf(out, "%*s  ",
		   out->n - at < NAME_COLUMNS ? (int)(NAME_COLUMNS - (out->n - at)) : 0, "");
	utf8_show(out, c->found, strlen(c->found));
	if (*c->mend) {
		buf_printf(out, "\n      ");
		utf8_show(out, c->mend, strlen(c->mend));
	}
	buf_printf(out, "\n");
}

static void write_object(struct buf *out, const struct check *c)
{
	struct json j = json_to(out);

	json_open(&j, '{');
	json_member_string(&j, "type", "check");
	json_member_uint(&j, "version", JSON_VERSION);
	json_member_string(&j, "name", c->name);
	json_member_string(&j, "status", json_word[c->status]);
	json_member_string(&j, "found", c->found);
	json_member_string(&j, "mend", c->mend);
	json_close(&j, '}');
}

void check_write(struct buf *out, const struct check_report *r, const struct check *c,
		 bool last)
{
	if (!r->json) {
		write_line(out, r, c);
		return;
	}
	buf_printf(out, "%s", r->n ? ",\n" : "[\n");
	write_object(out, c);
	if (last)
		buf_printf(out, "\n]\n");
}

void check_say(struct check_report *r, const struct check *c)
{
	struct buf text = { 0 };

	check_write(&text, r, c, false);
	fwrite(text.p, 1, text.n, r->out);
	fflush(r->out);
	buf_fini(&text);
	r->n++;
	if (c->status > r->worst)
		r->worst = c->status;
}

int check_end(struct check_report *r)
{
	if (r->json)
		fputs(r->n ? "\n]\n" : "[]\n", r->out);
	fflush(r->out);
	return r->worst == CHECK_FAIL ? EXITS_NONE : EXITS_OK;
}
