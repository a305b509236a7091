/* SPDX-License-Identifier: Apache-2.0 */
/* Clients outside the estate are networks; machines and servers stay what they are. */
#include "store/fold.h"

#include "tests/storekit.h"

static struct kit kit;
static struct addr_net estate;

static const struct kit_flow served = {
	.server = "10.0.0.1", .server_name = "nginx", .opens = 1, .witness = WITNESS_SERVER
};

static void setup(void)
{
	static struct fold fold;

	kit_open(&kit);
	ck_assert_int_eq(addr_net_parse("10.9.0.0/16", &estate), 0);
	fold = (struct fold){ 24, 48, &estate, 1 };
	store_fold(kit.s, &fold);
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	kit_sensor(&kit, "B", "b", "10.0.0.2");
}

static void teardown(void)
{
	kit_close(&kit);
}

static void from(const char *client)
{
	struct kit_flow f = served;

	f.client = client;
	kit_flow(&kit, &f);
	kit_send(&kit, "A");
}

START_TEST(strangers_become_networks)
{
	from("198.51.100.17");
	from("198.51.100.18");
	from("2001:db8:1:2::9");
	kit_expect(&kit, "198.51.100.0/ -> a/nginx :80 opens 2 bytes 200+20 server\n"
			 "2001:db8:1::/ -> a/nginx :80 opens 1 bytes 100+10 server\n");
}
END_TEST

START_TEST(the_estate_stays)
{
	from("10.0.0.2");   /* has a sensor */
	from("10.9.77.88"); /* is named */
	kit_expect(&kit, "10.9.77.88/ -> a/nginx :80 opens 1 bytes 100+10 server\n"
			 "b/ -> a/nginx :80 opens 1 bytes 100+10 server\n");
}
END_TEST

START_TEST(servers_stay)
{
	struct kit_flow f = { .client = "10.0.0.1",
			      .server = "192.0.2.44",
			      .client_name = "curl",
			      .port = 443,
			      .opens = 1,
			      .witness = WITNESS_CLIENT };

	kit_flow(&kit, &f);
	kit_send(&kit, "A");
	kit_expect(&kit, "a/curl -> 192.0.2.44/ :443 opens 1 bytes 100+10 client\n");
}
END_TEST

START_TEST(every_number_of_bits)
{
	struct fold f = { 0 };
	struct addr a = kit_addr("198.51.103.255");
	char text[ADDR_TEXT];

	ck_assert(!fold_address(&f, &a));
	f.v4 = 22;
	ck_assert(fold_address(&f, &a));
	ck_assert_str_eq(addr_text(&a, text), "198.51.100.0");
	ck_assert(!fold_address(&f, &a));
	f.v4 = 32;
	a = kit_addr("198.51.103.255");
	ck_assert(!fold_address(&f, &a));
	f.v4 = 8;
	ck_assert(fold_address(&f, &a));
	ck_assert_str_eq(addr_text(&a, text), "198.0.0.0");
	a = kit_addr("127.0.0.1");
	ck_assert(!fold_address(&f, &a));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("fold");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, strangers_become_networks);
	tcase_add_test(t, the_estate_stays);
	tcase_add_test(t, servers_stay);
	tcase_add_test(t, every_number_of_bits);
	return unit_run("fold", t);
}
