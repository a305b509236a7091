/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/ownaddr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <uthash.h>

#include "common/addr.h"
#include "common/log.h"
#include "common/mem.h"
#include "sensor/netns.h"

enum {
	ANSWERS = 32768,
	KEPT_S = 300,
	ASKED_AT_ONCE = 16384, /* questions between two homecomings, some microseconds each */
};

struct question {
	uint32_t netns;
	uint16_t port; /* 0: by the routes */
	uint16_t pad;
	uint8_t remote[16];
};

struct answer {
	struct question question;
	enum ownaddr_kind kind;
	uint8_t local[16];
	UT_hash_handle hh;
};

struct ownaddr {
	struct answer *answers;
	time_t since;
	uint32_t home, here; /* here: where the socket is */
	int sock;
	uint32_t lost[8]; /* namespaces that were not found since the last homecoming */
	unsigned lost_n, asked;
	bool confined;
};

struct ownaddr *ownaddr_new(void)
{
	struct ownaddr *o = xcalloc(1, sizeof(*o));

	o->home = netns_home();
	o->sock = -1;
	return o;
}

static void forget(struct ownaddr *o)
{
	struct answer *a, *next;

	HASH_ITER (hh, o->answers, a, next) {
		HASH_DEL(o->answers, a);
		free(a);
	}
}

static time_t seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static void hang_up(struct ownaddr *o)
{
	if (o->sock >= 0)
		close(o->sock);
	o->sock = -1;
}

void ownaddr_home(struct ownaddr *o)
{
	if (o->here && o->here != o->home)
		netns_leave();
	hang_up(o); /* a namespace lives as long as a socket is in it */
	o->here = 0;
	o->lost_n = o->asked = 0;
	if (HASH_COUNT(o->answers) >= ANSWERS || seconds() - o->since > KEPT_S) {
		forget(o);
		o->since = seconds();
	}
}

void ownaddr_free(struct ownaddr *o)
{
	if (!o)
		return;
	ownaddr_home(o);
	forget(o);
	free(o);
}

uint32_t ownaddr_own(const struct ownaddr *o)
{
	return o->home;
}

/* The way there */

static bool enter_by(struct ownaddr *o, uint32_t netns, const char *path)
{
	int rc = netns_enter(netns, path);

	if (rc == -EPERM && !o->confined) {
		log_warn("UDP: other network namespaces cannot be entered "
			 "(CAP_SYS_ADMIN is missing): there, sockets that are bound "
			 "to no address have no edges");
		o->confined = true;
	}
	return rc == 0;
}

struct search {
	struct ownaddr *o;
	uint32_t netns;
	bool found;
};

static void on_namespace(void *ctx, uint32_t netns, const char *path)
{
	struct search *s = ctx;

	if (!s->found && netns == s->netns)
		s->found = enter_by(s->o, netns, path);
}

/* By the process; by any other that is there, once an interval. */
static bool enter(struct ownaddr *o, uint32_t netns, uint32_t tgid)
{
	struct search s = { o, netns, false };
	char path[64];

	if (netns == o->home) {
		if (o->here)
			netns_leave();
		return true;
	}
	for (unsigned i = 0; i < o->lost_n; i++)
		if (o->lost[i] == netns)
			return false;
	snprintf(path, sizeof(path), "/proc/%u/ns/net", tgid);
	if (o->confined)
		return false;
	if (enter_by(o, netns, path))
		return true;
	if (o->confined || o->lost_n == sizeof(o->lost) / sizeof(o->lost[0]))
		return false;
	netns_each(on_namespace, &s);
	if (!s.found)
		o->lost[o->lost_n++] = netns;
	return s.found;
}

static bool settle(struct ownaddr *o, uint32_t netns, uint32_t tgid)
{
	if (o->here == netns && o->sock >= 0)
		return true;
	hang_up(o);
	if (!enter(o, netns, tgid))
		return false;
	o->here = netns;
	o->sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	return o->sock >= 0;
}

/* The question */

static void put_attribute(struct nlmsghdr *h, unsigned short type, const void *p, size_t n)
{
	struct rtattr *a = (struct rtattr *)(void *)((char *)h + NLMSG_ALIGN(h->nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(n);
	memcpy(RTA_DATA(a), p, n);
	h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len) + RTA_ALIGN(a->rta_len);
}

static bool send_question(const struct ownaddr *o, const uint8_t remote[16], bool v4)
{
	struct {
		struct nlmsghdr h;
		struct rtmsg r;
		char room[64];
	} q = { .h = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
		       .nlmsg_type = RTM_GETROUTE,
		       .nlmsg_flags = NLM_F_REQUEST },
		.r = { .rtm_family = v4 ? AF_INET : AF_INET6, .rtm_dst_len = v4 ? 32 : 128 } };

	put_attribute(&q.h, RTA_DST, v4 ? remote + 12 : remote, v4 ? 4 : 16);
	return send(o->sock, &q, q.h.nlmsg_len, 0) == (ssize_t)q.h.nlmsg_len;
}

static void take_source(const struct rtattr *a, bool v4, uint8_t local[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (v4 && RTA_PAYLOAD(a) == 4) {
		memcpy(local, mapped, 12);
		memcpy(local + 12, RTA_DATA(a), 4);
	} else if (!v4 && RTA_PAYLOAD(a) == 16) {
		memcpy(local, RTA_DATA(a), 16);
	}
}

/* The kernel answers within the send; REMOTE itself is where a host talks to itself. */
static enum ownaddr_kind read_answer(const struct ownaddr *o, const uint8_t remote[16],
				     bool v4, uint8_t local[16])
{
	union {
		struct nlmsghdr h;
		char room[2048];
	} in;
	ssize_t n = recv(o->sock, &in, sizeof(in), MSG_DONTWAIT);
	const struct rtmsg *r = NLMSG_DATA(&in.h);
	const struct rtattr *a;
	int left;

	if (n < (ssize_t)NLMSG_LENGTH(sizeof(*r)) || !NLMSG_OK(&in.h, (unsigned)n) ||
	    in.h.nlmsg_type != RTM_NEWROUTE)
		return OWNADDR_UNKNOWN;
	if (r->rtm_type == RTN_BROADCAST || r->rtm_type == RTN_MULTICAST)
		return OWNADDR_NOBODY;
	if (r->rtm_type == RTN_LOCAL)
		memcpy(local, remote, 16);
	left = (int)RTM_PAYLOAD(&in.h);
	for (a = RTM_RTA(r); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == RTA_PREFSRC)
			take_source(a, v4, local);
	for (int i = v4 ? 12 : 0; i < 16; i++)
		if (local[i])
			return OWNADDR_FOUND;
	return OWNADDR_UNKNOWN;
}

static enum ownaddr_kind ask(struct ownaddr *o, uint32_t netns, uint32_t tgid,
			     const uint8_t remote[16], uint8_t local[16])
{
	struct addr a;
	bool v4;

	memcpy(a.b, remote, 16);
	v4 = addr_is_v4(&a);
	if (o->asked >= ASKED_AT_ONCE || !settle(o, netns, tgid))
		return OWNADDR_UNKNOWN;
	o->asked++;
	if (!send_question(o, remote, v4))
		return OWNADDR_UNKNOWN;
	return read_answer(o, remote, v4, local);
}

static struct answer *look_up(const struct ownaddr *o, uint32_t netns, uint16_t port,
			      const uint8_t remote[16])
{
	struct question q = { .netns = netns, .port = port };
	struct answer *a;

	memcpy(q.remote, remote, 16);
	HASH_FIND(hh, o->answers, &q, sizeof(q), a);
	return a;
}

static struct answer *keep(struct ownaddr *o, uint32_t netns, uint16_t port,
			   const uint8_t remote[16])
{
	struct answer *a;

	if (HASH_COUNT(o->answers) >= ANSWERS)
		return NULL;
	a = xcalloc(1, sizeof(*a));
	a->question.netns = netns;
	a->question.port = port;
	memcpy(a->question.remote, remote, 16);
	a->kind = OWNADDR_UNKNOWN;
	HASH_ADD(hh, o->answers, question, sizeof(a->question), a);
	return a;
}

void ownaddr_expect(struct ownaddr *o, uint32_t netns, uint16_t port, const uint8_t remote[16])
{
	if (!look_up(o, netns, port, remote))
		keep(o, netns, port, remote);
}

void ownaddr_learn(struct ownaddr *o, uint32_t netns, uint16_t port, const uint8_t remote[16],
		   const uint8_t local[16])
{
	struct answer *a = look_up(o, netns, port, remote);

	if (!a)
		return;
	a->kind = OWNADDR_FOUND;
	memcpy(a->local, local, 16);
}

enum ownaddr_kind ownaddr_find(struct ownaddr *o, uint32_t netns, uint32_t tgid, uint16_t port,
			       const uint8_t remote[16], uint8_t local[16])
{
	struct answer *a = port ? look_up(o, netns, port, remote) : NULL;
	enum ownaddr_kind kind;

	if (!a || a->kind != OWNADDR_FOUND)
		a = look_up(o, netns, 0, remote);
	if (a) {
		memcpy(local, a->local, 16);
		return a->kind;
	}
	kind = ask(o, netns, tgid, remote, local);
	a = kind == OWNADDR_UNKNOWN ? NULL : keep(o, netns, 0, remote); /* maybe later */
	if (a) {
		a->kind = kind;
		memcpy(a->local, local, 16);
	}
	return kind;
}
