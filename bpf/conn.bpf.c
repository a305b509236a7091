// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Every TCP connection of the host, in all network namespaces, added up by edge in the kernel.
 *
 * inet_sock_set_state tells of begin and end, tcp_rcv_space_adjust of the first read.  Only
 * SYN_SENT, LISTEN and reads happen in the context of the process they belong to; at
 * ESTABLISHED and CLOSE `current` is whoever was interrupted, and is never asked.  Per socket
 * there is a small state, gone at CLOSE; edges are written at the end of a connection (and
 * once at its opening), never per packet, and nothing is sent per connection.
 *
 * A server's connection is its listener's until somebody reads from it: a child that was
 * forked, a service that was activated, a thread pool's worker.  Its opening is therefore
 * counted at the first read, or when it has waited for one too long, or at the end.
 */
#include "bpf/kernel.h"
#include "bpf/event.h"

#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/who.h"

/* sock_state.flags */
enum {
	SEEN_OPEN = 1,	 /* counted as opened, or open before the watch began */
	SEEN_READER = 2, /* the owner is whoever reads, or can no longer change */
	SEEN_UP = 4,	 /* was established */
};

struct sock_state {
	struct edge_key key;
	__u64 tx_base, rx_base; /* what was transferred before the watch began */
	__u64 start_ns;
	__u16 client_port;
	__u8 flags;
	__u8 pad;
	__u32 pass; /* of the live iterator that has seen it */
};

/* Sizes are set by the sensor before the programs are loaded. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64); /* struct sock * */
	__type(value, struct sock_state);
} sockets SEC(".maps");

/*
 * The edges are written to one of two maps.  The sensor puts the other one in its place and
 * drains it: the update of a map in a map returns only when no program uses the old one any
 * more (kernel/bpf/syscall.c, maybe_wait_bpf_programs), so that nothing is added to an edge
 * between its being read and its being deleted.
 */
struct edge_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, struct edge_key);
	__type(value, struct edge_val);
} edges_a SEC(".maps"), edges_b SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct edge_map);
} edges SEC(".maps") = { .values = { &edges_a } };

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct listener_key);
	__type(value, struct listener_val);
} listeners SEC(".maps");

static const struct edge_val no_edge;

#ifndef barrier
#define barrier() asm volatile("" ::: "memory")
#endif

/* Where */

static __always_inline void map_v4(__u8 out[16], __u32 v4)
{
	*(__u64 *)out = 0;
	*(__u32 *)(out + 8) = bpf_htonl(0xffff);
	*(__u32 *)(out + 12) = v4;
}

/*
 * Fields are read by probe reads throughout, since the same functions serve the tracepoints,
 * whose sockets the verifier trusts, and the iterators, whose sockets it does not.
 */
static __always_inline void fill_addresses(struct edge_key *key, struct sock *sk)
{
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET) {
		map_v4(key->local, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		map_v4(key->remote, BPF_CORE_READ(sk, __sk_common.skc_daddr));
		return;
	}
	BPF_CORE_READ_INTO(&key->local, sk, __sk_common.skc_v6_rcv_saddr);
	BPF_CORE_READ_INTO(&key->remote, sk, __sk_common.skc_v6_daddr);
}

static __always_inline __u32 socket_netns(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
}

static __always_inline bool is_tcp(struct sock *sk)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	return (family == AF_INET || family == AF_INET6) &&
	       BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP;
}

static __always_inline bool peer_has_finished(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_flags) >>
		       bpf_core_enum_value(enum sock_flags, SOCK_DONE) &
	       1;
}

static __always_inline __u64 less(__u64 a, __u64 b)
{
	return a > b ? a - b : 0;
}

/*
 * Payload: bytes_sent has what was sent again, and what this host dropped before it was sent;
 * it is no more than what was acknowledged or is on its way (to which SYN and FIN add two).
 * bytes_received counts the peer's FIN as one.
 */
static __always_inline void fill_bytes(struct sock *sk, __u64 *tx, __u64 *rx)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;

	__u64 most = BPF_CORE_READ(tp, bytes_acked) +
		     (__u32)(BPF_CORE_READ(tp, snd_nxt) - BPF_CORE_READ(tp, snd_una));

	*tx = less(BPF_CORE_READ(tp, bytes_sent), BPF_CORE_READ(tp, bytes_retrans));
	if (*tx > most)
		*tx = most;
	*rx = less(BPF_CORE_READ(tp, bytes_received), peer_has_finished(sk));
}

/* Edges */

static __always_inline struct edge_val *edge_of(const struct edge_key *key, __u64 now)
{
	__u32 zero = 0;
	struct edge_val *val;
	void *map = bpf_map_lookup_elem(&edges, &zero);

	if (!map)
		return NULL;
	val = bpf_map_lookup_elem(map, key);
	if (!val) {
		bpf_map_update_elem(map, key, &no_edge, BPF_NOEXIST);
		val = bpf_map_lookup_elem(map, key);
		if (!val)
			count_drop(DROP_EDGE_FULL);
	}
	if (val) {
		if (!val->first_ns)
			val->first_ns = now;
		val->last_ns = now;
	}
	return val;
}

/* Keeps the lowest ranks; a race between two CPUs costs a sample, never a count. */
static __always_inline void keep_sample(struct edge_val *val, __u16 port, __u64 start_ns)
{
	struct edge_sample s = { .start_ms = start_ns / 1000000, .port = port, .used = 1 };

#pragma unroll
	for (int i = 0; i < EDGE_SAMPLES; i++) {
		struct edge_sample was = val->sample[i];

		if (was.used &&
		    (was.port == s.port || edge_rank(was.port) < edge_rank(s.port)))
			continue;
		val->sample[i] = s;
		if (!was.used)
			return;
		s = was;
	}
}

static __always_inline void count_open(struct sock_state *st, __u64 now)
{
	struct edge_val *val = edge_of(&st->key, now);

	st->flags |= SEEN_OPEN;
	if (!val)
		return;
	__sync_fetch_and_add(&val->opens, 1);
	keep_sample(val, st->client_port, st->start_ns);
}

/* A connect that never got through, by what the kernel noted on the socket. */
static __always_inline void count_failure(struct edge_val *val, struct sock *sk)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	int why = BPF_CORE_READ(sk, sk_err);

	if (why == 0 && BPF_CORE_READ(tp, total_retrans) == 0) {
		__sync_fetch_and_add(&val->abandoned, 1);
		return;
	}
	__sync_fetch_and_add(&val->opens, 1);
	if (why == ECONNREFUSED || why == ECONNRESET)
		__sync_fetch_and_add(&val->refused, 1);
	else if (why == EHOSTUNREACH || why == ENETUNREACH || why == EHOSTDOWN)
		__sync_fetch_and_add(&val->unreachable, 1);
	else /* ETIMEDOUT, or given up after the SYN had been sent again in vain */
		__sync_fetch_and_add(&val->timeouts, 1);
}

static __always_inline void count_close(struct edge_val *val, struct sock_state *st,
					struct sock *sk)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	__u32 rtt = BPF_CORE_READ(tp, srtt_us) >> 3;
	int why = BPF_CORE_READ(sk, sk_err);
	__u64 tx, rx;

	fill_bytes(sk, &tx, &rx);
	__sync_fetch_and_add(&val->tx, less(tx, st->tx_base));
	__sync_fetch_and_add(&val->rx, less(rx, st->rx_base));
	__sync_fetch_and_add(&val->retransmits, BPF_CORE_READ(tp, total_retrans));
	__sync_fetch_and_add(&val->closes, 1);
	if (rtt) {
		__sync_fetch_and_add(&val->rtt_sum_us, rtt);
		__sync_fetch_and_add(&val->rtt_n, 1);
	}
	if ((why == ECONNRESET || why == EPIPE) && tx + rx == 0)
		__sync_fetch_and_add(&val->resets, 1);
}

/* A connection's life */

static __always_inline void keep_socket(struct sock *sk, struct sock_state *st)
{
	__u64 id = (__u64)sk;

	if (bpf_map_update_elem(&sockets, &id, st, BPF_ANY))
		count_drop(DROP_SOCKET_FULL);
}

static __always_inline void client_begins(struct sock *sk)
{
	struct sock_state st = { .start_ns = bpf_ktime_get_boot_ns() }, *there;
	__u64 id = (__u64)sk;

	there = bpf_map_lookup_elem(&sockets, &id);
	if (there && there->key.dir == EDGE_CLIENT && !(there->flags & SEEN_UP))
		return; /* by the other of the two programs */
	st.key.dir = EDGE_CLIENT;
	st.key.netns = socket_netns(sk);
	st.key.port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	fill_addresses(&st.key, sk);
	own_by_current(&st.key);
	keep_socket(sk, &st);
}

static __always_inline void client_is_up(struct sock *sk, struct sock_state *st)
{
	if (st->flags & SEEN_UP)
		return;
	fill_addresses(&st->key, sk);
	st->client_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	st->flags |= SEEN_UP;
	count_open(st, bpf_ktime_get_boot_ns());
}

static __always_inline struct listener_val *listener_of(const struct edge_key *key)
{
	struct listener_key at = { .netns = key->netns, .port = key->port };
	struct listener_val *val;

	__builtin_memcpy(at.addr, key->local, 16);
	val = bpf_map_lookup_elem(&listeners, &at);
	if (val)
		return val;
	if (*(__u64 *)key->local == 0 && *(__u32 *)(key->local + 8) == bpf_htonl(0xffff)) {
		map_v4(at.addr, 0);
		val = bpf_map_lookup_elem(&listeners, &at);
		if (val)
			return val;
	}
	__builtin_memset(at.addr, 0, 16);
	return bpf_map_lookup_elem(&listeners, &at);
}

static __always_inline void own_by_listener(struct edge_key *key)
{
	struct listener_val *l = listener_of(key);

	if (!l)
		return;
	key->tgid = l->tgid;
	key->born = l->born;
}

static __always_inline void server_is_up(struct sock *sk)
{
	struct sock_state st = { .start_ns = bpf_ktime_get_boot_ns(), .flags = SEEN_UP };

	st.key.dir = EDGE_SERVER;
	st.key.netns = socket_netns(sk);
	st.key.port = BPF_CORE_READ(sk, __sk_common.skc_num);
	st.client_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	fill_addresses(&st.key, sk);
	own_by_listener(&st.key);
	keep_socket(sk, &st);
}

static __always_inline void listens(struct sock *sk)
{
	struct listener_key key = { .netns = socket_netns(sk) };
	struct listener_val val = { .sk = (__u64)sk };
	struct edge_key owner = {};

	fill_addresses(&owner, sk);
	own_by_current(&owner);
	__builtin_memcpy(key.addr, owner.local, 16);
	key.port = BPF_CORE_READ(sk, __sk_common.skc_num);
	val.tgid = owner.tgid;
	val.born = owner.born;
	if (bpf_map_update_elem(&listeners, &key, &val, BPF_ANY))
		count_drop(DROP_LISTENER_FULL);
}

/* skc_num is already given back when a listener closes: its port is asked of inet_sport. */
struct inet_sock {
	__u16 inet_sport;
} __attribute__((preserve_access_index));

static __always_inline void listens_no_more(struct sock *sk)
{
	struct listener_key key = { .netns = socket_netns(sk) };
	struct edge_key at = {};
	struct listener_val *val;

	fill_addresses(&at, sk);
	__builtin_memcpy(key.addr, at.local, 16);
	key.port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	val = bpf_map_lookup_elem(&listeners, &key);
	if (val && val->sk == (__u64)sk)
		bpf_map_delete_elem(&listeners, &key);
}

static __always_inline void ends(struct sock *sk)
{
	__u64 id = (__u64)sk, now = bpf_ktime_get_boot_ns();
	struct sock_state *st = bpf_map_lookup_elem(&sockets, &id);
	struct edge_val *val;

	if (!st)
		return;
	if (BPF_CORE_READ((struct tcp_sock *)sk, bytes_received))
		st->flags |= SEEN_UP; /* whatever was missed of it */
	if ((st->flags & (SEEN_UP | SEEN_OPEN)) == SEEN_UP)
		count_open(st, now);
	val = edge_of(&st->key, now);
	if (val && st->flags & SEEN_UP)
		count_close(val, st, sk);
	else if (val)
		count_failure(val, sk);
	bpf_map_delete_elem(&sockets, &id);
}

static __always_inline void on_state(struct sock *sk, int was, int is)
{
	struct sock_state *st;
	__u64 id = (__u64)sk;

	if (is != TCP_SYN_SENT && is != TCP_ESTABLISHED && is != TCP_LISTEN && is != TCP_CLOSE)
		return;
	if (!is_tcp(sk))
		return;
	if (is == TCP_SYN_SENT) {
		client_begins(sk);
	} else if (is == TCP_LISTEN) {
		listens(sk);
	} else if (is == TCP_ESTABLISHED) {
		st = bpf_map_lookup_elem(&sockets, &id);
		if (st && st->key.dir == EDGE_CLIENT)
			client_is_up(sk, st);
		else if (was == TCP_SYN_RECV && !(st && st->key.dir == EDGE_SERVER))
			server_is_up(sk);
	} else if (was == TCP_LISTEN) {
		listens_no_more(sk);
	} else {
		ends(sk);
	}
}

/*
 * From Linux 6.1 a program is not run while it runs on that CPU already
 * (kernel/trace/bpf_trace.c,
 * __bpf_trace_run): an event in an interrupt that came in the middle of another would be lost.
 * So there are two programs of one body, and everything in it can be done twice: the second
 * finds it done, or does what the first could not.
 */
#define STATE_PROGRAM(name)                                                                   \
	SEC("tp_btf/inet_sock_set_state")                                                     \
	int BPF_PROG(name, struct sock *sk, int was, int is)                                  \
	{                                                                                     \
		on_state(sk, was, is);                                                        \
		return 0;                                                                     \
	}

STATE_PROGRAM(state_first)
STATE_PROGRAM(state_second)

SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(has_read, struct sock *sk)
{
	__u64 id = (__u64)sk;
	struct sock_state *st = bpf_map_lookup_elem(&sockets, &id);

	if (!st || st->key.dir != EDGE_SERVER || st->flags & SEEN_READER)
		return 0;
	own_by_current(&st->key);
	barrier();
	st->flags |=
		SEEN_READER; /* after the owner is whole: the iterator looks at any time */
	if (!(st->flags & SEEN_OPEN))
		count_open(st, bpf_ktime_get_boot_ns());
	return 0;
}

/* What is open now */

#define PATIENCE_NS                                                                           \
	5000000000ull /* how long a server's connection may wait for its reader               \
		       */

__u32 live_pass; /* counted up by the sensor before it runs the iterator */

/*
 * One record an open connection; an iterator over a map that changes may come to one twice.
 * The socket may be closing, or be another one by now: so its fields are read first, and
 * believed only if the state is still there afterwards.
 */
SEC("iter/bpf_map_elem")
int live(struct bpf_iter__bpf_map_elem *ctx)
{
	__u64 *id = ctx->key, sk_id, now = bpf_ktime_get_boot_ns();
	struct sock_state *st = ctx->value, *still;
	struct live_record r = {};
	struct sock *sk;
	__u8 flags;

	if (!id || !st)
		return 0;
	sk_id = *id;
	sk = (struct sock *)sk_id;
	r.pending = !(st->flags & SEEN_UP);
	if (!r.pending)
		fill_bytes(sk, &r.tx, &r.rx);
	still = bpf_map_lookup_elem(&sockets, &sk_id);
	if (!still || still->pass == live_pass)
		return 0;
	if (still->key.dir == EDGE_SERVER && now - still->start_ns > PATIENCE_NS) {
		if (!(still->flags & SEEN_OPEN))
			count_open(still, now);
		if (r.tx > still->tx_base)
			still->flags |= SEEN_READER; /* serves without reading */
	}
	flags = still->flags;
	barrier();
	if (still->key.dir == EDGE_SERVER && !(flags & (SEEN_READER | SEEN_OPEN)))
		return 0; /* whose it is will be known soon: nothing is told of it before */
	r.key = still->key;
	r.tx = less(r.tx, still->tx_base);
	r.rx = less(r.rx, still->rx_base);
	if (r.pending || (still->key.dir == EDGE_SERVER && !(flags & SEEN_READER)))
		r.tx = r.rx = 0;
	r.start_ms = still->start_ns / 1000000;
	r.client_port = still->client_port;
	if (bpf_seq_write(ctx->meta->seq, &r, sizeof(r)) == 0)
		still->pass = live_pass; /* else the buffer was full: it comes again */
	return 0;
}

/* What was open before: first the listeners, then, with them known, the connections. */

bool seed_connections; /* set by the sensor for the second pass */

static __always_inline struct sock *socket_of_file(struct file *file)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);

	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK || !socket)
		return NULL;
	if (BPF_CORE_READ(socket, file) != file)
		return NULL;
	return BPF_CORE_READ(socket, sk);
}

static __always_inline void seed_listener(struct sock *sk, struct edge_key *owner)
{
	struct listener_key key = { .netns = socket_netns(sk) };
	struct listener_val val = { .sk = (__u64)sk,
				    .tgid = owner->tgid,
				    .born = owner->born };

	fill_addresses(owner, sk);
	__builtin_memcpy(key.addr, owner->local, 16);
	key.port = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (bpf_map_update_elem(&listeners, &key, &val, BPF_NOEXIST) == -E2BIG)
		count_drop(DROP_LISTENER_FULL);
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
	st->client_port = local;
}

static __always_inline void seed_connection(struct sock *sk, struct edge_key *owner,
					    __u8 state)
{
	struct sock_state st = { .key = *owner, .start_ns = bpf_ktime_get_boot_ns() };
	__u64 id = (__u64)sk;
	struct sock_state *there = bpf_map_lookup_elem(&sockets, &id);

	if (there) { /* seen since we attached; whose it was may have been missed */
		if (!there->key.tgid) {
			there->key.tgid = owner->tgid;
			there->key.born = owner->born;
		}
		return;
	}
	st.key.netns = socket_netns(sk);
	fill_addresses(&st.key, sk);
	fill_direction(&st, sk);
	if (state != TCP_SYN_SENT) {
		st.flags = SEEN_UP | SEEN_OPEN;
		fill_bytes(sk, &st.tx_base, &st.rx_base);
	}
	if (bpf_map_update_elem(&sockets, &id, &st, BPF_NOEXIST) == -E2BIG)
		count_drop(DROP_SOCKET_FULL);
	if (BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_CLOSE)
		bpf_map_delete_elem(&sockets, &id); /* it ended while we looked */
}

SEC("iter/task_file")
int seed(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct edge_key owner = {};
	struct sock *sk;
	__u8 state;

	if (!task || !file || task->tgid != task->pid)
		return 0;
	sk = socket_of_file(file);
	if (!sk || !is_tcp(sk))
		return 0;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	owner.tgid = task->tgid;
	owner.born = task_born(task);
	if (state == TCP_LISTEN && !seed_connections)
		seed_listener(sk, &owner);
	else if (state != TCP_LISTEN && state != TCP_CLOSE && seed_connections)
		seed_connection(sk, &owner, state);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
