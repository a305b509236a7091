/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A collector in a child process, and every kind of peer: the real sensor's enrolment and
 * link, and by hand those that do not keep to the rules.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <event2/event.h>
#include <openssl/ssl.h>

#include "collector/server.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/wire.h"
#include "common/wire_record.h"
#include "sensor/enroll.h"
#include "sensor/link.h"
#include "store/doctor.h"
#include "store/enrol.h"
#include "store/store.h"
#include "tests/peerkit.h"
#include "tests/unit.h"

/* Enrolment */

START_TEST(enrolment_leaves_what_it_says)
{
	static const struct {
		const char *name;
		mode_t mode;
	} files[] = {
		{ "identity", 0644 },
		{ "sensor.key", 0600 },
		{ "sensor.crt", 0644 },
		{ "ca.crt", 0644 },
	};
	struct identity id, again;
	struct err e = { 0 };
	struct stat st;

	ck_assert_int_eq(identity_load(mine, &id, &e), -ENOENT);
	enrol_well(&id);
	ck_assert_str_eq(id.role, "host");
	ck_assert_int_eq(strncmp(id.sensor, "s-", 2), 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		char *path = file_path(mine, files[i].name);

		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_int_eq(st.st_mode & 0777, files[i].mode);
		free(path);
	}
	ck_assert_int_eq(enrol(mine, token, false, &again, &e), -EALREADY);
	ck_assert_str_eq(again.sensor, id.sensor);
	ck_assert_int_eq(enrol(mine, token, true, &again, &e), 0);
	ck_assert_str_ne(again.sensor, id.sensor);
}
END_TEST

START_TEST(tokens_have_limits)
{
	char elsewhere[128], changed[TOKEN_TEXT];
	struct identity id;
	struct err e = { 0 };

	make_token(60, 1);
	enrol_well(&id);
	snprintf(elsewhere, sizeof(elsewhere), "%s/other", dir);
	ck_assert_int_eq(enrol(elsewhere, token, false, &id, &e), -EACCES);
	ck_assert_ptr_nonnull(strstr(e.msg, "used up"));
	memcpy(changed, token, sizeof(changed));
	changed[10] = changed[10] == 'A' ? 'B' : 'A';
	ck_assert_int_eq(enrol(elsewhere, changed, false, &id, &e), -EACCES);
	ck_assert_ptr_nonnull(strstr(e.msg, "unknown token"));
	memcpy(changed, token, sizeof(changed));
	changed[60] =
		changed[60] == 'A' ? 'B' : 'A'; /* the pin: not even the secret is told */
	ck_assert_int_eq(enrol(elsewhere, changed, false, &id, &e), -EPROTO);
	ck_assert_ptr_nonnull(strstr(e.msg, "not the collector that was expected"));
	ck_assert_int_eq(enrol(elsewhere, "skein1.x", false, &id, &e), -EINVAL);
	make_token(1, 1);
	sleep(2);
	ck_assert_int_eq(enrol(elsewhere, token, false, &id, &e), -EACCES);
	ck_assert_ptr_nonnull(strstr(e.msg, "expired"));
	ck_assert_int_eq(identity_load(elsewhere, &id, &e), -ENOENT);
}
END_TEST

/* Peers that do not keep to the rules */

START_TEST(a_stranger_may_only_enrol)
{
	struct peer p;

	peer_open_stranger(&p);
	say_hello(&p, 1, 1);
	ck_assert_int_eq(hear_error(&p), WIRE_E_REFUSED);
	peer_close(&p);
	peer_open_stranger(&p);
	say_batch(&p, 1, 1);
	ck_assert_int_eq(hear_error(&p), WIRE_E_REFUSED);
	peer_close(&p);
}
END_TEST

START_TEST(a_stranger_gets_no_big_frame)
{
	struct wire_enroll m = { "", "", "" };
	struct buf b = { 0 };
	struct peer p;

	peer_open_stranger(&p);
	buf_u32(&b, 40000); /* only the length: it is not waited for the rest */
	buf_u16(&b, WIRE_ENROLL << 8);
	say(&p, &b);
	ck_assert_int_eq(hear_error(&p), WIRE_E_PROTOCOL);
	peer_close(&p);
	peer_open_stranger(&p);
	wire_put_enroll(&b, &m);
	say(&p, &b);
	ck_assert_int_eq(hear_error(&p), WIRE_E_REFUSED);
	peer_close(&p);
}
END_TEST

START_TEST(a_sensor_greets_first_and_once)
{
	struct identity id;
	struct peer p;

	enrol_well(&id);
	peer_open_enrolled(&p);
	say_batch(&p, 1, 1);
	ck_assert_int_eq(hear_error(&p), WIRE_E_PROTOCOL);
	peer_close(&p);
	peer_open_enrolled(&p);
	say_hello(&p, 1, 1);
	ck_assert_uint_eq(hear_welcome(&p), 0);
	say_hello(&p, 1, 1);
	ck_assert_int_eq(hear_error(&p), WIRE_E_PROTOCOL);
	peer_close(&p);
}
END_TEST

START_TEST(optional_frames_are_skipped)
{
	struct identity id;
	struct buf b = { 0 };
	struct peer p;

	enrol_well(&id);
	peer_open_enrolled(&p);
	say_hello(&p, 1, 1);
	hear_welcome(&p);
	wire_frame_end(&b, wire_frame_begin(&b, 99, WIRE_OPTIONAL));
	say(&p, &b);
	say_batch(&p, 1, 1);
	ck_assert_uint_eq(hear_ack(&p), 1);
	wire_frame_end(&b, wire_frame_begin(&b, 99, 0));
	say(&p, &b);
	ck_assert_int_eq(hear_error(&p), WIRE_E_PROTOCOL);
	peer_close(&p);
}
END_TEST

START_TEST(what_both_can_is_used)
{
	struct identity id;
	struct buf b = { 0 };
	struct peer p;

	enrol_well(&id);
	peer_open_enrolled(&p);
	put_hello(&b, 1, 3, WIRE_CAN_ZSTD | 1ULL << 63);
	say(&p, &b);
	ck_assert_uint_eq(hear_welcome(&p), 0);
	ck_assert_uint_eq(p.can & WIRE_CAN_ZSTD, WIRE_CAN_ZSTD);
	put_batch(&b, 3, 1, true);
	put_batch(&b, 3, 2, false); /* it may, it need not */
	put_batch(&b, 3, 3, true);
	say(&p, &b);
	while (hear_ack(&p) != 3)
		;
	peer_close(&p);
	peer_open_enrolled(&p); /* the same one says no word of zstd now */
	say_hello(&p, 1, 3);
	ck_assert_uint_eq(hear_welcome(&p), 3);
	put_batch(&b, 3, 4, true);
	say(&p, &b);
	ck_assert_int_eq(hear_error(&p), WIRE_E_PROTOCOL);
	peer_close(&p);
}
END_TEST

/* Whatever byte of it is wrong: an error or another content, and never a half of it. */
START_TEST(a_damaged_batch_commits_nothing)
{
	struct identity id;
	struct buf good = { 0 };
	struct peer p;

	enrol_well(&id);
	put_batch(&good, 3, 1, true);
	for (size_t i = 0; i < 3; i++) {
		struct buf b = { 0 };

		peer_open_enrolled(&p);
		put_hello(&b, 1, 3, WIRE_CAN_ZSTD);
		buf_put(&b, good.p, good.n);
		if (i == 0)
			b.p[b.n - good.n + 6 + 8 + 8 + 4 + 4] ^= 1; /* the raw length */
		else if (i == 1)
			b.p[b.n - good.n + 6 + 25] ^= 1; /* zstd's magic number */
		else
			buf_set_u32(&b, b.n - good.n + 6 + 21, WIRE_BODY_MAX + 1);
		say(&p, &b);
		ck_assert_uint_eq(hear_welcome(&p), 0);
		ck_assert_int_eq(hear_error(&p), WIRE_E_PROTOCOL);
		peer_close(&p);
	}
	buf_fini(&good);
	peer_open_enrolled(&p);
	say_hello(&p, 1, 3);
	ck_assert_uint_eq(hear_welcome(&p), 0); /* nothing of all that */
	peer_close(&p);
}
END_TEST

/* Of a version that is not there yet: a higher number, bits, and fields behind ours. */
START_TEST(a_later_sensor_is_welcome)
{
	struct wire_hello m = { WIRE_MINOR + 7, ~0ULL, 1, 3, clock_ms(), "later" };
	struct identity id;
	struct buf b = { 0 };
	struct peer p;
	size_t at;

	enrol_well(&id);
	peer_open_enrolled(&p);
	at = b.n;
	wire_put_hello(&b, &m);
	buf_str(&b, "fields that nobody knows");
	wire_frame_end(&b, at);
	say(&p, &b);
	ck_assert_uint_eq(hear_welcome(&p), 0);
	ck_assert_uint_eq(p.minor, WIRE_MINOR);
	ck_assert_uint_eq(p.can, WIRE_CAPABILITIES);
	put_batch(&b, 3, 1, true);
	say(&p, &b);
	ck_assert_uint_eq(hear_ack(&p), 1);
	peer_close(&p);
}
END_TEST

START_TEST(no_frame_is_longer_than_the_longest)
{
	struct identity id;
	struct buf b = { 0 };
	struct peer p;

	enrol_well(&id);
	peer_open_enrolled(&p);
	buf_u32(&b, (32 << 10) + 1); /* before the welcome */
	buf_u16(&b, 99 << 8 | WIRE_OPTIONAL);
	say(&p, &b);
	ck_assert_int_eq(hear_error(&p), WIRE_E_PROTOCOL);
	peer_close(&p);
	peer_open_enrolled(&p);
	put_hello(&b, 1, 3, 0);
	buf_u32(&b, WIRE_FRAME_MAX + 1);
	buf_u16(&b, WIRE_BATCH << 8);
	say(&p, &b);
	hear_welcome(&p);
	ck_assert_int_eq(hear_error(&p), WIRE_E_PROTOCOL);
	peer_close(&p);
}
END_TEST

START_TEST(the_ledger_decides_where_to_go_on)
{
	struct identity id;
	struct peer p;

	enrol_well(&id);
	peer_open_enrolled(&p);
	say_hello(&p, 1, 77);
	ck_assert_uint_eq(hear_welcome(&p), 0);
	say_batch(&p, 77, 1);
	ck_assert_uint_eq(hear_ack(&p), 1);
	say_batch(&p, 77, 1); /* again */
	ck_assert_uint_eq(hear_ack(&p), 1);
	say_batch(&p, 77, 3); /* a gap: back to 1 */
	ck_assert_uint_eq(hear_welcome(&p), 1);
	say_batch(&p, 77, 2);
	say_batch(&p, 77, 3);
	while (hear_ack(&p) != 3)
		;
	say_batch(&p, 78, 4); /* another epoch than was greeted with */
	ck_assert_int_eq(hear_error(&p), WIRE_E_PROTOCOL);
	peer_close(&p);
	ck_assert_int_eq(end_collector(SIGKILL), -SIGKILL);
	start_collector(0);
	peer_open_enrolled(&p);
	say_hello(&p, 1, 77);
	ck_assert_uint_eq(hear_welcome(&p), 3);
	peer_close(&p);
}
END_TEST

/* Many more than the credit: they wait in TCP, and all are acknowledged. */
START_TEST(beyond_the_credit_nothing_is_lost)
{
	struct identity id;
	struct peer p;

	enrol_well(&id);
	peer_open_enrolled(&p);
	say_hello(&p, 1, 5);
	hear_welcome(&p);
	for (uint64_t i = 1; i <= 100; i++)
		say_batch(&p, 5, i);
	while (hear_ack(&p) != 100)
		;
	peer_close(&p);
}
END_TEST

START_TEST(one_identity_is_one_sensor)
{
	struct wire_frame f;
	struct identity id;
	struct peer a, b;

	enrol_well(&id);
	peer_open_enrolled(&a);
	say_hello(&a, 1, 9);
	hear_welcome(&a);
	peer_open_enrolled(&b); /* a copy of the key */
	say_hello(&b, 2, 9);
	ck_assert_int_eq(hear_error(&b), WIRE_E_DUPLICATE);
	peer_close(&b);
	ck_assert_uint_eq(hear_ack(&a), 0); /* the older one is asked whether it lives */
	say_batch(&a, 9, 1);
	ck_assert_uint_eq(hear_ack(&a), 1);
	peer_open_enrolled(&b); /* the same sensor, after its link was cut */
	say_hello(&b, 1, 9);
	ck_assert_uint_eq(hear_welcome(&b), 1);
	ck_assert(!hear(&a, &f));
	say_batch(&b, 9, 2);
	ck_assert_uint_eq(hear_ack(&b), 2);
	peer_close(&a);
	peer_close(&b);
}
END_TEST

static int keep_skew(const struct doctor_sensor *s, void *ctx)
{
	*(int64_t *)ctx = s->skew_ms;
	return 0;
}

static int64_t skew_in_store(void)
{
	char *path = file_path(home, "skein.db");
	struct store *s = store_open(path, STORE_READ, NULL);
	int64_t ms = 0;

	ck_assert(s != NULL);
	ck_assert_int_eq(doctor_sensors(s, keep_skew, &ms, NULL), 0);
	store_close(s);
	free(path);
	return ms;
}

/* A clock that is an hour behind: measured at HELLO, kept with the sensor. */
START_TEST(the_clock_is_compared)
{
	uint64_t clock = clock_ms() - 3600000;
	struct wire_hello hello = { WIRE_MINOR, 0, 1, 9, clock, "late" };
	struct cover c = { clock - 1000, clock, 0 };
	struct wire_batch m = { 9, 1, 1, WIRE_PLAIN, 0, { 0 } };
	struct wire_writer w = { 0 };
	struct identity id;
	struct buf b = { 0 };
	struct peer p;

	enrol_well(&id);
	peer_open_enrolled(&p);
	wire_put_hello(&b, &hello);
	say(&p, &b);
	ck_assert_uint_eq(hear_welcome(&p), 0);
	wire_writer_begin(&w, c.start_ms);
	wire_write_cover(&w, &c);
	m.raw_length = (uint32_t)w.body.n;
	wire_put_batch(&b, &m, w.body.p, w.body.n);
	say(&p, &b);
	ck_assert_uint_eq(hear_ack(&p), 1);
	ck_assert_int_le(skew_in_store(), -3599000);
	ck_assert_int_ge(skew_in_store(), -3620000);
	wire_writer_fini(&w);
	peer_close(&p);
}
END_TEST

START_TEST(who_is_not_in_the_database_is_refused)
{
	char command[256];
	struct identity id;
	struct peer p;

	enrol_well(&id);
	peer_open_enrolled(&p);
	say_hello(&p, 1, 1);
	hear_welcome(&p);
	ck_assert_int_eq(end_collector(SIGTERM), 0);
	peer_close(&p);
	snprintf(command, sizeof(command), "rm %s/skein.db*",
		 home); /* but the authority stays */
	ck_assert_int_eq(system(command), 0);
	start_collector(0);
	peer_open_enrolled(&p);
	ck_assert_int_eq(hear_error(&p), WIRE_E_REFUSED);
	peer_close(&p);
}
END_TEST

/* What no TLS client sends, and one that sends nothing: both are gone within ten seconds. */
START_TEST(noise_and_silence_end)
{
	struct pollfd fds[2];
	char byte;

	fds[0] = (struct pollfd){ .fd = dial(), .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = dial(), .events = POLLIN };
	ck_assert_int_gt(write(fds[0].fd, "GET / HTTP/1.0\r\n\r\n", 18), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_gt(poll(&fds[i], 1, 13000), 0);
		while (read(fds[i].fd, &byte, 1) > 0)
			;
		close(fds[i].fd);
	}
}
END_TEST

/* The real link */

struct ride {
	struct event_base *base;
	struct spool *spool;
	struct link *link;
	enum link_state state;
	char words[512];
	unsigned ups;
};

static void on_state(enum link_state state, const char *words, void *ctx)
{
	struct ride *r = ctx;

	r->state = state;
	r->ups += state == LINK_UP;
	snprintf(r->words, sizeof(r->words), "%s", words);
	if (state == LINK_REFUSED)
		event_base_loopbreak(r->base);
}

static void on_acked(void *ctx)
{
	struct ride *r = ctx;

	if (link_drained(r->link))
		event_base_loopbreak(r->base);
}

static void ride_start(struct ride *r, const char *host)
{
	struct link_config c = { host, port, mine, "test", on_state, on_acked, r };
	struct err e = { 0 };

	memset(r, 0, sizeof(*r));
	r->base = event_base_new();
	r->spool = spool_new(1 << 20);
	r->link = link_new(r->base, &c, r->spool, &e);
	ck_assert_msg(r->link != NULL, "%s", e.msg);
}

static void ride_fini(struct ride *r)
{
	link_free(r->link);
	spool_free(r->spool);
	event_base_loop(r->base, EVLOOP_NONBLOCK);
	event_base_free(r->base);
}

static void ride_add(struct ride *r, unsigned batches)
{
	struct cover c = { clock_ms() - 1000, clock_ms(), 0 };
	struct wire_writer w = { 0 };

	for (unsigned i = 0; i < batches; i++) {
		wire_writer_begin(&w, c.start_ms);
		wire_write_cover(&w, &c);
		spool_add(r->spool, &w, c.start_ms, c.end_ms, NULL);
	}
	wire_writer_fini(&w);
	link_kick(r->link);
}

static void ride_until_break(struct ride *r, int seconds)
{
	struct timeval tv = { .tv_sec = seconds };

	event_base_loopexit(r->base, &tv);
	event_base_dispatch(r->base);
}

START_TEST(the_link_delivers_and_comes_back)
{
	struct identity id;
	struct ride r;

	enrol_well(&id);
	ride_start(&r, "localhost"); /* through the resolver */
	ride_add(&r, 100);
	ride_until_break(&r, 20);
	ck_assert_msg(link_drained(r.link), "%s", r.words);
	ck_assert_uint_eq(spool_acked(r.spool), 100);
	ck_assert_int_eq(end_collector(SIGKILL), -SIGKILL);
	ride_add(&r, 50);
	ride_until_break(&r, 1);
	ck_assert_int_eq(r.state, LINK_DOWN);
	start_collector(port);
	ride_until_break(&r, 20);
	ck_assert_msg(link_drained(r.link), "%s", r.words);
	ck_assert_uint_eq(spool_acked(r.spool), 150);
	ck_assert_uint_eq(r.ups, 2);
	ride_fini(&r);
}
END_TEST

START_TEST(a_drained_collector_has_acknowledged)
{
	struct identity id;
	struct ride r;

	enrol_well(&id);
	ride_start(&r, "127.0.0.1");
	ride_until_break(&r, 1);
	ck_assert_int_eq(r.state, LINK_UP);
	ride_add(&r, 4);
	event_base_loop(r.base, EVLOOP_NONBLOCK); /* they are on their way, not committed */
	usleep(20000);
	ck_assert_int_eq(end_collector(SIGTERM), 0);
	ride_until_break(&r, 1);
	ck_assert_uint_eq(spool_acked(r.spool), 4);
	ride_fini(&r);
}
END_TEST

START_TEST(a_refused_link_says_so)
{
	char command[256];
	struct identity id;
	struct ride r;

	enrol_well(&id);
	ck_assert_int_eq(end_collector(SIGTERM), 0);
	snprintf(command, sizeof(command), "rm %s/skein.db*", home);
	ck_assert_int_eq(system(command), 0);
	start_collector(0);
	ride_start(&r, "127.0.0.1");
	ride_until_break(&r, 10);
	ck_assert_int_eq(r.state, LINK_REFUSED);
	ck_assert_ptr_nonnull(strstr(r.words, "not enrolled"));
	ride_fini(&r);
}
END_TEST

/* A database from yesterday: what was acknowledged since cannot be sent again. */
START_TEST(a_restored_database_does_not_stop_a_sensor)
{
	char command[512];
	struct identity id;
	struct ride r;

	enrol_well(&id);
	ck_assert_int_eq(end_collector(SIGTERM), 0);
	snprintf(command, sizeof(command), "cp %s/skein.db %s/backup", home, dir);
	ck_assert_int_eq(system(command), 0);
	start_collector(port);
	ride_start(&r, "127.0.0.1");
	ride_add(&r, 10);
	ride_until_break(&r, 10);
	ck_assert(link_drained(r.link));
	ck_assert_int_eq(end_collector(SIGTERM), 0);
	snprintf(command, sizeof(command), "rm -f %s/skein.db*; cp %s/backup %s/skein.db",
		 home, dir, home);
	ck_assert_int_eq(system(command), 0);
	start_collector(port);
	ride_add(&r, 5);
	ride_until_break(&r, 20);
	ck_assert_msg(link_drained(r.link), "%s", r.words);
	ck_assert_uint_eq(spool_acked(r.spool), 15); /* which it had kept, and sent again */
	ride_fini(&r);
}
END_TEST

START_TEST(nobody_there_is_said_once)
{
	struct identity id;
	struct ride r;

	enrol_well(&id);
	ck_assert_int_eq(end_collector(SIGTERM), 0);
	ride_start(&r, "127.0.0.1");
	ride_until_break(&r, 2);
	ck_assert_int_eq(r.state, LINK_DOWN);
	ck_assert_ptr_nonnull(strstr(r.words, "Connection refused"));
	ride_fini(&r);
}
END_TEST

START_TEST(one_directory_has_one_collector)
{
	struct server_config config = { .dir = home, .host = "127.0.0.1", .ready_fd = -1 };
	struct err e = { 0 };

	ck_assert_int_eq(server_run(&config, &e), -EWOULDBLOCK);
	ck_assert_ptr_nonnull(strstr(e.msg, "in use by another collector"));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, kit_setup, kit_teardown);
	tcase_add_test(t, enrolment_leaves_what_it_says);
	tcase_add_test(t, tokens_have_limits);
	tcase_add_test(t, a_stranger_may_only_enrol);
	tcase_add_test(t, a_stranger_gets_no_big_frame);
	tcase_add_test(t, a_sensor_greets_first_and_once);
	tcase_add_test(t, optional_frames_are_skipped);
	tcase_add_test(t, what_both_can_is_used);
	tcase_add_test(t, a_damaged_batch_commits_nothing);
	tcase_add_test(t, a_later_sensor_is_welcome);
	tcase_add_test(t, no_frame_is_longer_than_the_longest);
	tcase_add_test(t, the_ledger_decides_where_to_go_on);
	tcase_add_test(t, beyond_the_credit_nothing_is_lost);
	tcase_add_test(t, one_identity_is_one_sensor);
	tcase_add_test(t, the_clock_is_compared);
	tcase_add_test(t, who_is_not_in_the_database_is_refused);
	tcase_add_test(t, noise_and_silence_end);
	tcase_add_test(t, the_link_delivers_and_comes_back);
	tcase_add_test(t, a_drained_collector_has_acknowledged);
	tcase_add_test(t, a_refused_link_says_so);
	tcase_add_test(t, a_restored_database_does_not_stop_a_sensor);
	tcase_add_test(t, nobody_there_is_said_once);
	tcase_add_test(t, one_directory_has_one_collector);
	return unit_run("net", t);
}
