/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates that live for seconds: a sensor by hand that stops at every step of a renewal,
 * and a real one that is killed, with its collector, for as many renewals as a year has.
 */
#include <fcntl.h>
#include <event2/event.h>

#include "common/mem.h"
#include "sensor/link.h"
#include "sensor/renewal.h"
#include "tests/peerkit.h"
#include "tests/unit.h"

static char said[256]; /* of the last error */

/* On the port that it had, if it had one. */
static void start(uint32_t life)
{
	life_s = life;
	start_collector(port);
}

static void end(int number)
{
	int status = end_collector(number);

	if (number == SIGTERM)
		ck_assert_int_eq(status, 0);
}

static void enrol_for(uint32_t life)
{
	struct identity id;

	start(life);
	make_token(60, 3);
	enrol_well(&id);
}

static void shell(const char *fmt, const char *a, const char *b)
{
	char *cmd = xasprintf(fmt, a, b);

	ck_assert_msg(system(cmd) == 0, "%s", cmd);
	free(cmd);
}

/* A sensor by hand */

/* Says HELLO: 'W' welcome, 'P' welcome and pause, 'E' with the words of an error. */
static char greet(struct peer *p, SSL_CTX *ctx, uint64_t capabilities)
{
	struct wire_hello m = { .minor = WIRE_MINOR,
				.capabilities = capabilities,
				.boot = 7,
				.epoch = 1,
				.clock_ms = clock_ms(),
				.program = "test" };
	struct wire_welcome welcome;
	struct wire_error error;
	struct wire_frame f;
	struct buf b = { 0 };

	ck_assert_ptr_nonnull(ctx);
	ck_assert(peer_open(p, ctx));
	wire_put_hello(&b, &m);
	say(p, &b);
	ck_assert(hear(p, &f));
	if (f.type == WIRE_WELCOME) {
		ck_assert_int_eq(wire_get_welcome(f.body, &welcome), 0);
		ck_assert(welcome.capabilities & WIRE_CAN_RENEW);
		return welcome.credit ? 'W' : 'P';
	}
	ck_assert_int_eq(f.type, WIRE_ERROR);
	ck_assert_int_eq(wire_get_error(f.body, &error), 0);
	snprintf(said, sizeof(said), "%s", error.reason);
	return 'E';
}

/* What the files in MINE get, as after a start of the sensor. */
static char start_and_greet(void)
{
	struct identity id;
	struct peer p;
	char c = greet(&p, identity_tls(mine, &id, NULL), WIRE_CAN_RENEW);

	peer_close(&p);
	return c;
}

/* Asks for a certificate in a session of its own; kept or lost. */
static void renew(struct renewal *r, bool keep)
{
	const char *request = renewal_request(r, NULL);
	struct wire_renew m = { request };
	struct wire_cert cert;
	struct wire_frame f;
	struct buf b = { 0 };
	struct err e = { 0 };
	struct peer p;

	ck_assert_int_ne(greet(&p, renewal_tls(r, NULL), WIRE_CAN_RENEW), 'E');
	wire_put_renew(&b, &m);
	say(&p, &b);
	ck_assert(hear(&p, &f));
	ck_assert_int_eq(f.type, WIRE_CERT);
	ck_assert_int_eq(wire_get_cert(f.body, &cert), 0);
	if (keep)
		ck_assert_msg(renewal_take(r, &cert, &e) == 0, "%s", e.msg);
	peer_close(&p);
}

static struct renewal *renewal_open(void)
{
	struct err e = { 0 };
	struct renewal *r = renewal_new(mine, &e);

	ck_assert_msg(r != NULL, "%s", e.msg);
	return r;
}

static void rest(void)
{
	usleep(1100000); /* two of one sensor are a 60th of a life apart */
}

/* The answer is lost with the session, three times; then it is kept, and used. */
START_TEST(a_lost_answer_changes_nothing)
{
	struct renewal *r;

	enrol_for(60);
	r = renewal_open();
	for (int i = 0; i < 3; i++) {
		rest();
		renew(r, false);
		ck_assert_int_eq(start_and_greet(), 'W');
	}
	rest();
	renew(r, true);
	renewal_free(r);
	ck_assert_int_eq(start_and_greet(), 'W');
	ck_assert_int_eq(start_and_greet(), 'W');
}
END_TEST

/* Killed between any two steps of putting the pair in its place. */
START_TEST(whatever_is_on_the_disk_is_taken)
{
	struct renewal *r;

	enrol_for(60);
	r = renewal_open();
	rest();
	renew(r, true);
	ck_assert_int_eq(start_and_greet(), 'W');
	rest();
	renew(r, true); /* the pair is there, and was not used yet */
	renewal_free(r);
	shell("cd %s/renewed && mv sensor.pem sensor.pem.new && : %s", mine, "");
	ck_assert_int_eq(start_and_greet(), 'W'); /* the former */
	shell("cd %s/renewed && head -c 200 sensor.pem.new > sensor.pem && : %s", mine, "");
	ck_assert_int_eq(start_and_greet(), 'W'); /* a torn one is passed over */
}
END_TEST

START_TEST(the_collector_dies_at_any_step)
{
	struct renewal *r;
	struct peer p;

	enrol_for(60);
	r = renewal_open();
	rest();
	renew(r, true);
	end(SIGKILL); /* it has given it out */
	start(60);
	ck_assert_int_eq(greet(&p, renewal_tls(r, NULL), WIRE_CAN_RENEW), 'W');
	end(SIGKILL); /* it was used */
	peer_close(&p);
	start(60);
	ck_assert_int_eq(start_and_greet(), 'W');
	rest();
	renew(r, true);
	ck_assert_int_eq(start_and_greet(), 'W');
	renewal_free(r);
}
END_TEST

START_TEST(the_one_before_is_refused_and_told)
{
	struct identity id;
	struct peer p;
	SSL_CTX *first;
	struct renewal *r;

	enrol_for(60);
	first = identity_tls(mine, &id, NULL);
	rest();
	r = renewal_open();
	renew(r, true);
	SSL_CTX_up_ref(first);
	ck_assert_int_eq(greet(&p, first, 0), 'W'); /* both, as long as that was not used */
	peer_close(&p);
	ck_assert_int_eq(start_and_greet(), 'W');
	ck_assert_int_eq(greet(&p, first, 0), 'E');
	ck_assert_ptr_nonnull(strstr(said, "a copy of this sensor?"));
	peer_close(&p);
	renewal_free(r);
}
END_TEST

/* A backup of the database from before the renewal: the former pair is tried in turn. */
START_TEST(a_restored_database_takes_the_former)
{
	struct renewal *r;
	struct peer p;

	enrol_for(60);
	end(SIGTERM);
	shell("cp %s/skein.db %s/backup", home, dir);
	start(60);
	rest();
	r = renewal_open();
	renew(r, true);
	ck_assert_int_eq(start_and_greet(), 'W');
	end(SIGTERM);
	shell("cd %s && rm skein.db* && cp ../backup skein.db && : %s", home, "");
	start(60);
	ck_assert_int_eq(start_and_greet(), 'E');
	ck_assert_ptr_nonnull(strstr(said, "not enrolled here"));
	ck_assert(renewal_other(r));
	ck_assert_int_eq(greet(&p, renewal_tls(r, NULL), WIRE_CAN_RENEW), 'W');
	peer_close(&p);
	renew(r, true);
	renewal_free(r);
	ck_assert_int_eq(start_and_greet(), 'W');
}
END_TEST

START_TEST(what_has_ended_is_good_for_renewal_alone)
{
	struct wire_batch batch = { .epoch = 1, .sequence = 1 };
	struct identity id;
	struct wire_frame f;
	struct buf b = { 0 };
	struct peer p;
	struct renewal *r;

	enrol_for(3);
	usleep(4200000);
	r = renewal_open();
	ck_assert_int_eq(greet(&p, renewal_tls(r, NULL), 0), 'E');
	ck_assert_ptr_nonnull(strstr(said, "cannot renew it by itself"));
	peer_close(&p);
	ck_assert_int_eq(greet(&p, renewal_tls(r, NULL), WIRE_CAN_RENEW), 'P');
	wire_put_batch(&b, &batch, "", 0);
	say(&p, &b);
	ck_assert(hear(&p, &f));
	ck_assert_int_eq(f.type, WIRE_ERROR);
	peer_close(&p);
	renew(r, true);
	renewal_free(r);
	ck_assert_int_eq(start_and_greet(), 'W');
	usleep(7200000); /* twice its life */
	ck_assert_int_eq(greet(&p, identity_tls(mine, &id, NULL), WIRE_CAN_RENEW), 'E');
	ck_assert_ptr_nonnull(strstr(said, "too long ago"));
	peer_close(&p);
}
END_TEST

START_TEST(asked_at_once_again_it_is_silent)
{
	struct wire_renew m;
	struct wire_frame f;
	struct buf b = { 0 };
	struct renewal *r;
	struct peer p;

	enrol_for(6000);
	r = renewal_open();
	m.request = renewal_request(r, NULL);
	ck_assert_int_eq(greet(&p, renewal_tls(r, NULL), WIRE_CAN_RENEW), 'W');
	wire_put_renew(&b, &m);
	say(&p, &b);
	m.request = "nonsense";
	wire_put_renew(&b, &m);
	say(&p, &b); /* the session goes on */
	wire_frame_end(&b, wire_frame_begin(&b, WIRE_RENEW, 0));
	say(&p, &b); /* until it makes no sense */
	ck_assert(hear(&p, &f));
	ck_assert_int_eq(f.type, WIRE_ERROR);
	peer_close(&p);
	renewal_free(r);
}
END_TEST

/* Pure */

START_TEST(two_thirds_of_a_life)
{
	const int64_t day = 86400, begins = 1000000 - CERT_SKEW_S;

	ck_assert_int_eq(renewal_at(begins, 1000000 + 30 * day, 0), 1000000 + 20 * day);
	for (uint32_t noise = 0; noise < 100 * day; noise += 997) {
		int64_t at = renewal_at(begins, 1000000 + 30 * day, noise);

		ck_assert_int_le(at, 1000000 + 20 * day);
		ck_assert_int_ge(at, 1000000 + 19 * day);
	}
	ck_assert_int_eq(renewal_at(5, 5, 9), 5); /* whatever it says of itself */
	ck_assert_int_eq(renewal_at(9, 5, 9), 5);
}
END_TEST

/* A year */

static void on_state(enum link_state state, const char *words, void *ctx)
{
	static const char letters[] = { 'D', 'U', 'R' };

	(void)words;
	ck_assert_int_eq(write(*(int *)ctx, &letters[state], 1), 1);
}

static void on_note(bool good, const char *words, void *ctx)
{
	(void)words;
	ck_assert_int_eq(write(*(int *)ctx, good ? "N" : "X", 1), 1);
}

static pid_t start_sensor(int told)
{
	struct link_config c = { "127.0.0.1", port,  mine, "test", on_state,
				 NULL,	      &told, NULL, on_note };
	struct spool *spool;
	struct event_base *base;
	pid_t pid = fork();

	if (pid)
		return pid;
	base = event_base_new();
	spool = spool_new(1 << 20);
	if (!link_new(base, &c, spool, NULL))
		_exit(1); /* its files do not fit together */
	event_base_dispatch(base);
	_exit(2);
}

enum { LIFE_S = 4, RENEWALS = 19 }; /* of 30 days, at 20 */

/* The sensor, the collector, or both are killed every few tenths of a second. */
START_TEST(a_year_without_a_gap)
{
	unsigned count[256] = { 0 };
	pid_t sensor;
	int told[2];
	char c;

	enrol_for(LIFE_S);
	ck_assert_int_eq(pipe2(told, O_CLOEXEC | O_NONBLOCK), 0);
	sensor = start_sensor(told[1]);
	srand(7);
	for (unsigned i = 0; count['N'] < RENEWALS && i < 1000; i++) {
		int status = 0;

		usleep(100000 + (unsigned)rand() % 700000);
		if (i % 3 != 1) {
			kill(sensor, SIGKILL);
			ck_assert_int_eq(waitpid(sensor, &status, 0), sensor);
			ck_assert(WIFSIGNALED(status));
		}
		if (i % 3 != 0) {
			end(SIGKILL);
			start(LIFE_S);
		}
		if (i % 3 != 1)
			sensor = start_sensor(told[1]);
		while (read(told[0], &c, 1) == 1)
			count[(unsigned char)c]++;
	}
	kill(sensor, SIGKILL);
	waitpid(sensor, NULL, 0);
	ck_assert_uint_eq(count['R'], 0);
	ck_assert_uint_eq(count['X'], 0);
	ck_assert_uint_ge(count['N'], RENEWALS);
	ck_assert_uint_ge(count['U'], RENEWALS);
	ck_assert_int_eq(start_and_greet(), 'W');
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, kit_directory, kit_teardown);
	tcase_add_test(t, two_thirds_of_a_life);
	tcase_add_test(t, a_lost_answer_changes_nothing);
	tcase_add_test(t, whatever_is_on_the_disk_is_taken);
	tcase_add_test(t, the_collector_dies_at_any_step);
	tcase_add_test(t, the_one_before_is_refused_and_told);
	tcase_add_test(t, a_restored_database_takes_the_former);
	tcase_add_test(t, what_has_ended_is_good_for_renewal_alone);
	tcase_add_test(t, asked_at_once_again_it_is_silent);
	tcase_add_test(t, a_year_without_a_gap);
	return unit_run("renewal", t);
}
