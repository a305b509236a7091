/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel says of one TCP socket over NETLINK_SOCK_DIAG (linux/inet_diag.h), in a dump
 * and in the notice that it sends when a socket is destroyed, and what can be concluded from
 * it: pure.
 *
 * A notice comes when the socket is freed, so its state is always CLOSE, its inode 0, and no
 * error is left in it.  The counters are still there, unless the program itself took the
 * connection back (a blocking connect that failed, SO_LINGER 0): then tcp_disconnect() has
 * wiped them and the remote port too, and left the marks of diag_is_wiped.
 */
#ifndef SENSOR_DIAG_H
#define SENSOR_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"

/* The states of linux/tcp.h's enum, which user space has under no one name. */
enum diag_state {
	DIAG_ESTABLISHED = 1,
	DIAG_SYN_SENT,
	DIAG_SYN_RECV,
	DIAG_FIN_WAIT1,
	DIAG_FIN_WAIT2,
	DIAG_TIME_WAIT,
	DIAG_CLOSE,
	DIAG_CLOSE_WAIT,
	DIAG_LAST_ACK,
	DIAG_LISTEN,
	DIAG_CLOSING,
};

struct diag {
	uint64_t cookie; /* the socket, as long as the machine runs */
	uint32_t inode;	 /* of the descriptor; 0: nobody holds it (yet, or any more) */
	uint8_t state;	 /* enum diag_state */
	uint8_t timer;	 /* 3: what is left of a connection in TIME_WAIT */
	uint8_t proto;
	uint16_t local_port, remote_port;
	uint8_t local[16], remote[16]; /* IPv4 mapped */
	uint32_t unread;	       /* received and not read, the peer's FIN among it */
	uint32_t unacked;	       /* written and not acknowledged, SYN and FIN among it */
	bool has_info;		       /* what follows is known */
	bool has_sent;		       /* SENT and RESENT too (Linux 4.19) */
	uint64_t acked;		       /* SYN and FIN among them */
	uint64_t received;	       /* the peer's FIN among them */
	uint64_t sent, resent;	       /* payload */
	uint32_t notsent, rtt_us;
	uint32_t retransmits; /* segments sent again */
	uint32_t attempts;    /* times that the timer ran out since the last progress */
	uint32_t segs_in, data_segs_in;
};

/* P: what follows the netlink header.  False: not whole, or of no TCP socket over IP. */
bool diag_decode(const void *p, size_t n, struct diag *out);

/* tcp_disconnect() has been here: who was on the other side is half forgotten. */
bool diag_is_wiped(const struct diag *d);

/* Of one that ended: it was never more than an attempt.  Only a client can be one. */
bool diag_never_up(const struct diag *d);

enum diag_fate { FATE_ABANDONED, FATE_REFUSED, FATE_TIMEOUT, FATE_UNREACHABLE };
/* Why an attempt (diag_never_up) ended; docs/support.md has what each is taken from. */
enum diag_fate diag_fate(const struct diag *d);

/*
 * Who opened it, by the SYN: a client's is acknowledged and counted, a server's is not.
 * EDGE_UNKNOWN where a FIN may be what was counted, or not all is acknowledged.
 */
enum edge_dir diag_direction(const struct diag *d);

/* Payload each way.  WAS: the state in which it was last seen before it ended, or 0. */
void diag_payload(const struct diag *d, enum edge_dir dir, uint8_t was, uint64_t *tx,
		  uint64_t *rx);

/* Of one that ended and had been up: the other end broke it off before any payload. */
bool diag_was_reset(const struct diag *d, enum edge_dir dir);

#endif
