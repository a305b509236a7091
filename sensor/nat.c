/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/nat.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "sensor/netns.h"

enum {
	PLACES = 64,
	BUFFER = 4 << 20,
	MESSAGE = 64 << 10,
	READS = 64, /* of one socket before the loop goes on */
	ABSENT = 2, /* looks after which an empty namespace is let go */
};

struct place {
	uint32_t netns;
	struct nl_sock *s;
	unsigned absent; /* looks in which it had neither process nor name */
};

struct nat {
	struct nattab *table;
	struct place place[PLACES];
	unsigned n;
	int epoll;
	bool lost;
	bool shut_out, crowded; /* said once */
};

/* Decoding: one attribute within the other, each checked
 * (linux/netfilter/nfnetlink_conntrack.h) */

static bool get_addresses(struct nlattr *nest, struct nat_end *src, struct nat_end *dst)
{
	struct nlattr *ip[CTA_IP_MAX + 1];

	if (!nest || nla_parse_nested(ip, CTA_IP_MAX, nest, NULL) < 0)
		return false;
	if (ip[CTA_IP_V4_SRC] && ip[CTA_IP_V4_DST] && nla_len(ip[CTA_IP_V4_SRC]) == 4 &&
	    nla_len(ip[CTA_IP_V4_DST]) == 4) {
		src->addr = addr_v4(ntohl(nla_get_u32(ip[CTA_IP_V4_SRC])));
		dst->addr = addr_v4(ntohl(nla_get_u32(ip[CTA_IP_V4_DST])));
		return true;
	}
	if (!ip[CTA_IP_V6_SRC] || !ip[CTA_IP_V6_DST] || nla_len(ip[CTA_IP_V6_SRC]) != 16 ||
	    nla_len(ip[CTA_IP_V6_DST]) != 16)
		return false;
	memcpy(src->addr.b, nla_data(ip[CTA_IP_V6_SRC]), 16);
	memcpy(dst->addr.b, nla_data(ip[CTA_IP_V6_DST]), 16);
	return true;
}

static bool get_ports(struct nlattr *nest, uint8_t *proto, struct nat_end *src,
		      struct nat_end *dst)
{
	struct nlattr *p[CTA_PROTO_MAX + 1];

	if (!nest || nla_parse_nested(p, CTA_PROTO_MAX, nest, NULL) < 0 || !p[CTA_PROTO_NUM] ||
	    !p[CTA_PROTO_SRC_PORT] || !p[CTA_PROTO_DST_PORT] ||
	    nla_len(p[CTA_PROTO_NUM]) < 1 || nla_len(p[CTA_PROTO_SRC_PORT]) < 2 ||
	    nla_len(p[CTA_PROTO_DST_PORT]) < 2)
		return false;
	*proto = nla_get_u8(p[CTA_PROTO_NUM]);
	src->port = ntohs(nla_get_u16(p[CTA_PROTO_SRC_PORT]));
	dst->port = ntohs(nla_get_u16(p[CTA_PROTO_DST_PORT]));
	return *proto == IPPROTO_TCP || *proto == IPPROTO_UDP;
}

static bool get_tuple(struct nlattr *nest, uint8_t *proto, struct nat_end *src,
		      struct nat_end *dst)
{
	struct nlattr *t[CTA_TUPLE_MAX + 1];

	return nest && nla_parse_nested(t, CTA_TUPLE_MAX, nest, NULL) >= 0 &&
	       get_addresses(t[CTA_TUPLE_IP], src, dst) &&
	       get_ports(t[CTA_TUPLE_PROTO], proto, src, dst);
}

static int on_message(struct nl_msg *msg, void *ctx)
{
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct nlattr *a[CTA_MAX + 1];
	struct nat_tuple t = { 0 };
	struct nat *n = ctx;
	uint8_t proto;

	if (h->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW) ||
	    nlmsg_parse(h, sizeof(struct nfgenmsg), a, CTA_MAX, NULL) < 0)
		return NL_SKIP;
	if (get_tuple(a[CTA_TUPLE_ORIG], &t.proto, &t.src, &t.dst) &&
	    get_tuple(a[CTA_TUPLE_REPLY], &proto, &t.reply_src, &t.reply_dst))
		nattab_add(n->table, &t, !(h->nlmsg_flags & NLM_F_MULTI), clock_ms());
	return NL_OK;
}

/* Listening */

static struct nl_sock *listen_here(struct nat *n)
{
	struct nl_sock *s = nl_socket_alloc();
	int bytes = BUFFER;

	if (!s)
		return NULL;
	nl_socket_disable_seq_check(s);
	nl_socket_modify_cb(s, NL_CB_VALID, NL_CB_CUSTOM, on_message, n);
	nl_socket_set_msg_buf_size(s, MESSAGE);
	if (nl_connect(s, NETLINK_NETFILTER) ||
	    nl_socket_add_membership(s, NFNLGRP_CONNTRACK_NEW) ||
	    nl_socket_set_nonblocking(s)) {
		nl_socket_free(s);
		return NULL;
	}
	if (setsockopt(nl_socket_get_fd(s), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		nl_socket_set_buffer_size(s, bytes, 0);
	return s;
}

/* What is translated already: the kernel gives all it tracks, bounded by its own table. */
static void ask_for_all(struct nl_sock *s)
{
	struct nfgenmsg all = { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0 };

	nl_send_simple(s, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, NLM_F_DUMP, &all,
		       sizeof(all));
}

static bool add_place(struct nat *n, uint32_t netns)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct nl_sock *s = listen_here(n);

	if (!s)
		return false;
	ev.data.u32 = netns;
	epoll_ctl(n->epoll, EPOLL_CTL_ADD, nl_socket_get_fd(s), &ev);
	n->place[n->n++] = (struct place){ .netns = netns, .s = s };
	ask_for_all(s);
	return true;
}

struct nat *nat_open(struct nattab *table, struct err *e)
{
	struct nat *n = xcalloc(1, sizeof(*n));

	n->table = table;
	n->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (add_place(n, netns_home()))
		return n;
	nat_close(n);
	err_set(e, -EPERM,
		"translations are not seen: conntrack cannot be listened to (it needs "
		"CAP_NET_ADMIN and nf_conntrack_netlink)");
	return NULL;
}

void nat_close(struct nat *n)
{
	if (!n)
		return;
	for (unsigned i = 0; i < n->n; i++)
		nl_socket_free(n->place[i].s);
	close(n->epoll);
	free(n);
}

static struct place *place_of(struct nat *n, uint32_t netns)
{
	for (unsigned i = 0; i < n->n; i++)
		if (n->place[i].netns == netns)
			return &n->place[i];
	return NULL;
}

static void say_crowded(struct nat *n)
{
	if (!n->crowded)
		log_warn(
			"there are more than %d network namespaces: translations of the others "
			"are not seen",
			PLACES);
	n->crowded = n->lost = true;
}

static void enter(struct nat *n, uint32_t netns, const char *path)
{
	int rc = netns_enter(netns, path);

	if (rc == -EPERM) {
		n->shut_out = true;
		log_info(
			"translations in other network namespaces are not seen: entering them "
			"needs CAP_SYS_ADMIN");
	}
	if (rc)
		return;
	add_place(n, netns);
	netns_leave();
}

static void on_namespace(void *ctx, uint32_t netns, const char *path)
{
	struct nat *n = ctx;
	struct place *p = place_of(n, netns);

	if (p)
		p->absent = 0;
	else if (n->n == PLACES)
		say_crowded(n);
	else if (!n->shut_out)
		enter(n, netns, path);
}

/* The first place is our own. */
void nat_look(struct nat *n)
{
	unsigned kept = 1;

	for (unsigned i = 1; i < n->n; i++)
		n->place[i].absent++;
	netns_each(on_namespace, n);
	for (unsigned i = 1; i < n->n; i++) {
		if (n->place[i].absent < ABSENT)
			n->place[kept++] = n->place[i];
		else
			nl_socket_free(n->place[i].s);
	}
	n->n = kept;
}

int nat_fd(const struct nat *n)
{
	return n->epoll;
}

static void read_place(struct nat *n, struct place *p)
{
	for (int i = 0; i < READS; i++) {
		int rc = nl_recvmsgs_default(p->s);

		if (rc == -NLE_NOMEM) /* ENOBUFS: some were lost, others are there */
			n->lost = true;
		else if (rc < 0)
			return;
	}
}

void nat_poll(struct nat *n)
{
	struct epoll_event ev[PLACES];
	int got = epoll_wait(n->epoll, ev, PLACES, 0);

	for (int i = 0; i < got; i++) {
		struct place *p = place_of(n, ev[i].data.u32);

		if (p)
			read_place(n, p);
	}
}

bool nat_lost(struct nat *n)
{
	bool was = n->lost;

	n->lost = false;
	return was;
}
