/* SPDX-License-Identifier: Apache-2.0 */
/* What one sensor said is taken back, and others count in its place. */
#include "store/purge.h"

#include <errno.h>

#include "store/roster.h"
#include "tests/storekit.h"

static struct kit kit;
static bool closing;

static void setup(void)
{
	kit_open(&kit);
	kit.closing = closing;
	kit_enrol(&kit, "A", "host");
	kit_enrol(&kit, "B", "host");
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	kit_sensor(&kit, "B", "b", "10.0.0.2");
}

static void teardown(void)
{
	kit_close(&kit);
}

static void both(unsigned minute, uint64_t by_a, uint64_t by_b)
{
	struct kit_flow f = { .client = "10.0.0.1",
			      .server = "10.0.0.2",
			      .client_name = "curl",
			      .minute = minute,
			      .opens = by_a,
			      .witness = WITNESS_CLIENT };

	kit_flow(&kit, &f);
	kit_cover(&kit, minute, 0, 60);
	kit_send(&kit, "A");
	f.client_name = NULL;
	f.server_name = "nginx";
	f.opens = by_b;
	f.witness = WITNESS_SERVER;
	kit_flow(&kit, &f);
	kit_cover(&kit, minute, 0, 60);
	kit_send(&kit, "B");
}

/* Of A alone, to a stranger. */
static void alone(unsigned minute)
{
	struct kit_flow f = { .client = "10.0.0.1",
			      .server = "192.0.2.9",
			      .client_name = "curl",
			      .minute = minute,
			      .opens = 1,
			      .witness = WITNESS_CLIENT };

	kit_flow(&kit, &f);
	kit_send(&kit, "A");
}

static struct purge_done purge(const char *sensor, int64_t since)
{
	struct purge_done done = { 0 };
	struct err e = { 0 };
	struct purge *p;
	int rc;

	ck_assert_int_eq(roster_revoke(kit.s, "test", sensor, KIT_NOW, &e), 0);
	p = purge_begin(kit.s, sensor, since, &e);
	ck_assert_msg(p != NULL, "%s", e.msg);
	while ((rc = purge_step(p, &done, &e)) > 0)
		;
	ck_assert_msg(rc == 0, "%s", e.msg);
	purge_end(p);
	return done;
}

START_TEST(what_others_saw_counts_instead)
{
	struct purge_done d;

	both(0, 1000, 3);
	both(1, 2000, 4);
	alone(1);
	d = purge("A", 0);
	ck_assert_uint_eq(d.minutes, 3);
	ck_assert_uint_eq(d.edges, 1);
	ck_assert_uint_eq(d.shared, 1);
	kit_expect(&kit, "a/ -> b/nginx :80 opens 7 bytes 700+70 server\n");
}
END_TEST

/* It watched and said nothing, so what the server said was not believed. */
START_TEST(its_silence_goes_too)
{
	struct kit_flow f = { .client = "10.0.0.1",
			      .server = "10.0.0.2",
			      .server_name = "nginx",
			      .opens = 5,
			      .witness = WITNESS_SERVER };

	kit_cover(&kit, 0, 0, 60);
	kit_send(&kit, "A");
	kit_flow(&kit, &f);
	kit_cover(&kit, 0, 0, 60);
	kit_send(&kit, "B");
	kit_expect(&kit, "a/ -> b/nginx :80 opens 0 server\n");
	purge("A", 0);
	kit_expect(&kit, "a/ -> b/nginx :80 opens 5 bytes 500+50 server\n");
}
END_TEST

START_TEST(since_a_moment)
{
	struct purge_done d;

	both(0, 10, 3);
	both(5, 1000, 4);
	alone(5);
	d = purge("A", (int64_t)(KIT_NOW / 1000) + 3 * 60);
	ck_assert_uint_eq(d.minutes, 2);
	ck_assert_uint_eq(d.edges, 0);
	kit_expect(&kit, "a/curl -> 192.0.2.9/ :80 opens 0 client\n"
			 "a/curl -> b/nginx :80 opens 14 bytes 1400+140 client,server\n");
}
END_TEST

/* Silent in a minute and not in the next one, so it decided: it had watched. */
START_TEST(the_minute_before_is_decided_again)
{
	struct kit_flow f = { .client = "192.0.2.7",
			      .server = "192.0.2.8",
			      .opens = 5,
			      .witness = WITNESS_NETFLOW };

	kit_enrol(&kit, "M", "mirror");
	kit_enrol(&kit, "N", "netflow");
	kit_flow(&kit, &f);
	kit_send(&kit, "N");
	f = (struct kit_flow){ .client = "192.0.2.7",
			       .server = "192.0.2.8",
			       .opens = 2,
			       .minute = 1,
			       .witness = WITNESS_MIRROR };
	kit_flow(&kit, &f);
	kit_cover(&kit, 0, 0, 60);
	kit_cover(&kit, 1, 0, 60);
	kit_send(&kit, "M");
	kit_expect(&kit, "192.0.2.7/ -> 192.0.2.8/ :80 opens 2 bytes 200+20 mirror,netflow\n");
	purge("M", (int64_t)(KIT_NOW / 1000) + 60);
	kit_expect(&kit, "192.0.2.7/ -> 192.0.2.8/ :80 opens 5 bytes 500+50 mirror,netflow\n");
}
END_TEST

START_TEST(who_may_still_talk_is_not_purged)
{
	struct err e = { 0 };

	ck_assert_ptr_null(purge_begin(kit.s, "A", 0, &e));
	ck_assert_int_eq(e.code, -EPERM);
	ck_assert_ptr_null(purge_begin(kit.s, "nobody", 0, &e));
	ck_assert_int_eq(e.code, -ENOENT);
}
END_TEST

static int run(const char *name)
{
	TCase *t = tcase_create(name);

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_others_saw_counts_instead);
	tcase_add_test(t, its_silence_goes_too);
	tcase_add_test(t, since_a_moment);
	tcase_add_test(t, the_minute_before_is_decided_again);
	tcase_add_test(t, who_may_still_talk_is_not_purged);
	return unit_run(name, t);
}

int main(void)
{
	int rc = run("purge, minutes open");

	closing = true;
	return run("purge, minutes over") || rc;
}
