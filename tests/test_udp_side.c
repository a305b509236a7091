/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/udp_side.h"

#include <check.h>
#include <string.h>

#include "bpf/ports.h"
#include "common/addr.h"
#include "common/fact.h"
#include "tests/unit.h"

static struct udp_key key_of(const char *local, uint16_t local_port, const char *remote,
			     uint16_t remote_port)
{
	struct udp_key k = { .born = 1,
			     .tgid = 2,
			     .netns = 3,
			     .local_port = local_port,
			     .remote_port = remote_port };
	struct addr a, b;

	ck_assert_int_eq(addr_parse(local, &a), 0);
	ck_assert_int_eq(addr_parse(remote, &b), 0);
	memcpy(k.local, a.b, 16);
	memcpy(k.remote, b.b, 16);
	return k;
}

/* Which port stays: {local, remote, bound, we began, expected}. */
static const struct {
	uint16_t local, remote;
	bool bound, we_began;
	enum udp_keep keep;
} kept[] = {
	/* a port that nobody chose is a client's, whatever the other one is */
	{ 40000, 53, false, true, UDP_KEEP_REMOTE },
	{ 40000, 5301, false, false, UDP_KEEP_REMOTE },
	{ 1500, 45000, false, true, UDP_KEEP_REMOTE },
	/* servers, also when their answer was the first that was seen */
	{ 53, 40000, true, false, UDP_KEEP_LOCAL },
	{ 53, 40000, true, true, UDP_KEEP_LOCAL },
	{ 8125, 60000, true, true, UDP_KEEP_LOCAL },
	{ 514, 1400, true, false, UDP_KEEP_LOCAL },
	/* resolvers choose a port for each question */
	{ 34567, 53, true, true, UDP_KEEP_REMOTE },
	{ 2345, 53, true, false, UDP_KEEP_REMOTE },
	/* both may be services */
	{ 123, 123, true, true, UDP_KEEP_BOTH },
	{ 1812, 1812, true, false, UDP_KEEP_BOTH },
	{ 162, 514, true, true, UDP_KEEP_BOTH },
	/* clients of RPC have reserved ports: known beats reserved, else who began */
	{ 800, 111, true, true, UDP_KEEP_REMOTE },
	{ 111, 800, true, true, UDP_KEEP_LOCAL },
	{ 800, 20048, true, true, UDP_KEEP_REMOTE },
	{ 20048, 800, true, false, UDP_KEEP_LOCAL },
	/* two that were chosen by somebody */
	{ 20000, 18000, true, true, UDP_KEEP_REMOTE },
	{ 18000, 20000, true, false, UDP_KEEP_LOCAL },
	{ 50000, 51820, true, true, UDP_KEEP_REMOTE },
};

START_TEST(ports_of_clients_stay_out)
{
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		ck_assert_msg(udp_keep(kept[i].local, kept[i].remote, kept[i].bound,
				       kept[i].we_began) == kept[i].keep,
			      "row %zu: %u %u", i, kept[i].local, kept[i].remote);
}
END_TEST

/* What one end keeps as its own the other keeps as the other's: they tell of one edge. */
START_TEST(both_ends_keep_the_same_port)
{
	static const uint16_t ports[] = { 53, 123, 514, 700, 900, 2000, 8125, 33000, 50000 };
	enum { N = sizeof(ports) / sizeof(ports[0]) };

	for (int i = 0; i < N * N * 2; i++) {
		uint16_t a = ports[i / 2 / N], b = ports[i / 2 % N];
		bool a_began = i % 2;
		enum udp_keep at_a = udp_keep(a, b, true, a_began);
		enum udp_keep at_b = udp_keep(b, a, true, !a_began);

		if (at_a == UDP_KEEP_BOTH)
			ck_assert_int_eq(at_b, UDP_KEEP_BOTH);
		else
			ck_assert_int_eq(at_b, at_a == UDP_KEEP_LOCAL ? UDP_KEEP_REMOTE
								      : UDP_KEEP_LOCAL);
	}
}
END_TEST

START_TEST(a_port_that_stays_is_the_service)
{
	struct udp_sides *t = udp_sides_new();
	struct udp_key client = key_of("10.0.0.1", 0, "10.0.0.2", 53);
	struct udp_key server = key_of("10.0.0.2", 53, "10.0.0.1", 0);
	struct udp_val v = { .sent = 1 };
	uint16_t port;

	ck_assert_int_eq(udp_side(t, &client, &v, &port), EDGE_CLIENT);
	ck_assert_uint_eq(port, 53);
	ck_assert_int_eq(udp_side(t, &server, &v, &port), EDGE_SERVER);
	ck_assert_uint_eq(port, 53);
	udp_sides_free(t);
}
END_TEST

START_TEST(who_began_is_the_client_and_stays_it)
{
	struct udp_sides *t = udp_sides_new();
	struct udp_key k = key_of("10.0.0.1", 123, "10.0.0.2", 123);
	struct udp_key other = key_of("10.0.0.1", 123, "10.0.0.3", 123);
	struct udp_val began = { .we_began = 1, .sent = 1, .received = 1 };
	struct udp_val asked = { .they_began = 1, .sent = 1, .received = 1 };
	uint16_t port;

	ck_assert_int_eq(udp_side(t, &k, &began, &port), EDGE_CLIENT);
	ck_assert_uint_eq(port, 123);
	ck_assert_int_eq(udp_side(t, &other, &asked, &port), EDGE_SERVER);
	for (int i = 0; i < 10; i++) {
		udp_sides_tick(t);
		ck_assert_int_eq(udp_side(t, &k, &asked, &port), EDGE_CLIENT);
		ck_assert_int_eq(udp_side(t, &other, &began, &port), EDGE_SERVER);
	}
	udp_sides_free(t);
}
END_TEST

START_TEST(who_only_sends_is_the_client)
{
	struct udp_sides *t = udp_sides_new();
	struct udp_key k = key_of("10.0.0.1", 514, "10.0.0.2", 514);
	struct udp_key back = key_of("10.0.0.2", 514, "10.0.0.1", 514);
	struct udp_val sent = { .sent = 5 }, received = { .received = 5 };
	uint16_t port;

	ck_assert_int_eq(udp_side(t, &k, &sent, &port), EDGE_CLIENT);
	ck_assert_int_eq(udp_side(t, &back, &received, &port), EDGE_SERVER);
	udp_sides_free(t);
}
END_TEST

/* Nothing was seen that tells: both ends must still decide alike. */
START_TEST(without_a_sign_both_ends_agree)
{
	struct udp_sides *a = udp_sides_new(), *b = udp_sides_new();
	struct udp_val v = { .sent = 1, .received = 1 };
	static const uint16_t ports[][2] = { { 123, 123 }, { 162, 514 }, { 514, 162 } };
	uint16_t here, there;

	for (int i = 0; i < 3; i++) {
		struct udp_key k = key_of("fd00::2", ports[i][0], "fd00::1", ports[i][1]);
		struct udp_key m = key_of("fd00::1", ports[i][1], "fd00::2", ports[i][0]);
		enum edge_dir x = udp_side(a, &k, &v, &here);
		enum edge_dir y = udp_side(b, &m, &v, &there);

		ck_assert_int_eq(x + y, EDGE_CLIENT + EDGE_SERVER);
		ck_assert_uint_eq(here, there);
	}
	udp_sides_free(a);
	udp_sides_free(b);
}
END_TEST

/* A flood of pairs is not remembered, and does not turn around either. */
START_TEST(a_full_table_does_not_flap)
{
	struct udp_sides *t = udp_sides_new();
	struct udp_val began = { .we_began = 1 }, asked = { .they_began = 1 };
	uint16_t port;

	for (unsigned i = 0; i < UDP_SIDES + 100; i++) {
		struct udp_key k = key_of("10.0.0.1", 123, "10.9.0.2", 123);

		memcpy(k.remote + 12, &i, 4);
		ck_assert_int_eq(udp_side(t, &k, &began, &port),
				 udp_side(t, &k, &asked, &port));
	}
	udp_sides_free(t);
}
END_TEST

START_TEST(an_edge_as_all_others)
{
	struct udp_sides *t = udp_sides_new();
	struct udp_key k = key_of("10.0.0.1", 0, "10.0.0.2", 53);
	struct udp_val v = { .tx = 10,
			     .rx = 20,
			     .sent = 1,
			     .received = 1,
			     .first_ns = 5,
			     .last_ns = 6,
			     .we_began = 2,
			     .they_began = 1,
			     .sample = { { .port = 40000, .used = 1 } } };
	struct edge_key key;
	struct edge_val val;

	udp_edge(t, &k, &v, true, &key, &val);
	ck_assert_uint_eq(key.proto, PROTO_UDP);
	ck_assert_uint_eq(key.dir, EDGE_CLIENT);
	ck_assert_uint_eq(key.port, 53);
	ck_assert_uint_eq(key.tgid, 2);
	ck_assert_uint_eq(val.opens, 3);
	ck_assert_uint_eq(val.tx, 10);
	ck_assert_uint_eq(val.rx, 20);
	ck_assert_uint_eq(val.no_bytes, 0);
	ck_assert_uint_eq(val.sample[0].port, 40000);
	udp_edge(t, &k, &v, false, &key, &val);
	ck_assert_uint_eq(val.no_bytes, 1);
	ck_assert_uint_eq(val.tx + val.rx, 0);
	udp_sides_free(t);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, ports_of_clients_stay_out);
	tcase_add_test(t, both_ends_keep_the_same_port);
	tcase_add_test(t, a_port_that_stays_is_the_service);
	tcase_add_test(t, who_began_is_the_client_and_stays_it);
	tcase_add_test(t, who_only_sends_is_the_client);
	tcase_add_test(t, without_a_sign_both_ends_agree);
	tcase_add_test(t, a_full_table_does_not_flap);
	tcase_add_test(t, an_edge_as_all_others);
	return unit_run("udp_side", t);
}
