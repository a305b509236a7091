/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A collector in a child process, with a directory of its own, and peers that speak to it by
 * hand: for tests of what it takes from whom.  A test program includes it once; kit_setup and
 * kit_teardown are its fixture.
 */
#ifndef TESTS_PEERKIT_H
#define TESTS_PEERKIT_H

#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <openssl/ssl.h>

#include "collector/admit.h"
#include "collector/server.h"
#include "common/addr.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/tls.h"
#include "common/version.h"
#include "common/wire.h"
#include "common/wire_record.h"
#include "common/zip.h"
#include "sensor/enroll.h"

static char dir[64], home[96], mine[96];
static pid_t child;
static uint16_t port;
static char token[TOKEN_TEXT];
static uint32_t life_s; /* of certificates; 0: as it should be */

/* The collector */

static inline void start_collector(uint16_t on_port)
{
	struct server_config config = { .dir = home,
					.host = "127.0.0.1",
					.port = on_port,
					.keep = RETAIN_DEFAULT,
					.memory_mb = STORE_MEMORY_MB,
					.ready_fd = -1,
					.life_s = life_s };
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

static inline int end_collector(int number)
{
	int status;

	kill(child, number);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	child = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static inline void make_token(uint32_t ttl_s, unsigned uses)
{
	struct admit_order order = {
		.dir = home, .role = "host", .ttl_s = ttl_s, .uses = uses, .who = "test"
	};
	struct err e = { 0 };

	ck_assert_msg(admit_token(&order, token, &e) == 0, "%s", e.msg);
}

static inline int remove_one(const char *path, const struct stat *st, int type,
			     struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

/* No collector yet. */
static inline void kit_directory(void)
{
	signal(SIGPIPE, SIG_IGN);
	snprintf(dir, sizeof(dir), "/tmp/skein-net-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(home, sizeof(home), "%s/c", dir);
	snprintf(mine, sizeof(mine), "%s/s", dir);
}

static inline void kit_setup(void)
{
	kit_directory();
	start_collector(0);
	make_token(60, 3);
}

static inline void kit_teardown(void)
{
	if (child)
		ck_assert_int_eq(end_collector(SIGTERM), 0);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline int enrol(const char *where, const char *with, bool force, struct identity *id,
			struct err *e)
{
	struct enroll_config c = { "127.0.0.1", port, with, where, force };

	return enroll_run(&c, id, e);
}

static inline void enrol_well(struct identity *id)
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
	uint16_t minor; /* the collector's, since hear_welcome */
	uint64_t can;
};

static inline int dial(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct timeval patience = { .tv_sec = 15 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

static inline bool peer_open(struct peer *p, SSL_CTX *ctx)
{
	memset(p, 0, sizeof(*p));
	p->ctx = ctx;
	p->fd = dial();
	p->ssl = tls_connecting(ctx);
	SSL_set_fd(p->ssl, p->fd);
	return SSL_connect(p->ssl) == 1;
}

static inline void peer_open_enrolled(struct peer *p)
{
	struct identity id;
	struct err e = { 0 };
	SSL_CTX *ctx = identity_tls(mine, &id, &e);

	ck_assert_msg(ctx != NULL, "%s", e.msg);
	ck_assert(peer_open(p, ctx));
}

static inline void peer_open_stranger(struct peer *p)
{
	struct token t;

	ck_assert_int_eq(token_parse(token, &t), 0);
	ck_assert(peer_open(p, tls_client_pinned(t.pin, NULL)));
}

static inline void peer_close(struct peer *p)
{
	SSL_free(p->ssl);
	SSL_CTX_free(p->ctx);
	close(p->fd);
}

static inline void say(struct peer *p, struct buf *b)
{
	for (size_t at = 0; at < b->n;) { /* a record at a time */
		int n = SSL_write(p->ssl, b->p + at, (int)(b->n - at));

		if (n <= 0)
			break;
		at += (size_t)n;
	}
	buf_fini(b);
}

/* The next frame; false when the collector has hung up. */
static inline bool hear(struct peer *p, struct wire_frame *f)
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

static inline uint16_t hear_error(struct peer *p)
{
	struct wire_frame f;
	struct wire_error m;

	ck_assert(hear(p, &f));
	ck_assert_int_eq(f.type, WIRE_ERROR);
	ck_assert_int_eq(wire_get_error(f.body, &m), 0);
	ck_assert(!hear(p, &f)); /* and it hangs up */
	return m.code;
}

static inline void put_hello(struct buf *b, uint64_t boot, uint64_t epoch, uint64_t can)
{
	struct wire_hello m = { WIRE_MINOR, can, boot, epoch, clock_ms(), "test" };

	wire_put_hello(b, &m);
}

static inline void say_hello(struct peer *p, uint64_t boot, uint64_t epoch)
{
	struct buf b = { 0 };

	put_hello(&b, boot, epoch, 0);
	say(p, &b);
}

static inline uint64_t hear_welcome(struct peer *p)
{
	struct wire_welcome m;
	struct wire_frame f;

	ck_assert(hear(p, &f));
	ck_assert_int_eq(f.type, WIRE_WELCOME);
	ck_assert_int_eq(wire_get_welcome(f.body, &m), 0);
	ck_assert_uint_eq(m.credit, 8);
	p->minor = m.minor;
	p->can = m.capabilities;
	return m.sequence;
}

static inline uint64_t hear_ack(struct peer *p)
{
	struct wire_frame f;
	struct wire_ack m;

	ck_assert(hear(p, &f));
	ck_assert_int_eq(f.type, WIRE_ACK);
	ck_assert_int_eq(wire_get_ack(f.body, &m), 0);
	return m.sequence;
}

/* A batch of one record; ZIPPED: as one that has said that it can. */
static inline void put_batch(struct buf *b, uint64_t epoch, uint64_t sequence, bool zipped)
{
	struct cover c = { clock_ms() - 1000, clock_ms(), 0 };
	struct wire_batch m = { epoch, sequence, 1, WIRE_PLAIN, 0, { 0 } };
	struct wire_writer w = { 0 };
	struct buf small = { 0 };

	wire_writer_begin(&w, c.start_ms);
	wire_write_cover(&w, &c);
	while (zipped && w.body.n < 400) /* more of the same, or nothing is gained */
		wire_write_cover(&w, &c);
	m.records = w.records;
	m.raw_length = (uint32_t)w.body.n;
	if (zipped) {
		ck_assert_int_eq(zip(w.body.p, w.body.n, &small), 0);
		m.encoding = WIRE_ZSTD;
		wire_put_batch(b, &m, small.p, small.n);
	} else {
		wire_put_batch(b, &m, w.body.p, w.body.n);
	}
	buf_fini(&small);
	wire_writer_fini(&w);
}

static inline void say_batch(struct peer *p, uint64_t epoch, uint64_t sequence)
{
	struct buf b = { 0 };

	put_batch(&b, epoch, sequence, false);
	say(p, &b);
}

#endif
