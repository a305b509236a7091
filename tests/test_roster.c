/* SPDX-License-Identifier: Apache-2.0 */
/* Sensors and tokens as people see them, and what they decide. */
#include <errno.h>

#include "store/audit.h"
#include "store/roster.h"
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

static void enrol(const char *name, uint64_t expires_ms)
{
	const uint8_t fingerprint[32] = { (uint8_t)name[0] };
	struct enrol_sensor x = { name, "host", "vm", fingerprint, expires_ms };

	ck_assert_int_eq(enrol_sensor_add(kit.s, &x, KIT_NOW, NULL), 0);
}

static int describe(const struct roster_sensor *x, void *ctx)
{
	buf_printf(ctx, "%s %s [%s] [%s %s] [%s]\n", x->name,
		   roster_state_word(roster_state(x, KIT_NOW + 60000)), x->machine, x->claims,
		   x->holder, x->cloned);
	return 0;
}

static void expect(const char *words)
{
	struct buf b = { 0 };

	ck_assert_int_eq(roster_sensors(kit.s, NULL, describe, &b, NULL), 0);
	ck_assert_str_eq(buf_cstr(&b), words);
	buf_fini(&b);
}

START_TEST(states)
{
	struct roster_sensor x = { .claims = "", .last_ms = 1000000, .records = 1 };
	const int64_t now = 1000000;

	ck_assert_int_eq(roster_state(&x, now), ROSTER_OK);
	ck_assert_int_eq(roster_state(&x, now + ROSTER_SILENT_MS), ROSTER_OK);
	ck_assert_int_eq(roster_state(&x, now + ROSTER_SILENT_MS + 1), ROSTER_SILENT);
	x.records = 0;
	ck_assert_int_eq(roster_state(&x, now), ROSTER_NEW);
	x.expires_ms = now - 1;
	ck_assert_int_eq(roster_state(&x, now), ROSTER_EXPIRED);
	x.claims = "m";
	ck_assert_int_eq(roster_state(&x, now), ROSTER_PENDING);
	x.cloned_ms = 1;
	ck_assert_int_eq(roster_state(&x, now), ROSTER_CLONED);
	x.revoked = true;
	ck_assert_int_eq(roster_state(&x, now), ROSTER_REVOKED);
}
END_TEST

START_TEST(who_comes_later_waits)
{
	enrol("A", KIT_NOW + 100000);
	enrol("B", KIT_NOW + 1);
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	kit_sensor(&kit, "B", "a", "10.0.0.1");
	expect("A ok [a] [ ] []\nB pending [] [a A] []\n");
	ck_assert_int_eq(roster_allow(kit.s, "ann", "A", KIT_NOW, NULL), -EALREADY);
	ck_assert_int_eq(roster_allow(kit.s, "ann", "X", KIT_NOW, NULL), -ENOENT);
	ck_assert_int_eq(roster_allow(kit.s, "ann", "B", KIT_NOW, NULL), 0);
	expect("A ok [] [ ] []\nB expired [a] [ ] []\n");
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	expect("A pending [] [a B] []\nB expired [a] [ ] []\n");
	ck_assert_int_eq(roster_revoke(kit.s, "ann", "B", KIT_NOW, NULL), 0);
	ck_assert_int_eq(roster_revoke(kit.s, "ann", "B", KIT_NOW, NULL), -EALREADY);
	ck_assert_int_eq(roster_revoke(kit.s, "ann", "X", KIT_NOW, NULL), -ENOENT);
	ck_assert_int_eq(roster_allow(kit.s, "ann", "B", KIT_NOW, NULL), -EPERM);
	kit_sensor(&kit, "A", "a", "10.0.0.1"); /* by itself, now that B is out */
	expect("A ok [a] [ ] []\nB revoked [] [ ] []\n");
}
END_TEST

START_TEST(a_clone_is_one_until_somebody_has_looked)
{
	enrol("A", 0);
	ck_assert_int_eq(enrol_sensor_cloned(kit.s, "A", "from x", KIT_NOW, NULL), 1);
	ck_assert_int_eq(enrol_sensor_cloned(kit.s, "A", "from y", KIT_NOW, NULL), 0);
	expect("A cloned? [] [ ] [from x]\n");
	ck_assert_int_eq(roster_allow(kit.s, "ann", "A", KIT_NOW, NULL), 0);
	expect("A new [] [ ] []\n");
	ck_assert_int_eq(enrol_sensor_cloned(kit.s, "A", "from z", KIT_NOW, NULL), 1);
	expect("A cloned? [] [ ] [from z]\n");
}
END_TEST

static int audit_words(const struct audit_row *row, void *ctx)
{
	buf_printf(ctx, "%s: %s %s\n", row->who, row->what, row->detail);
	return 0;
}

START_TEST(every_decision_is_written_down)
{
	struct buf b = { 0 };

	enrol("A", 0);
	ck_assert_int_eq(enrol_sensor_cloned(kit.s, "A", "from x", 1, NULL), 1);
	ck_assert_int_eq(enrol_sensor_cloned(kit.s, "A", "from y", 2, NULL), 0);
	ck_assert_int_eq(roster_allow(kit.s, "ann", "A", 3, NULL), 0);
	ck_assert_int_eq(roster_allow(kit.s, "ann", "A", 4, NULL), -EALREADY);
	ck_assert_int_eq(roster_revoke(kit.s, "bob", "A", 5, NULL), 0);
	ck_assert_int_eq(audit_each(kit.s, "A", 9, audit_words, &b, NULL), 0);
	ck_assert_str_eq(buf_cstr(&b), "bob: sensor revoke A\n"
				       "ann: sensor allow A is no clone\n"
				       "collector: sensor cloned A from x\n");
	buf_fini(&b);
}
END_TEST

static int token_words(const struct roster_token *t, void *ctx)
{
	buf_printf(ctx, "%s %s [%s] %llu %llu\n", t->id, t->role, t->cidr,
		   (unsigned long long)t->uses, (unsigned long long)t->used);
	return 0;
}

static void expect_tokens(const char *words)
{
	struct buf b = { 0 };

	ck_assert_int_eq(roster_tokens(kit.s, token_words, &b, NULL), 0);
	ck_assert_str_eq(buf_cstr(&b), words);
	buf_fini(&b);
}

START_TEST(tokens_are_called_by_their_hash)
{
	const uint8_t one[32] = { 0xab, 0xcd, 1 }, two[32] = { 0xab, 0xcd, 2 };
	struct addr_net net;
	struct enrol_token t = { one, "host", &net, KIT_NOW, KIT_NOW + 1000, 2 };
	struct addr from = kit_addr("10.1.2.3");
	struct enrol_grant g;

	ck_assert_int_eq(addr_net_parse("10.1.0.0/16", &net), 0);
	ck_assert_int_eq(enrol_token_add(kit.s, &t, NULL), 0);
	t = (struct enrol_token){ two, "mirror", NULL, KIT_NOW + 1, KIT_NOW + 1000, 1 };
	ck_assert_int_eq(enrol_token_add(kit.s, &t, NULL), 0);
	ck_assert_int_eq(enrol_token_use(kit.s, one, &from, KIT_NOW, &g, NULL), 0);
	expect_tokens("abcd02000000 mirror [] 1 0\nabcd01000000 host [10.1.0.0/16] 1 1\n");
	ck_assert_int_eq(roster_token_revoke(kit.s, "ann", "abcd", 1, NULL), -EINVAL);
	ck_assert_int_eq(roster_token_revoke(kit.s, "ann", "abc", 1, NULL), -EINVAL);
	ck_assert_int_eq(roster_token_revoke(kit.s, "ann", "ABCD01", 1, NULL), -EINVAL);
	ck_assert_int_eq(roster_token_revoke(kit.s, "ann", "abcd03", 1, NULL), -ENOENT);
	ck_assert_int_eq(roster_token_revoke(kit.s, "ann", "abcd01000000", 1, NULL), 0);
	expect_tokens("abcd02000000 mirror [] 1 0\n");
	ck_assert_int_eq(enrol_token_use(kit.s, one, &from, KIT_NOW, &g, NULL), -ENOENT);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, states);
	tcase_add_test(t, who_comes_later_waits);
	tcase_add_test(t, a_clone_is_one_until_somebody_has_looked);
	tcase_add_test(t, every_decision_is_written_down);
	tcase_add_test(t, tokens_are_called_by_their_hash);
	return unit_run("roster", t);
}
