/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an answer. */
#include <stdio.h>
#include <event2/http.h>

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

static const char *const always[][2] = {
	{ "Cache-Control", "no-store" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'" },
	{ "X-Frame-Options", "DENY" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
};

static void put_number(struct evkeyvalq *out, const char *name, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	evhttp_add_header(out, name, text);
}

static void put_etag(struct evkeyvalq *out, const char *etag)
{
	char text[160];

	snprintf(text, sizeof(text), "\"%s\"", etag);
	evhttp_add_header(out, "ETag", text);
}

void http_answer_head(struct evkeyvalq *out, const struct tell *t, bool keep)
{
	if (t->status != 304) {
		evhttp_add_header(out, "Content-Type", types[t->type]);
		put_number(out, "Content-Length", t->length);
	}
	if (*t->etag)
		put_etag(out, t->etag);
	if (*t->allow)
		evhttp_add_header(out, "Allow", t->allow);
	if (t->retry_s)
		put_number(out, "Retry-After", t->retry_s);
	if (t->status == 401)
		evhttp_add_header(out, "WWW-Authenticate", "Bearer realm=\"skein\"");
	for (size_t i = 0; i < sizeof(always) / sizeof(*always); i++)
		evhttp_add_header(out, always[i][0], always[i][1]);
	if (!keep)
		evhttp_add_header(out, "Connection", "close");
}
