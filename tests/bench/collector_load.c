/* SPDX-License-Identifier: Apache-2.0 */
/*
 * N sensors of one estate in one process, against a real collector, by its own protocol: what
 * `make bench-collector` loads it with.  No probe, no spool: batches are a known function of
 * (sensor, interval), so that a batch that must be sent again is simply made again.
 *
 *     collector_load --collector 127.0.0.1:PORT --token TOKEN --sensors N PHASE...
 *
 *     PHASE   storm             all connections are cut and made again
 *             SECONDS:MS        for so long every sensor has a batch each MS milliseconds
 *
 * Machine i is 10.x.y.z of i + 1 and has EDGES clients and EDGES servers among the others:
 * edge k goes to machine i + step(k) modulo N, port 8000 + k % 20.  In interval t a share of
 * ACTIVE in 100 of the edges carries 1 to 5 opens of 100 + 10 bytes, told by both ends, in the
 * same minute; the two ends of a connection are in one interval.  So the truth is the client's
 * sum.
 *
 * A line of JSON for each phase, and one at the end with what the database must hold.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "common/addr.h"
#include "common/cert.h"
#include "common/clock.h"
#include "common/frame.h"
#include "common/mem.h"
#include "common/sock.h"
#include "common/tls.h"
#include "common/token.h"
#include "common/version.h"
#include "common/wire.h"
#include "common/wire_record.h"

enum {
	EDGES = 42,
	ACTIVE = 40,	 /* in 100 */
	FLIGHT = 8,	 /* batches on the way */
	ENROLLING = 64,	 /* connections at once, and */
	DIALLING = 1000, /* in a storm */
	HIST = 1 << 16,	 /* of latencies, ms */
	FRAME_MAX = 64 << 10,
};

struct sensor {
	unsigned number;
	bool up, dialling;
	SSL_CTX *tls; /* with its certificate; NULL before enrolment */
	struct bufferevent *bev;
	uint64_t epoch, boot;
	uint64_t made, sent, acked; /* intervals, which are sequences too */
	uint32_t credit;
	uint64_t sent_ms[FLIGHT];
};

static struct load {
	struct event_base *base;
	struct sockaddr_in to;
	struct token token;
	unsigned n;
	struct sensor *s;
	EVP_PKEY *key; /* of all of them */
	char *request;
	SSL_CTX *pinned;
	unsigned up, enrolled, dialling, next, errors;
	uint64_t rest_until; /* the collector signs so many certificates a second, and no more
			      */
	/* intervals that are due: their ends, ms */
	uint64_t *ends, intervals, cap;
	uint64_t records;
	uint32_t *latency;
	uint64_t latencies;
} load;

static uint64_t steady_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The estate */

static unsigned step(unsigned k)
{
	return 1 + (unsigned)(k * 7919ULL % (load.n - 1));
}

/* 0: nothing happened. */
static unsigned opens_of(unsigned client, unsigned k, uint64_t interval)
{
	uint64_t x = ((uint64_t)client * EDGES + k) * 0x9e3779b97f4a7c15 +
		     interval * 0xbf58476d1ce4e5b9;

	x ^= x >> 31;
	x *= 0x94d049bb133111eb;
	x ^= x >> 29;
	return x % 100 < ACTIVE ? 1 + (unsigned)(x >> 40) % 5 : 0;
}

static struct addr address_of(unsigned machine)
{
	struct addr a;
	char text[ADDR_TEXT];

	machine++;
	snprintf(text, sizeof(text), "10.%u.%u.%u", machine >> 16 & 255, machine >> 8 & 255,
		 machine & 255);
	addr_parse(text, &a);
	return a;
}

static void put_flow(struct wire_writer *w, enum witness side, unsigned client, unsigned k,
		     uint64_t interval, uint32_t process)
{
	uint64_t end = load.ends[interval];
	unsigned opens = opens_of(client, k, interval);
	struct flow f = { .witness = side,
			  .proto = PROTO_TCP,
			  .port = (uint16_t)(8000 + k % 20) };

	if (!opens)
		return;
	f.client = address_of(client);
	f.server = address_of((client + step(k)) % load.n);
	f.minute = (end - 1) / 60000;
	f.first_ms = end - 1000;
	f.last_ms = end - 1;
	f.c = (struct counters){ .opens = opens,
				 .bytes_to_server = 100 * opens,
				 .bytes_to_client = 10 * opens,
				 .rtt_sum_us = 400,
				 .rtt_n = 1,
				 .has_bytes = true };
	f.samples_n = 1;
	f.samples[0].client_port = (uint16_t)(32768 + opens + k * 100);
	f.samples[0].start_ms = f.first_ms;
	wire_write_flow(w, &f, side == WITNESS_CLIENT ? process : 0,
			side == WITNESS_SERVER ? process : 0);
}

static void put_machine(struct wire_writer *w, unsigned i)
{
	char id[32], name[32];
	struct machine m = { .id = id,
			     .name = name,
			     .os = "linux",
			     .kernel = "6.1",
			     .arch = "x86_64",
			     .cores = 4,
			     .memory_bytes = 8ULL << 30,
			     .addrs_n = 1,
			     .extra = "" };

	snprintf(id, sizeof(id), "load-%u", i);
	snprintf(name, sizeof(name), "host%u", i);
	m.addrs[0] = address_of(i);
	wire_write_machine(w, &m);
}

static void make_batch(struct wire_writer *w, unsigned i, uint64_t interval)
{
	static const struct process
		client = { "app", "app.service", "", "/usr/bin/app", "app", "", "" },
		server = { "srv", "srv.service", "", "/usr/bin/srv", "srv", "", "" };
	uint64_t start = interval ? load.ends[interval - 1] : load.ends[0] - 1000;
	struct cover cover = { .start_ms = start, .end_ms = load.ends[interval] };
	uint32_t c, s;

	wire_writer_begin(w, start);
	if (interval == 0)
		put_machine(w, i);
	c = wire_write_process(w, &client);
	s = wire_write_process(w, &server);
	for (unsigned k = 0; k < EDGES; k++) {
		put_flow(w, WITNESS_CLIENT, i, k, interval, c);
		put_flow(w, WITNESS_SERVER, (i + load.n - step(k)) % load.n, k, interval, s);
	}
	wire_write_cover(w, &cover);
}

/* Sending.  Interval t has sequence t + 1. */

static void send_one(struct sensor *x)
{
	static struct wire_writer w;
	struct wire_batch m = { .epoch = x->epoch, .sequence = x->sent + 1 };
	struct buf frame = { 0 };

	make_batch(&w, x->number, x->sent);
	m.records = w.records;
	m.raw_length = (uint32_t)w.body.n;
	wire_put_batch(&frame, &m, w.body.p, w.body.n);
	bufferevent_write(x->bev, frame.p, frame.n);
	buf_fini(&frame);
	x->sent_ms[x->sent % FLIGHT] = steady_ms();
	x->sent++;
	load.records += w.records;
}

static void pump(struct sensor *x)
{
	uint32_t most = x->credit < FLIGHT ? x->credit : FLIGHT;

	while (x->up && x->sent < x->made && x->sent - x->acked < most)
		send_one(x);
}

static void start_dialling(void);

static void hang_up(struct sensor *x)
{
	if (x->bev)
		bufferevent_free(x->bev);
	x->bev = NULL;
	load.up -= x->up;
	load.dialling -= x->dialling;
	x->up = x->dialling = false;
	x->sent = x->acked;
}

static void fail(struct sensor *x, const char *what)
{
	if (load.errors++ < 10)
		fprintf(stderr, "collector_load: sensor %u: %s\n", x->number, what);
	hang_up(x);
	start_dialling();
}

static void acknowledge(struct sensor *x, uint64_t sequence)
{
	uint64_t now = steady_ms();

	for (; x->acked < sequence; x->acked++) {
		uint64_t ms = now - x->sent_ms[x->acked % FLIGHT];

		load.latency[ms < HIST ? ms : HIST - 1]++;
		load.latencies++;
	}
}

/* Frames of the collector; false: the connection is gone. */

static bool on_cert(struct sensor *x, struct cur body)
{
	struct wire_cert m;
	X509 *cert = wire_get_cert(body, &m) == 0 ? cert_parse(m.certificate, NULL) : NULL;

	if (!cert) {
		fail(x, "no certificate");
		return false;
	}
	x->tls = tls_client_pinned(load.token.pin, NULL);
	SSL_CTX_use_certificate(x->tls, cert);
	SSL_CTX_use_PrivateKey(x->tls, load.key);
	X509_free(cert);
	load.enrolled++;
	hang_up(x);
	start_dialling();
	return false;
}

static bool on_welcome(struct sensor *x, struct cur body)
{
	struct wire_welcome m;

	if (wire_get_welcome(body, &m) < 0 || m.sequence < x->acked) {
		fail(x, "a welcome that makes no sense");
		return false;
	}
	x->acked = x->sent = m.sequence;
	x->credit = m.credit;
	if (!x->up) {
		x->up = true;
		load.up++;
		x->dialling = false;
		load.dialling--;
		start_dialling();
	}
	return true;
}

static bool on_frame(struct sensor *x, const struct wire_frame *f)
{
	struct wire_ack ack;
	struct wire_error error;

	if (f->type == WIRE_CERT)
		return on_cert(x, f->body);
	if (f->type == WIRE_WELCOME)
		return on_welcome(x, f->body);
	if (f->type == WIRE_ACK && wire_get_ack(f->body, &ack) == 0 &&
	    ack.sequence <= x->sent) {
		acknowledge(x, ack.sequence);
		x->credit = ack.credit;
		return true;
	}
	if (f->flags & WIRE_OPTIONAL)
		return true;
	if (!x->tls && f->type == WIRE_ERROR && wire_get_error(f->body, &error) == 0 &&
	    error.code == WIRE_E_BUSY) {
		load.rest_until = steady_ms() + 200;
		hang_up(x);
		return false;
	}
	fail(x, f->type == WIRE_ERROR && wire_get_error(f->body, &error) == 0 ? error.reason
									      : "odd frame");
	return false;
}

static void on_read(struct bufferevent *bev, void *ctx)
{
	struct sensor *x = ctx;
	struct wire_frame frame;
	uint8_t *bytes;
	bool goes_on = true;
	int rc;

	while (goes_on &&
	       (rc = frame_take(bufferevent_get_input(bev), FRAME_MAX, &bytes, &frame)) > 0) {
		goes_on = on_frame(x, &frame);
		free(bytes);
	}
	if (goes_on && rc < 0)
		fail(x, "no frame");
	else if (goes_on)
		pump(x);
}

static void greet(struct sensor *x)
{
	struct wire_hello hello = { .minor = WIRE_MINOR,
				    .boot = x->boot,
				    .epoch = x->epoch,
				    .clock_ms = clock_ms(),
				    .program = "collector_load" };
	struct wire_enroll enroll = { .request = load.request, .host = "load" };
	char text[TOKEN_TEXT];
	struct buf frame = { 0 };

	if (x->tls) {
		wire_put_hello(&frame, &hello);
	} else {
		token_text(&load.token, text);
		enroll.token = text;
		wire_put_enroll(&frame, &enroll);
	}
	bufferevent_write(x->bev, frame.p, frame.n);
	buf_fini(&frame);
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
	(void)bev;
	if (what & BEV_EVENT_CONNECTED)
		greet(ctx);
	else
		fail(ctx, "the connection ended");
}

/* Each from an address of its own, as in life. */
static void dial(struct sensor *x)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;

	from.sin_addr.s_addr = htonl(0x7f0a0001 + x->number);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0 ||
	    (connect(fd, (struct sockaddr *)&load.to, sizeof(load.to)) < 0 &&
	     errno != EINPROGRESS)) {
		perror("collector_load: connect");
		exit(3);
	}
	sock_tune(fd);
	x->dialling = true;
	load.dialling++;
	x->bev = bufferevent_openssl_socket_new(
		load.base, fd, tls_connecting(x->tls ? x->tls : load.pinned),
		BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	bufferevent_setcb(x->bev, on_read, NULL, on_event, x);
	bufferevent_enable(x->bev, EV_READ | EV_WRITE);
}

/* As many as may be on their way; those that are not enrolled are fewer at once. */
static void start_dialling(void)
{
	unsigned most = load.enrolled < load.n ? ENROLLING : DIALLING;

	if (steady_ms() < load.rest_until)
		return;
	for (unsigned i = 0; i < load.n && load.dialling < most; i++) {
		struct sensor *x = &load.s[load.next++ % load.n];

		if (!x->bev && !(x->tls && load.enrolled < load.n))
			dial(x);
	}
}

/* Phases */

static bool all_up(void)
{
	return load.up == load.n;
}

static bool all_acknowledged(void)
{
	for (unsigned i = 0; i < load.n; i++)
		if (load.s[i].acked < load.intervals)
			return false;
	return true;
}

/* Runs the loop until DONE, at most so long; the time it took, ms. */
static uint64_t run_until(bool (*done)(void), unsigned limit_s, const char *what)
{
	const struct timeval tick = { .tv_usec = 20000 };
	uint64_t began = steady_ms();

	while (!done()) {
		start_dialling();
		event_base_loopexit(load.base, &tick);
		event_base_dispatch(load.base);
		if (steady_ms() - began > limit_s * 1000ULL) {
			fprintf(stderr, "collector_load: %s: not within %u s; up=%u\n", what,
				limit_s, load.up);
			exit(1);
		}
	}
	return steady_ms() - began;
}

static unsigned percentile(unsigned in_10000)
{
	uint64_t seen = 0;

	for (unsigned ms = 0; ms < HIST; ms++) {
		seen += load.latency[ms];
		if (seen && seen * 10000 >= load.latencies * in_10000)
			return ms;
	}
	return 0;
}

static void storm(void)
{
	for (unsigned i = 0; i < load.n; i++)
		hang_up(&load.s[i]);
	start_dialling();
	printf("{\"phase\":\"storm\",\"sensors\":%u,\"ms\":%llu}\n", load.n,
	       (unsigned long long)run_until(all_up, 300, "connecting"));
}

static void add_interval(uint64_t end)
{
	MEM_GROW(load.ends, load.intervals, load.cap);
	load.ends[load.intervals++] = end;
}

static uint64_t backlog(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < load.n; i++)
		n += load.s[i].made - load.s[i].acked;
	return n;
}

/* Within an interval the sensors send one after the other, evenly. */
static void stream(unsigned seconds, unsigned ms)
{
	const struct timeval tick = { .tv_usec = 2000 };
	uint64_t began = steady_ms(), records = load.records, most = 0;
	uint64_t rounds = seconds * 1000ULL / ms;
	double took;

	memset(load.latency, 0, HIST * sizeof(*load.latency));
	load.latencies = 0;
	for (uint64_t r = 0; r < rounds; r++) {
		uint64_t start = began + r * ms;
		unsigned i = 0;

		add_interval(clock_ms());
		while (i < load.n) {
			uint64_t now = steady_ms(), due = (now - start) * load.n / ms;

			for (; i < load.n && i <= due; i++) {
				load.s[i].made = load.intervals;
				pump(&load.s[i]);
			}
			event_base_loopexit(load.base, &tick);
			event_base_dispatch(load.base);
		}
		if (backlog() > most)
			most = backlog();
	}
	run_until(all_acknowledged, 1200, "acknowledging");
	took = (double)(steady_ms() - began) / 1000;
	printf("{\"phase\":\"stream\",\"seconds\":%.1f,\"wanted\":%u,\"records\":%llu,"
	       "\"records_s\":%.0f,\"p50_ms\":%u,\"p99_ms\":%u,\"max_ms\":%u,\"backlog\":%llu,"
	       "\"errors\":%u}\n",
	       took, seconds, (unsigned long long)(load.records - records),
	       (double)(load.records - records) / took, percentile(5000), percentile(9900),
	       percentile(10000), (unsigned long long)most, load.errors);
}

static void print_truth(void)
{
	uint64_t opens = 0, flows = 0;
	unsigned edges = 0;

	for (unsigned i = 0; i < load.n; i++)
		for (unsigned k = 0; k < EDGES; k++) {
			uint64_t before = flows;

			for (uint64_t t = 0; t < load.intervals; t++) {
				unsigned o = opens_of(i, k, t);

				opens += o;
				flows += o != 0;
			}
			edges += flows != before;
		}
	printf("{\"phase\":\"truth\",\"opens\":%llu,\"bytes_to_server\":%llu,"
	       "\"bytes_to_client\":%llu,\"records\":%llu,\"edges\":%u}\n",
	       (unsigned long long)opens, (unsigned long long)(100 * opens),
	       (unsigned long long)(10 * opens), (unsigned long long)(2 * flows), edges);
}

static void phase(const char *word)
{
	unsigned seconds, ms;

	if (strcmp(word, "storm") == 0)
		storm();
	else if (sscanf(word, "%u:%u", &seconds, &ms) == 2 && seconds && ms)
		stream(seconds, ms);
	else
		exit(2);
	fflush(stdout);
}

static void prepare(void)
{
	struct rlimit lim;

	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &lim);
	lim.rlim_cur = lim.rlim_max;
	setrlimit(RLIMIT_NOFILE, &lim);
	load.base = event_base_new();
	load.key = cert_key_new(NULL);
	load.request = cert_request(load.key, "sensor", NULL);
	load.pinned = tls_client_pinned(load.token.pin, NULL);
	load.s = xcalloc(load.n, sizeof(*load.s));
	load.latency = xcalloc(HIST, sizeof(*load.latency));
	for (unsigned i = 0; i < load.n; i++) {
		load.s[i].number = i;
		cert_random(&load.s[i].boot, sizeof(load.s[i].boot));
		load.s[i].epoch = 1 + i;
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "collector", required_argument, NULL, 'c' },
						 { "token", required_argument, NULL, 't' },
						 { "sensors", required_argument, NULL, 'n' },
						 { 0 } };
	char host[64] = "";
	uint16_t port = 0;
	uint64_t ms;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'c')
			addr_split_hostport(optarg, host, sizeof(host), &port);
		else if (opt == 't' && token_parse(optarg, &load.token) < 0)
			return 2;
		else if (opt == 'n')
			load.n = (unsigned)atoi(optarg);
	}
	if (!port || load.n < 2 * EDGES || load.n > 60000)
		return 2;
	load.to.sin_family = AF_INET;
	load.to.sin_port = htons(port);
	load.to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	prepare();
	start_dialling();
	ms = run_until(all_up, 600, "enrolling");
	printf("{\"phase\":\"enrol\",\"sensors\":%u,\"ms\":%llu}\n", load.n,
	       (unsigned long long)ms);
	fflush(stdout);
	for (; optind < argc; optind++)
		phase(argv[optind]);
	print_truth();
	return 0;
}
