/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is open now.  Part of conn.bpf.c. */
#ifndef BPF_LIVE_H
#define BPF_LIVE_H

__u32 live_pass; /* counted up by the sensor before it runs the iterator */

/* The memory is still that socket's; where it is not, its end was missed altogether. */
static __always_inline bool is_same(struct sock *sk, const struct sock_state *st)
{
	__u16 port = st->key.dir == EDGE_CLIENT ? st->key.port : st->client_port;
	__u32 peer = BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET
			     ? BPF_CORE_READ(sk, __sk_common.skc_daddr)
			     : BPF_CORE_READ(sk, __sk_common.skc_v6_daddr.in6_u.u6_addr32[3]);

	return BPF_CORE_READ(sk, __sk_common.skc_dport) == bpf_htons(port) &&
	       peer == *(__u32 *)(st->key.remote + 12);
}

/* Closed, and not by a CLOSE that is just being told: two passes have found it so. */
static __always_inline bool has_ended(struct sock_state *st, bool closed)
{
	if (!closed) {
		st->closed = 0;
		return false;
	}
	st->pass = live_pass;
	return ++st->closed > 1;
}

static __always_inline void fill_live(struct live_record *r, const struct sock_state *st,
				      __u8 flags, __u64 now)
{
	bool waits = st->key.dir == EDGE_SERVER && !(flags & (SEEN_READER | SEEN_OPEN)) &&
		     now - st->start_ns < TOLD_NS && !readerless;

	r->key = st->key;
	r->start_ms = st->start_ns / 1000000;
	r->untold = waits;
	r->opened = !waits && !r->pending && !(flags & SEEN_OPEN);
	if (waits || r->pending) {
		r->tx = r->rx = 0;
		return;
	}
	r->tx = less(r->tx, st->tx_base);
	r->rx = less(r->rx, st->rx_base);
}

/*
 * One record an open connection; an iterator over a map that changes may come to one twice.
 * The socket may be closing, or be another one by now: so its fields are read first, and
 * believed only if the very same state is still there afterwards.
 */
SEC("iter/bpf_map_elem")
int live(struct bpf_iter__bpf_map_elem *ctx)
{
	__u64 *id = ctx->key, sk_id, now = bpf_ktime_get_boot_ns(), start_ns;
	struct sock_state *st = ctx->value, *still;
	struct live_record r = {};
	struct totals t;
	struct sock *sk;
	bool same, closed;
	__u8 state, flags;

	if (!id || !st)
		return 0;
	sk_id = *id;
	start_ns = st->start_ns;
	sk = (struct sock *)sk_id;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	FILL_TOTALS(PROBED, &t, (struct tcp_sock *)sk, sk);
	r.client_port = BPF_CORE_READ((struct inet_sock *)sk, inet_sport);
	still = bpf_map_lookup_elem(&sockets, &sk_id);
	if (!still || still->start_ns != start_ns || still->pass == live_pass)
		return 0;
	if (still->flags & ATTEMPTED) {
		if (now - start_ns > ATTEMPT_NS) {
			count_unsent(still);
			bpf_map_delete_elem(&sockets, &sk_id);
		}
		return 0;
	}
	r.client_port =
		still->key.dir == EDGE_CLIENT ? bpf_ntohs(r.client_port) : still->client_port;
	same = is_same(sk, still);
	closed = !same || state == TCP_CLOSE;
	if (has_ended(still, closed)) {
		if (!same)
			__builtin_memset(&t, 0, sizeof(t));
		count_end(still, &t, false, r.client_port);
		bpf_map_delete_elem(&sockets, &sk_id);
	}
	if (closed)
		return 0;
	r.pending = state == TCP_SYN_SENT;
	r.tx = payload_sent(&t);
	r.rx = payload_received(&t);
	flags = still->flags;
	barrier();
	fill_live(&r, still, flags, now);
	if (bpf_seq_write(ctx->meta->seq, &r, sizeof(r)) == 0)
		still->pass = live_pass; /* else the buffer was full: it comes again */
	return 0;
}

#endif
