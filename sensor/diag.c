/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/diag.h"

#include <linux/inet_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cur.h"

enum { NEVER_UP_UNACKED = 3 };

#define END_OF(field)                                                                         \
	(offsetof(struct tcp_info, field) + sizeof(((struct tcp_info *)0)->field))

static void map_address(uint8_t family, const __be32 in[4], uint8_t out[16])
{
	if (family == AF_INET6) {
		memcpy(out, in, 16);
		return;
	}
	memset(out, 0, 10);
	memset(out + 10, 0xff, 2);
	memcpy(out + 12, in, 4);
}

static uint16_t port_of(__be16 port)
{
	uint8_t b[2];

	memcpy(b, &port, 2);
	return (uint16_t)(b[0] << 8 | b[1]);
}

/* Older kernels say less, newer ones more than this header knows. */
static void take_info(struct cur c, struct diag *out)
{
	size_t n = cur_left(&c);
	struct tcp_info info;

	memset(&info, 0, sizeof(info));
	if (n < END_OF(tcpi_data_segs_in))
		return;
	memcpy(&info, c.p, n < sizeof(info) ? n : sizeof(info));
	out->has_info = true;
	out->has_sent = n >= END_OF(tcpi_bytes_retrans);
	out->acked = info.tcpi_bytes_acked;
	out->received = info.tcpi_bytes_received;
	out->sent = info.tcpi_bytes_sent;
	out->resent = info.tcpi_bytes_retrans;
	out->notsent = info.tcpi_notsent_bytes;
	out->rtt_us = info.tcpi_rtt;
	out->retransmits = info.tcpi_total_retrans;
	out->attempts = info.tcpi_retransmits;
	out->segs_in = info.tcpi_segs_in;
	out->data_segs_in = info.tcpi_data_segs_in;
}

/* Attributes are in the host's order, each padded to four bytes; the last may lack it. */
static void walk(struct cur *c, struct diag *out)
{
	while (cur_left(c) >= 4 && !c->bad) {
		uint16_t head[2];
		struct cur body;

		memcpy(head, cur_take(c, sizeof(head)), sizeof(head));
		if (head[0] < sizeof(head)) {
			c->bad = true;
			return;
		}
		body = cur_sub(c, head[0] - sizeof(head));
		if (c->bad)
			return;
		if (head[1] == INET_DIAG_PROTOCOL)
			out->proto = cur_u8(&body);
		else if (head[1] == INET_DIAG_INFO)
			take_info(body, out);
		c->bad |= body.bad;
		if (head[0] & 3 && cur_left(c))
			cur_take(c, 4 - (head[0] & 3));
	}
}

bool diag_decode(const void *p, size_t n, struct diag *out)
{
	struct cur c = cur_of(p, n);
	const uint8_t *head = cur_take(&c, sizeof(struct inet_diag_msg));
	struct inet_diag_msg m;

	memset(out, 0, sizeof(*out));
	if (!head)
		return false;
	memcpy(&m, head, sizeof(m));
	if (m.idiag_family != AF_INET && m.idiag_family != AF_INET6)
		return false;
	out->proto = IPPROTO_TCP; /* a dump, which was asked for it, does not say */
	out->cookie = (uint64_t)m.id.idiag_cookie[1] << 32 | m.id.idiag_cookie[0];
	out->inode = m.idiag_inode;
	out->state = m.idiag_state;
	out->timer = m.idiag_timer;
	out->local_port = port_of(m.id.idiag_sport);
	out->remote_port = port_of(m.id.idiag_dport);
	map_address(m.idiag_family, m.id.idiag_src, out->local);
	map_address(m.idiag_family, m.id.idiag_dst, out->remote);
	out->unread = m.idiag_rqueue;
	out->unacked = m.idiag_wqueue;
	walk(&c, out);
	return !c.bad && out->proto == IPPROTO_TCP;
}

bool diag_is_wiped(const struct diag *d)
{
	return d->remote_port == 0;
}

/*
 * Wiped, the distance to what was acknowledged is the SYN, the largest window that the peer
 * ever offered, and 2 (net/ipv4/tcp.c, tcp_disconnect): no window, no peer.  Else the SYN is
 * all that waits; a server's socket is made when the handshake is done, which gives it a round
 * trip time.
 */
bool diag_never_up(const struct diag *d)
{
	if (diag_is_wiped(d))
		return d->unacked <= NEVER_UP_UNACKED;
	return d->acked == 0 && d->received == 0 && d->rtt_us == 0 && d->unacked >= 1;
}

enum diag_fate diag_fate(const struct diag *d)
{
	if (d->segs_in)
		return FATE_REFUSED; /* the one answer was no SYN/ACK */
	if (diag_is_wiped(d))
		return d->attempts ? FATE_TIMEOUT : FATE_REFUSED;
	if (d->retransmits)
		return FATE_TIMEOUT;
	/* the timer ran out and there was nothing to send again: the SYN never left */
	return d->attempts ? FATE_UNREACHABLE : FATE_ABANDONED;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* Sequence numbers that were acknowledged and are no payload: SYN, FIN or both. */
static uint64_t marks_acked(const struct diag *d)
{
	return less(d->acked, less(d->sent, d->resent));
}

static bool has_sent_fin(uint8_t state)
{
	return state == DIAG_FIN_WAIT1 || state == DIAG_FIN_WAIT2 || state == DIAG_CLOSING ||
	       state == DIAG_LAST_ACK || state == DIAG_CLOSE;
}

enum edge_dir diag_direction(const struct diag *d)
{
	uint64_t marks = marks_acked(d);

	if (d->state == DIAG_SYN_SENT)
		return EDGE_CLIENT;
	if (!d->has_info || !d->has_sent || diag_is_wiped(d))
		return EDGE_UNKNOWN;
	if (d->state == DIAG_CLOSE && diag_never_up(d))
		return EDGE_CLIENT;
	if (marks == 2)
		return EDGE_CLIENT;
	if (d->unacked)
		return EDGE_UNKNOWN;
	if (marks == 0)
		return EDGE_SERVER;
	return has_sent_fin(d->state) ? EDGE_UNKNOWN : EDGE_CLIENT;
}

/* Our own FIN has arrived: the connection ended in the usual way, not by a reset. */
static bool fin_is_acked(const struct diag *d, enum edge_dir dir)
{
	return marks_acked(d) >= (dir == EDGE_CLIENT ? 2 : 1);
}

/*
 * Of one that ended only its counters are left.  Whoever closed second has read the peer's
 * FIN; whoever closed first has not, and the FIN, if it came, is the one byte that was not
 * read.  If nothing is unread it may be either: the second is more frequent.
 */
static bool peer_has_finished(const struct diag *d, enum edge_dir dir, uint8_t was)
{
	uint8_t state = d->state == DIAG_CLOSE ? was : d->state;

	if (state == DIAG_CLOSE_WAIT || state == DIAG_LAST_ACK || state == DIAG_CLOSING)
		return true;
	if (d->state != DIAG_CLOSE)
		return false;
	if (was == DIAG_FIN_WAIT1 || was == DIAG_FIN_WAIT2)
		return d->unread == 1;
	return fin_is_acked(d, dir);
}

void diag_payload(const struct diag *d, enum edge_dir dir, uint8_t was, uint64_t *tx,
		  uint64_t *rx)
{
	uint64_t most = d->acked + less(d->unacked, d->notsent);

	*tx = less(d->acked, dir == EDGE_CLIENT);
	if (d->has_sent) {
		*tx = less(d->sent, d->resent);
		if (*tx > most)
			*tx = most;
	}
	*rx = d->data_segs_in ? less(d->received, peer_has_finished(d, dir, was)) : 0;
}

bool diag_was_reset(const struct diag *d, enum edge_dir dir)
{
	if (!d->has_info || diag_is_wiped(d) || d->data_segs_in || d->sent)
		return false;
	return !fin_is_acked(d, dir);
}
