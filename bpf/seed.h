/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What was open before: first the listeners, then, with them known, the connections; by the
 * files of every process, and for those that nobody has accepted yet by the queues of the
 * listeners.  Part of conn.bpf.c.
 */
#ifndef BPF_SEED_H
#define BPF_SEED_H

#define STEPS 1024 /* of a queue, in one function: verifiers count jumps */
#define QUEUE 4096 /* of one listener that is looked at: net.core.somaxconn's default */

bool seed_connections; /* set by the sensor for the second pass */

static __always_inline void seed_listener(struct sock *sk, __u32 tgid, __u64 born)
{
	struct listening l = { .tgid = tgid, .born = born };
	struct edge_key at = {};

	FILL_PLACE(PROBED, &at, sk);
	__builtin_memcpy(l.key.addr, at.local, 16);
	l.key.netns = at.netns;
	l.key.port = BPF_CORE_READ(sk, __sk_common.skc_num);
	add_listener(sk, &l);
}

static __always_inline void fill_direction(struct sock_state *st, struct sock *sk)
{
	__u16 local = BPF_CORE_READ(sk, __sk_common.skc_num);
	__u16 remote = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));

	st->key.port = local;
	if (listener_of(&st->key) || BPF_CORE_READ(sk, sk_max_ack_backlog)) {
		st->key.dir = EDGE_SERVER;
		st->client_port = remote;
		return;
	}
	st->key.dir = EDGE_CLIENT;
	st->key.port = remote;
}

/* Not inlined, and global, so that older verifiers look at it once. */
__noinline int seed_connection(__u64 id, __u32 tgid, __u64 born)
{
	struct sock_state st = { .start_ns = bpf_ktime_get_boot_ns() }, *there;
	struct sock *sk = (struct sock *)id;
	struct totals t;

	there = bpf_map_lookup_elem(&sockets, &id);
	if (there) { /* seen since we attached; whose it was may have been missed */
		if (!there->key.tgid) {
			there->key.tgid = tgid;
			there->key.born = born;
		}
		return 0;
	}
	st.key.tgid = tgid;
	st.key.born = born;
	FILL_PLACE(PROBED, &st.key, sk);
	fill_direction(&st, sk);
	if (BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_SYN_SENT) {
		FILL_TOTALS(PROBED, &t, (struct tcp_sock *)sk, sk);
		st.flags = SEEN_OPEN;
		st.tx_base = payload_sent(&t);
		st.rx_base = payload_received(&t);
	}
	if (bpf_map_update_elem(&sockets, &id, &st, BPF_NOEXIST) == -E2BIG)
		count_drop(DROP_SOCKET_FULL);
	if (BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_CLOSE)
		bpf_map_delete_elem(&sockets, &id); /* it ended while we looked */
	return 0;
}

static __always_inline bool is_open(struct sock *sk)
{
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);

	return IS_TCP(PROBED, sk) && state != TCP_LISTEN && state != TCP_CLOSE;
}

/* The queue may change while it is walked: what is found must look like a child of its. */
__noinline int seed_child(__u64 id, __u32 tgid, __u64 born, __u16 port)
{
	struct sock *sk = (struct sock *)id;

	if (sk && BPF_CORE_READ(sk, __sk_common.skc_num) == port && is_open(sk))
		seed_connection(id, tgid, born);
	return 0;
}

/* Where it came to. */
__noinline __u64 seed_some(__u64 at, __u32 tgid, __u64 born, __u16 port)
{
	for (int i = 0; i < STEPS && at; i++) {
		struct request_sock *req = (struct request_sock *)at;

		seed_child((__u64)BPF_CORE_READ(req, sk), tgid, born, port);
		at = (__u64)BPF_CORE_READ(req, dl_next);
	}
	return at;
}

static __always_inline void seed_queue(struct sock *listener, __u32 tgid, __u64 born)
{
	struct inet_connection_sock *queue = (struct inet_connection_sock *)listener;
	__u64 at = (__u64)BPF_CORE_READ(queue, icsk_accept_queue.rskq_accept_head);
	__u16 port = BPF_CORE_READ(listener, __sk_common.skc_num);

	for (int i = 0; i < QUEUE / STEPS && at; i++)
		at = seed_some(at, tgid, born, port);
}

SEC("iter/task_file")
int seed(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct sock *sk;
	__u64 born;

	if (!task || !file || task->tgid != task->pid)
		return 0;
	sk = socket_of_file(file);
	if (!sk || !IS_TCP(PROBED, sk))
		return 0;
	born = task_born(task);
	if (BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_LISTEN) {
		if (seed_connections)
			seed_queue(sk, task->tgid, born);
		else
			seed_listener(sk, task->tgid, born);
	} else if (seed_connections && is_open(sk)) {
		seed_connection((__u64)sk, task->tgid, born);
	}
	return 0;
}

#endif
