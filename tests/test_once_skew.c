/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clocks that are wrong by up to an hour, are set while a sensor watches, or are set while its
 * batches lie in a spool: what really happened must come out, in the minutes in which it did.
 */
#include "store/skew.h"
#include "tests/storekit.h"

enum { HOUR = 3600000, LENGTH = 20 * KIT_MINUTE, OBSERVERS = 3, EVERY = 10000 };

static struct kit kit;

static void setup(void)
{
	kit_open(&kit);
}

static void teardown(void)
{
	kit_close(&kit);
}

/* A sensor with a clock of its own: what it tells is what happened by that clock. */
struct observer {
	const char *name, *id, *ip, *role;
	enum witness kind;
	int64_t skew;	  /* of its clock */
	int64_t told;	  /* what HELLO makes of it */
	int64_t from, to; /* that it watches, true time after KIT_NOW */
	int64_t ticks;	  /* true time of its next interval */
	uint64_t sequence;
};

static struct observer client = { "A", "a", "10.0.0.1", "host", WITNESS_CLIENT };
static struct observer server = { "B", "b", "10.0.0.2", "host", WITNESS_SERVER };
static struct observer mirror = { "M", "m", NULL, "mirror", WITNESS_MIRROR };

/* What really happens: sorted times of single connections, ms after KIT_NOW. */
static int64_t happened[4000];
static unsigned happened_n;

static int by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void happen(unsigned n)
{
	happened_n = n;
	for (unsigned i = 0; i < n; i++)
		happened[i] = rand() % LENGTH;
	qsort(happened, n, sizeof(*happened), by_time);
}

static void send_on(struct observer *o, int64_t received)
{
	struct wire_batch b = kit_batch(&kit, 1, ++o->sequence);

	kit.greeted = true;
	kit.skew_ms = o->told;
	ck_assert_int_eq(kit_apply(&kit, o->name, &b, KIT_NOW + (uint64_t)received),
			 LEDGER_APPLIED);
	kit.greeted = false;
}

static uint64_t its(const struct observer *o, int64_t t)
{
	return KIT_NOW + (uint64_t)(t + o->skew);
}

static void begin(struct observer *o)
{
	const uint8_t fingerprint[32] = { (uint8_t)*o->name };
	const struct enrol_sensor x = { o->name, o->role, o->id, fingerprint, 0 };

	ck_assert_int_eq(enrol_sensor_add(kit.s, &x, KIT_NOW - HOUR, NULL), 0);
	o->sequence = 0;
	o->ticks = o->from;
	wire_writer_begin(&kit.w, its(o, o->from));
	if (o->ip)
		kit_machine(&kit, o->id, o->ip);
	send_on(o, o->from);
}

/* A flow record of what O saw in [FROM, TO). */
static void put_seen(const struct observer *o, int64_t from, int64_t to)
{
	struct flow f = { .witness = o->kind,
			  .proto = PROTO_TCP,
			  .port = 80,
			  .client = kit_addr("10.0.0.1"),
			  .server = kit_addr("10.0.0.2"),
			  .minute = its(o, from) / KIT_MINUTE,
			  .c = { .has_bytes = true } };
	uint32_t process = kit_process(&kit, o->kind == WITNESS_CLIENT ? "curl" : "nginx");

	for (unsigned i = 0; i < happened_n; i++) {
		if (happened[i] < from || happened[i] >= to)
			continue;
		if (!f.c.opens++)
			f.first_ms = its(o, happened[i]);
		f.last_ms = its(o, happened[i]);
	}
	f.c.bytes_to_server = f.c.opens * 100;
	f.c.bytes_to_client = f.c.opens * 10;
	if (f.c.opens)
		wire_write_flow(&kit.w, &f, o->kind == WITNESS_CLIENT ? process : 0,
				o->kind == WITNESS_SERVER ? process : 0);
}

/* Its next interval ends at the next multiple of EVERY on its own clock. */
static void tick(struct observer *o, int64_t received)
{
	int64_t from = o->ticks, to = from + EVERY - (int64_t)(its(o, from) % EVERY);
	struct cover c = { its(o, from), its(o, to), 0, 0, 0 };

	wire_writer_begin(&kit.w, its(o, from));
	put_seen(o, from, to);
	wire_write_cover(&kit.w, &c);
	o->ticks = to;
	send_on(o, received ? received : to + 20);
}

static void watch(struct observer *o, int64_t to)
{
	while (o->ticks < to)
		tick(o, 0);
}

struct found {
	uint64_t opens, bytes;
	unsigned edges;
};

static int add_edge(const struct edge_row *r, void *ctx)
{
	struct found *f = ctx;

	f->edges++;
	f->opens += r->c.opens;
	f->bytes += r->c.bytes_to_server;
	return 0;
}

static struct found found_in(int64_t from, int64_t to)
{
	const struct filter f = { .since = (int64_t)(KIT_NOW / 1000) + from / 1000,
				  .until = (int64_t)(KIT_NOW / 1000) + to / 1000 };
	struct found out = { 0 };

	ck_assert_int_eq(query_edges(kit.s, &f, add_edge, &out, NULL), 0);
	return out;
}

static unsigned true_in(int64_t from, int64_t to)
{
	unsigned n = 0;

	for (unsigned i = 0; i < happened_n; i++)
		n += happened[i] >= from && happened[i] < to;
	return n;
}

static unsigned apart(uint64_t a, uint64_t b)
{
	return (unsigned)(a > b ? a - b : b - a);
}

static void expect_true(void)
{
	struct found f = found_in(-HOUR, 2 * HOUR);

	ck_assert_uint_eq(f.edges, 1);
	ck_assert_uint_eq(f.opens, happened_n);
	ck_assert_uint_eq(f.bytes, happened_n * 100);
}

/* By the minute: what is told by interval may be off by the part of one. */
static void expect_minutes(unsigned slack)
{
	for (int64_t t = 0; t < LENGTH; t += KIT_MINUTE)
		ck_assert_uint_le(
			apart(found_in(t, t + KIT_MINUTE).opens, true_in(t, t + KIT_MINUTE)),
			slack);
}

static int64_t any_skew(void)
{
	return (int64_t)rand() % (2 * HOUR + 1) - HOUR;
}

static void reset(struct observer *o)
{
	o->from = -2 * KIT_MINUTE;
	o->to = LENGTH + 2 * KIT_MINUTE;
	o->told = o->skew = 0;
}

/* Two or three of them, each wrong in its own way, intervals as they come. */
START_TEST(clocks_an_hour_off_count_once)
{
	struct observer *all[OBSERVERS] = { &client, &server, &mirror };
	unsigned n = 2 + (unsigned)_i % 2;

	srand((unsigned)_i);
	happen(400);
	for (unsigned i = 0; i < n; i++) {
		reset(all[i]);
		all[i]->told = all[i]->skew = any_skew();
		begin(all[i]);
	}
	for (bool more = true; more;) {
		struct observer *o = all[(unsigned)rand() % n];

		if (o->ticks < o->to)
			tick(o, 0);
		more = false;
		for (unsigned i = 0; i < n; i++)
			more |= all[i]->ticks < all[i]->to;
	}
	expect_true();
	expect_minutes(4);
}
END_TEST

/* One that begins later than the other: the minute in which they change is exact, too. */
START_TEST(changing_hands_is_exact)
{
	srand(1000 + (unsigned)_i);
	happen(_i % 2 ? 600 : 100);
	reset(&client);
	reset(&server);
	client.told = client.skew = any_skew() / 1000 * 1000;
	server.told = server.skew = any_skew() / 1000 * 1000;
	client.from = 5 * KIT_MINUTE + rand() % KIT_MINUTE;
	begin(&server);
	begin(&client);
	watch(&server, server.to);
	watch(&client, client.to);
	ck_assert_uint_le(apart(found_in(-HOUR, 2 * HOUR).opens, happened_n), _i % 2 ? 4 : 2);
}
END_TEST

/* A second that nobody corrects: at least 999 of 1,000. */
START_TEST(a_second_hardly_matters)
{
	uint64_t want = 0, off = 0;

	for (unsigned round = 0; round < 4; round++) {
		srand(2000 + round);
		happen(3000);
		reset(&client);
		reset(&server);
		client.skew = 1000;
		server.skew = -1000;
		server.from = -3 * KIT_MINUTE;
		client.to = LENGTH + KIT_MINUTE; /* it stops while the other goes on */
		begin(&server);
		begin(&client);
		watch(&server, server.to);
		watch(&client, client.to);
		want += happened_n;
		off += apart(found_in(-HOUR, 2 * HOUR).opens, happened_n);
		teardown();
		setup();
	}
	ck_assert_uint_le(off * 1000, want);
}
END_TEST

/* Clocks that are set */

static int64_t skew_of(const char *name)
{
	char *sql = xasprintf("SELECT skew_ms FROM sensor WHERE name = '%s'", name);
	int64_t ms = kit_number(kit.path, sql);

	free(sql);
	return ms;
}

/* While it is connected, so HELLO knows nothing of it. */
START_TEST(a_clock_is_set_while_it_watches)
{
	static const int64_t steps[] = { HOUR, -HOUR, 10 * KIT_MINUTE, -5 * KIT_MINUTE };
	int64_t step = steps[_i % 4];

	srand(3000 + (unsigned)_i);
	happen(400);
	reset(&client);
	reset(&server);
	begin(&client);
	begin(&server);
	watch(&client, LENGTH / 2);
	client.skew += step;
	watch(&client, client.to);
	watch(&server, server.to);
	expect_true();
	expect_minutes(2);
	ck_assert_uint_le(
		apart((uint64_t)(skew_of("A") + 2 * HOUR), (uint64_t)(step + 2 * HOUR)), 1000);
}
END_TEST

/* Spooled under a clock that was wrong, sent when it is right. */
START_TEST(a_clock_is_set_while_batches_wait)
{
	static const int64_t before[] = { HOUR, -HOUR, 7 * KIT_MINUTE, -7 * KIT_MINUTE };
	int64_t now = LENGTH + 2 * HOUR;

	srand(4000 + (unsigned)_i);
	happen(400);
	reset(&client);
	reset(&server);
	client.skew = client.told = before[_i % 4];
	begin(&client);
	begin(&server);
	watch(&client, KIT_MINUTE); /* then the link is cut */
	client.told = 0;	    /* and this is what the next HELLO says */
	while (client.ticks < client.to) {
		if (client.ticks >= LENGTH / 2)
			client.skew = 0;
		tick(&client, now);
	}
	watch(&server, server.to);
	expect_true();
	expect_minutes(2);
	ck_assert_int_eq(skew_of("A"), 0);
}
END_TEST

/* Minutes that are told out of their order are no clock that was set. */
START_TEST(late_minutes_are_no_step)
{
	reset(&client);
	begin(&client);
	happen(0);
	for (int64_t t = 10 * KIT_MINUTE; t > 0; t -= 2 * KIT_MINUTE) {
		client.ticks = t;
		tick(&client, 11 * KIT_MINUTE);
	}
	ck_assert_int_eq(skew_of("A"), 0);
}
END_TEST

/* Our own is set under two that watch, and back; they greet again under it, or do not. */
START_TEST(our_own_clock_is_set)
{
	static const int64_t steps[] = { HOUR,	       -HOUR,	       24LL * HOUR,
					 -24LL * HOUR, 3 * KIT_MINUTE, -3 * KIT_MINUTE };
	int64_t step = steps[_i % 6];
	struct observer *both[] = { &client, &server };

	srand(5000 + (unsigned)_i);
	happen(400);
	for (unsigned i = 0; i < 2; i++) {
		reset(both[i]);
		begin(both[i]);
	}
	for (int64_t t = client.from; t < client.to; t += EVERY) {
		bool off = t >= LENGTH / 3 && t < 2 * LENGTH / 3;

		for (unsigned i = 0; i < 2; i++) {
			both[i]->told = off && _i >= 6 ? -step : 0;
			tick(both[i], t + EVERY + 20 + (off ? step : 0));
		}
	}
	ck_assert_uint_eq(found_in(-25LL * HOUR, 25LL * HOUR).opens, happened_n);
	ck_assert_uint_eq(found_in(-25LL * HOUR, 25LL * HOUR).edges, 1);
}
END_TEST

static void close_at(int64_t t)
{
	ck_assert_int_eq(store_begin(kit.s, NULL), 0);
	ck_assert_int_eq(close_some(kit.s, (int64_t)KIT_NOW + t, 1000, NULL), 0);
	ck_assert_int_eq(store_commit(kit.s, NULL), 0);
}

/* The collector's own clock leaps by a day, and back: minutes to come are not over by that. */
START_TEST(a_leap_of_our_own_clock)
{
	static const char open[] = "SELECT count(*) FROM fact_minute WHERE edge = -1";

	srand(7);
	happen(400);
	reset(&server);
	begin(&server);
	watch(&server, 3 * KIT_MINUTE);
	close_at(24 * HOUR);
	watch(&server, 6 * KIT_MINUTE);
	ck_assert_int_eq(kit_number(kit.path, open), 3);
	close_at(HOUR);
	ck_assert_int_eq(kit_number(kit.path, open), 0);
	watch(&server, server.to);
	expect_true();
}
END_TEST

/* 2038 is a year like others, and a clock that begins in 1970 is one that is behind. */
START_TEST(far_away_clocks)
{
	static const int64_t skews[] = { INT64_C(400000000000), /* 2038-09 */
					 -INT64_C(1767268700000), 0 };

	srand(5);
	happen(300);
	reset(&client);
	reset(&server);
	client.told = client.skew = skews[_i];
	begin(&client);
	begin(&server);
	watch(&client, client.to);
	watch(&server, server.to);
	expect_true();
	expect_minutes(4);
}
END_TEST

/* A greeting that makes no sense of the batch is not believed. */
START_TEST(a_greeting_that_explains_nothing)
{
	srand(6);
	happen(100);
	reset(&client);
	client.told = 30LL * 24 * HOUR;
	begin(&client);
	watch(&client, client.to);
	expect_true();
	expect_minutes(2);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("skew");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, clocks_an_hour_off_count_once, 0, 12);
	tcase_add_loop_test(t, changing_hands_is_exact, 0, 8);
	tcase_add_test(t, a_second_hardly_matters);
	tcase_add_loop_test(t, a_clock_is_set_while_it_watches, 0, 4);
	tcase_add_loop_test(t, a_clock_is_set_while_batches_wait, 0, 4);
	tcase_add_test(t, late_minutes_are_no_step);
	tcase_add_loop_test(t, our_own_clock_is_set, 0, 12);
	tcase_add_test(t, a_leap_of_our_own_clock);
	tcase_add_loop_test(t, far_away_clocks, 0, 3);
	tcase_add_test(t, a_greeting_that_explains_nothing);
	return unit_run("once_skew", t);
}
