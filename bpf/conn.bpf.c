// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Every TCP connection of the host, in all network namespaces, added up by edge in the kernel.
 *
 * inet_sock_set_state tells of begin and end, tcp_rcv_space_adjust of the first read.  Only
 * SYN_SENT, LISTEN and reads happen in the context of the process they belong to; at
 * ESTABLISHED and CLOSE `current` is whoever was interrupted, and is never asked.  Per socket
 * there is a small state, gone at CLOSE; edges are written at the end of a connection, never
 * per packet, and nothing is sent per connection.
 *
 * A server's connection is its listener's until somebody reads from it: a child that was
 * forked, a service that was activated, a thread pool's worker.  Of one that waits for its
 * reader nothing is told yet, but for PATIENCE.
 */
#include "bpf/kernel.h"
#include "bpf/event.h"

#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/who.h"
#include "bpf/sock.h"
#include "bpf/tally.h"

/* sock_state.flags */
enum {
	SEEN_OPEN = 1,	 /* counted as opened, or open before the watch began */
	SEEN_READER = 2, /* the owner is whoever reads, or can no longer change */
	ATTEMPTED = 4,	 /* connect was called, and the kernel has sent nothing yet */
};

struct sock_state {
	struct edge_key key;
	__u64 tx_base, rx_base; /* what was transferred before the watch began */
	__u64 start_ns;
	union {
		__u16 client_port; /* of a server's connection */
		__u16 soft_error;  /* of a client's: what ICMP said of it while it connected */
	};
	__u8 flags;
	__u8 closed; /* passes that found it closed, though no program was told */
	__u32 pass;  /* of the live iterator that has seen it */
};

/* Sizes are set by the sensor before the programs are loaded. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 131072);
	__type(key, __u64); /* struct sock * */
	__type(value, struct sock_state);
} sockets SEC(".maps");

#include "bpf/listen.h"

/* How long a server's connection may wait for its reader. */
#define PATIENCE_NS 5000000000ull
/* Nobody takes a connection over from its listener without words after it was told of. */
#define TOLD_NS (PATIENCE_NS + 1000000000ull)
/* More than this has been carried by a connection that was not opened just now. */
#define FRESH_BYTES 65536

/* Set by the sensor. */
bool settled;	 /* what was open before is known: what is unknown now is new */
bool readerless; /* has_read is not there: owners are listeners */

/* Sockets of which has_read has nothing to learn, by their hash: most reads end there. */
#define KNOWN 8192
__u64 known[KNOWN];

static __always_inline void forget(struct sock *sk)
{
	__u32 at = sk->__sk_common.skc_hash & (KNOWN - 1);

	if (known[at] == (__u64)sk)
		known[at] = 0;
}

/* A connection's life */

static __always_inline void count_end(struct sock_state *st, const struct totals *t,
				      bool failed, __u16 port)
{
	struct edge_val *val = edge_of(&st->key, bpf_ktime_get_boot_ns());
	bool opened = !(st->flags & SEEN_OPEN);

	if (!val)
		return;
	if (failed) {
		count_failure(val, t);
		return;
	}
	count_lives(val, opened);
	if (opened)
		keep_sample(val, port, st->start_ns);
	count_bytes(val, less(payload_sent(t), st->tx_base),
		    less(payload_received(t), st->rx_base));
	count_rest(val, t);
}

/* The end of what was there before at this address was missed, and its bytes with it. */
static __noinline void replace(struct sock_state *st)
{
	struct totals none = {};

	count_end(st, &none, false, st->key.dir == EDGE_SERVER ? st->client_port : 0);
}

static __always_inline void keep_socket(struct sock *sk, struct sock_state *st)
{
	__u64 id = (__u64)sk;
	struct sock_state *there;
	long rc = bpf_map_update_elem(&sockets, &id, st, BPF_NOEXIST);

	if (rc == -EEXIST) {
		there = bpf_map_lookup_elem(&sockets, &id);
		if (there && there->key.dir == EDGE_CLIENT && st->key.dir == EDGE_SERVER &&
		    there->key.port == st->client_port)
			return; /* both ends have connected: RFC 9293, section 3.5 */
		if (there)
			replace(there);
		rc = bpf_map_update_elem(&sockets, &id, st, BPF_ANY);
	}
	if (rc)
		count_drop(DROP_SOCKET_FULL);
	forget(sk);
}

#include "bpf/attempt.h"

static __always_inline void client_begins(struct sock *sk)
{
	struct sock_state st = { .start_ns = bpf_ktime_get_boot_ns() };

	if (attempt_goes_on(sk))
		return;
	st.key.dir = EDGE_CLIENT;
	st.key.port = bpf_ntohs(sk->__sk_common.skc_dport);
	FILL_PLACE(DIRECT, &st.key, sk);
	own_by_caller(&st.key);
	keep_socket(sk, &st);
}

static __always_inline void fill_server(struct sock_state *st, struct sock *sk)
{
	st->key.dir = EDGE_SERVER;
	st->key.port = sk->__sk_common.skc_num;
	st->client_port = bpf_ntohs(sk->__sk_common.skc_dport);
	FILL_PLACE(DIRECT, &st->key, sk);
}

static __always_inline void server_is_up(struct sock *sk)
{
	struct sock_state st = { .start_ns = bpf_ktime_get_boot_ns() };

	fill_server(&st, sk);
	own_by_listener(&st.key);
	keep_socket(sk, &st);
}

/*
 * A connection of which nothing was known, though its begin was watched: the program was not
 * run then, or there was no room.
 */
static __noinline struct sock_state *found_late(struct sock *sk, __u16 local)
{
	struct sock_state st = { .start_ns = bpf_ktime_get_boot_ns() };
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	__u64 id = (__u64)sk;
	struct totals t;

	if (!tp || !settled)
		return NULL;
	fill_server(&st, sk);
	st.key.port = local;
	if (!own_by_listener(&st.key)) {
		st.key.dir = EDGE_CLIENT;
		st.key.port = st.client_port;
		st.client_port = 0;
	}
	FILL_TOTALS(DIRECT, &t, tp, sk);
	if (t.sent + t.received > FRESH_BYTES) {
		st.flags = SEEN_OPEN;
		st.tx_base = payload_sent(&t);
		st.rx_base = payload_received(&t);
	}
	if (bpf_map_update_elem(&sockets, &id, &st, BPF_NOEXIST))
		return NULL;
	return bpf_map_lookup_elem(&sockets, &id);
}

static __always_inline void count_socket(struct sock_state *st, struct sock *sk,
					 struct tcp_sock *tp, bool failed)
{
	__u16 local =
		bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport); /* skc_num is given back */
	__u64 id = (__u64)sk;
	struct totals t;

	FILL_TOTALS(DIRECT, &t, tp, sk);
	if (failed && !t.why && st->key.dir == EDGE_CLIENT)
		t.why = st->soft_error ? st->soft_error : sk->sk_err_soft;
	count_end(st, &t, failed && st->key.dir == EDGE_CLIENT,
		  st->key.dir == EDGE_CLIENT ? local : st->client_port);
	bpf_map_delete_elem(&sockets, &id);
	forget(sk);
}

static __always_inline void ends(struct sock *sk, struct tcp_sock *tp, int was)
{
	bool failed = was == TCP_SYN_SENT || was == TCP_SYN_RECV;
	__u64 id = (__u64)sk;
	struct sock_state *st = bpf_map_lookup_elem(&sockets, &id);

	if (!st && !failed)
		st = found_late(sk, bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport));
	if (st)
		count_socket(st, sk, tp, failed);
}

/*
 * All others of a connection's eleven changes of state are of no interest: whether a client's
 * connection was established is known at its end from the state before.
 */
static __always_inline bool matters(int was, int is)
{
	return (is == TCP_CLOSE && was != TCP_CLOSE) || is == TCP_SYN_SENT ||
	       (is == TCP_ESTABLISHED && was == TCP_SYN_RECV) || is == TCP_LISTEN;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state, struct sock *sk, int was, int is)
{
	struct tcp_sock *tp;

	if (!matters(was, is))
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp || !IS_TCP(DIRECT, sk))
		return 0;
	if (is == TCP_SYN_SENT)
		client_begins(sk);
	else if (is == TCP_LISTEN)
		listens(sk);
	else if (is == TCP_ESTABLISHED)
		server_is_up(sk);
	else if (was == TCP_LISTEN)
		listens_no_more(sk, tp);
	else
		ends(sk, tp, was);
	return 0;
}

/*
 * From Linux 6.1 a program is not run while it runs on that CPU already
 * (kernel/trace/bpf_trace.c, __bpf_trace_run): an event in an interrupt that came in the
 * middle of another is lost, with packets steered between CPUs 2 of 100.  SYN_SENT, LISTEN and
 * reads are never: they happen in no interrupt.  A server's ESTABLISHED that was lost is made
 * up for at the first read or at the end, and a CLOSE here, when the socket is taken apart.
 */
SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(on_destroy, struct sock *sk)
{
	__u64 id = (__u64)sk;
	struct sock_state *st = bpf_map_lookup_elem(&sockets, &id);
	struct tcp_sock *tp;

	if (!st)
		return 0;
	if (st->flags & ATTEMPTED) {
		count_unsent(st);
		bpf_map_delete_elem(&sockets, &id);
		return 0;
	}
	tp = bpf_skc_to_tcp_sock(sk);
	if (tp)
		count_socket(st, sk, tp, tp->bytes_acked == 0);
	return 0;
}

/* What is last in the queue of errors, which ICMP's word comes into before anything else. */
static __always_inline __u16 queued_error(const struct sock *sk)
{
	struct sk_buff *skb = BPF_CORE_READ(sk, sk_error_queue.prev);
	struct sock_exterr_skb *error;

	if ((void *)skb == (void *)__builtin_preserve_access_index(&sk->sk_error_queue))
		return 0;
	error = (void *)__builtin_preserve_access_index(&skb->cb);
	return BPF_CORE_READ(error, ee.ee_errno);
}

/*
 * ICMP's word on a connect in progress may be but a soft error, which the application takes
 * away when it asks (net/ipv4/tcp_ipv4.c, tcp_v4_err; net/core/sock.c, SO_ERROR), and then it
 * closes: that is no giving up.
 */
SEC("tp_btf/inet_sk_error_report")
int BPF_PROG(on_error, const struct sock *sk)
{
	__u64 id = (__u64)sk;
	struct sock_state *st;

	if (sk->__sk_common.skc_state != TCP_SYN_SENT)
		return 0;
	st = bpf_map_lookup_elem(&sockets, &id);
	if (st && st->key.dir == EDGE_CLIENT)
		st->soft_error = queued_error(sk);
	return 0;
}

/*
 * What has been told of the former owner (or will be, if a drain is on its way) stays with it;
 * so it is counted as its own here, and the rest is the reader's.
 */
static __noinline void settle_with(struct sock_state *st, struct sock *sk, __u64 now)
{
	struct edge_val *val = edge_of(&st->key, now);
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct totals t;
	__u64 tx, rx;

	if (!val || !tp)
		return;
	FILL_TOTALS(DIRECT, &t, tp, sk);
	tx = payload_sent(&t);
	rx = payload_received(&t);
	if (!(st->flags & SEEN_OPEN)) {
		__sync_fetch_and_add(&val->opens, 1);
		keep_sample(val, st->client_port, st->start_ns);
	}
	count_bytes(val, less(tx, st->tx_base), less(rx, st->rx_base));
	st->flags |= SEEN_OPEN;
	st->tx_base = tx;
	st->rx_base = rx;
}

static __always_inline void take_over(struct sock_state *st, struct sock *sk)
{
	__u64 now = bpf_ktime_get_boot_ns();
	struct edge_key reader = {};

	own_by_caller(&reader);
	if (reader.tgid != st->key.tgid || reader.born != st->key.born) {
		if (st->flags & SEEN_OPEN || now - st->start_ns > PATIENCE_NS)
			settle_with(st, sk, now);
		st->key.tgid = reader.tgid;
		st->key.born = reader.born;
	}
	barrier(); /* after the owner is whole: the iterator looks at any time */
	st->flags |= SEEN_READER;
}

SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(has_read, struct sock *sk)
{
	__u32 at = sk->__sk_common.skc_hash & (KNOWN - 1);
	__u64 id = (__u64)sk;
	struct sock_state *st;

	if (known[at] == (__u64)sk)
		return 0;
	st = bpf_map_lookup_elem(&sockets, &id);
	if (!st) {
		if (sk->__sk_common.skc_state == TCP_CLOSE)
			return 0; /* reads what was left when it ended, and was counted */
		st = found_late(sk, sk->__sk_common.skc_num);
		if (!st)
			return 0;
		own_by_caller(&st->key);
	}
	if (st->key.dir == EDGE_SERVER && !(st->flags & SEEN_READER))
		take_over(st, sk);
	known[at] = (__u64)sk;
	return 0;
}

#include "bpf/live.h"
#include "bpf/seed.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
