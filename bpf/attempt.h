/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A connect that the kernel refuses before there is a SYN: no route, a route that is marked
 * unreachable, prohibited or a black hole (net/ipv4/tcp_ipv4.c, tcp_v4_connect: the route is
 * looked for before the state changes).  No state changes then, and nothing is sent.  So the
 * hook of the cgroup, which comes before, makes the socket's state, and SYN_SENT takes it
 * over; what is still an attempt when the socket connects again, when it is taken apart, or a
 * second later, has failed.  Part of conn.bpf.c.
 */
#ifndef BPF_ATTEMPT_H
#define BPF_ATTEMPT_H

#define ATTEMPT_NS 1000000000ull

static __always_inline void count_unsent(const struct sock_state *st)
{
	struct edge_val *val = edge_of(&st->key, st->start_ns);

	if (!val)
		return;
	__sync_fetch_and_add(&val->opens, 1);
	__sync_fetch_and_add(&val->unreachable, 1);
	__sync_fetch_and_add(&val->unsent, 1);
}

/* SYN_SENT: what the hook has noted is a connection from here on. */
static __always_inline bool attempt_goes_on(struct sock *sk)
{
	__u64 id = (__u64)sk;
	struct sock_state *st = bpf_map_lookup_elem(&sockets, &id);

	if (!st || !(st->flags & ATTEMPTED))
		return false;
	st->key.port = bpf_ntohs(sk->__sk_common.skc_dport); /* others' hooks may change it */
	FILL_PLACE(DIRECT, &st->key, sk);
	barrier();
	st->flags = 0;
	forget(sk);
	return true;
}

/* The number that the socket has as a key: verifiers do not let its pointer be one. */
static __always_inline __u64 socket_id(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	__u64 id = 0;

	bpf_probe_read_kernel(&id, sizeof(id), &sk);
	return id;
}

static __always_inline void attempts(struct bpf_sock_addr *ctx, const __u8 remote[16])
{
	struct sock_state st = { .start_ns = bpf_ktime_get_boot_ns(), .flags = ATTEMPTED };
	__u64 id = socket_id(ctx);
	struct sock_state *there = bpf_map_lookup_elem(&sockets, &id);

	if (there && !(there->flags & ATTEMPTED))
		return;
	if (there)
		count_unsent(there);
	st.key.dir = EDGE_CLIENT;
	st.key.port = bpf_ntohs(ctx->user_port);
	FILL_PLACE(PROBED, &st.key, (struct sock *)id);
	__builtin_memcpy(st.key.remote, remote, 16);
	own_by_current(&st.key);
	bpf_map_update_elem(&sockets, &id, &st, BPF_ANY); /* no room: SYN_SENT says so */
}

SEC("cgroup/connect4")
int attempt4(struct bpf_sock_addr *ctx)
{
	__u8 remote[16];

	if (ctx->protocol != IPPROTO_TCP || !settled)
		return 1;
	map_v4(remote, ctx->user_ip4);
	attempts(ctx, remote);
	return 1;
}

SEC("cgroup/connect6")
int attempt6(struct bpf_sock_addr *ctx)
{
	__u32 remote[4];

	if (ctx->protocol != IPPROTO_TCP || !settled)
		return 1;
	remote[0] = ctx->user_ip6[0];
	remote[1] = ctx->user_ip6[1];
	remote[2] = ctx->user_ip6[2];
	remote[3] = ctx->user_ip6[3];
	attempts(ctx, (const __u8 *)remote);
	return 1;
}

#endif
