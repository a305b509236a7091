/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/ask.h"
#include "collector/http_guard.h"
#include "collector/http_head.h"
#include "collector/http_path.h"
#include "common/mem.h"
#include "tests/unit.h"

struct field {
	const char *name, *value;
};

/* The status of a request with these fields, up to one without a name. */
static int take(struct http_head *h, enum http_method method, const char *target,
		const struct field *f)
{
	static char text[HTTP_TARGET_MAX + 64];
	int status;

	snprintf(text, sizeof(text), "%s", target);
	status = http_head_target(h, method, text);
	for (; !status && f->name; f++)
		status = http_head_field(h, f->name, f->value);
	return status ? status : http_head_end(h);
}

START_TEST(a_head_is_read)
{
	const struct field fields[] = { { "Host", "localhost:7780" },
					{ "Authorization", "Bearer x" },
					{ "origin", "http://localhost:7780" },
					{ "If-None-Match", "\"1-a-2\"" },
					{ "Content-Length", "12" },
					{ 0 } };
	const struct field few[] = { { "Host", "a" }, { "via", "x" }, { 0 } };
	struct http_head h;

	ck_assert_int_eq(take(&h, HTTP_POST, "/api/v1/edits?a=b%20c", fields), 0);
	ck_assert_str_eq(h.path, "/api/v1/edits");
	ck_assert_str_eq(h.query, "a=b%20c");
	ck_assert_str_eq(h.host, "localhost:7780");
	ck_assert_str_eq(h.authorization, "Bearer x");
	ck_assert_str_eq(h.origin, "http://localhost:7780");
	ck_assert_str_eq(h.etag, "\"1-a-2\"");
	ck_assert(!h.forwarded);
	ck_assert_int_eq(take(&h, HTTP_GET, "/", few), 0);
	ck_assert(h.forwarded);
	ck_assert_str_eq(h.query, "");
	ck_assert_str_eq(h.authorization, "");
}
END_TEST

START_TEST(what_could_be_read_twice_is_refused)
{
	static const struct {
		struct field more[3];
		int status;
		enum http_method method;
	} rows[] = {
		{ { { 0 } }, 0, HTTP_HEAD },
		{ { { "Host", "a" } }, 400 },
		{ { { "host", "b" } }, 400 },
		{ { { "Content-Length", "1" }, { "Content-Length", "1" } }, 400 },
		{ { { "Content-Length", "0x1" } }, 400 },
		{ { { "Content-Length", "+1" } }, 400 },
		{ { { "Content-Length", "" } }, 400 },
		{ { { "Content-Length", "0" } }, 0, HTTP_HEAD },
		{ { { "Content-Length", "10" } }, 400, HTTP_HEAD },
		{ { { "Content-Length", "10" } }, 0, HTTP_POST },
		{ { { "Transfer-Encoding", "identity" } }, 501 },
		{ { { "Authorization", "a" }, { "Authorization", "b" } }, 400 },
		{ { { "Origin", "a" }, { "Origin", "b" } }, 400 },
		{ { { "Sec-Fetch-Site", "none" }, { "Sec-Fetch-Site", "none" } }, 400 },
		{ { { "If-None-Match", "a" }, { "If-None-Match", "b" } }, 400 },
		{ { { "A ", "a" } }, 400 },
		{ { { "", "a" } }, 400 },
		{ { { "A", "a\x01" } }, 400 },
		{ { { "A", "a\tb\xc3\xa4" } }, 0 },
	};
	struct field fields[4] = { { "Host", "a" } };
	struct http_head h;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		memcpy(fields + 1, rows[i].more, sizeof(rows[i].more));
		ck_assert_msg(take(&h, rows[i].method, "/", fields) == rows[i].status,
			      "row %zu", i);
	}
	ck_assert_int_eq(take(&h, HTTP_GET, "/", fields + 3), 400); /* no Host */
}
END_TEST

START_TEST(heads_have_bounds)
{
	static char target[HTTP_TARGET_MAX + 2];
	struct field fields[HTTP_FIELDS_MAX + 2] = { { "Host", "a" } };
	struct http_head h;

	for (int i = 1; i < HTTP_FIELDS_MAX; i++)
		fields[i] = (struct field){ "A", "a" };
	ck_assert_int_eq(take(&h, HTTP_GET, "/", fields), 0);
	fields[HTTP_FIELDS_MAX] = (struct field){ "A", "a" };
	ck_assert_int_eq(take(&h, HTTP_GET, "/", fields), 431);
	memset(target, '/', HTTP_TARGET_MAX);
	ck_assert_int_eq(http_head_target(&h, HTTP_GET, target), 0);
	target[HTTP_TARGET_MAX] = '/';
	ck_assert_int_eq(http_head_target(&h, HTTP_GET, target), 414);
}
END_TEST

START_TEST(targets_are_paths)
{
	static const char *const bad[] = { "",	    "a",    "*",     "http://a/", "/a#b",
					   "/a\\b", "/a b", "/\x7f", "/\t",	  "a:80" };
	struct http_head h;
	char text[32];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		strcpy(text, bad[i]);
		ck_assert_msg(http_head_target(&h, HTTP_GET, text) == 400, "%s", bad[i]);
	}
}
END_TEST

/* In one piece, and a byte at a time: the same is seen. */
static struct http_watch watched(const char *text, size_t n)
{
	struct http_watch whole = { 0 }, bytes = { 0 };

	http_watch(&whole, text, n);
	for (size_t i = 0; i < n; i++)
		http_watch(&bytes, text + i, 1);
	ck_assert_int_eq(whole.odd, bytes.odd);
	ck_assert_int_eq(whole.whole, bytes.whole);
	ck_assert_uint_eq(whole.lines, bytes.lines);
	return whole;
}

START_TEST(what_evhttp_would_mend_is_seen)
{
	static const struct {
		const char *text;
		bool odd;
	} rows[] = {
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", false },
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n \n\r\r", false }, /* a body */
		{ "GET / HTTP/1.1\nHost: a\r\n\r\n", true },
		{ "GET / HTTP/1.1\r\nHost: a\n\n", true },
		{ "GET / HTTP/1.1\r\nHost: a\r\n\n", true },
		{ "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", true },
		{ "GET / HTTP/1.1\r\n\tb: a\r\n\r\n", true },
		{ "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", true },
		{ "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", true },
	};
	const char nul[] = "GET / HTTP/1.1\r\nA: b\0c\r\n\r\n";

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct http_watch w = watched(rows[i].text, strlen(rows[i].text));

		ck_assert_msg(w.odd == rows[i].odd && w.whole, "row %zu", i);
	}
	ck_assert(watched(nul, sizeof(nul) - 1).odd);
	for (size_t n = 0; n < strlen(rows[0].text); n++)
		ck_assert(!watched(rows[0].text, n).whole && !watched(rows[0].text, n).odd);
}
END_TEST

START_TEST(a_head_without_end_is_seen)
{
	struct http_watch w = { 0 };

	for (int i = 0; i < HTTP_LINES_MAX; i++)
		http_watch(&w, "a:\r\n", 4);
	ck_assert(!http_watch_flood(&w));
	http_watch(&w, "\r\n", 2);
	ck_assert(w.whole && !http_watch_flood(&w));
	w = (struct http_watch){ 0 };
	for (int i = 0; i <= HTTP_LINES_MAX; i++)
		http_watch(&w, "a:\r\n", 4);
	ck_assert(http_watch_flood(&w));
}
END_TEST

START_TEST(paths_come_apart)
{
	static const char *const bad[] = {
		"//a", "/a//b", "/.",	"/a/..", "/%2e%2e",	      "/%00",
		"/%4", "/%gg",	"/%0a", "/%ff",	 "/1/2/3/4/5/6/7/8/9"
	};
	const char *part[HTTP_PARTS_MAX];
	char path[64];

	strcpy(path, "/machine/a%2Fb%20c");
	ck_assert_int_eq(http_parts(path, part), 2);
	ck_assert_str_eq(part[1], "a/b c");
	strcpy(path, "/");
	ck_assert_int_eq(http_parts(path, part), 0);
	strcpy(path, "/a/");
	ck_assert_int_eq(http_parts(path, part), 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		strcpy(path, bad[i]);
		ck_assert_msg(http_parts(path, part) == -1, "%s", bad[i]);
	}
}
END_TEST

START_TEST(queries_come_apart)
{
	char query[64] = "a=1&b=x+y%26&&c&d=";
	const char *name, *value;
	char *at = query;

	ck_assert_int_eq(http_parameter(&at, &name, &value), 1);
	ck_assert_str_eq(value, "1");
	ck_assert_int_eq(http_parameter(&at, &name, &value), 1);
	ck_assert_str_eq(name, "b");
	ck_assert_str_eq(value, "x y&");
	ck_assert_int_eq(http_parameter(&at, &name, &value), 1);
	ck_assert_str_eq(name, "c");
	ck_assert_str_eq(value, "");
	ck_assert_int_eq(http_parameter(&at, &name, &value), 1);
	ck_assert_int_eq(http_parameter(&at, &name, &value), 0);
	strcpy(query, "a=%f0%28");
	at = query;
	ck_assert_int_eq(http_parameter(&at, &name, &value), -1);
}
END_TEST

static int guard(const char *host, const char *origin, bool tls)
{
	struct http_guard g = { .tls = tls, .names = "map.example, two", .host = "box" };
	struct http_head h = { .host = host, .origin = origin, .fetch_site = "" };

	addr_parse("10.1.2.3", &g.local);
	return http_guard(&g, &h);
}

START_TEST(hosts_and_origins)
{
	struct http_guard g = { .loopback = true, .names = "", .host = "box" };
	struct http_head h = { .host = "localhost:1", .origin = "", .fetch_site = "" };

	ck_assert_int_eq(guard("10.1.2.3:7780", "", false), 0);
	ck_assert_int_eq(guard("BOX", "", false), 0);
	ck_assert_int_eq(guard("two", "", false), 0);
	ck_assert_int_eq(guard("map.example:1", "", false), 0);
	ck_assert_int_eq(guard("skein-collector", "", true), 0);
	ck_assert_int_eq(guard("localhost", "", false), 421); /* it came from elsewhere */
	ck_assert_int_eq(guard("map.exampl", "", false), 421);
	ck_assert_int_eq(guard("10.1.2.4", "", false), 421);
	ck_assert_int_eq(guard("", "", false), 421);
	ck_assert_int_eq(guard("[10.1.2.3", "", false), 421);
	ck_assert_int_eq(guard("box:123456", "", false), 421);
	ck_assert_int_eq(guard("box:1", "http://box:1", false), 0);
	ck_assert_int_eq(guard("box:1", "http://box:1", true), 403);
	ck_assert_int_eq(guard("box:1", "http://box", false), 403);
	ck_assert_int_eq(guard("box:1", "null", false), 403);
	addr_parse("::1", &g.local);
	ck_assert_int_eq(http_guard(&g, &h), 0);
	ck_assert(http_guard_open(&g, &h));
	h.forwarded = true;
	ck_assert(!http_guard_open(&g, &h));
	h.forwarded = false;
	h.host = "box";
	ck_assert(!http_guard_open(&g, &h));
	h.host = "[::1]:80";
	ck_assert(http_guard_open(&g, &h));
	g.loopback = false;
	ck_assert(!http_guard_open(&g, &h));
}
END_TEST

/* Every prefix of a packet is none, and what is whole comes back. */
START_TEST(packets_come_back)
{
	struct ask a = { .id = 7,
			 .method = HTTP_POST,
			 .open = true,
			 .path = "/x",
			 .query = "q",
			 .token = "t",
			 .etag = "e",
			 .peer = "::1",
			 .body = (const uint8_t *)"ab\0c",
			 .body_n = 4 };
	struct tell t = { .id = 9,
			  .status = 200,
			  .etag = "1-a",
			  .allow = "GET",
			  .retry_s = 3,
			  .length = 2,
			  .body = (const uint8_t *)"{}" };
	struct buf b = { 0 };
	struct ask ask;
	struct tell tell;

	ask_write(&a, &b);
	for (size_t n = 0; n < b.n; n++)
		ck_assert(!ask_read(b.p, n, &ask));
	ck_assert(ask_read(b.p, b.n, &ask));
	ck_assert_str_eq(ask.peer, "::1");
	ck_assert_mem_eq(ask.body, "ab\0c", 4);
	buf_reset(&b);
	tell_write(&t, &b);
	for (size_t n = 0; n < b.n; n++)
		ck_assert(!tell_read(b.p, n, &tell));
	ck_assert(tell_read(b.p, b.n, &tell));
	ck_assert_mem_eq(tell.body, "{}", 2);
	ck_assert_uint_eq(tell.retry_s, 3);
	buf_fini(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("http");

	tcase_add_test(t, a_head_is_read);
	tcase_add_test(t, what_could_be_read_twice_is_refused);
	tcase_add_test(t, heads_have_bounds);
	tcase_add_test(t, targets_are_paths);
	tcase_add_test(t, what_evhttp_would_mend_is_seen);
	tcase_add_test(t, a_head_without_end_is_seen);
	tcase_add_test(t, paths_come_apart);
	tcase_add_test(t, queries_come_apart);
	tcase_add_test(t, hosts_and_origins);
	tcase_add_test(t, packets_come_back);
	return unit_run("http", t);
}
