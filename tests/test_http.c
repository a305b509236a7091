/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/ask.h"
#include "collector/http_guard.h"
#include "collector/http_parse.h"
#include "common/mem.h"
#include "tests/unit.h"

static char text[HTTP_HEAD_MAX + 64];

/* The status of one whole request, and what was read of it. */
static int parse(const char *request, struct http_head *h)
{
	int n;

	snprintf(text, sizeof(text), "%s", request);
	n = http_head_length(text, strlen(text));
	if (n < 0)
		return -n;
	ck_assert_int_eq(n, (int)strlen(request));
	return http_head_parse(text, (size_t)n, h);
}

START_TEST(a_request_is_read)
{
	struct http_head h;

	ck_assert_int_eq(
		parse("POST /api/v1/edits?a=b%20c HTTP/1.1\r\nHost: localhost:7780\r\n"
		      "Authorization: Bearer x\r\nOrigin: http://localhost:7780\r\n"
		      "content-length:  12 \r\nIf-None-Match: \"1-a-2\"\r\n"
		      "Expect: 100-continue\r\nConnection: Keep-Alive, Close\r\n\r\n",
		      &h),
		0);
	ck_assert_int_eq(h.method, HTTP_POST);
	ck_assert_str_eq(h.path, "/api/v1/edits");
	ck_assert_str_eq(h.query, "a=b%20c");
	ck_assert_str_eq(h.host, "localhost:7780");
	ck_assert_str_eq(h.authorization, "Bearer x");
	ck_assert_str_eq(h.etag, "\"1-a-2\"");
	ck_assert_uint_eq(h.body, 12);
	ck_assert(h.expects && !h.keep && !h.forwarded);
	ck_assert_int_eq(parse("GET / HTTP/1.0\r\nHost: a\r\nvia: x\r\n\r\n", &h), 0);
	ck_assert(!h.keep && h.forwarded);
	ck_assert_str_eq(h.authorization, "");
}
END_TEST

START_TEST(what_could_be_read_twice_is_refused)
{
	static const struct {
		const char *request;
		int status;
	} rows[] = {
		{ "GET / HTTP/1.1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
		  400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 131073\r\n\r\n", 413 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
		  413 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 501 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n",
		  400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nOrigin: a\r\nOrigin: b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\nHost: a\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400 },
		{ "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 505 },
		{ "GET / HTTP/3\r\nHost: a\r\n\r\n", 505 },
		{ "GET / http/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	};
	struct http_head h;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		ck_assert_msg(parse(rows[i].request, &h) == rows[i].status, "row %zu: %d", i,
			      parse(rows[i].request, &h));
}
END_TEST

START_TEST(every_beginning_waits)
{
	const char *request = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

	for (size_t n = 0; n < strlen(request); n++)
		ck_assert_int_eq(http_head_length(request, n), 0);
	memset(text, 'a', sizeof(text));
	ck_assert_int_eq(http_head_length(text, HTTP_HEAD_MAX), -431);
	ck_assert_int_eq(http_head_length("GET / HTTP/1.1\n", 15), -400);
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

	tcase_add_test(t, a_request_is_read);
	tcase_add_test(t, what_could_be_read_twice_is_refused);
	tcase_add_test(t, every_beginning_waits);
	tcase_add_test(t, paths_come_apart);
	tcase_add_test(t, queries_come_apart);
	tcase_add_test(t, hosts_and_origins);
	tcase_add_test(t, packets_come_back);
	return unit_run("http", t);
}
