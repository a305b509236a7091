/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/flowreader.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "collector/child.h"
#include "collector/confine.h"
#include "collector/flowqueue.h"
#include "collector/flows/flowsum.h"
#include "collector/flows/foreign.h"
#include "collector/flowtell.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/sock.h"

enum {
	AT_ONCE = 64, /* datagrams of one call, */
	ROUNDS = 16,  /* and calls before the other sockets have their turn */
	DATAGRAM = 65536,
	TICK_MS = 1000,
	TELL_MS = 5000,
	END_MS = 2500, /* for the collector's last answers */
	PAIRS = 4096,  /* of exporter and domain */
	NICE = 5,      /* behind the sensors */
	LOG_EVERY_MS = 10000,
};

struct reader {
	const struct flowreader_order *order;
	int fd; /* the collector */
	struct flowport_allow allow;
	struct foreign *foreign;
	struct flowsum *sum;
	struct flowtell *tell;
	struct flowqueue *queue;
	uint64_t now_ms; /* since 1970, for what is told; it may be set back */
	uint64_t up_ms;	 /* only goes on, for how long something takes: */
	uint64_t ticked_ms, told_ms, logged_ms, end_ms;
	struct foreign_stats foreign_was;
	struct flowsum_stats sum_was;
	uint64_t repeated_was;
	int exporter;	/* of the datagram in hand, */
	unsigned taken; /* and its records so far */
	bool blocked;	/* the collector's socket is full */
	bool ending;
	struct mmsghdr message[AT_ONCE];
	struct iovec vector[AT_ONCE];
	struct sockaddr_storage from[AT_ONCE];
	char control[AT_ONCE][CMSG_SPACE(sizeof(uint32_t))];
	uint8_t (*bytes)[DATAGRAM];
};

static void look_at_clocks(struct reader *r)
{
	r->now_ms = clock_ms();
	r->up_ms = stats_clock_ms();
}

/* Datagrams */

static void on_flow(const struct foreign_flow *f, void *ctx)
{
	struct reader *r = ctx;

	if (f->sampling > 1)
		flowtell_sampled(r->tell, r->exporter);
	r->taken++;
	flowsum_add(r->sum, (unsigned)r->exporter, f, r->now_ms);
}

/* One line in a while, whoever sends and however much. */
static bool may_log(struct reader *r)
{
	if (r->logged_ms && r->up_ms < r->logged_ms + LOG_EVERY_MS)
		return false;
	r->logged_ms = r->up_ms;
	return true;
}

static void turn_away(struct reader *r, const struct addr *a)
{
	char text[ADDR_TEXT];

	r->order->stats->flow_strangers++;
	if (may_log(r))
		log_warn("datagrams from %s are dropped: not among --flow-exporters",
			 addr_text(a, text));
}

static void take(struct reader *r, const struct addr *a, const uint8_t *p, size_t n)
{
	unsigned before = flowtell_count(r->tell);
	uint64_t missed = foreign_missed(r->foreign);
	char text[ADDR_TEXT];

	r->order->stats->flow_datagrams++;
	r->exporter = flowtell_number(r->tell, a, r->now_ms);
	if (r->exporter < 0) {
		r->order->stats->flow_refused++;
		return;
	}
	if (flowtell_count(r->tell) > before)
		log_info("flows from %s", addr_text(a, text));
	r->taken = 0;
	foreign_decode(r->foreign, a, p, n, r->now_ms, on_flow, r);
	flowheld_take(&r->order->left->held, r->exporter, a, r->taken, r->now_ms);
	flowtell_heard(r->tell, r->exporter, r->now_ms, foreign_missed(r->foreign) - missed);
}

static void see_overrun(struct reader *r, unsigned socket, struct msghdr *m)
{
	uint32_t *last = &r->order->left->overrun[socket], now;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
			continue;
		memcpy(&now, CMSG_DATA(c), sizeof(now));
		r->order->stats->flow_overrun += now - *last;
		*last = now;
	}
}

static void take_message(struct reader *r, unsigned socket, unsigned i)
{
	struct msghdr *m = &r->message[i].msg_hdr;
	struct addr a;

	see_overrun(r, socket, m);
	if (!addr_of_sockaddr((struct sockaddr *)&r->from[i], &a))
		return;
	if (addr_nets_hold(r->allow.exporter, r->allow.exporter_n, &a))
		take(r, &a, r->bytes[i], r->message[i].msg_len);
	else
		turn_away(r, &a);
}

static void prepare(struct reader *r)
{
	for (unsigned i = 0; i < AT_ONCE; i++) {
		r->vector[i] = (struct iovec){ r->bytes[i], DATAGRAM };
		r->message[i].msg_hdr =
			(struct msghdr){ .msg_name = &r->from[i],
					 .msg_namelen = sizeof(r->from[i]),
					 .msg_iov = &r->vector[i],
					 .msg_iovlen = 1,
					 .msg_control = r->control[i],
					 .msg_controllen = sizeof(r->control[i]) };
	}
}

static void read_socket(struct reader *r, unsigned socket)
{
	for (int round = 0; round < ROUNDS; round++) {
		int n;

		prepare(r);
		n = recvmmsg(r->order->socket[socket], r->message, AT_ONCE, MSG_DONTWAIT,
			     NULL);
		look_at_clocks(r);
		for (int i = 0; i < n; i++)
			take_message(r, socket, (unsigned)i);
		if (n < AT_ONCE)
			return;
	}
}

/* Telling */

static void on_batch(const struct addr *exporter, const struct wire_batch *b,
		     const uint8_t *frame, size_t n, void *ctx)
{
	struct reader *r = ctx;
	struct buf message = { 0 };

	flowheld_handed(&r->order->left->held, exporter, b->epoch, b->sequence);
	buf_put(&message, exporter, sizeof(*exporter));
	buf_put(&message, frame, n);
	flowqueue_put(r->queue, b->epoch, b->sequence, message.p, message.n);
	buf_fini(&message);
}

static void on_edge(unsigned exporter, const struct flow *f, void *ctx)
{
	struct reader *r = ctx;

	flowtell_edge(r->tell, (int)exporter, f, r->now_ms);
}

/* While the collector is behind all stays in the sums, which are bounded; but for the end. */
static void tell(struct reader *r)
{
	if (!r->ending && flowqueue_count(r->queue) >= FLOWQUEUE_FULL)
		return;
	for (int i = 0; i < FLOWTELL_EXPORTERS; i++)
		flowtell_lost(r->tell, i, flowsum_lost(r->sum, (unsigned)i));
	flowsum_take(r->sum, on_edge, r);
	flowtell_end(r->tell, r->now_ms, r->ending);
	flowheld_told(&r->order->left->held, r->now_ms);
	r->told_ms = r->up_ms;
}

static void send_batches(struct reader *r)
{
	const void *p;
	size_t n;

	r->blocked = false;
	while ((p = flowqueue_next(r->queue, r->up_ms, &n))) {
		if (send(r->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
			r->blocked = errno == EAGAIN;
			return;
		}
		flowqueue_sent(r->queue, r->up_ms);
	}
}

/* Counters grow by what their sources have grown: those begin anew when this process does. */
static void count_foreign(struct reader *r)
{
	struct stats *s = r->order->stats;
	struct foreign_stats now = foreign_stats(r->foreign), *was = &r->foreign_was;

	s->flow_records += now.flows - was->flows;
	s->flow_malformed += now.malformed - was->malformed;
	s->flow_unknown += now.unknown - was->unknown;
	s->flow_templates += now.templates - was->templates;
	s->flow_no_template += now.no_template - was->no_template;
	s->flow_refused += now.refused - was->refused;
	s->flow_missed += now.missed - was->missed;
	s->flow_late += now.late - was->late;
	s->flow_no_address += now.no_address - was->no_address;
	s->flow_waiting = now.waiting;
	s->flow_bytes = now.bytes;
	*was = now;
}

static void count_sums(struct reader *r)
{
	struct stats *s = r->order->stats;
	struct flowsum_stats now = flowsum_stats(r->sum), *was = &r->sum_was;
	uint64_t repeated = flowqueue_repeated(r->queue);

	s->flow_protocols += now.protocols - was->protocols;
	s->flow_denied += now.denied - was->denied;
	s->flow_odd += now.odd - was->odd;
	s->flow_copies += now.copies - was->copies;
	s->flow_clocks += now.clocks - was->clocks;
	s->flow_early += now.early - was->early;
	s->flow_lost += now.lost - was->lost;
	s->flow_repeated += repeated - r->repeated_was;
	s->flow_connections = now.conns;
	s->flow_exporters = flowtell_count(r->tell);
	s->flow_queued = flowqueue_count(r->queue);
	r->repeated_was = repeated;
	*was = now;
}

static void tick(struct reader *r)
{
	if (r->up_ms < r->ticked_ms + TICK_MS)
		return;
	r->ticked_ms = r->up_ms;
	flowsum_settle(r->sum, r->now_ms);
	if (r->up_ms >= r->told_ms + TELL_MS)
		tell(r);
	count_foreign(r);
	count_sums(r);
}

/* The collector */

static void end(struct reader *r)
{
	r->ending = true;
	r->end_ms = r->up_ms + END_MS;
	flowsum_settle(r->sum, UINT64_MAX);
	tell(r);
	count_foreign(r);
	count_sums(r);
}

static void commit(struct reader *r, uint64_t epoch, uint64_t sequence)
{
	flowqueue_done(r->queue, epoch, sequence);
	flowheld_committed(&r->order->left->held, epoch, sequence);
}

union word {
	struct flowport_answer answer;
	struct flowport_allow allow;
};

static void hear(struct reader *r, const union word *w, size_t n)
{
	const struct flowport_answer *a = &w->answer;

	if (n == sizeof(w->allow) && a->word == FLOWPORT_ALLOW &&
	    w->allow.exporter_n <= FLOWPORT_EXPORTERS)
		r->allow = w->allow;
	if (n != sizeof(*a))
		return;
	if (a->word == FLOWPORT_COMMITTED)
		commit(r, a->epoch, a->sequence);
	else if (a->word == FLOWPORT_AGAIN)
		flowqueue_again(r->queue, r->up_ms);
	else if (a->word == FLOWPORT_END && !r->ending)
		end(r);
}

/* False: the collector has gone. */
static bool read_answers(struct reader *r)
{
	union word w;
	ssize_t n;

	while ((n = recv(r->fd, &w, sizeof(w), MSG_DONTWAIT)) > 0)
		hear(r, &w, (size_t)n);
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Before anything is read or told. */
static bool await_exporters(struct reader *r)
{
	union word w;
	ssize_t n;

	do
		n = recv(r->fd, &w, sizeof(w), 0);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		hear(r, &w, (size_t)n);
	return r->allow.word == FLOWPORT_ALLOW;
}

static bool is_over(const struct reader *r)
{
	return r->ending && (!flowqueue_count(r->queue) || r->up_ms > r->end_ms);
}

static int loop(struct reader *r)
{
	struct pollfd poll_fd[1 + FLOWPORT_LISTEN];
	unsigned n = r->order->sockets_n;

	while (!is_over(r)) {
		poll_fd[0] = (struct pollfd){ r->fd, POLLIN, 0 };
		if (r->blocked)
			poll_fd[0].events |= POLLOUT;
		for (unsigned i = 0; i < n; i++)
			poll_fd[1 + i] = (struct pollfd){ r->order->socket[i], POLLIN, 0 };
		if (poll(poll_fd, r->ending ? 1 : 1 + n, r->ending ? 20 : TICK_MS) < 0 &&
		    errno != EINTR)
			return 1;
		look_at_clocks(r);
		if (poll_fd[0].revents & (POLLIN | POLLHUP) && !read_answers(r))
			return 0;
		for (unsigned i = 0; i < n && !r->ending; i++)
			if (poll_fd[1 + i].revents)
				read_socket(r, i);
		tick(r);
		send_batches(r);
	}
	if (flowqueue_count(r->queue))
		log_warn("flows: %u batches were not committed before the end and are lost",
			 flowqueue_count(r->queue));
	return 0;
}

struct flowreader_left *flowreader_left(void)
{
	void *p = mmap(NULL, sizeof(struct flowreader_left), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort(); /* at the start */
	return p;
}

/* What went with a reader before this one: a gap of each exporter that it knew. */
static void tell_lost(struct reader *r)
{
	struct flowheld *held = &r->order->left->held, *was = xmalloc(sizeof(*was));
	uint64_t from_ms, records;

	*was = *held;
	memset(held, 0, sizeof(*held));
	for (int i = 0; i < FLOWTELL_EXPORTERS; i++) {
		const struct addr *a = &was->row[i].exporter;
		int n;

		if (!flowheld_lost(&was->row[i], r->now_ms, &from_ms, &records) ||
		    !addr_nets_hold(r->allow.exporter, r->allow.exporter_n, a))
			continue;
		n = flowtell_number(r->tell, a, r->now_ms);
		if (n < 0)
			continue;
		flowtell_gap(r->tell, n, from_ms, records);
		flowheld_owe(held, n, a, from_ms, records, r->now_ms);
	}
	free(was);
}

_Static_assert(1 + FLOWPORT_LISTEN <= CHILD_KEEP, "child_keep takes them all");

static int give_up(int fd, const struct flowreader_order *order, uint64_t *seed)
{
	int keep[1 + FLOWPORT_LISTEN] = { fd };
	struct err e = { 0 };

	memcpy(keep + 1, order->socket, order->sockets_n * sizeof(*keep));
	child_keep(keep, 1 + order->sockets_n);
	setpriority(PRIO_PROCESS, 0, NICE);
	if (getrandom(seed, sizeof(*seed), 0) >= 0 && confine(CONFINE_FLOWS, NULL, &e) == 0)
		return 0;
	log_err("cannot read flows: %s", e.msg);
	return -EPERM;
}

int flowreader_run(int fd, void *ctx)
{
	struct reader *r = xcalloc(1, sizeof(*r));
	uint64_t seed = 0;

	r->order = ctx;
	if (give_up(fd, r->order, &seed) < 0)
		return 1;
	r->fd = fd;
	r->bytes = xcalloc(AT_ONCE, DATAGRAM);
	r->foreign = foreign_new(PAIRS);
	r->sum = flowsum_new(FLOWSUM_CONNS, FLOWSUM_EDGES, seed);
	r->tell = flowtell_new(on_batch, r);
	r->queue = flowqueue_new();
	look_at_clocks(r);
	r->told_ms = r->ticked_ms = r->up_ms;
	if (!await_exporters(r))
		return 1;
	tell_lost(r);
	return loop(r);
}
