/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/flowport.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/event.h>

#include "collector/commit.h"
#include "collector/flowreader.h"
#include "collector/listen.h"
#include "common/cert.h"
#include "common/log.h"
#include "common/mem.h"

enum {
	RECEIVE = 16 << 20, /* of each socket, as far as the kernel gives it */
	LITTLE = 1 << 20,   /* less is said aloud */
	TURN = 32,	    /* messages before others have theirs */
};

struct flowport {
	/* Those that are heard, and were before: what they had told comes for a while yet. */
	struct flowport_allow allow, before;
	struct flowreader_order order;
	struct child child;
	struct child_rest rest;
	struct nursery *nursery;
	struct hub *hub;
	struct event *event;
	struct commit_source from;
	void (*done)(struct hub *hub);
	uint8_t message[FLOWPORT_MESSAGE];
};

/* Sockets */

static void tune(int fd)
{
	int bytes = RECEIVE, on = 1, got = 0;
	socklen_t n = sizeof(got);

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &n) == 0 && got < LITTLE)
		log_info("flows: the kernel gives a buffer of %d KiB; for many exporters set "
			 "net.core.rmem_max to %d",
			 got / 1024, RECEIVE);
}

static void close_sockets(struct flowport *p)
{
	for (unsigned i = 0; i < p->order.sockets_n; i++)
		close(p->order.socket[i]);
	p->order.sockets_n = 0;
}

static int bind_all(struct flowport *p, const struct flowport_config *c, struct err *e)
{
	char text[SOCK_TEXT];

	for (unsigned i = 0; i < c->listen_n; i++) {
		const struct flowport_address *a = &c->listen[i];
		int fd = listen_udp(a->host, a->port, "--flows", text, e);

		if (fd < 0)
			return fd;
		tune(fd);
		log_info("flows are taken at %s", text);
		p->order.socket[p->order.sockets_n++] = fd;
	}
	return 0;
}

static void take_exporters(struct flowport *p, const struct flowport_config *c)
{
	memset(&p->allow, 0, sizeof(p->allow));
	p->allow.word = FLOWPORT_ALLOW;
	p->allow.exporter_n = c->exporter_n;
	memcpy(p->allow.exporter, c->exporter, c->exporter_n * sizeof(*c->exporter));
	if (!c->exporter_n)
		log_warn("no exporter is named: every datagram is dropped; "
			 "--flow-exporters says whose are taken");
}

int flowport_new(struct flowport **out, struct nursery *n, const struct flowport_config *c,
		 struct stats *stats, struct err *e)
{
	struct nursery_plan plan = { "the reader of flows", "skein-flows", flowreader_run,
				     NULL, NULL };
	struct flowport *p;
	int rc;

	*out = NULL;
	if (!c->listen_n)
		return 0;
	p = xcalloc(1, sizeof(*p));
	p->nursery = n;
	p->order.stats = stats;
	p->order.left = flowreader_left();
	p->child.fd = -1;
	take_exporters(p, c);
	rc = bind_all(p, c, e);
	if (rc) {
		flowport_free(p);
		return rc;
	}
	for (unsigned i = 0; i < p->order.sockets_n; i++)
		nursery_keep(n, p->order.socket[i]);
	plan.ctx = &p->order;
	nursery_plan(n, NURSERY_FLOWS, &plan);
	*out = p;
	return 0;
}

static int say_exporters(struct flowport *p)
{
	return child_send(p->child.fd, &p->allow, sizeof(p->allow), -1, MSG_DONTWAIT);
}

int flowport_start(struct flowport *p, struct err *e)
{
	int rc;

	if (!p)
		return 0;
	rc = nursery_start(p->nursery, NURSERY_FLOWS, &p->child, e);
	child_rest_born(&p->rest, stats_clock_ms());
	close_sockets(p);
	if (rc)
		return rc;
	rc = say_exporters(p);
	if (rc < 0)
		child_stop(&p->child);
	return rc < 0 ? err_sys(e, rc, "the reader of flows does not listen") : 0;
}

/* Batches and answers */

/* An answer that does not get through is asked for again by the batch. */
static void answer(struct flowport *p, enum flowport_word word, const struct wire_batch *b)
{
	struct flowport_answer a;

	memset(&a, 0, sizeof(a)); /* with its padding */
	a.word = word;
	if (b) {
		a.epoch = b->epoch;
		a.sequence = b->sequence;
	}
	if (p->child.fd >= 0 &&
	    send(p->child.fd, &a, sizeof(a), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug("flows: an answer was not taken: %s", strerror(errno));
}

static void on_committed(struct commit_source *from, const struct wire_batch *b,
			 enum ledger_verdict verdict)
{
	struct flowport *p = from->ctx;

	if (verdict == LEDGER_KNOWN)
		p->hub->stats->known++;
	if (verdict == LEDGER_GAP)
		p->hub->stats->gaps++;
	answer(p, verdict == LEDGER_GAP ? FLOWPORT_AGAIN : FLOWPORT_COMMITTED, b);
}

static void on_answer(struct commit_source *from)
{
	(void)from;
}

static void on_failed(struct commit_source *from, const struct wire_batch *b)
{
	answer(from->ctx, FLOWPORT_AGAIN, b);
}

static bool is_heard(const struct flowport *p, const struct addr *a)
{
	return addr_nets_hold(p->allow.exporter, p->allow.exporter_n, a) ||
	       addr_nets_hold(p->before.exporter, p->before.exporter_n, a);
}

/* The reader has seen bytes of strangers, so what it says is looked at again. */
static bool take_message(struct flowport *p, size_t n)
{
	char name[CERT_CN], text[ADDR_TEXT];
	struct wire_frame frame;
	struct wire_batch b;
	struct addr exporter;
	uint8_t *bytes;
	size_t used;

	if (n <= sizeof(exporter))
		return false;
	memcpy(&exporter, p->message, sizeof(exporter));
	n -= sizeof(exporter);
	bytes = xmalloc(n);
	memcpy(bytes, p->message + sizeof(exporter), n);
	if (wire_frame_next(bytes, n, &frame, &used) != 1 || used != n ||
	    frame.type != WIRE_BATCH || wire_get_batch(frame.body, &b) < 0) {
		free(bytes);
		return false;
	}
	if (!is_heard(p, &exporter)) {
		answer(p, FLOWPORT_COMMITTED, &b); /* or it would come for ever */
		free(bytes);
		return false;
	}
	snprintf(name, sizeof(name), "flow:%s", addr_text(&exporter, text));
	p->hub->stats->batches++;
	p->hub->stats->records += b.records;
	p->hub->stats->bytes += b.raw_length;
	commit_add(p->hub->commit, &p->from, name, &b, bytes);
	return true;
}

static void close_child(struct flowport *p)
{
	void (*done)(struct hub * hub) = p->done;

	event_free(p->event);
	p->event = NULL;
	child_stop(&p->child);
	child_rest_died(&p->rest, stats_clock_ms());
	p->done = NULL;
	if (done)
		done(p->hub);
	else
		log_err("the process that reads flows has ended and is started again; what it "
			"held is lost");
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct flowport *p = ctx;

	(void)what;
	for (int i = 0; i < TURN; i++) {
		ssize_t n = recv(fd, p->message, sizeof(p->message), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			close_child(p);
			return;
		}
		if (!take_message(p, (size_t)n))
			log_err("the process that reads flows said what makes no sense");
	}
}

static void listen_to(struct flowport *p)
{
	p->event = event_new(p->hub->base, p->child.fd, EV_READ | EV_PERSIST, on_readable, p);
	event_add(p->event, NULL);
}

void flowport_attach(struct flowport *p, struct hub *hub)
{
	if (!p)
		return;
	p->hub = hub;
	p->from = (struct commit_source){
		.ctx = p, .committed = on_committed, .answer = on_answer, .failed = on_failed
	};
	listen_to(p);
}

void flowport_sweep(struct flowport *p)
{
	struct err e = { 0 };

	if (!p || p->event || p->hub->draining || stats_clock_ms() < p->rest.due_ms)
		return;
	if (flowport_start(p, &e) < 0) {
		log_err("%s", e.msg);
		child_rest_died(&p->rest, stats_clock_ms());
		return;
	}
	p->order.stats->flow_restarts++;
	listen_to(p);
}

void flowport_reload(struct flowport *p, const struct flowport_config *c)
{
	int rc;

	if (!p)
		return;
	p->before = p->allow;
	take_exporters(p, c);
	rc = p->event ? say_exporters(p) : 0; /* the next reader is told anyhow */
	if (rc < 0)
		log_err("flows: the exporters stay as they were: %s", strerror(-rc));
}

void flowport_drain(struct flowport *p, void (*done)(struct hub *hub))
{
	if (!p->event) {
		done(p->hub);
		return;
	}
	p->done = done;
	answer(p, FLOWPORT_END, NULL);
}

void flowport_free(struct flowport *p)
{
	if (!p)
		return;
	close_sockets(p);
	if (p->event)
		event_free(p->event);
	child_stop(&p->child);
	if (p->hub && p->hub->commit)
		commit_forget(p->hub->commit, &p->from);
	free(p);
}
