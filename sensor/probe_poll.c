/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fallback where eBPF cannot run: the kernel's notices of sockets that are destroyed
 * (NETLINK_SOCK_DIAG, with their tcp_info), looks at what is open in between, and /proc for
 * who has it.
 *
 * A netlink socket hears of the network namespace that it was made in, so there is a pair of
 * them for each, made by entering it for a moment where that is permitted.  Notices gather in
 * the socket's buffer and are read ten times a second; looks are spaced so that they take one
 * part in a hundred of a processor.  docs/support.md says what is missed.
 */
#include "sensor/probe.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "common/fact.h"
#include "common/log.h"
#include "common/mem.h"
#include "sensor/conntab.h"
#include "sensor/diag.h"
#include "sensor/holder.h"
#include "sensor/netns.h"

enum {
	PLACES = 64,
	NOTICE_BYTES = 32 << 20, /* of kernel memory at most: 20,000 notices or so */
	DUMP_BYTES = 64 << 10,
	SHARE = 300, /* looks take one part in so many of a processor, processes too */
	ABSENT = 4,  /* looks at the processes after which an empty namespace is left */
};

#define TICK_NS 100000000u
#define PLACES_NS 250000000u
#define DEAR_NS 5000000u
#define STALE_NS 9000000000u

#define STATES                                                                                \
	(1u << DIAG_ESTABLISHED | 1u << DIAG_SYN_SENT | 1u << DIAG_FIN_WAIT1 |                \
	 1u << DIAG_FIN_WAIT2 | 1u << DIAG_CLOSE_WAIT | 1u << DIAG_LAST_ACK |                 \
	 1u << DIAG_CLOSING | 1u << DIAG_LISTEN)

enum { TIMER_TIME_WAIT = 3 }; /* idiag_timer of what is left in TIME_WAIT */

struct probe_state;

/* A network namespace. */
struct place {
	struct probe_state *st;
	struct nl_sock *notices, *looks;
	uint32_t netns;
	uint32_t lost; /* notices, as the kernel has counted them */
	unsigned absent;
	bool present;
	uint64_t looked_ns, look_ns; /* when, and when it is time again */
	uint64_t cost_ns;	     /* of the last look */
};

struct probe_state {
	struct probe_sink sink;
	struct conntab *table;
	struct holder *holder;
	struct place *place[PLACES]; /* by pointer: callbacks have their addresses */
	unsigned places;
	int timer;
	uint64_t start_ns, places_ns; /* the latter: when it is time to look for more */
	uint64_t drops[DROP_COUNT];
	uint64_t guessed;
	bool confined, crowded; /* it has been said that some namespaces are not watched */
};

static uint64_t boot_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t spent_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* What comes in */

static int on_notice(struct nl_msg *msg, void *ctx)
{
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct place *p = ctx;
	struct diag d;

	if (h->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
	    diag_decode(nlmsg_data(h), (size_t)nlmsg_datalen(h), &d))
		conntab_ended(p->st->table, p->netns, &d, boot_ns());
	return NL_OK;
}

static int on_look(struct nl_msg *msg, void *ctx)
{
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct place *p = ctx;
	struct diag d;

	if (!diag_decode(nlmsg_data(h), (size_t)nlmsg_datalen(h), &d) ||
	    d.timer == TIMER_TIME_WAIT)
		return NL_OK;
	if (d.state == DIAG_LISTEN)
		conntab_listener(p->st->table, p->netns, &d);
	else
		conntab_seen(p->st->table, p->netns, &d);
	return NL_OK;
}

/* The kernel counts what did not fit a socket's buffer. */
static void count_lost(struct place *p)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t n = sizeof(info);

	if (getsockopt(nl_socket_get_fd(p->notices), SOL_SOCKET, SO_MEMINFO, info, &n) ||
	    n <= SK_MEMINFO_DROPS * sizeof(*info))
		return;
	p->st->drops[DROP_NOTICES] += (uint32_t)(info[SK_MEMINFO_DROPS] - p->lost);
	p->lost = info[SK_MEMINFO_DROPS];
}

static void read_notices(struct probe_state *st)
{
	for (unsigned i = 0; i < st->places; i++) {
		struct place *p = st->place[i];
		int rc;

		do {
			rc = nl_recvmsgs_default(p->notices);
			if (rc == -NLE_NOMEM) /* ENOBUFS: some were lost, others are there */
				count_lost(p);
		} while (rc >= 0 || rc == -NLE_NOMEM || rc == -NLE_INTR);
	}
}

/* Namespaces */

static struct nl_sock *new_socket(nl_recvmsg_msg_cb_t fn, struct place *p, size_t bytes)
{
	struct nl_sock *s = nl_socket_alloc();

	if (!s)
		return NULL;
	nl_socket_disable_seq_check(s);
	nl_socket_modify_cb(s, NL_CB_VALID, NL_CB_CUSTOM, fn, p);
	nl_socket_set_msg_buf_size(s, bytes);
	if (nl_connect(s, NETLINK_SOCK_DIAG) == 0)
		return s;
	nl_socket_free(s);
	return NULL;
}

/* Without the right to take more than others, what is allowed has to do. */
static void widen(struct nl_sock *s)
{
	int bytes = NOTICE_BYTES / 2; /* the kernel doubles it */

	if (setsockopt(nl_socket_get_fd(s), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		nl_socket_set_buffer_size(s, bytes, 0);
}

static void leave(struct place *p)
{
	nl_socket_free(p->notices);
	nl_socket_free(p->looks);
	free(p);
}

/* A place in the namespace that this thread is in now; NULL if it may not listen there. */
static struct place *settle(struct probe_state *st, uint32_t netns)
{
	struct place *p = xcalloc(1, sizeof(*p));

	p->st = st;
	p->netns = netns;
	p->present = true;
	p->looks = new_socket(on_look, p, DUMP_BYTES);
	p->notices = new_socket(on_notice, p, 8192);
	if (p->looks && p->notices) {
		widen(p->notices);
		if (nl_socket_set_nonblocking(p->notices) == 0 &&
		    nl_socket_add_memberships(p->notices, SKNLGRP_INET_TCP_DESTROY,
					      SKNLGRP_INET6_TCP_DESTROY, 0) == 0)
			return p;
	}
	leave(p);
	return NULL;
}

static void say_confined(struct probe_state *st)
{
	if (!st->confined)
		log_warn("poll: other network namespaces cannot be entered (CAP_SYS_ADMIN is "
			 "missing): only the sensor's own is watched");
	st->confined = true;
}

/* There and back. */
static struct place *settle_in(struct probe_state *st, uint32_t netns, const char *path)
{
	struct place *p = NULL;
	int rc = netns_enter(netns, path);

	if (rc == -EPERM)
		say_confined(st);
	if (rc)
		return NULL;
	p = settle(st, netns);
	netns_leave();
	return p;
}

static void say_crowded(struct probe_state *st)
{
	if (!st->crowded)
		log_warn("poll: there are more than %d network namespaces: the others are not "
			 "watched",
			 PLACES);
	st->crowded = true;
}

static void on_namespace(void *ctx, uint32_t netns, const char *path)
{
	struct probe_state *st = ctx;
	struct place *p;

	for (unsigned i = 0; i < st->places; i++) {
		if (st->place[i]->netns != netns)
			continue;
		st->place[i]->present = true;
		return;
	}
	if (st->confined)
		return;
	if (st->places == PLACES) {
		say_crowded(st);
		return;
	}
	p = settle_in(st, netns, path);
	if (p)
		st->place[st->places++] = p;
}

/* A namespace lives for as long as our sockets are in it: the empty ones are left. */
static void look_for_places(struct probe_state *st)
{
	unsigned kept = 1; /* the first is our own */

	for (unsigned i = 1; i < st->places; i++)
		st->place[i]->present = false;
	netns_each(on_namespace, st);
	for (unsigned i = 1; i < st->places; i++) {
		struct place *p = st->place[i];

		p->absent = p->present ? 0 : p->absent + 1;
		if (p->absent < ABSENT) {
			st->place[kept++] = p;
			continue;
		}
		conntab_leave(st->table, p->netns);
		leave(p);
	}
	st->places = kept;
}

/* Looks */

/*
 * Asked in the old way (before Linux 3.3), since one answer then has both families, and
 * costs one walk over the kernel's table.
 */
static int ask(struct place *p)
{
	struct inet_diag_req req = { .idiag_ext = 1 << (INET_DIAG_INFO - 1),
				     .idiag_states = STATES };
	int rc = nl_send_simple(p->looks, TCPDIAG_GETSOCK, NLM_F_DUMP, &req, sizeof(req));

	return rc < 0 ? rc : nl_recvmsgs_default(p->looks);
}

/* Owners that were found; and some more of them looked for. */
static void find_owners(struct probe_state *st, uint64_t now)
{
	if (holder_scan(st->holder, now))
		conntab_own(st->table, holder_find, st->holder);
}

/*
 * Each place at its own pace, so that a crowded one does not hold up the others.  A dump that
 * was disturbed is as good as one may be: what it has left out comes again.
 */
static int look_at(struct place *p, uint64_t now)
{
	uint64_t cost = spent_ns();
	int rc;

	conntab_pass(p->st->table, p->netns, now);
	rc = ask(p);
	p->cost_ns = spent_ns() - cost;
	p->looked_ns = now;
	p->look_ns = now + SHARE * p->st->places * p->cost_ns;
	return rc < 0 && rc != -NLE_DUMP_INTR ? rc : 0;
}

/* Before the end of an interval all are looked at, but those where it is dear and not old. */
static bool is_due(const struct place *p, uint64_t now, bool all)
{
	if (all && (p->cost_ns <= DEAR_NS || now - p->looked_ns >= STALE_NS))
		return true;
	return now >= p->look_ns;
}

static int look(struct probe_state *st, bool all)
{
	uint64_t now = boot_ns(), cost = spent_ns();
	bool looked = false;
	int rc = 0;

	if (now >= st->places_ns) {
		look_for_places(st);
		st->places_ns = now + PLACES_NS + 2 * SHARE * (spent_ns() - cost);
	}
	for (unsigned i = 0; i < st->places; i++) {
		int got;

		if (!is_due(st->place[i], now, all))
			continue;
		got = look_at(st->place[i], now);
		rc = got ? got : rc;
		looked = true;
	}
	if (looked) {
		conntab_wanted(st->table, holder_want, st->holder);
		conntab_own(st->table, holder_find, st->holder);
	}
	find_owners(st, now);
	return rc;
}

/* The probe */

static void poll_close(struct probe_state *st)
{
	if (!st)
		return;
	for (unsigned i = 0; i < st->places; i++)
		leave(st->place[i]);
	if (st->timer >= 0)
		close(st->timer);
	conntab_free(st->table);
	holder_free(st->holder);
	free(st);
}

static int start(struct probe_state *st, struct err *e)
{
	struct itimerspec every = { .it_interval = { .tv_nsec = TICK_NS },
				    .it_value = { .tv_nsec = TICK_NS } };
	int rc;

	st->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (st->timer < 0 || timerfd_settime(st->timer, 0, &every, NULL))
		return err_sys(e, -errno, "poll: timer");
	st->place[0] = settle(st, netns_home());
	if (!st->place[0])
		return err_set(e, -EPERM,
			       "poll: cannot listen for ends of connections "
			       "(NETLINK_SOCK_DIAG); it needs CAP_NET_ADMIN and a kernel with "
			       "CONFIG_INET_DIAG: run it with sudo, or load the module "
			       "tcp_diag");
	st->places = 1;
	rc = look(st, true);
	if (rc)
		return err_set(e, -EIO, "poll: look at open connections: %s", nl_geterror(rc));
	holder_scan_all(st->holder, boot_ns());
	conntab_own(st->table, holder_find, st->holder);
	read_notices(st);
	conntab_seeded(st->table);
	return 0;
}

static struct probe_state *poll_open(const struct probe_config *config,
				     const struct probe_sink *sink, struct err *e)
{
	struct probe_state *st = xcalloc(1, sizeof(*st));

	st->sink = *sink;
	st->timer = -1;
	st->table = conntab_new(config);
	st->holder = holder_new(sink);
	if (start(st, e)) {
		poll_close(st);
		return NULL;
	}
	st->start_ns = boot_ns();
	return st;
}

static int poll_fd(struct probe_state *st)
{
	return st->timer;
}

static void poll_poll(struct probe_state *st)
{
	uint64_t ticks;

	if (read(st->timer, &ticks, sizeof(ticks)) < 0)
		return;
	read_notices(st);
	look(st, false);
}

static int poll_drain(struct probe_state *st, struct probe_interval *out, struct err *e)
{
	int rc;

	memset(out, 0, sizeof(*out));
	read_notices(st);
	rc = look(st, true);
	if (rc)
		return err_set(e, -EIO, "poll: look at open connections: %s", nl_geterror(rc));
	for (unsigned i = 0; i < st->places; i++)
		count_lost(st->place[i]);
	conntab_tell(st->table, &st->sink);
	conntab_drops(st->table, st->drops);
	memcpy(out->drops, st->drops, sizeof(out->drops));
	memset(st->drops, 0, sizeof(st->drops));
	out->start_ns = st->start_ns;
	out->end_ns = st->start_ns = boot_ns();
	out->degraded = DEGRADED_POLL | DEGRADED_NO_UDP;
	if (conntab_guessed(st->table) > st->guessed)
		log_info("poll: the direction of %llu connections is a guess by their ports",
			 (unsigned long long)(conntab_guessed(st->table) - st->guessed));
	st->guessed = conntab_guessed(st->table);
	return 0;
}

const struct probe probe_poll = {
	.name = "poll",
	.help = "what can be seen without eBPF: every end of a connection, few short-lived "
		"clients",
	.open = poll_open,
	.fd = poll_fd,
	.poll = poll_poll,
	.drain = poll_drain,
	.close = poll_close,
};
