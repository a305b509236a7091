/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/sniff.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/hellokit.h"
#include "tests/unit.h"

static char name[SNIFF_NAME + 1];

typedef enum sniffed sniffer(const uint8_t *p, size_t n, char *out);

/* From a block of exactly N bytes, so that the sanitizer sees a step beyond. */
static enum sniffed exactly(sniffer *fn, const void *p, size_t n)
{
	uint8_t *copy = malloc(n + !n);
	enum sniffed s;

	if (n)
		memcpy(copy, p, n);
	name[0] = 0;
	s = fn(copy, n, name);
	free(copy);
	return s;
}

static enum sniffed tls(const struct bytes *b)
{
	return exactly(sniff_tls, b->b, b->n);
}

static enum sniffed http(const char *s)
{
	return exactly(sniff_http, s, strlen(s));
}

static void check_letters(void)
{
	ck_assert_uint_gt(strlen(name), 0);
	ck_assert_uint_eq(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-._:[]"),
			  strlen(name));
}

START_TEST(a_client_hello_has_its_name)
{
	static const size_t each[] = { 16384, 1000, 100, 7, 4, 3 };

	for (int late = 0; late < 2; late++)
		for (size_t i = 0; i < sizeof(each) / sizeof(*each); i++) {
			struct bytes b = client_hello("Shop.Example.COM", late, each[i]);

			ck_assert_int_eq(tls(&b), SNIFF_FOUND);
			ck_assert_str_eq(name, "shop.example.com");
		}
}
END_TEST

/* Whatever is missing at its end, there is the whole name, or none yet. */
START_TEST(a_truncated_hello_waits)
{
	for (int late = 0; late < 2; late++) {
		struct bytes b = client_hello("shop.example.com", late, late ? 500 : 16384);
		size_t all = b.n, found = 0;

		for (b.n = 0; b.n <= all; b.n++) {
			enum sniffed s = tls(&b);

			ck_assert_int_ne(s, SNIFF_NONE);
			ck_assert(!found || s == SNIFF_FOUND);
			found += s == SNIFF_FOUND;
			if (s == SNIFF_FOUND)
				ck_assert_str_eq(name, "shop.example.com");
		}
		ck_assert_uint_gt(found, 300);
		ck_assert_uint_lt(found, all);
	}
}
END_TEST

START_TEST(a_damaged_hello_gives_no_odd_letters)
{
	struct bytes b = client_hello("shop.example.com", 1, 500);
	unsigned none = 0;

	for (size_t i = 0; i < b.n; i++)
		for (unsigned bit = 0; bit < 9; bit++) {
			uint8_t was = b.b[i];
			enum sniffed s;

			b.b[i] ^= (uint8_t)(bit < 8 ? 1u << bit : 0xff);
			s = tls(&b);
			none += s != SNIFF_FOUND;
			if (s == SNIFF_FOUND)
				check_letters();
			b.b[i] = was;
		}
	ck_assert_uint_gt(none, 100);
}
END_TEST

/* The name is known; what follows the first record cannot take it back. */
START_TEST(a_hello_that_breaks_off_keeps_its_name)
{
	struct bytes b = client_hello("shop.example.com", 0, 500), late;

	b.n = 505;
	put(&b, "\x17\3\3\0\1x", 6);
	ck_assert_int_eq(tls(&b), SNIFF_FOUND);
	ck_assert_str_eq(name, "shop.example.com");
	late = client_hello("shop.example.com", 1, 500);
	late.n = 505;
	ck_assert_int_eq(tls(&late), SNIFF_MORE);
	put(&late, "\x17", 1);
	ck_assert_int_eq(tls(&late), SNIFF_NONE);
}
END_TEST

START_TEST(what_is_no_hello_is_none_at_once)
{
	static const struct {
		const char *p;
		size_t n;
	} other[] = {
		{ "\x15", 1 },			 /* an alert */
		{ "\x16\x04", 2 },		 /* no TLS */
		{ "\x16\x03\x05", 3 },		 /* no version that is */
		{ "\x16\x03\x01\0\x50\x02", 6 }, /* ServerHello */
		{ "\x80\x2e\x01\x03\x01", 5 },	 /* as SSL 2 said it */
		{ "\x16\x03\x01\0\0", 5 },	 /* an empty record */
		{ "\x16\x03\x01\x50\0\x01", 6 }, /* and one too large */
		{ "SSH-2.0", 7 },
		{ "\0", 1 },
	};
	struct bytes b = client_hello(NULL, 0, 16384);

	for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++)
		ck_assert_int_eq(exactly(sniff_tls, other[i].p, other[i].n), SNIFF_NONE);
	ck_assert_int_eq(tls(&b), SNIFF_NONE); /* it names nobody */
	ck_assert_int_eq(exactly(sniff_tls, "\x16\x03\x01", 3), SNIFF_MORE);
	ck_assert_int_eq(exactly(sniff_tls, "", 0), SNIFF_MORE);
}
END_TEST

START_TEST(odd_server_names)
{
	static const struct {
		const char *in, *out;
	} t[] = {
		{ "a.example.", "a.example" },
		{ "_x-1.example", "_x-1.example" },
		{ "", NULL },
		{ ".", NULL },
		{ "a b", NULL },
		{ "a/b", NULL },
		{ "a\nb", NULL },
		{ "\xc3\xa4.example", NULL },
		{ "<script>", NULL },
	};
	struct bytes b;
	char longest[SNIFF_NAME + 2];

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		b = client_hello(t[i].in, 0, 16384);
		ck_assert_int_eq(tls(&b), t[i].out ? SNIFF_FOUND : SNIFF_NONE);
		if (t[i].out)
			ck_assert_str_eq(name, t[i].out);
	}
	memset(longest, 'a', sizeof(longest));
	longest[SNIFF_NAME + 1] = 0;
	b = client_hello(longest + 1, 0, 16384);
	ck_assert_int_eq(tls(&b), SNIFF_FOUND);
	memset(longest, 'a', SNIFF_NAME + 1);
	b = client_hello(longest, 0, 16384);
	ck_assert_int_eq(tls(&b), SNIFF_NONE);
}
END_TEST

START_TEST(a_request_has_its_host)
{
	static const struct {
		const char *in, *out;
	} t[] = {
		{ "GET / HTTP/1.1\r\nHost: Www.Example.com\r\n", "www.example.com" },
		{ "GET / HTTP/1.0\nX: y\nhOST:\t a.example:8080 \n\n", "a.example" },
		{ "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n", "239.255.255.250" },
		{ "GET / HTTP/1.1\r\nHost: [2001:DB8::1]:80\r\n", "[2001:db8::1]" },
		{ "GET / HTTP/1.1\r\nHost: [::1]\r\n", "[::1]" },
		{ "GET http://u:p@b.example:1/x HTTP/1.1\r\nHost: a.example\r\n",
		  "a.example" },
		{ "GET http://u:p@b.example:1/x@y HTTP/1.1\r\nA: b\r\n\r\n", "b.example" },
		{ "GET http://b.example?q HTTP/1.1\r\n\r\n", "b.example" },
		{ "CONNECT c.example:443 HTTP/1.1\r\n\r\n", "c.example" },
		{ "CONNECT c.example:443 HTTP/1.1\r\nHost:\r\n\r\n", "c.example" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		ck_assert_int_eq(http(t[i].in), SNIFF_FOUND);
		ck_assert_str_eq(name, t[i].out);
		/* Never a part of it. */
		for (size_t n = 0; n < strlen(t[i].in); n++) {
			enum sniffed s = exactly(sniff_http, t[i].in, n);

			ck_assert_int_ne(s, SNIFF_NONE);
			if (s == SNIFF_FOUND)
				ck_assert_str_eq(name, t[i].out);
		}
	}
}
END_TEST

START_TEST(what_is_no_request_is_none)
{
	static const char *const t[] = {
		"GET / HTTP/1.1\r\nA: Host: b\r\n\r\n",
		"GET /?http://b.example/ HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a b\r\n",
		"GET / HTTP/1.1\r\nHost: a:b\r\n",
		"GET / HTTP/1.1\r\nHost: [::1\r\n",
		"GET / HTTP/1.1\r\nHost: ::1\r\n",
		"GET / HTTP/1.1\r\nHost: \xff\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"EHLO mail.example\r\n",
		"USER HTTP/1.1\r\n",
		"OPTIONS rtsp://a.example/ RTSP/1.0\r\nHost: b\r\n",
		"AB ",
		"ABCDEFGHIJKLMNOPQ",
		"get / HTTP/1.1\r\nHost: a\r\n",
		"SSH-2.0-x\r\n",
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
		ck_assert_msg(http(t[i]) == SNIFF_NONE, "%s", t[i]);
	ck_assert_int_eq(http("ABCDEFGHIJKLMNOP"), SNIFF_MORE);
	ck_assert_int_eq(http(""), SNIFF_MORE);
}
END_TEST

START_TEST(a_head_without_end_ends)
{
	struct bytes b = { 0 };

	put(&b, "GET / HTTP/1.1\r\nCookie: ", 24);
	put_fill(&b, 'x', sizeof(b.b) - b.n - 1);
	ck_assert_int_eq(exactly(sniff_http, b.b, b.n), SNIFF_MORE);
	put_fill(&b, 'x', 1);
	ck_assert_int_eq(exactly(sniff_http, b.b, b.n), SNIFF_NONE);
}
END_TEST

/* DNS */

static char told[8192];
static unsigned told_n;

static void tell(void *ctx, const char *n, const struct addr *a, uint32_t ttl_s)
{
	char text[ADDR_TEXT], *end = told + strlen(told);

	ck_assert_ptr_eq(ctx, told);
	strcpy(name, n);
	check_letters();
	told_n++;
	snprintf(end, sizeof(told) - (size_t)(end - told), "%s=%s/%u ", n, addr_text(a, text),
		 ttl_s);
}

static bool dns(const struct bytes *b)
{
	uint8_t *copy = malloc(b->n + !b->n);
	bool is;

	if (b->n)
		memcpy(copy, b->b, b->n);
	told[0] = 0;
	told_n = 0;
	is = sniff_dns(copy, b->n, tell, told);
	free(copy);
	return is;
}

static void put_name(struct bytes *o, const char *s)
{
	while (*s) {
		size_t n = strcspn(s, ".");

		put_u8(o, (unsigned)n);
		put(o, s, n);
		s += n + (s[n] == '.');
	}
	put_u8(o, 0);
}

static struct bytes message(const char *asked, unsigned answers)
{
	struct bytes o = { 0 };

	put_u16(&o, 0x1234);
	put_u16(&o, 0x8180);
	put_u16(&o, asked ? 1 : 0);
	put_u16(&o, answers);
	put_u16(&o, 0);
	put_u16(&o, 0);
	if (asked) {
		put_name(&o, asked);
		put_u16(&o, 1);
		put_u16(&o, 1);
	}
	return o;
}

static void put_record(struct bytes *o, unsigned type, unsigned class, const void *data,
		       size_t n)
{
	put_u16(o, type);
	put_u16(o, class);
	put_u16(o, 0);
	put_u16(o, 300);
	put_u16(o, (unsigned)n);
	put(o, data, n);
}

/* www -> (CNAME) cdn -> an A and an AAAA, and things that are none of it. */
static struct bytes chain(void)
{
	struct bytes o = message("WWW.Example.com", 5), cdn = { 0 };

	put_name(&cdn, "cdn.example.net");
	put_u16(&o, 0xc00c);
	put_record(&o, 5, 1, cdn.b, cdn.n);
	put_name(&o, "cdn.example.net");
	put_record(&o, 1, 1, "\xc0\0\2\1", 4);
	put_name(&o, "cdn.example.net");
	put_record(&o, 28, 1, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7", 16);
	put_u16(&o, 0xc00c);
	put_record(&o, 1, 3, "\1\2\3\4", 4); /* Chaos, not Internet */
	put_u16(&o, 0xc00c);
	put_record(&o, 1, 1, "\1\2\3", 3);
	return o;
}

START_TEST(answers_have_the_name_that_was_asked)
{
	struct bytes o = chain();

	ck_assert(dns(&o));
	ck_assert_str_eq(told,
			 "www.example.com=192.0.2.1/300 www.example.com=2001:db8::7/300 ");
}
END_TEST

START_TEST(what_is_no_answer_is_none)
{
	struct bytes o = chain();

	o.b[2] = 1; /* a query */
	ck_assert(!dns(&o));
	o.b[2] = 0xa8; /* an answer to an update */
	ck_assert(!dns(&o));
	o.n = 11;
	ck_assert(!dns(&o));
	o.n = 0;
	ck_assert(!dns(&o));
	ck_assert_uint_eq(told_n, 0);
}
END_TEST

START_TEST(cut_or_damaged_answers)
{
	struct bytes o = chain();
	size_t all = o.n;
	unsigned none = 0;

	for (o.n = 0; o.n < all; o.n++) {
		dns(&o);
		ck_assert_uint_le(told_n, 2);
		ck_assert(!told_n || strncmp(told, "www.example.com=192.0.2.1/300 ", 30) == 0);
		none += !told_n;
	}
	ck_assert_uint_gt(none, 50);
	for (size_t i = 0; i < all; i++)
		for (unsigned v = 0; v < 256; v++) {
			uint8_t was = o.b[i];

			o.b[i] = (uint8_t)v;
			dns(&o);
			o.b[i] = was;
		}
}
END_TEST

START_TEST(compression_ends)
{
	static const unsigned to[] = { 12, 14, 0x3fff, 13 };
	struct bytes o;

	for (size_t i = 0; i < sizeof(to) / sizeof(*to); i++) {
		o = message(NULL, 1);
		put_u16(&o, 0xc000 | to[i]); /* at 12: to itself, forward, out, into itself */
		put_record(&o, 1, 1, "\1\2\3\4", 4);
		dns(&o);
		ck_assert_uint_eq(told_n, 0);
	}
	/* A label, and a pointer back to it: for ever "a.a.a". */
	o = message(NULL, 1);
	put(&o, "\1a\xc0\x0c", 4);
	put_record(&o, 1, 1, "\1\2\3\4", 4);
	dns(&o);
	ck_assert_uint_eq(told_n, 0);
	/* A label with a dot in it, one of 64 bytes, a name of 300. */
	o = message(NULL, 1);
	put(&o, "\3a.b\0", 5);
	put_record(&o, 1, 1, "\1\2\3\4", 4);
	dns(&o);
	ck_assert_uint_eq(told_n, 0);
	o = message(NULL, 1);
	for (int i = 0; i < 5; i++) {
		put_u8(&o, 60);
		put_fill(&o, 'a', 60);
	}
	put_u8(&o, 0);
	put_record(&o, 1, 1, "\1\2\3\4", 4);
	ck_assert(dns(&o));
	ck_assert_uint_eq(told_n, 0);
}
END_TEST

START_TEST(many_answers_are_capped)
{
	struct bytes o = message("a.example", 200);

	for (unsigned i = 0; i < 200; i++) {
		put_u16(&o, 0xc00c);
		put_record(&o, 1, 1, (uint8_t[]){ 10, 0, 0, (uint8_t)i }, 4);
	}
	ck_assert(dns(&o));
	ck_assert_uint_eq(told_n, 64);
}
END_TEST

/* No question, the bit that flushes a cache in the class. */
START_TEST(multicast_answers_have_their_owners)
{
	struct bytes o = message(NULL, 2);

	put_name(&o, "Printer.local");
	put_record(&o, 1, 0x8001, "\xc0\0\2\2", 4);
	put(&o, "\2nb\xc0\x14", 5); /* .local of the first */
	put_record(&o, 1, 0x8001, "\xc0\0\2\3", 4);
	ck_assert(dns(&o));
	ck_assert_str_eq(told, "printer.local=192.0.2.2/300 nb.local=192.0.2.3/300 ");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, a_client_hello_has_its_name);
	tcase_add_test(t, a_truncated_hello_waits);
	tcase_add_test(t, a_damaged_hello_gives_no_odd_letters);
	tcase_add_test(t, a_hello_that_breaks_off_keeps_its_name);
	tcase_add_test(t, what_is_no_hello_is_none_at_once);
	tcase_add_test(t, odd_server_names);
	tcase_add_test(t, a_request_has_its_host);
	tcase_add_test(t, what_is_no_request_is_none);
	tcase_add_test(t, a_head_without_end_ends);
	tcase_add_test(t, answers_have_the_name_that_was_asked);
	tcase_add_test(t, what_is_no_answer_is_none);
	tcase_add_test(t, cut_or_damaged_answers);
	tcase_add_test(t, compression_ends);
	tcase_add_test(t, many_answers_are_capped);
	tcase_add_test(t, multicast_answers_have_their_owners);
	return unit_run("sniff", t);
}
