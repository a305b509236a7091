/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is read of a socket.  The tracepoints' sockets are trusted by the verifier: their
 * fields are loaded directly, which is ten times cheaper than a probe read, and those of a
 * tcp_sock after bpf_skc_to_tcp_sock().  The iterators' are not.  So the way to read is a
 * parameter, one of DIRECT and PROBED.
 *
 * Included once in a .bpf.c, after the kernel's fields and libbpf's headers.
 */
#ifndef BPF_SOCK_H
#define BPF_SOCK_H

#define DIRECT(p, field) ((p)->field)
#define PROBED(p, field) BPF_CORE_READ(p, field)

static __always_inline void map_v4(__u8 out[16], __u32 v4)
{
	*(__u64 *)out = 0;
	*(__u32 *)(out + 8) = bpf_htonl(0xffff);
	*(__u32 *)(out + 12) = v4;
}

#define COPY_V6(READ, out, sk, field)                                                         \
	do {                                                                                  \
		__u32 *to_ = (__u32 *)(out);                                                  \
		to_[0] = READ(sk, __sk_common.field.in6_u.u6_addr32[0]);                      \
		to_[1] = READ(sk, __sk_common.field.in6_u.u6_addr32[1]);                      \
		to_[2] = READ(sk, __sk_common.field.in6_u.u6_addr32[2]);                      \
		to_[3] = READ(sk, __sk_common.field.in6_u.u6_addr32[3]);                      \
	} while (0)

/* Network namespace and addresses. */
#define FILL_PLACE(READ, key, sk)                                                             \
	do {                                                                                  \
		struct net *net_ = READ(sk, __sk_common.skc_net.net);                         \
		(key)->netns = READ(net_, ns.inum);                                           \
		if (READ(sk, __sk_common.skc_family) == AF_INET) {                            \
			map_v4((key)->local, READ(sk, __sk_common.skc_rcv_saddr));            \
			map_v4((key)->remote, READ(sk, __sk_common.skc_daddr));               \
		} else {                                                                      \
			COPY_V6(READ, (key)->local, sk, skc_v6_rcv_saddr);                    \
			COPY_V6(READ, (key)->remote, sk, skc_v6_daddr);                       \
		}                                                                             \
	} while (0)

#define IS_TCP(READ, sk)                                                                      \
	((READ(sk, __sk_common.skc_family) == AF_INET ||                                      \
	  READ(sk, __sk_common.skc_family) == AF_INET6) &&                                    \
	 READ(sk, sk_protocol) == IPPROTO_TCP)

/* NULL where it is none, or a part of one (a socket's file knows the socket). */
static __always_inline struct sock *socket_of_file(struct file *file)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct sock *sk;

	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK || !socket)
		return NULL;
	if (BPF_CORE_READ(socket, file) != file)
		return NULL;
	sk = BPF_CORE_READ(socket, sk);
	if (BPF_CORE_READ(sk, sk_protocol) == IPPROTO_MPTCP &&
	    bpf_core_type_exists(struct mptcp_sock))
		sk = BPF_CORE_READ((struct mptcp_sock *)sk, first);
	return sk;
}

/* The counters of a connection. */
struct totals {
	__u64 acked, sent, again, received;
	__u32 next, unacked; /* sequence numbers */
	__u32 srtt, retransmits;
	int why; /* sk_err */
	__u32 peer_finished;
};

#define FILL_TOTALS(READ, t, tp, sk)                                                          \
	do {                                                                                  \
		(t)->acked = READ(tp, bytes_acked);                                           \
		(t)->sent = READ(tp, bytes_sent);                                             \
		(t)->again = READ(tp, bytes_retrans);                                         \
		(t)->received = READ(tp, bytes_received);                                     \
		(t)->next = READ(tp, snd_nxt);                                                \
		(t)->unacked = READ(tp, snd_una);                                             \
		(t)->srtt = READ(tp, srtt_us);                                                \
		(t)->retransmits = READ(tp, total_retrans);                                   \
		(t)->why = READ(sk, sk_err);                                                  \
		(t)->peer_finished =                                                          \
			READ(sk, __sk_common.skc_flags) >>                                    \
				bpf_core_enum_value(enum sock_flags, SOCK_DONE) &             \
			1;                                                                    \
	} while (0)

static __always_inline __u64 less(__u64 a, __u64 b)
{
	return a > b ? a - b : 0;
}

/*
 * Payload.  bytes_sent has what was sent again, and what this host dropped before it was sent:
 * it is no more than what was acknowledged or is on its way (to which SYN and FIN add two).
 */
static __always_inline __u64 payload_sent(const struct totals *t)
{
	__u64 most = t->acked + (__u32)(t->next - t->unacked);
	__u64 sent = less(t->sent, t->again);

	return sent < most ? sent : most;
}

/* bytes_received counts the peer's FIN as one. */
static __always_inline __u64 payload_received(const struct totals *t)
{
	return less(t->received, t->peer_finished);
}

#endif
