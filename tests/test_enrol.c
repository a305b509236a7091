/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens, and the certificates by which a sensor is let in. */
#include "store/enrol.h"

#include "tests/storekit.h"

static struct kit kit;

static void setup(void)
{
	kit_open(&kit);
}

static void teardown(void)
{
	kit_close(&kit);
}

static int use(const uint8_t hash[32], const char *from, struct enrol_grant *out)
{
	struct addr a = kit_addr(from);

	return enrol_token_use(kit.s, hash, &a, KIT_NOW, out, NULL);
}

START_TEST(tokens)
{
	const uint8_t hash[32] = { 1 }, late[32] = { 2 }, unknown[32] = { 3 };
	struct enrol_token good = { hash, "host", NULL, KIT_NOW, KIT_NOW + 1000, 2 };
	struct enrol_token over = { late, "mirror", NULL, KIT_NOW, KIT_NOW, 2 };
	struct enrol_grant g;

	ck_assert_int_eq(enrol_token_add(kit.s, &good, NULL), 0);
	ck_assert_int_eq(enrol_token_add(kit.s, &over, NULL), 0);
	ck_assert_int_lt(enrol_token_add(kit.s, &over, NULL), 0);
	ck_assert_int_eq(use(unknown, "10.0.0.1", &g), -ENOENT);
	ck_assert_int_eq(use(late, "10.0.0.1", &g), -ETIMEDOUT);
	ck_assert_int_eq(use(hash, "10.0.0.1", &g), 0);
	ck_assert_str_eq(g.role, "host");
	ck_assert_int_eq(store_begin(kit.s, NULL), 0);
	ck_assert_int_eq(use(hash, "10.0.0.1", &g), 0);
	store_rollback(kit.s); /* then the use was none */
	ck_assert_int_eq(use(hash, "10.0.0.1", &g), 0);
	ck_assert_int_eq(use(hash, "10.0.0.1", &g), -EDQUOT);
	good = (struct enrol_token){ unknown,
				     "host",
				     NULL,
				     KIT_NOW + UINT64_C(3000000000),
				     KIT_NOW + UINT64_C(4000000000),
				     1 };
	ck_assert_int_eq(enrol_token_add(kit.s, &good, NULL), 0);
	ck_assert_int_eq(use(hash, "10.0.0.1", &g), -ENOENT); /* long over */
}
END_TEST

START_TEST(tokens_of_a_network)
{
	const uint8_t hash[32] = { 1 }, other[32] = { 2 };
	struct addr_net v4, v6;
	struct enrol_token a = { hash, "host", &v4, KIT_NOW, KIT_NOW + 1000, 9 };
	struct enrol_token b = { other, "host", &v6, KIT_NOW, KIT_NOW + 1000, 9 };
	struct enrol_grant g;

	ck_assert_int_eq(addr_net_parse("10.1.0.0/16", &v4), 0);
	ck_assert_int_eq(addr_net_parse("2001:db8::/33", &v6), 0);
	ck_assert_int_eq(enrol_token_add(kit.s, &a, NULL), 0);
	ck_assert_int_eq(enrol_token_add(kit.s, &b, NULL), 0);
	ck_assert_int_eq(use(hash, "10.1.255.255", &g), 0);
	ck_assert_int_eq(use(hash, "::ffff:10.1.0.0", &g), 0);
	ck_assert_int_eq(use(hash, "10.2.0.0", &g), -EACCES);
	ck_assert_int_eq(use(hash, "2001:db8::1", &g), -EACCES);
	ck_assert_int_eq(use(other, "2001:db8:7fff::1", &g), 0);
	ck_assert_int_eq(use(other, "2001:db8:8000::1", &g), -EACCES);
	kit_sql(kit.path, "UPDATE token SET cidr = 'nonsense'");
	ck_assert_int_eq(use(hash, "10.1.0.1", &g), -EACCES);
}
END_TEST

static int enrol(const char *name, const char *role, const uint8_t *fingerprint)
{
	struct enrol_sensor x = { name, role, "tap", fingerprint, KIT_NOW + 1000 };

	return enrol_sensor_add(kit.s, &x, KIT_NOW, NULL);
}

START_TEST(sensors)
{
	const uint8_t good[32] = { 1 }, other[32] = { 2 };
	char role[ENROL_ROLE] = "";

	ck_assert_int_eq(enrol_sensor_check(kit.s, "s1", good, role), ENROL_UNKNOWN);
	ck_assert_int_eq(enrol("s1", "mirror", good), 0);
	ck_assert_int_eq(enrol("s1", "host", other), -EEXIST);
	ck_assert_int_eq(enrol_sensor_check(kit.s, "s1", good, role), ENROL_CURRENT);
	ck_assert_str_eq(role, "mirror");
	ck_assert_int_eq(enrol_sensor_check(kit.s, "s1", other, role), ENROL_UNKNOWN);
	kit_sql(kit.path, "UPDATE sensor SET revoked = 1");
	ck_assert_int_eq(enrol_sensor_check(kit.s, "s1", good, role), ENROL_REVOKED);
	ck_assert_int_eq(enrol_sensor_check(kit.s, "s1", other, role), ENROL_UNKNOWN);
}
END_TEST

/* Each step may be the last that happens: none locks the sensor out. */
START_TEST(both_certificates_until_the_next_is_used)
{
	const uint8_t a[32] = { 1 }, b[32] = { 2 }, c[32] = { 3 };
	char role[ENROL_ROLE] = "";

	ck_assert_int_eq(enrol("s1", "host", a), 0);
	ck_assert(!enrol_sensor_rested(kit.s, "s1", KIT_NOW + 9, 10));
	ck_assert(enrol_sensor_rested(kit.s, "s1", KIT_NOW + 10, 10));
	ck_assert(enrol_sensor_rested(kit.s, "s1", KIT_NOW - 1, 10)); /* the clock went back */
	ck_assert_int_eq(enrol_sensor_renew(kit.s, "s2", b, 1, KIT_NOW, NULL), -ENOENT);
	ck_assert_int_eq(enrol_sensor_renew(kit.s, "s1", b, 1, KIT_NOW, NULL), 0);
	ck_assert_int_eq(enrol_sensor_check(kit.s, "s1", a, role), ENROL_CURRENT);
	ck_assert_int_eq(enrol_sensor_check(kit.s, "s1", b, role), ENROL_NEXT);
	/* the answer was lost: it asks again */
	ck_assert_int_eq(enrol_sensor_renew(kit.s, "s1", c, 2, KIT_NOW, NULL), 0);
	ck_assert_int_eq(enrol_sensor_check(kit.s, "s1", b, role), ENROL_UNKNOWN);
	ck_assert_int_eq(enrol_sensor_check(kit.s, "s1", a, role), ENROL_CURRENT);
	ck_assert_int_eq(enrol_sensor_use_next(kit.s, "s1", b, NULL), 0); /* is not the next */
	ck_assert_int_eq(enrol_sensor_check(kit.s, "s1", a, role), ENROL_CURRENT);
	ck_assert_int_eq(enrol_sensor_use_next(kit.s, "s1", c, NULL), 0);
	ck_assert_int_eq(enrol_sensor_check(kit.s, "s1", c, role), ENROL_CURRENT);
	ck_assert_int_eq(enrol_sensor_check(kit.s, "s1", a, role), ENROL_REPLACED);
	ck_assert_int_eq(enrol_sensor_use_next(kit.s, "s1", c, NULL), 0); /* twice is once */
	ck_assert_int_eq(enrol_sensor_check(kit.s, "s1", c, role), ENROL_CURRENT);
	ck_assert_int_eq(kit_number(kit.path, "SELECT expires_ms FROM sensor"), 2);
	kit_sql(kit.path, "UPDATE sensor SET revoked = 1");
	ck_assert_int_eq(enrol_sensor_renew(kit.s, "s1", b, 1, KIT_NOW, NULL), -ENOENT);
}
END_TEST

static void add_name(const char *sensor, void *ctx)
{
	buf_printf(ctx, "%s ", sensor);
}

START_TEST(the_revoked_are_told_after_a_change)
{
	const uint8_t a[32] = { 1 };
	struct buf b = { 0 };
	int64_t seen = 0;

	ck_assert_int_eq(enrol("s1", "host", a), 0);
	ck_assert_int_eq(enrol("s2", "host", a), 0);
	ck_assert_int_eq(enrol_revoked(kit.s, &seen, add_name, &b, NULL), 0);
	ck_assert_str_eq(buf_cstr(&b), "");
	kit_sql(kit.path, "UPDATE sensor SET revoked = 1 WHERE name = 's2'");
	ck_assert_int_eq(enrol_revoked(kit.s, &seen, add_name, &b, NULL), 0);
	ck_assert_str_eq(buf_cstr(&b), "s2 ");
	ck_assert_int_eq(enrol_revoked(kit.s, &seen, add_name, &b, NULL), 0);
	ck_assert_str_eq(buf_cstr(&b), "s2 ");
	buf_fini(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("enrol");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, tokens);
	tcase_add_test(t, tokens_of_a_network);
	tcase_add_test(t, sensors);
	tcase_add_test(t, both_certificates_until_the_next_is_used);
	tcase_add_test(t, the_revoked_are_told_after_a_change);
	return unit_run("enrol", t);
}
