/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an answer. */
#include <time.h>

#include "collector/http_priv.h"

void http_answer_count(struct stats *s, int status)
{
	s->http_answers_2xx += status < 300;
	s->http_answers_304 += status == 304;
	s->http_answers_401 += status == 401;
	s->http_answers_403 += status == 403 || status == 421;
	s->http_answers_404 += status == 404;
	s->http_answers_429 += status == 429;
	s->http_answers_4xx += status >= 400 && status < 500;
	s->http_answers_503 += status == 503;
	s->http_answers_5xx += status >= 500;
}

static const char *const types[TELL_TYPES] = {
	[TELL_JSON] = "application/json",
	[TELL_METRICS] = "text/plain; version=0.0.4; charset=utf-8",
	[TELL_DATABASE] = "application/vnd.sqlite3",
};

static void put_fields(struct buf *b, const struct tell *t)
{
	char date[64];
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	buf_printf(b, "Date: %s\r\n", date);
	if (t->status != 304)
		buf_printf(b, "Content-Type: %s\r\nContent-Length: %llu\r\n", types[t->type],
			   (unsigned long long)t->length);
	if (*t->etag)
		buf_printf(b, "ETag: \"%s\"\r\n", t->etag);
	if (*t->allow)
		buf_printf(b, "Allow: %s\r\n", t->allow);
	if (t->retry_s)
		buf_printf(b, "Retry-After: %u\r\n", t->retry_s);
	if (t->status == 401)
		buf_str(b, "WWW-Authenticate: Bearer realm=\"skein\"\r\n");
	buf_str(b, "Cache-Control: no-store\r\n"
		   "X-Content-Type-Options: nosniff\r\n"
		   "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
		   "X-Frame-Options: DENY\r\n"
		   "Referrer-Policy: no-referrer\r\n"
		   "Cross-Origin-Resource-Policy: same-origin\r\n");
}

void http_answer_head(struct buf *b, const struct tell *t, bool keep)
{
	buf_printf(b, "HTTP/1.1 %d %s\r\n", t->status, http_reason(t->status));
	put_fields(b, t);
	buf_printf(b, "Connection: %s\r\n\r\n", keep ? "keep-alive" : "close");
}
