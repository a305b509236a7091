/* SPDX-License-Identifier: Apache-2.0 */
/* Networks with the same private addresses: the same text, two endpoints. */
#include "store/realm.h"

#include <errno.h>

#include "graph/model.h"
#include "tests/storekit.h"

static struct kit kit;

static const uint8_t hash_a[32] = { 1 }, hash_b[32] = { 2 }, hash_none[32] = { 3 };

/* A sensor as a token lets it in. */
static void enrol(const char *name, const char *role, const uint8_t hash[32])
{
	kit_enrol(&kit, name, role);
	ck_assert_int_eq(realm_inherit(kit.s, name, hash, NULL), 0);
}

static void setup(void)
{
	struct enrol_token t = { .role = "host", .expires_ms = KIT_NOW + 1000, .uses = 9 };

	kit_open(&kit);
	t.hash = hash_a;
	ck_assert_int_eq(enrol_token_add(kit.s, &t, NULL), 0);
	t.hash = hash_b;
	ck_assert_int_eq(enrol_token_add(kit.s, &t, NULL), 0);
	ck_assert_int_eq(realm_token(kit.s, hash_a, "a", NULL), 0);
	ck_assert_int_eq(realm_token(kit.s, hash_b, "b", NULL), 0);
}

static void teardown(void)
{
	kit_close(&kit);
}

static const struct kit_flow curl = { .client = "10.0.0.1",
				      .server = "10.0.0.5",
				      .client_name = "curl",
				      .opens = 5,
				      .witness = WITNESS_CLIENT };

static void send_covered(const char *sensor, struct kit_flow f, uint64_t opens)
{
	f.opens = opens;
	kit_flow(&kit, &f);
	kit_cover(&kit, f.minute, 0, 60);
	kit_send(&kit, sensor);
}

static int put_realms(const struct edge_row *r, void *ctx)
{
	buf_printf(ctx, "%s%s%s -> %s@%s opens %u\n",
		   r->client.id ? r->client.id : r->client.ip, *r->client.realm ? "@" : "",
		   r->client.realm, r->server.id ? r->server.id : r->server.ip,
		   r->server.realm, (unsigned)r->c.opens);
	return 0;
}

static void expect_realms(const char *want)
{
	static const struct filter all;
	struct buf b = { 0 };

	ck_assert_int_eq(query_edges(kit.s, &all, put_realms, &b, NULL), 0);
	ck_assert_str_eq(buf_cstr(&b), want);
	buf_fini(&b);
}

START_TEST(equal_addresses_are_two_endpoints)
{
	enrol("A", "host", hash_a);
	enrol("B", "host", hash_b);
	enrol("C", "host", hash_none);
	kit_sensor(&kit, "A", "m1", "10.0.0.1");
	kit_sensor(&kit, "B", "m2", "10.0.0.1"); /* nobody's but its own, there */
	kit_sensor(&kit, "C", "m3", "10.0.0.1");
	send_covered("A", curl, 5);
	send_covered("B", curl, 7);
	send_covered("C", curl, 9);
	expect_realms("m1@a -> 10.0.0.5@a opens 5\n"
		      "m2@b -> 10.0.0.5@b opens 7\n"
		      "m3 -> 10.0.0.5@ opens 9\n");
	ck_assert_uint_eq(kit_health(&kit).quarantined, 0);
}
END_TEST

/* Strangers of two realms are two in the graph as well. */
START_TEST(strangers_stay_apart)
{
	struct kit_flow f = curl;
	struct graph *g;
	unsigned n = 0;

	enrol("A", "mirror", hash_a);
	enrol("B", "mirror", hash_b);
	f.witness = WITNESS_MIRROR;
	send_covered("A", f, 5);
	send_covered("B", f, 7);
	expect_realms("10.0.0.1@a -> 10.0.0.5@a opens 5\n"
		      "10.0.0.1@b -> 10.0.0.5@b opens 7\n");
	g = graph_load(kit.s, NULL, NULL);
	ck_assert(g != NULL);
	for (unsigned i = 0; i < g->machine_n; i++)
		n += strncmp(g->machine[i].name, "10.0.0.5@", 9) == 0;
	ck_assert_uint_eq(n, 2);
	graph_free(g);
}
END_TEST

/* Both ends in one realm are one edge; a mirror of that realm is a witness. */
START_TEST(within_a_realm_all_is_as_ever)
{
	struct kit_flow f = curl;

	enrol("A", "host", hash_a);
	enrol("B", "host", hash_a);
	enrol("M", "mirror", hash_a);
	kit_sensor(&kit, "A", "m1", "10.0.0.1");
	kit_sensor(&kit, "B", "m2", "10.0.0.5");
	send_covered("A", curl, 5);
	f.client_name = NULL;
	f.server_name = "nginx";
	f.witness = WITNESS_SERVER;
	send_covered("B", f, 5);
	f.server_name = NULL;
	f.witness = WITNESS_MIRROR;
	send_covered("M", f, 5);
	kit_expect(&kit,
		   "m1/curl -> m2/nginx :80 opens 5 bytes 500+50 client,server,mirror\n");
}
END_TEST

START_TEST(a_sensor_may_be_moved)
{
	enrol("A", "host", hash_a);
	kit_sensor(&kit, "A", "m1", "10.0.0.1");
	send_covered("A", curl, 5);
	ck_assert_int_eq(realm_sensor(kit.s, "A", "b", NULL), 0);
	kit_sensor(&kit, "A", "m1", "10.0.0.1");
	send_covered("A", curl, 7);
	ck_assert_int_eq(realm_sensor(kit.s, "A", "", NULL), 0);
	kit_sensor(&kit, "A", "m1", "10.0.0.1");
	send_covered("A", curl, 9);
	expect_realms("m1 -> 10.0.0.5@ opens 9\n"
		      "m1@a -> 10.0.0.5@a opens 5\n"
		      "m1@b -> 10.0.0.5@b opens 7\n");
	ck_assert_int_eq(realm_sensor(kit.s, "Z", "b", NULL), -ENOENT);
}
END_TEST

START_TEST(names_of_realms)
{
	ck_assert(realm_good_name("site-1_x.y"));
	ck_assert(!realm_good_name(""));
	ck_assert(!realm_good_name("-x"));
	ck_assert(!realm_good_name("a b"));
	ck_assert(!realm_good_name("<a>"));
	ck_assert(!realm_good_name("\xc3\xa9"));
	ck_assert(!realm_good_name("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				   "aaaaaa"));
	ck_assert_int_eq(realm_token(kit.s, hash_a, "a b", NULL), -EINVAL);
	for (int i = 0; i < REALM_MAX - 2; i++) {
		char name[16];

		snprintf(name, sizeof(name), "r%d", i);
		ck_assert_int_eq(realm_token(kit.s, hash_a, name, NULL), 0);
	}
	ck_assert_int_eq(realm_token(kit.s, hash_a, "more", NULL), -ENOSPC);
	ck_assert_int_eq(realm_token(kit.s, hash_a, "b", NULL), 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("realms");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, equal_addresses_are_two_endpoints);
	tcase_add_test(t, strangers_stay_apart);
	tcase_add_test(t, within_a_realm_all_is_as_ever);
	tcase_add_test(t, a_sensor_may_be_moved);
	tcase_add_test(t, names_of_realms);
	return unit_run("once_realm", t);
}
