/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client's host, server's host, a mirror, another one and NetFlow, in every combination and in
 * any order of arrival, against totals that are known: each connection counts once.
 */
#include "store/authority.h"
#include "tests/storekit.h"

enum { OBSERVERS = 5, MINUTES_SEEN = 8, COMBINATIONS = (1 << OBSERVERS) - 1 };

static struct kit kit;

static const struct observer {
	char letter;
	enum witness kind;
	const char *role, *ip;
	bool covers;
} observers[OBSERVERS] = {
	{ 'A', WITNESS_CLIENT, "host", "10.0.0.1", true },
	{ 'B', WITNESS_SERVER, "host", "10.0.0.2", true },
	{ 'M', WITNESS_MIRROR, "mirror", NULL, true },
	{ 'O', WITNESS_MIRROR, "mirror", NULL, true },
	{ 'N', WITNESS_NETFLOW, "netflow", NULL, false },
};

/* What happens to whom, beside what is seen. */
struct story {
	unsigned members;
	unsigned late_s[OBSERVERS];	  /* its clock, or when it tells */
	unsigned blind[OBSERVERS];	  /* minutes that it does not watch, bits */
	bool tells_lost;		  /* of what it did not watch */
	unsigned opens[MINUTES_SEEN][60]; /* what really happens, by the second */
};

static void setup(void)
{
	kit_open(&kit);
}

static void teardown(void)
{
	kit_close(&kit);
}

static void enrol(const struct observer *o)
{
	const char name[] = { o->letter, 0 };
	const char id[] = { (char)(o->letter + 32), 0 };
	const uint8_t fingerprint[32] = { (uint8_t)o->letter };

	ck_assert_int_eq(
		enrol_sensor_add(kit.s, name, o->role, id, fingerprint, KIT_NOW, NULL), 0);
	if (o->ip)
		kit_sensor(&kit, name, id, o->ip);
}

static bool watches(const struct story *t, int who, unsigned minute)
{
	return t->members & 1u << who && !(t->blind[who] & 1u << minute);
}

/* How many opens WHO puts into MINUTE by its clock. */
static unsigned seen_in(const struct story *t, int who, unsigned minute)
{
	unsigned n = 0;

	for (unsigned m = 0; m < MINUTES_SEEN; m++)
		for (unsigned s = 0; s < 60; s++)
			if ((m * 60 + s + t->late_s[who]) / 60 == minute)
				n += t->opens[m][s];
	return n;
}

static void send_minute(const struct story *t, int who, unsigned minute)
{
	const struct observer *o = &observers[who];
	const char name[] = { o->letter, 0 };
	struct kit_flow f = { .client = "10.0.0.1",
			      .server = "10.0.0.2",
			      .client_name = o->kind == WITNESS_CLIENT ? "curl" : NULL,
			      .server_name = o->kind == WITNESS_SERVER ? "nginx" : NULL,
			      .opens = seen_in(t, who, minute),
			      .minute = minute,
			      .witness = o->kind };
	const struct lost l = { KIT_NOW + (uint64_t)minute * KIT_MINUTE,
				KIT_NOW + (uint64_t)(minute + 1) * KIT_MINUTE, f.opens };

	if (!watches(t, who, minute)) {
		if (t->tells_lost && t->members & 1u << who)
			wire_write_lost(&kit.w, &l);
		return;
	}
	if (f.opens)
		kit_flow(&kit, &f);
	if (o->covers)
		kit_cover(&kit, minute, 0, 60);
	kit_send(&kit, name);
}

/* Any order between them; each one's own minutes in theirs. */
static void send_all(const struct story *t)
{
	unsigned next[OBSERVERS] = { 0 }, left = 0;

	for (int i = 0; i < OBSERVERS; i++)
		left += t->members & 1u << i ? MINUTES_SEEN + 1 : 0;
	for (int i = 0; left; i = rand() % OBSERVERS) {
		if (!(t->members & 1u << i) || next[i] > MINUTES_SEEN)
			continue;
		send_minute(t, i, next[i]++);
		left--;
	}
}

/* What somebody has watched. */
static unsigned known(const struct story *t)
{
	unsigned n = 0;

	for (unsigned m = 0; m < MINUTES_SEEN; m++) {
		bool any = false;

		for (int i = 0; i < OBSERVERS; i++)
			any |= watches(t, i, m);
		for (unsigned s = 0; s < 60 && any; s++)
			n += t->opens[m][s];
	}
	return n;
}

static char *expected(const struct story *t)
{
	unsigned n = known(t), kinds = 0;
	struct buf b = { 0 };
	const char *comma = " ";

	for (int i = 0; i < OBSERVERS; i++)
		if (t->members & 1u << i)
			kinds |= 1u << observers[i].kind;
	buf_printf(&b, "%s -> %s :80 opens %u bytes %u+%u",
		   kinds & 1 << WITNESS_CLIENT ? "a/curl" : "10.0.0.1/",
		   kinds & 1 << WITNESS_SERVER ? "b/nginx" : "10.0.0.2/", n, n * 100, n * 10);
	for (unsigned w = 0; w < WITNESS_COUNT; w++)
		if (kinds & 1u << w) {
			buf_printf(&b, "%s%s", comma, witness_word[w]);
			comma = ",";
		}
	buf_printf(&b, "\n");
	return buf_take(&b);
}

static void expect_known(const struct story *t)
{
	const struct filter hours = { .since = KIT_NOW / 1000 - 7200,
				      .until = KIT_NOW / 1000 + 7200 };
	const struct filter minutes = { .since = KIT_NOW / 1000,
					.until = KIT_NOW / 1000 + 1800 };
	char *want = expected(t);

	kit_expect(&kit, want);
	kit_expect_in(&kit, &hours, want);
	kit_expect_in(&kit, &minutes, want);
	free(want);
}

static void happen(struct story *t)
{
	for (int n = 0; n < 60; n++)
		t->opens[rand() % MINUTES_SEEN][rand() % 60]++;
	/* everybody has something to tell in every minute, or witnesses would be missing */
	for (int m = 0; m < MINUTES_SEEN; m++)
		t->opens[m][10]++;
}

static void play(struct story *t)
{
	for (int i = 0; i < OBSERVERS; i++)
		if (t->members & 1u << i)
			enrol(&observers[i]);
	happen(t);
	send_all(t);
	expect_known(t);
}

START_TEST(every_combination_counts_once)
{
	struct story t = { .members = (unsigned)_i + 1 };

	for (unsigned seed = 0; seed < 4; seed++) {
		srand(seed * 100 + t.members);
		memset(t.opens, 0, sizeof(t.opens));
		play(&t);
		teardown();
		setup();
	}
}
END_TEST

/* Some do not watch for some minutes; who did counts. */
static void with_breaks(unsigned members, unsigned seed, bool tells_lost)
{
	struct story t = { .members = members, .tells_lost = tells_lost };

	srand(seed * 1000 + members);
	for (int i = 0; i < OBSERVERS; i++)
		t.blind[i] = (unsigned)rand() & 0x3c; /* not the first, not the last ones */
	play(&t);
	teardown();
	setup();
}

START_TEST(breaks_are_filled_by_the_others)
{
	for (unsigned seed = 0; seed < 4; seed++) {
		with_breaks((unsigned)_i + 1, seed, false);
		with_breaks((unsigned)_i + 1, seed, true);
	}
}
END_TEST

/* What falls into another minute for somebody else. */
START_TEST(late_witnesses_double_nothing)
{
	struct story t = { .members = (unsigned)_i + 1, .late_s = { 0, 1, 2, 3, 40 } };

	srand((unsigned)_i);
	play(&t);
}
END_TEST

/* Order of arrival, all of it: every permutation of who sends all that it has. */
static void permute(int *order, int n, void (*fn)(const int *order))
{
	if (n == OBSERVERS) {
		fn(order);
		return;
	}
	for (int i = n; i < OBSERVERS; i++) {
		int x = order[n];

		order[n] = order[i];
		order[i] = x;
		permute(order, n + 1, fn);
		order[i] = order[n];
		order[n] = x;
	}
}

static void send_in_order(const int *order)
{
	struct story t = { .members = COMBINATIONS, .late_s = { 0, 1, 0, 2, 40 } };

	for (int i = 0; i < OBSERVERS; i++)
		enrol(&observers[i]);
	srand(7);
	happen(&t);
	for (int i = 0; i < OBSERVERS; i++)
		for (unsigned m = 0; m <= MINUTES_SEEN; m++)
			send_minute(&t, order[i], m);
	expect_known(&t);
	teardown();
	setup();
}

START_TEST(every_order_comes_to_the_same)
{
	int order[OBSERVERS] = { 0, 1, 2, 3, 4 };

	permute(order, 0, send_in_order);
}
END_TEST

/* Flaws: who says that it missed something goes behind one who says nothing of the kind. */

static void send_flawed(const char *sensor, struct kit_flow f, uint32_t degraded,
			uint64_t overflow)
{
	struct cover c = { KIT_NOW, KIT_NOW + KIT_MINUTE, overflow, 0, degraded };

	kit_flow(&kit, &f);
	wire_write_cover(&kit.w, &c);
	kit_send(&kit, sensor);
}

static struct kit_flow flow_of(enum witness kind, uint64_t opens)
{
	return (struct kit_flow){ .client = "10.0.0.1",
				  .server = "10.0.0.2",
				  .client_name = kind == WITNESS_CLIENT ? "curl" : NULL,
				  .server_name = kind == WITNESS_SERVER ? "nginx" : NULL,
				  .opens = opens,
				  .witness = kind };
}

static void expect_opens(unsigned n, const char *rest)
{
	char *want = xasprintf("a/curl -> b/nginx :80 opens %u bytes %u+%u %s\n", n, n * 100,
			       n * 10, rest);

	kit_expect(&kit, want);
	free(want);
}

START_TEST(a_flawed_witness_goes_behind)
{
	static const uint32_t flaws[] = { DEGRADED_DROPPED, DEGRADED_UNSEEN,
					  DEGRADED_ONE_SIDED };

	for (int i = 0; i < 3; i++)
		enrol(&observers[i]);
	send_flawed("A", flow_of(WITNESS_CLIENT, 5), 0, 7); /* its tables were full */
	send_flawed("B", flow_of(WITNESS_SERVER, 9), 0, 0);
	expect_opens(9, "client,server");
	send_flawed("M", flow_of(WITNESS_MIRROR, 99), flaws[_i], 0);
	expect_opens(9, "client,server,mirror");
	send_flawed("B", flow_of(WITNESS_SERVER, 1), 0, 1); /* both: the client's again */
	expect_opens(5, "client,server,mirror");
}
END_TEST

START_TEST(a_clean_mirror_goes_before_flawed_hosts)
{
	for (int i = 0; i < 3; i++)
		enrol(&observers[i]);
	send_flawed("A", flow_of(WITNESS_CLIENT, 5), 0, 7);
	send_flawed("B", flow_of(WITNESS_SERVER, 6), 0, 7);
	expect_opens(5, "client,server");
	send_flawed("M", flow_of(WITNESS_MIRROR, 8), 0, 0);
	expect_opens(8, "client,server,mirror");
}
END_TEST

/* A LOST that comes when all is counted takes the minute from who lost something of it. */
START_TEST(a_loss_that_comes_late_changes_sides)
{
	const struct lost l = { KIT_NOW + 10000, KIT_NOW + 20000, 3 };

	for (int i = 0; i < 2; i++)
		enrol(&observers[i]);
	send_flawed("A", flow_of(WITNESS_CLIENT, 5), 0, 0);
	send_flawed("B", flow_of(WITNESS_SERVER, 8), 0, 0);
	expect_opens(5, "client,server");
	wire_write_lost(&kit.w, &l);
	kit_send(&kit, "A");
	expect_opens(8, "client,server");
}
END_TEST

START_TEST(a_mirror_is_no_host)
{
	for (int i = 0; i < 3; i++)
		enrol(&observers[i]);
	send_flawed("M", flow_of(WITNESS_CLIENT, 99), 0, 0);
	send_flawed("M", flow_of(WITNESS_SERVER, 99), 0, 0);
	kit_expect(&kit, "");
	ck_assert_uint_eq(kit_health(&kit).quarantined, 2);
}
END_TEST

START_TEST(authority_by_coverage)
{
	struct authority_candidate c[] = {
		{ WITNESS_NETFLOW, 1, 0, true }, { WITNESS_MIRROR, 3, 0, true },
		{ WITNESS_MIRROR, 2, 0, true },	 { WITNESS_SERVER, 4, 0, true },
		{ WITNESS_CLIENT, 5, 0, false },
	};

	ck_assert_ptr_null(authority_choose(c, 0));
	ck_assert_ptr_null(authority_choose(c + 4, 1)); /* silent, and nobody knows why */
	ck_assert_int_eq(authority_choose(c, 5)->origin, 4);
	ck_assert_int_eq(authority_choose(c, 3)->origin, 2);
	c[4].worth = 1;
	ck_assert_int_eq(authority_choose(c, 5)->origin, 5);
	c[3].worth = 120000;
	ck_assert_int_eq(authority_choose(c, 5)->origin, 4);
	c[4].worth = 120000 - AUTHORITY_SLACK; /* a second does not matter */
	ck_assert_int_eq(authority_choose(c, 5)->origin, 5);
	c[4].worth--;
	ck_assert_int_eq(authority_choose(c, 5)->origin, 4);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("witnesses");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, authority_by_coverage);
	tcase_add_loop_test(t, every_combination_counts_once, 0, COMBINATIONS);
	tcase_add_loop_test(t, breaks_are_filled_by_the_others, 0, COMBINATIONS);
	tcase_add_loop_test(t, late_witnesses_double_nothing, 0, COMBINATIONS);
	tcase_add_test(t, every_order_comes_to_the_same);
	tcase_add_loop_test(t, a_flawed_witness_goes_behind, 0, 3);
	tcase_add_test(t, a_clean_mirror_goes_before_flawed_hosts);
	tcase_add_test(t, a_loss_that_comes_late_changes_sides);
	tcase_add_test(t, a_mirror_is_no_host);
	return unit_run("once_witness", t);
}
