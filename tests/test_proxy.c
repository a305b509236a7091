/* SPDX-License-Identifier: Apache-2.0 */
#include "common/proxy.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "tests/unit.h"

START_TEST(what_names_a_proxy)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
		const char *login;
	} cases[] = {
		{ "proxy:3128", "proxy", 3128, "" },
		{ "http://proxy:3128", "proxy", 3128, "" },
		{ "http://proxy:3128/", "proxy", 3128, "" },
		{ "[fd00::1]:8080", "fd00::1", 8080, "" },
		{ "http://u:p@10.0.0.1:80", "10.0.0.1", 80, "u:p" },
		{ "http://u@10.0.0.1:80", "10.0.0.1", 80, "u:" },
		{ "http://u:p%40x%3Ay%25@h:1/", "h", 1, "u:p@x:y%" },
		{ "u:a@b@h:1", "h", 1, "u:a@b" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct proxy p = { .login = "old:one" };

		ck_assert_msg(proxy_parse(cases[i].text, &p) == 0, "%s", cases[i].text);
		ck_assert_str_eq(p.host, cases[i].host);
		ck_assert_uint_eq(p.port, cases[i].port);
		ck_assert_str_eq(p.login, cases[i].login);
	}
}
END_TEST

START_TEST(what_names_none)
{
	static const char *const cases[] = {
		"",
		"proxy",
		":3128",
		"proxy:0",
		"proxy:65536",
		"proxy:x",
		"https://proxy:3128",
		"socks5://proxy:1080",
		"http://proxy:3128/path",
		"http://proxy",
		"pro xy:1",
		"proxy\r\nX: y:1",
		"u:%zz@h:1",
		"u:%4@h:1",
		"u:%00@h:1",
		"u:%0d%0aX@h:1",
		"fd00::1:3128",
	};
	char longest[800];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct proxy p = { .host = "kept", .port = 7, .login = "a:b" };

		ck_assert_msg(proxy_parse(cases[i], &p) == -EINVAL, "%s", cases[i]);
		ck_assert(!strcmp(p.host, "kept") && p.port == 7 && !strcmp(p.login, "a:b"));
	}
	for (size_t n = 1; n < sizeof(longest) - 8;
	     n++) { /* a host, and a login, of each length */
		struct proxy p;

		memset(longest, 'h', n);
		strcpy(longest + n, ":1");
		ck_assert_int_eq(proxy_parse(longest, &p), n < 256 ? 0 : -EINVAL);
		strcpy(longest + n, "@h:1");
		ck_assert_int_eq(proxy_parse(longest, &p), n < 255 ? 0 : -EINVAL);
	}
}
END_TEST

START_TEST(a_login_comes_from_the_first_line_of_a_file)
{
	static const struct {
		const char *text;
		const char *login; /* NULL: refused */
	} cases[] = {
		{ "user:secret\n", "user:secret" },
		{ "user:secret", "user:secret" },
		{ "user:\r\nmore", "user:" },
		{ "", NULL },
		{ "user\n", NULL },
		{ "\nuser:secret\n", NULL },
		{ "user:\x01\n", NULL },
	};
	char path[] = "/tmp/skein-proxy-XXXXXX";
	int fd = mkstemp(path);

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct proxy p = { .host = "h" };
		struct err e = { 0 };
		ssize_t n = (ssize_t)strlen(cases[i].text);
		int rc;

		ck_assert_int_eq(ftruncate(fd, 0), 0);
		ck_assert_int_eq(pwrite(fd, cases[i].text, (size_t)n, 0), n);
		rc = proxy_read_login(&p, path, &e);
		ck_assert_int_eq(rc, cases[i].login ? 0 : -EINVAL);
		ck_assert_str_eq(p.login, cases[i].login ? cases[i].login : "");
		ck_assert_ptr_null(strstr(e.msg, "secret"));
	}
	close(fd);
	unlink(path);
}
END_TEST

static const char *request(const struct proxy *p, const char *host, uint16_t port)
{
	static struct buf b;

	buf_reset(&b);
	proxy_request(&b, p, host, port);
	return buf_cstr(&b);
}

START_TEST(the_request_is_what_a_proxy_expects)
{
	struct proxy p = { .host = "proxy", .port = 3128 };
	char want[512];

	ck_assert_str_eq(
		request(&p, "map.example", 7700),
		"CONNECT map.example:7700 HTTP/1.1\r\nHost: map.example:7700\r\n\r\n");
	ck_assert_str_eq(request(&p, "fd00::1", 7700),
			 "CONNECT [fd00::1]:7700 HTTP/1.1\r\nHost: [fd00::1]:7700\r\n\r\n");
	/* RFC 7617 section 2 */
	ck_assert_int_eq(proxy_set_login(&p, "Aladdin:open sesame"), 0);
	snprintf(want, sizeof(want), "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n%s\r\n\r\n",
		 "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
	ck_assert_str_eq(request(&p, "h", 1), want);
	memset(p.login, 'x', sizeof(p.login) - 1); /* the longest fits its room */
	ck_assert_uint_eq(strlen(request(&p, "h", 1)), 35 + 29 + 340);
}
END_TEST

#define H "HTTP/1.1 "

START_TEST(answers)
{
	static const struct {
		const char *text;
		int want; /* -1: all of it */
		unsigned status;
		const char *reason;
	} cases[] = {
		{ H "200 Connection established\r\n\r\n", -1, 200, "Connection established" },
		{ "HTTP/1.0 200 OK\r\nVia: x\r\n\r\n", -1, 200, "OK" },
		{ H "200\r\n\r\n", -1, 200, "" },
		{ H "200 \n\n", -1, 200, "" },
		{ H "407 Proxy Authentication Required\r\nA: b\r\n\r\n", -1, 407,
		  "Proxy Authentication Required" },
		{ H "200 OK\r\n\r\nmore", 19, 200, "OK" },
		{ H "503 \x1b[31m<b>\xff\r\n\r\n", -1, 503, "?[31m<b>?" },
		{ H "200 OK\r\n", 0, 0, NULL },
		{ H "20", 0, 0, NULL },
		{ "H", 0, 0, NULL },
		{ "", 0, 0, NULL },
		{ "\x15\x03\x03", -EPROTO, 0, NULL }, /* TLS */
		{ "SSH-2.0-OpenSSH_9.2\r\n", -EPROTO, 0, NULL },
		{ "HTTP/2.0 200 OK\r\n\r\n", -EPROTO, 0, NULL },
		{ H "2000 OK\r\n\r\n", -EPROTO, 0, NULL },
		{ H "099 OK\r\n\r\n", -EPROTO, 0, NULL },
		{ H "600 OK\r\n\r\n", -EPROTO, 0, NULL },
		{ H "-20 OK\r\n\r\n", -EPROTO, 0, NULL },
		{ "\r\n\r\n", -EPROTO, 0, NULL },
		{ "HTTP\n\n", -EPROTO, 0, NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t n = strlen(cases[i].text);
		struct proxy_answer a;
		int rc = proxy_answer(cases[i].text, n, &a);

		ck_assert_msg(rc == (cases[i].want == -1 ? (int)n : cases[i].want), "%zu: %d",
			      i, rc);
		if (rc <= 0)
			continue;
		ck_assert_uint_eq(a.status, cases[i].status);
		ck_assert_str_eq(a.reason, cases[i].reason);
	}
}
END_TEST

/* However it comes: never a length before the end, and never another answer. */
START_TEST(an_answer_cut_anywhere_is_waited_for)
{
	static const char text[] = H "200 OK\r\nServer: x\r\nX-Long: yyyyyyy\r\n\r\n";
	struct proxy_answer a;

	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		char *copy = xmalloc(n);

		memcpy(copy, text, n);
		ck_assert_int_eq(proxy_answer(copy, n, &a), 0);
		free(copy);
	}
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		for (int v = 1; v < 256; v++) {
			char *copy = xmalloc(sizeof(text) - 1);

			memcpy(copy, text, sizeof(text) - 1);
			copy[i] ^= (char)v;
			ck_assert_int_le(proxy_answer(copy, sizeof(text) - 1, &a),
					 (int)sizeof(text) - 1);
			free(copy);
		}
	}
}
END_TEST

START_TEST(an_answer_has_a_longest)
{
	static char text[PROXY_ANSWER_MAX + 64] = H "200 OK\r\n";
	struct proxy_answer a;

	memset(text + strlen(text), 'x', sizeof(text) - strlen(text) - 1);
	ck_assert_int_eq(proxy_answer(text, PROXY_ANSWER_MAX - 1, &a), 0);
	ck_assert_int_eq(proxy_answer(text, PROXY_ANSWER_MAX, &a), -EFBIG);
	memcpy(text + PROXY_ANSWER_MAX - 4, "\r\n\r\n", 4);
	ck_assert_int_eq(proxy_answer(text, PROXY_ANSWER_MAX, &a), PROXY_ANSWER_MAX);
	memcpy(text + PROXY_ANSWER_MAX - 4, "xx\r\n\r\n", 6); /* two bytes too late */
	ck_assert_int_eq(proxy_answer(text, PROXY_ANSWER_MAX + 2, &a), -EFBIG);
}
END_TEST

START_TEST(refusals_say_what_to_do_and_no_password)
{
	static const struct {
		unsigned status;
		bool login;
		int code;
		const char *words;
	} cases[] = {
		{ 407, false, -EHOSTUNREACH, "--proxy-login" },
		{ 407, true, -EHOSTUNREACH, "does not accept our user and password" },
		{ 403, false, -EHOSTUNREACH, "let it CONNECT to map:7700" },
		{ 405, true, -EHOSTUNREACH, "let it CONNECT to map:7700" },
		{ 502, false, -EHOSTUNREACH, "cannot reach map:7700 (502 words)" },
		{ 504, false, -EHOSTUNREACH, "cannot reach map:7700" },
		{ 400, false, -EPROTO, "does not CONNECT (400 words)" },
		{ 301, true, -EPROTO, "is it an HTTP proxy?" },
		{ 100, false, -EPROTO, "is it an HTTP proxy?" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct proxy p = { .host = "proxy", .port = 3128 };
		struct proxy_answer a = { cases[i].status, "words" };
		struct err e;

		if (cases[i].login)
			proxy_set_login(&p, "user:secret");
		ck_assert_int_eq(proxy_refusal(&p, "map", 7700, &a, &e), cases[i].code);
		ck_assert_ptr_eq(strstr(e.msg, "the proxy proxy:3128"), e.msg);
		ck_assert_msg(strstr(e.msg, cases[i].words) != NULL, "%s", e.msg);
		ck_assert_ptr_null(strstr(e.msg, "secret"));
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, what_names_a_proxy);
	tcase_add_test(t, what_names_none);
	tcase_add_test(t, a_login_comes_from_the_first_line_of_a_file);
	tcase_add_test(t, the_request_is_what_a_proxy_expects);
	tcase_add_test(t, answers);
	tcase_add_test(t, an_answer_cut_anywhere_is_waited_for);
	tcase_add_test(t, an_answer_has_a_longest);
	tcase_add_test(t, refusals_say_what_to_do_and_no_password);
	return unit_run("proxy", t);
}
