/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/nattab.h"

#include <stdio.h>

#include "tests/unit.h"

static struct nat_end end(const char *text, uint16_t port)
{
	struct nat_end n = { .port = port };

	ck_assert_int_eq(addr_parse(text, &n.addr), 0);
	return n;
}

/* A client's connection to SEEN that SERVER serves, which takes it for one of FROM. */
static struct nat_tuple made(const char *client, struct nat_end seen, struct nat_end server,
			     const char *from)
{
	return (struct nat_tuple){ .proto = PROTO_TCP,
				   .src = end(client, 40000),
				   .dst = seen,
				   .reply_src = server,
				   .reply_dst = end(from, 40000) };
}

static struct flow told_by(enum witness w, const char *client, struct nat_end server)
{
	return (struct flow){ .witness = w,
			      .proto = PROTO_TCP,
			      .client = end(client, 0).addr,
			      .server = server.addr,
			      .port = server.port };
}

static void keep(const struct translation *t, void *ctx)
{
	struct translation **at = ctx;

	*(*at)++ = *t;
}

static unsigned emit(struct nattab *t, struct translation *out, uint64_t now_ms)
{
	struct translation *at = out;

	nattab_emit(t, now_ms, keep, &at);
	return (unsigned)(at - out);
}

START_TEST(what_is_not_translated_is_passed_over)
{
	struct nattab *t = nattab_new(8);
	struct nat_tuple plain =
		made("10.0.0.1", end("10.0.0.2", 80), end("10.0.0.2", 80), "10.0.0.1");
	struct translation out[8];

	nattab_add(t, &plain, true, 1);
	plain.reply_dst.port = 40001; /* the client's port alone */
	nattab_add(t, &plain, true, 1);
	ck_assert_uint_eq(emit(t, out, 1), 0);
	nattab_free(t);
}
END_TEST

START_TEST(both_ends_know_each_other)
{
	struct nattab *t = nattab_new(8);
	struct nat_end vip = end("192.0.2.7", 443), real = end("10.0.0.2", 8443);
	struct nat_tuple n = made("10.0.0.1", vip, real, "10.0.0.254");
	struct flow f = told_by(WITNESS_CLIENT, "10.0.0.1", vip);

	nattab_add(t, &n, true, 1);
	nattab_apply(t, &f);
	ck_assert(f.has_seen && addr_eq(&f.seen, &vip.addr) && f.seen_port == 443);
	ck_assert(addr_eq(&f.server, &real.addr) && f.port == 8443);
	f = told_by(WITNESS_SERVER, "10.0.0.254", real);
	nattab_apply(t, &f);
	ck_assert(f.has_seen && addr_eq(&f.seen, &vip.addr) && f.seen_port == 443);
	ck_assert(addr_eq(&f.server, &real.addr) && f.port == 8443);
	f = told_by(WITNESS_CLIENT, "10.0.0.9", vip); /* another client's */
	nattab_apply(t, &f);
	ck_assert(!f.has_seen);
	nattab_free(t);
}
END_TEST

START_TEST(a_balancer_is_not_guessed)
{
	struct nattab *t = nattab_new(8);
	struct nat_end vip = end("192.0.2.7", 443);
	struct nat_tuple a = made("10.0.0.1", vip, end("10.0.0.2", 8443), "10.0.0.1");
	struct nat_tuple b = made("10.0.0.1", vip, end("10.0.0.3", 8443), "10.0.0.1");
	struct flow f = told_by(WITNESS_CLIENT, "10.0.0.1", vip);
	struct translation out[8];

	nattab_add(t, &a, true, 1);
	nattab_add(t, &b, true, 2);
	nattab_add(t, &b, true, 3);
	nattab_apply(t, &f);
	ck_assert(!f.has_seen && addr_eq(&f.server, &vip.addr));
	ck_assert_uint_eq(emit(t, out, 3), 2);
	ck_assert_uint_eq(out[0].opens, 1);
	ck_assert_uint_eq(out[1].opens, 2);
	ck_assert_uint_eq(out[1].first_ms, 2);
	ck_assert_uint_eq(out[1].last_ms, 3);
	ck_assert_uint_eq(emit(t, out, 4), 0); /* told once */
	nattab_add(t, &b, false, 5);	       /* it was there before */
	ck_assert_uint_eq(emit(t, out, 5), 0);
	nattab_free(t);
}
END_TEST

START_TEST(what_was_there_before_counts_as_none)
{
	struct nattab *t = nattab_new(8);
	struct nat_tuple a =
		made("10.0.0.1", end("192.0.2.7", 443), end("10.0.0.2", 8443), "10.0.0.1");
	struct translation out[8];

	nattab_add(t, &a, false, 7);
	ck_assert_uint_eq(emit(t, out, 7), 1);
	ck_assert_uint_eq(out[0].opens, 0);
	ck_assert_uint_eq(out[0].first_ms, 7);
	ck_assert_uint_eq(emit(t, out, 8), 0);
	nattab_free(t);
}
END_TEST

START_TEST(the_table_is_bounded_and_forgets)
{
	struct nattab *t = nattab_new(2);
	struct translation out[8];
	char client[32];

	for (int i = 1; i <= 5; i++) {
		struct nat_tuple n;

		snprintf(client, sizeof(client), "10.0.1.%d", i);
		n = made(client, end("192.0.2.7", 1), end("10.0.0.2", 2), client);
		nattab_add(t, &n, true, 1000);
	}
	ck_assert_uint_eq(nattab_overflow(t), 3);
	ck_assert_uint_eq(nattab_overflow(t), 0);
	ck_assert_uint_eq(emit(t, out, 1000 + 7 * 3600000), 2); /* told, then forgotten */
	struct nat_tuple n =
		made("10.0.2.1", end("192.0.2.7", 1), end("10.0.0.2", 2), "10.0.2.1");
	nattab_add(t, &n, true, 2000);
	ck_assert_uint_eq(nattab_overflow(t), 0);
	nattab_free(t);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, what_is_not_translated_is_passed_over);
	tcase_add_test(t, both_ends_know_each_other);
	tcase_add_test(t, a_balancer_is_not_guessed);
	tcase_add_test(t, what_was_there_before_counts_as_none);
	tcase_add_test(t, the_table_is_bounded_and_forgets);
	return unit_run("nattab", t);
}
