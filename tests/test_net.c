/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A collector in a child process, and every kind of peer: the real sensor's enrolment and
 * link, and by hand those that do not keep to the rules.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <event2/event.h>
#include <openssl/ssl.h>

#include "collector/admit.h"
#include "collector/server.h"
#include "common/addr.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/tls.h"
#include "common/version.h"
#include "common/wire.h"
#include "sensor/enroll.h"
#include "sensor/link.h"
#include "store/enrol.h"
#include "store/store.h"
#include "tests/unit.h"

static char dir[64], home[96], mine[96];
static pid_t child;
static uint16_t port;
static char token[TOKEN_TEXT];

/* The collector */

static void start_collector(uint16_t on_port)
{
	struct server_config config = { home, "127.0.0.1", on_port, -1 };
	char line[64] = "", host[64];
	int ready[2];

	ck_assert_int_eq(pipe(ready), 0);
	child = fork();
	if (!child) {
		struct err e = { 0 };

		close(ready[0]);
		config.ready_fd = ready[1];
		log_open("collector", LOG_ERR_);
		exit(server_run(&config, &e) ? 1 : 0); /* with the look for leaks */
	}
	close(ready[1]);
	ck_assert_int_gt(read(ready[0], line, sizeof(line) - 1), 0);
	close(ready[0]);
	line[strcspn(line, "\n")] = 0;
	ck_assert_int_eq(addr_split_hostport(line, host, sizeof(host), &port), 0);
}

static int end_collector(int number)
{
	int status;

	kill(child, number);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	child = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void make_token(uint32_t ttl_s, unsigned uses)
{
	struct admit_order order = { home, "host", ttl_s, uses };
	struct err e = { 0 };

	ck_assert_msg(admit_token(&order, token, &e) == 0, "%s", e.msg);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	snprintf(dir, sizeof(dir), "/tmp/skein-net-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(home, sizeof(home), "%s/c", dir);
	snprintf(mine, sizeof(mine), "%s/s", dir);
	start_collector(0);
	make_token(60, 3);
}

static void teardown(void)
{
	if (child)
		ck_assert_int_eq(end_collector(SIGTERM), 0);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int enrol(const char *where, const char *with, bool force, struct identity *id,
		 struct err *e)
{
	struct enroll_config c = { "127.0.0.1", port, with, where, force };

	return enroll_run(&c, id, e);
}

static void enrol_well(struct identity *id)
{
	struct err e = { 0 };

	ck_assert_msg(enrol(mine, token, false, id, &e) == 0, "%s", e.msg);
}

/* A peer by hand */

struct peer {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
	uint8_t in[8192];
	size_t n;
};

static int dial(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct timeval patience = { .tv_sec = 15 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

static bool peer_open(struct peer *p, SSL_CTX *ctx)
{
	memset(p, 0, sizeof(*p));
	p->ctx = ctx;
	p->fd = dial();
	p->ssl = tls_connecting(ctx);
	SSL_set_fd(p->ssl, p->fd);
	return SSL_connect(p->ssl) == 1;
}

static void peer_open_enrolled(struct peer *p)
{
	struct identity id;
	struct err e = { 0 };
	SSL_CTX *ctx = identity_tls(mine, &id, &e);

	ck_assert_msg(ctx != NULL, "%s", e.msg);
	ck_assert(peer_open(p, ctx));
}

static void peer_open_stranger(struct peer *p)
{
	struct token t;

	ck_assert_int_eq(token_parse(token, &t), 0);
	ck_assert(peer_open(p, tls_client_pinned(t.pin, NULL)));
}

static void peer_close(struct peer *p)
{
	SSL_free(p->ssl);
	SSL_CTX_free(p->ctx);
	close(p->fd);
}

static void say(struct peer *p, struct buf *b)
{
	SSL_write(p->ssl, b->p, (int)b->n);
	buf_fini(b);
}

/* The next frame; false when the collector has hung up. */
static bool hear(struct peer *p, struct wire_frame *f)
{
	static uint8_t held[sizeof(p->in)];
	size_t used;

	while (wire_frame_next(p->in, p->n, f, &used) == 0) {
		int got = SSL_read(p->ssl, p->in + p->n, (int)(sizeof(p->in) - p->n));

		if (got <= 0)
			return false;
		p->n += (size_t)got;
	}
	memcpy(held, p->in, used);
	ck_assert_int_eq(wire_frame_next(held, used, f, &used), 1);
	memmove(p->in, p->in + used, p->n - used);
	p->n -= used;
	return true;
}

static uint16_t hear_error(struct peer *p)
{
	struct wire_frame f;
	struct wire_error m;

	ck_assert(hear(p, &f));
	ck_assert_int_eq(f.type, WIRE_ERROR);
	ck_assert_int_eq(wire_get_error(f.body, &m), 0);
	ck_assert(!hear(p, &f)); /* and it hangs up */
	return m.code;
}

static void say_hello(struct peer *p, uint64_t boot, uint64_t epoch)
{
	struct wire_hello m = { WIRE_MINOR, 0, boot, epoch, clock_ms(), "test" };
	struct buf b = { 0 };

	wire_put_hello(&b, &m);
	say(p, &b);
}

static uint64_t hear_welcome(struct peer *p)
{
	struct wire_welcome m;
	struct wire_frame f;

	ck_assert(hear(p, &f));
	ck_assert_int_eq(f.type, WIRE_WELCOME);
	ck_assert_int_eq(wire_get_welcome(f.body, &m), 0);
	ck_assert_uint_eq(m.credit, 8);
	return m.sequence;
}

static uint64_t hear_ack(struct peer *p)
{
	struct wire_frame f;
	struct wire_ack m;

	ck_assert(hear(p, &f));
	ck_assert_int_eq(f.type, WIRE_ACK);
	ck_assert_int_eq(wire_get_ack(f.body, &m), 0);
	return m.sequence;
}

static void say_batch(struct peer *p, uint64_t epoch, uint64_t sequence)
{
	struct cover c = { clock_ms() - 1000, clock_ms(), 0 };
	struct wire_writer w = { 0 };
	struct wire_batch m = { epoch, sequence, 1, WIRE_PLAIN, 0, { 0 } };
	struct buf b = { 0 };

	wire_writer_begin(&w, c.start_ms);
	wire_write_cover(&w, &c);
	m.raw_length = (uint32_t)w.body.n;
	wire_put_batch(&b, &m, w.body.p, w.body.n);
	say(p, &b);
	wire_writer_fini(&w);
}

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
	struct server_config config = { home, "127.0.0.1", 0, -1 };
	struct err e = { 0 };

	ck_assert_int_eq(server_run(&config, &e), -EWOULDBLOCK);
	ck_assert_ptr_nonnull(strstr(e.msg, "in use by another collector"));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, enrolment_leaves_what_it_says);
	tcase_add_test(t, tokens_have_limits);
	tcase_add_test(t, a_stranger_may_only_enrol);
	tcase_add_test(t, a_stranger_gets_no_big_frame);
	tcase_add_test(t, a_sensor_greets_first_and_once);
	tcase_add_test(t, optional_frames_are_skipped);
	tcase_add_test(t, the_ledger_decides_where_to_go_on);
	tcase_add_test(t, beyond_the_credit_nothing_is_lost);
	tcase_add_test(t, one_identity_is_one_sensor);
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
