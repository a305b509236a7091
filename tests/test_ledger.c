/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/ledgerkit.h"

/* Exactly once */

START_TEST(a_batch_counts_once)
{
	uint64_t at = 99;
	struct wire_batch b;

	ck_assert_int_eq(ledger_resume(kit.s, "A", 7, &at, NULL), 0);
	ck_assert_uint_eq(at, 0);
	kit_machine(&kit, "a", "10.0.0.1");
	kit_flow(&kit, &curl);
	b = kit_batch(&kit, 7, 1);
	ck_assert_int_eq(kit_apply(&kit, "A", &b, KIT_NOW), LEDGER_APPLIED);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(kit_apply(&kit, "A", &b, KIT_NOW), LEDGER_KNOWN);
	kit_expect(&kit, "a/curl -> 10.0.0.2/ :80 opens 5 bytes 500+50 client\n");
	ck_assert_int_eq(ledger_resume(kit.s, "A", 7, &at, NULL), 0);
	ck_assert_uint_eq(at, 1);

	b.sequence = 3;
	ck_assert_int_eq(kit_apply(&kit, "A", &b, KIT_NOW), LEDGER_GAP);
	b.sequence = 2;
	ck_assert_int_eq(kit_apply(&kit, "A", &b, KIT_NOW), LEDGER_APPLIED);
	kit_expect(&kit, "a/curl -> 10.0.0.2/ :80 opens 10 bytes 1000+100 client\n");
	b.epoch = UINT64_MAX - 3; /* another spool */
	b.sequence = 1;
	ck_assert_int_eq(kit_apply(&kit, "A", &b, KIT_NOW), LEDGER_APPLIED);
	kit_expect(&kit, "a/curl -> 10.0.0.2/ :80 opens 15 bytes 1500+150 client\n");
	ck_assert_int_eq(ledger_resume(kit.s, "A", b.epoch, &at, NULL), 0);
	ck_assert_uint_eq(at, 1);
}
END_TEST

START_TEST(what_is_rolled_back_never_was)
{
	const struct ledger_from from = { .received_ms = KIT_NOW };
	enum ledger_verdict v;
	struct wire_batch b;

	kit_sensor(&kit, "A", "a", "10.0.0.1");
	kit_flow(&kit, &curl);
	b = kit_batch(&kit, 1, 2);
	ck_assert_int_eq(store_begin(kit.s, NULL), 0);
	ck_assert_int_eq(ledger_apply(kit.s, "A", &b, &from, &v, NULL), 0);
	store_rollback(kit.s);
	kit_expect(&kit, "");
	ck_assert_int_eq(kit_apply(&kit, "A", &b, KIT_NOW), LEDGER_APPLIED);
	kit_expect(&kit, "a/curl -> 10.0.0.2/ :80 opens 5 bytes 500+50 client\n");
}
END_TEST

/* Counting once */

START_TEST(both_sides_are_one_edge)
{
	two_machines();
	send_covered("A", curl);
	send_covered("B", in_minute(nginx, 0, 4));
	expect_all("a/curl -> b/nginx :80 opens 5 bytes 500+50 client,server\n");
}
END_TEST

START_TEST(server_first_is_taken_back)
{
	two_machines();
	send_covered("B", in_minute(nginx, 0, 4));
	expect_all("a/ -> b/nginx :80 opens 4 bytes 400+40 server\n");
	send_covered("A", curl);
	expect_all("a/curl -> b/nginx :80 opens 5 bytes 500+50 client,server\n");
}
END_TEST

START_TEST(without_coverage_the_client_is_believed)
{
	two_machines();
	send_flow("B", in_minute(nginx, 0, 4));
	send_flow("A", curl);
	send_flow("B", in_minute(nginx, 0, 4));
	expect_all("a/curl -> b/nginx :80 opens 5 bytes 500+50 client,server\n");
}
END_TEST

/* One connection, in minute 0 for the client and in minute 1 for the server. */
static void across_the_minute(const char *const order)
{
	two_machines();
	for (const char *o = order; *o; o++) {
		if (*o == 'a')
			send_covered("A", in_minute(curl, 0, 1));
		else if (*o == 'A')
			send_cover("A", 1, 0, 60);
		else if (*o == 'b')
			send_cover("B", 0, 0, 60);
		else
			send_covered("B", in_minute(nginx, 1, 1));
	}
	expect_all("a/curl -> b/nginx :80 opens 1 bytes 100+10 client,server\n");
	teardown();
	setup();
}

START_TEST(across_the_minute_counts_once)
{
	static const char *const orders[] = { "aAbB", "bBaA", "aBbA", "BabA", "BbAa", "AaBb" };

	for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++)
		across_the_minute(orders[i]);
}
END_TEST

START_TEST(who_watched_more_counts)
{
	two_machines();
	kit_flow(&kit, &curl);
	kit_cover(&kit, 0, 40, 60);
	kit_send(&kit, "A");
	send_covered("B", in_minute(nginx, 0, 9));
	expect_all("a/curl -> b/nginx :80 opens 9 bytes 900+90 client,server\n");
	send_cover("A", 0, 0, 40); /* late, from another probe */
	expect_all("a/curl -> b/nginx :80 opens 5 bytes 500+50 client,server\n");
}
END_TEST

/* Random interleavings of both sides' minutes must come to the same. */
START_TEST(any_order_adds_up)
{
	uint64_t want = 0;

	srand((unsigned)_i);
	two_machines();
	for (unsigned m = 0; m < 20; m++)
		want += 1 + m;
	for (unsigned a = 0, b = 0; a < 20 || b < 20;) {
		bool client = b >= 20 || (a < 20 && rand() % 2);
		unsigned m = client ? a++ : b++;

		send_covered(client ? "A" : "B",
			     in_minute(client ? curl : nginx, m, client ? 1 + m : 50));
	}
	char *text =
		xasprintf("a/curl -> b/nginx :80 opens %llu bytes %llu+%llu client,server\n",
			  (unsigned long long)want, (unsigned long long)want * 100,
			  (unsigned long long)want * 10);

	expect_all(text);
	free(text);
}
END_TEST

START_TEST(a_mirror_counts_where_no_host_watches)
{
	const struct kit_flow seen = { .client = "10.0.0.1",
				       .server = "10.0.0.2",
				       .opens = 7,
				       .witness = WITNESS_MIRROR };
	const uint8_t fingerprint[32] = { 1 };
	const struct enrol_sensor tap = { "M", "mirror", "tap", fingerprint, 0 };

	ck_assert_int_eq(enrol_sensor_add(kit.s, &tap, KIT_NOW, NULL), 0);
	send_covered("M", seen);
	expect_all("10.0.0.1/ -> 10.0.0.2/ :80 opens 7 bytes 700+70 mirror\n");
	kit_sensor(&kit, "B", "b", "10.0.0.2");
	send_covered("B", nginx);
	expect_all("10.0.0.1/ -> b/nginx :80 opens 5 bytes 500+50 server,mirror\n");
}
END_TEST

/* Pairing */

START_TEST(refused_and_then_known_is_one_edge)
{
	struct kit_flow refused = in_minute(curl, 0, 3);

	refused.refused = 3;
	two_machines();
	send_covered("A", refused);
	expect_all("a/curl -> b/ :80 opens 3 failed 3 bytes 300+30 client\n");
	send_covered("A", in_minute(curl, 1, 2));
	send_covered("B", in_minute(nginx, 1, 2));
	expect_all("a/curl -> b/nginx :80 opens 5 failed 3 bytes 500+50 client,server\n");
	/* minutes counted on the edge that is no more can still change sides */
	send_cover("B", 0, 0, 60);
	send_covered("A", in_minute(curl, 0, 1));
	expect_all("a/curl -> b/nginx :80 opens 6 failed 3 bytes 600+60 client,server\n");
}
END_TEST

START_TEST(two_clients_of_one_server)
{
	struct kit_flow wget = in_minute(curl, 0, 7);

	wget.client_name = "wget";
	two_machines();
	send_covered("A", curl);
	send_covered("A", wget);
	send_covered("B", in_minute(nginx, 0, 12));
	expect_all("a/curl -> b/nginx :80 opens 5 bytes 500+50 client\n"
		   "a/wget -> b/nginx :80 opens 7 bytes 700+70 client,server guess\n");
}
END_TEST

START_TEST(ports_tell_who_talks_to_whom)
{
	static const uint16_t low[] = { 40000, 40001, 0 }, high[] = { 50000, 50001, 0 };
	struct kit_flow wget = curl, haproxy = nginx, one = curl, other = nginx;

	one.ports = other.ports = low;
	wget.client_name = "wget";
	haproxy.server_name = "haproxy";
	wget.ports = haproxy.ports = high;
	two_machines();
	send_covered("A", one);
	send_covered("A", wget);
	send_covered("B", haproxy);
	send_covered("B", other);
	kit_expect(&kit, "a/curl -> b/nginx :80 opens 5 bytes 500+50 client,server\n"
			 "a/wget -> b/haproxy :80 opens 5 bytes 500+50 client,server\n");
}
END_TEST

START_TEST(nobody_knows_anybody)
{
	struct kit_flow f = curl;

	f.client_name = NULL;
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	send_covered("A", f);
	expect_all("a/ -> 10.0.0.2/ :80 opens 5 bytes 500+50 client\n");
}
END_TEST

START_TEST(loopback_stays_apart)
{
	struct kit_flow f = { .client = "127.0.0.1",
			      .server = "127.0.0.1",
			      .client_name = "php",
			      .opens = 1,
			      .scope = 4026531840,
			      .port = 5432,
			      .witness = WITNESS_CLIENT };
	struct kit_flow g = f;

	g.client_name = NULL;
	g.server_name = "postgres";
	g.witness = WITNESS_SERVER;
	two_machines();
	send_covered("A", f);
	send_covered("A", g);
	f.opens = g.opens = 2;
	send_covered("B", g);
	send_covered("B", f);
	expect_all("a/php -> a/postgres :5432 opens 1 bytes 100+10 client,server\n"
		   "b/php -> b/postgres :5432 opens 2 bytes 200+20 client,server\n");
}
END_TEST

/* Gauges */

START_TEST(gauges_are_the_latest_word)
{
	struct kit_flow f = in_minute(curl, 0, 1);

	two_machines();
	f.live = 3;
	send_covered("A", f);
	f = in_minute(nginx, 0, 1);
	f.live = 2;
	send_covered("B", f);
	kit_expect(&kit, "a/curl -> b/nginx :80 opens 1 bytes 100+10 live 3 client,server\n");
	f = in_minute(curl, 1, 0);
	f.live = 1;
	send_covered("A", f);
	kit_expect(&kit, "a/curl -> b/nginx :80 opens 1 bytes 100+10 live 1 client,server\n");
	send_cover("A", 5, 0, 60); /* it looked away, and tells of no connection since */
	kit_expect(&kit, "a/curl -> b/nginx :80 opens 1 bytes 100+10 client,server\n");
}
END_TEST

/* Addresses */

START_TEST(an_address_goes_to_another_machine)
{
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	send_covered("A", curl);
	kit_later(&kit, 60);
	kit_sensor(&kit, "B", "b", "10.0.0.1"); /* takes it over */
	kit_expect(&kit, "a/curl -> 10.0.0.2/ :80 opens 5 bytes 500+50 client\n");
	kit_sensor(&kit, "B", "b", "10.0.0.3"); /* and lets it go: the last holder stays */
	kit_expect(&kit, "a/curl -> 10.0.0.2/ :80 opens 5 bytes 500+50 client\n");
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	kit_expect(&kit, "a/curl -> 10.0.0.2/ :80 opens 5 bytes 500+50 client\n");
}
END_TEST

/* Listing somebody's address does not make it one's own while its owner is heard. */
START_TEST(an_address_is_not_taken_from_the_living)
{
	struct kit_flow forged = curl;

	kit_sensor(&kit, "A", "a", "10.0.0.1");
	send_covered("A", curl);
	kit_sensor(&kit, "B", "b", "10.0.0.1");
	forged.opens = 777;
	forged.client_name = "forged";
	send_flow("B", forged);
	kit_expect(&kit, "a/curl -> 10.0.0.2/ :80 opens 5 bytes 500+50 client\n");
	ck_assert_uint_eq(kit_health(&kit).quarantined, 1);
}
END_TEST

START_TEST(strange_names_become_text)
{
	struct kit_flow f = curl;

	f.client_name = "x\xff\xc3(y";
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	send_covered("A", f);
	kit_expect(&kit, "a/x\xef\xbf\xbd\xef\xbf\xbd(y -> 10.0.0.2/ :80 opens 5 bytes 500+50 "
			 "client\n");
}
END_TEST

/* A cold start in the middle must not matter: everything is in the file. */
START_TEST(restarts_do_not_matter)
{
	two_machines();
	for (int i = 0; i < 4; i++) {
		send_covered(i % 2 ? "A" : "B", in_minute(i % 2 ? curl : nginx, 0, 1));
		store_close(kit.s);
		kit.s = store_open(kit.path, STORE_WRITE, NULL);
		ck_assert(kit.s != NULL);
	}
	expect_all("a/curl -> b/nginx :80 opens 2 bytes 200+20 client,server\n");
}

static int64_t gaps_of(int64_t *start, int64_t *end)
{
	sqlite3_stmt *st;
	sqlite3 *db;
	int64_t n = 0;

	ck_assert_int_eq(sqlite3_open(kit.path, &db), SQLITE_OK);
	ck_assert_int_eq(
		sqlite3_prepare_v2(db, "SELECT start_ms, end_ms FROM gap", -1, &st, NULL),
		SQLITE_OK);
	for (; sqlite3_step(st) == SQLITE_ROW; n++) {
		*start = sqlite3_column_int64(st, 0);
		*end = sqlite3_column_int64(st, 1);
	}
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

/* What had been committed and is not here. */
START_TEST(what_was_forgotten_is_a_gap_once)
{
	uint64_t heard = KIT_NOW + 30 * KIT_MINUTE;
	int64_t start, end;
	bool told;

	two_machines();
	ck_assert_int_eq(ledger_forgotten(kit.s, "A", heard + 5000, &told, NULL), 0);
	ck_assert(told);
	ck_assert_int_eq(gaps_of(&start, &end), 1);
	ck_assert_int_eq(start, (int64_t)heard);
	ck_assert_int_eq(end, (int64_t)heard + 5000);
	ck_assert_int_eq(ledger_forgotten(kit.s, "A", heard + 9000, &told, NULL), 0);
	ck_assert(!told); /* it comes and says so again */
	ck_assert_int_eq(ledger_forgotten(kit.s, "nobody", heard, &told, NULL), 0);
	ck_assert(!told);
	ck_assert_int_eq(gaps_of(&start, &end), 1);
	kit_later(&kit, 60);
	send_flow("A", curl);
	ck_assert_int_eq(ledger_forgotten(kit.s, "A", 0, &told, NULL), 0);
	ck_assert(told); /* another time, with a clock that was set back */
	ck_assert_int_eq(gaps_of(&start, &end), 2);
	ck_assert_int_eq(start, end);
}
END_TEST
END_TEST

/* NAME says whether each minute is over as soon as something came, or only read as if. */
static TCase *tests(const char *name)
{
	TCase *t = tcase_create(name);

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_batch_counts_once);
	tcase_add_test(t, what_is_rolled_back_never_was);
	tcase_add_test(t, both_sides_are_one_edge);
	tcase_add_test(t, server_first_is_taken_back);
	tcase_add_test(t, without_coverage_the_client_is_believed);
	tcase_add_test(t, across_the_minute_counts_once);
	tcase_add_test(t, who_watched_more_counts);
	tcase_add_loop_test(t, any_order_adds_up, 0, 8);
	tcase_add_test(t, a_mirror_counts_where_no_host_watches);
	tcase_add_test(t, refused_and_then_known_is_one_edge);
	tcase_add_test(t, two_clients_of_one_server);
	tcase_add_test(t, ports_tell_who_talks_to_whom);
	tcase_add_test(t, nobody_knows_anybody);
	tcase_add_test(t, loopback_stays_apart);
	tcase_add_test(t, gauges_are_the_latest_word);
	tcase_add_test(t, an_address_goes_to_another_machine);
	tcase_add_test(t, an_address_is_not_taken_from_the_living);
	tcase_add_test(t, strange_names_become_text);
	tcase_add_test(t, restarts_do_not_matter);
	tcase_add_test(t, what_was_forgotten_is_a_gap_once);
	return t;
}

int main(void)
{
	return run_both("ledger", tests);
}
