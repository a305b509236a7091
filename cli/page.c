/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/page.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "common/utf8.h"

struct line {
	FILE *out;
	unsigned indent, hang, at;
	bool first;
};

static void begin(struct line *l)
{
	l->at = l->indent + (l->first ? 0 : l->hang);
	l->first = false;
	fprintf(l->out, "%*s", (int)l->at, "");
}

static unsigned width(const char *p, size_t n)
{
	unsigned columns = 0;

	while (n) {
		uint32_t cp;
		size_t used = utf8_next(p, n, &cp);

		columns += used ? utf8_width(cp) : 1;
		used = used ? used : 1;
		p += used;
		n -= used;
	}
	return columns;
}

/* A word that no line holds is broken wherever it comes to the edge. */
static void put_long(struct line *l, const char *p, size_t n)
{
	while (n) {
		uint32_t cp;
		size_t used = utf8_next(p, n, &cp);
		unsigned wide = used ? utf8_width(cp) : 1;

		used = used ? used : 1;
		if (l->at + wide > PAGE_WIDTH) {
			fputc('\n', l->out);
			begin(l);
		}
		fwrite(p, 1, used, l->out);
		l->at += wide;
		p += used;
		n -= used;
	}
}

/* GAP spaces and a word, on this line or the next. */
static void put_word(struct line *l, unsigned gap, const char *p, size_t n)
{
	unsigned wide = width(p, n);

	if (l->at + gap + wide > PAGE_WIDTH && gap && l->at > l->indent + l->hang) {
		fputc('\n', l->out);
		begin(l);
		gap = 0;
	}
	fprintf(l->out, "%*s", (int)gap, "");
	l->at += gap;
	put_long(l, p, n);
}

void page_say(FILE *out, unsigned indent, unsigned hang, const char *fmt, ...)
{
	struct line l = { .out = out, .indent = indent, .hang = hang, .first = true };
	struct buf words = { 0 };
	const char *p;
	va_list ap;
	char *raw;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&raw, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	utf8_show(&words, raw, (size_t)n);
	free(raw);
	begin(&l);
	for (p = buf_cstr(&words); *p;) {
		size_t gap = strspn(p, " "), len = strcspn(p + gap, " ");

		if (len)
			put_word(&l, (unsigned)gap, p + gap, len);
		p += gap + len;
	}
	fputc('\n', out);
	buf_fini(&words);
}

const char *page_share(double share, char *out)
{
	double v = share * 100;

	if (v > 0 && v < 0.1)
		snprintf(out, PAGE_SHARE, "<0.1 %%");
	else if (v < 10 || (v > 99 && v < 100))
		snprintf(out, PAGE_SHARE, "%.1f %%", v > 99 ? floor(v * 10) / 10 : v);
	else
		snprintf(out, PAGE_SHARE, "%.0f %%", v);
	return out;
}

const char *page_real(double v, char *out)
{
	if (fabs(v) >= 100)
		snprintf(out, PAGE_REAL, "%.0f", v);
	else
		snprintf(out, PAGE_REAL, "%.3g", v);
	return out;
}
