// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who talks to whom over UDP, in all network namespaces, added up in the kernel.
 *
 * Counted is at the end of a call that sends or receives, in its process and with its result:
 * proof that something was sent, and how much.  That end is the return of UDP's own functions
 * where the kernel lets programs be put there, else sock_send_length and sock_recv_length
 * (Linux 6.3), which run for every socket of the host.  Either knows the socket, and so the
 * peer of a connected one.  Where the peer stands in the call the hooks of the cgroup have
 * seen it just before, in the same thread, in the kernel's own copy; they only note it.
 * Where neither end can be had these hooks count what they see, without bytes, and a connect
 * to a port that is asked over UDP alone is taken for a question (bpf/ports.h).
 *
 * Multicast, broadcast and discovery are left out: they name no machine.
 */
#include "bpf/kernel.h"
#include "bpf/event.h"
#include "bpf/ports.h"

#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/who.h"
#include "bpf/sock.h"

#define QUIET_MS 60000 /* after that, the next datagram begins another exchange */

/* Set by the sensor before the programs are loaded. */
const volatile bool lengths;	    /* one of the two kinds of ends is there */
const volatile bool nonblock_apart; /* udp_recvmsg has it as an argument of its own: before
					Linux 5.19 */
/* Set by the sensor: which map is written to, and when it wants to be woken. */
__u32 second;
__u32 wake_at;
__u32 new_edges, woken;
__u32 home;   /* its own network namespace */
__u32 places; /* asked for since the last change */
#define PLACES 256

/*
 * The sensor changes from one map to the other and drains the first when no program can be
 * using it any more: bpf/tally.h has the same, by other means.
 */
struct udp_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct udp_key);
	__type(value, struct udp_val);
} udp_a SEC(".maps"), udp_b SEC(".maps");

/* The exchanges that are going on, to count each once and to know who began it. */
struct talk_key {
	__u32 netns;
	__u16 local_port, remote_port;
	__u8 remote[16];
};
struct talk {
	__u32 last_ms;
	__u32 we_began;
	__u64 socket; /* a client's: another one that got the same port begins anew */
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct talk_key);
	__type(value, struct talk);
} talks SEC(".maps");

/*
 * What a call says of the other end: from a hook to the end of the same call.  A thread that
 * then takes an answer without asking from whom it is, on a socket whose port nobody chose,
 * takes that of whom it has asked.
 */
struct said {
	__u64 sk;
	__u64 thread;
	__u8 remote[16];
	__u8 source[16]; /* of a send that names it, else :: */
	__u16 port;
	__u8 sent;
	__u8 used;
	__u32 pad;
};
#define SAID 1024
static struct said said[SAID]; /* static: the sensor has no business with it */

static const struct udp_val no_talk;

/* One datagram, or several that one call has sent. */
struct datagram {
	struct udp_key key; /* with both ports, until they are weighed */
	__u64 bytes;
	__u64 socket;
	bool sent, bound, begins;
};

/* Addresses */

static __always_inline bool is_v4(const __u8 a[16])
{
	return *(__u64 *)a == 0 && *(__u32 *)(a + 8) == bpf_htonl(0xffff);
}

static __always_inline bool is_nowhere(const __u8 a[16])
{
	return *(__u64 *)a == 0 && (*(__u32 *)(a + 8) == 0 || is_v4(a)) &&
	       *(__u32 *)(a + 12) == 0;
}

/* Multicast, the broadcast of everywhere, and what is one link's (fe80::/10). */
static __always_inline bool names_no_machine(const __u8 a[16])
{
	__u32 v4 = bpf_ntohl(*(__u32 *)(a + 12));

	if (is_v4(a))
		return v4 >> 28 == 0xe || v4 == 0xffffffff;
	return a[0] == 0xff || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
}

/* To nowhere is to this host (net/ipv4/route.c, net/ipv6/udp.c). */
static __always_inline void settle_nowhere(__u8 a[16])
{
	if (is_v4(a))
		*(__u32 *)(a + 12) = bpf_htonl(0x7f000001);
	else
		*(__u32 *)(a + 12) = bpf_htonl(1);
}

/* Counting */

static __always_inline void begin_talk(struct talk_key *key, struct datagram *d, __u32 now_ms,
				       struct talk *was)
{
	struct talk new = { .last_ms = now_ms, .socket = d->socket, .we_began = d->sent };

	d->begins = true;
	if (was)
		*was = new;
	else
		bpf_map_update_elem(&talks, key, &new, BPF_ANY);
}

/* True where the exchange that this is part of was begun by us. */
static __always_inline bool follow_talk(struct datagram *d, __u64 now)
{
	__u32 now_ms = now / 1000000;
	struct talk_key key = { .netns = d->key.netns,
				.local_port = d->key.local_port,
				.remote_port = d->key.remote_port };
	struct talk *talk;

	__builtin_memcpy(key.remote, d->key.remote, 16);
	talk = bpf_map_lookup_elem(&talks, &key);
	if (!talk || now_ms - talk->last_ms > QUIET_MS || d->begins ||
	    (!d->bound && talk->socket != d->socket)) {
		begin_talk(&key, d, now_ms, talk);
		return d->sent;
	}
	if (now_ms - talk->last_ms > QUIET_MS / 64)
		talk->last_ms = now_ms;
	return talk->we_began;
}

/* A record that is shorter than any other says: drain. */
static __always_inline void count_new_edge(void)
{
	__u32 word = 0;

	__sync_fetch_and_add(&new_edges, 1);
	if (new_edges < wake_at || woken)
		return;
	woken = 1;
	bpf_ringbuf_output(&processes, &word, sizeof(word), BPF_RB_FORCE_WAKEUP);
}

static __always_inline void ask_for_place(const struct udp_key *key)
{
	struct udp_place place = { .netns = key->netns, .tgid = key->tgid };

	if (*(__u64 *)key->local || *(__u64 *)(key->local + 8) || key->netns == home ||
	    places >= PLACES)
		return;
	places++;
	__builtin_memcpy(place.remote, key->remote, 16);
	bpf_ringbuf_output(&processes, &place, sizeof(place), BPF_RB_FORCE_WAKEUP);
}

static __always_inline struct udp_val *val_in(void *map, const struct udp_key *key)
{
	struct udp_val *val = bpf_map_lookup_elem(map, key);

	if (val)
		return val;
	bpf_map_update_elem(map, key, &no_talk, BPF_NOEXIST);
	val = bpf_map_lookup_elem(map, key);
	if (!val) {
		count_drop(DROP_EDGE_FULL);
		return NULL;
	}
	count_new_edge();
	ask_for_place(key);
	return val;
}

/* As keep_sample of bpf/tally.h. */
static __always_inline void keep_sample(struct udp_val *val, __u16 port, __u64 now)
{
	struct edge_sample s = { .start_ms = now / 1000000, .port = port, .used = 1 };
	struct edge_sample last = val->sample[EDGE_SAMPLES - 1];

	if (last.used && edge_rank(last.port) <= edge_rank(port))
		return;
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

static __always_inline void add_up(struct udp_val *val, const struct datagram *d,
				   __u16 client_port, bool we_began, __u64 now)
{
	if (!val->first_ns)
		val->first_ns = now;
	val->last_ns = now;
	if (d->sent) {
		__sync_fetch_and_add(&val->sent, 1);
		__sync_fetch_and_add(&val->tx, d->bytes);
	} else {
		__sync_fetch_and_add(&val->received, 1);
		__sync_fetch_and_add(&val->rx, d->bytes);
	}
	if (!d->begins)
		return;
	if (we_began)
		__sync_fetch_and_add(&val->we_began, 1);
	else
		__sync_fetch_and_add(&val->they_began, 1);
	if (client_port)
		keep_sample(val, client_port, now);
}

static __noinline void count(struct datagram *d)
{
	__u64 now = bpf_ktime_get_boot_ns();
	__u16 local = d->key.local_port, remote = d->key.remote_port;
	struct udp_val *val;
	enum udp_keep keep;
	bool we_began;

	we_began = follow_talk(d, now);
	if (!d->sent && udp_is_shouted(local))
		return;
	keep = udp_keep(local, remote, d->bound, we_began);
	if (keep == UDP_KEEP_LOCAL)
		d->key.remote_port = 0;
	else if (keep == UDP_KEEP_REMOTE)
		d->key.local_port = 0;
	if (second)
		val = val_in(&udp_b, &d->key);
	else
		val = val_in(&udp_a, &d->key);
	if (val)
		add_up(val, d, keep == UDP_KEEP_LOCAL ? remote : local, we_began, now);
}

static __always_inline bool is_left_out(const struct datagram *d)
{
	return !d->key.remote_port || names_no_machine(d->key.remote) ||
	       names_no_machine(d->key.local) || udp_is_chatter(d->key.local_port) ||
	       udp_is_chatter(d->key.remote_port) ||
	       (!d->sent && is_nowhere(d->key.remote)); /* a DHCP client without address */
}

/* The addresses are those of the socket, unless the call names others. */
static __always_inline void weigh(struct datagram *d, struct said *s, bool hook)
{
	struct edge_key who = {};

	if (s) {
		__builtin_memcpy(d->key.remote, s->remote, 16);
		d->key.remote_port = s->port;
		if (!is_nowhere(s->source))
			__builtin_memcpy(d->key.local, s->source, 16);
	}
	if (is_nowhere(d->key.local))
		__builtin_memset(d->key.local, 0, 16);
	if (is_left_out(d))
		return;
	if (is_nowhere(d->key.remote))
		settle_nowhere(d->key.remote);
	if (hook)
		own_by_current(&who);
	else
		own_by_caller(&who);
	d->key.tgid = who.tgid;
	d->key.born = who.born;
	count(d);
}

/* The end of a call */

#define FILL_DATAGRAM(READ, BITS, d, sk)                                                      \
	do {                                                                                  \
		FILL_PLACE(READ, &(d)->key, sk);                                              \
		(d)->key.local_port = READ(sk, __sk_common.skc_num);                          \
		(d)->key.remote_port = bpf_ntohs(READ(sk, __sk_common.skc_dport));            \
		(d)->bound = BITS(sk, sk_userlocks) & SOCK_BINDPORT_LOCK;                     \
	} while (0)

static __always_inline bool is_ip(struct sock *sk)
{
	return sk->__sk_common.skc_family == AF_INET || sk->__sk_common.skc_family == AF_INET6;
}

static __always_inline bool is_answer(const struct said *s, const struct datagram *d)
{
	return s->used && s->sent && !d->sent && !d->bound && !d->key.remote_port;
}

/*
 * A number that no other socket has: its inode's, which is loaded as every field of SK is. (A
 * cookie takes a call, which tracing programs may do from Linux 5.12.)
 */
static __always_inline __u64 number_of(struct sock *sk)
{
	return sk->sk_socket->file->f_inode->i_ino;
}

static __noinline void ended(struct sock *sk, int ret, bool sent, bool by_v6)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct said *s = &said[thread & (SAID - 1)];
	struct datagram d = { .sent = sent, .bytes = ret };

	if (s->thread != thread || s->sk != (__u64)sk)
		s = NULL;
	if (ret < 0 || (ret == 0 && !sent && !s)) {
		if (s)
			s->used = 1;
		return;
	}
	FILL_DATAGRAM(DIRECT, BPF_CORE_READ_BITFIELD, &d, sk);
	if (!d.bound)
		d.socket = number_of(sk);
	if (s && !(s->sent == sent && !s->used) && !is_answer(s, &d))
		s = NULL;
	if (!by_v6 || !is_v4(s ? s->remote : d.key.remote))
		weigh(&d, s, false);
	if (s)
		s->used = 1;
}

/* These two see every send and receive of the host: all but UDP's leaves at once. */
SEC("tp_btf/sock_send_length")
int BPF_PROG(on_send, struct sock *sk, int ret)
{
	if (sk->sk_protocol == IPPROTO_UDP && is_ip(sk))
		ended(sk, ret, true, false);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(on_receive, struct sock *sk, int ret, int flags)
{
	if (sk->sk_protocol == IPPROTO_UDP && is_ip(sk) && !(flags & MSG_PEEK))
		ended(sk, ret, false, false);
	return 0;
}

/* UDP's own functions; udpv6_sendmsg has udp_sendmsg send what goes to an IPv4 address. */
SEC("fexit/udp_sendmsg")
int BPF_PROG(sent4, struct sock *sk, void *msg, unsigned long len, int ret)
{
	if (sk->sk_protocol == IPPROTO_UDP)
		ended(sk, ret, true, false);
	return 0;
}

SEC("fexit/udpv6_sendmsg")
int BPF_PROG(sent6, struct sock *sk, void *msg, unsigned long len, int ret)
{
	if (sk->sk_protocol == IPPROTO_UDP)
		ended(sk, ret, true, true);
	return 0;
}

/* Loaded in each branch, or the compiler calculates with CTX, which verifiers do not like. */
static __always_inline void received(__u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	int flags, ret;

	if (nonblock_apart) {
		flags = ctx[4];
		ret = ctx[6];
		asm volatile("" : "+r"(flags), "+r"(ret));
	} else {
		flags = ctx[3];
		ret = ctx[5];
		asm volatile("" : "+r"(flags), "+r"(ret));
	}
	if (sk->sk_protocol == IPPROTO_UDP && !(flags & MSG_PEEK))
		ended(sk, ret, false, false);
}

SEC("fexit/udp_recvmsg")
int received4(__u64 *ctx)
{
	received(ctx);
	return 0;
}

SEC("fexit/udpv6_recvmsg")
int received6(__u64 *ctx)
{
	received(ctx);
	return 0;
}

/* In the middle of a call */

/* Through memory, since the verifier lets nobody calculate with a socket of a hook. */
static __always_inline void count_here(struct said *s, bool begins)
{
	__u64 id = *(volatile __u64 *)&s->sk;
	struct datagram d = { .sent = s->sent, .begins = begins, .socket = id };
	struct sock *sk = (struct sock *)id;

	FILL_DATAGRAM(PROBED, BPF_CORE_READ_BITFIELD_PROBED, &d, sk);
	weigh(&d, s, true);
}

static __always_inline struct said *say(struct bpf_sock_addr *ctx, bool sent)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct said *s = &said[thread & (SAID - 1)];

	s->thread = thread;
	s->sk = (__u64)ctx->sk;
	s->port = bpf_ntohs(ctx->user_port);
	s->sent = sent;
	s->used = 0;
	*(__u64 *)s->source = *(__u64 *)(s->source + 8) = 0;
	return s;
}

static __always_inline void say_v6(struct said *s, struct bpf_sock_addr *ctx)
{
	__u32 *to = (__u32 *)s->remote;

	to[0] = ctx->user_ip6[0];
	to[1] = ctx->user_ip6[1];
	to[2] = ctx->user_ip6[2];
	to[3] = ctx->user_ip6[3];
}

SEC("cgroup/sendmsg4")
int send4(struct bpf_sock_addr *ctx)
{
	struct said *s = say(ctx, true);

	map_v4(s->remote, ctx->user_ip4);
	if (ctx->msg_src_ip4)
		map_v4(s->source, ctx->msg_src_ip4);
	if (!lengths)
		count_here(s, false);
	return 1;
}

SEC("cgroup/sendmsg6")
int send6(struct bpf_sock_addr *ctx)
{
	struct said *s = say(ctx, true);
	__u32 *source = (__u32 *)s->source;

	say_v6(s, ctx);
	source[0] = ctx->msg_src_ip6[0];
	source[1] = ctx->msg_src_ip6[1];
	source[2] = ctx->msg_src_ip6[2];
	source[3] = ctx->msg_src_ip6[3];
	if (!lengths)
		count_here(s, false);
	return 1;
}

SEC("cgroup/recvmsg4")
int receive4(struct bpf_sock_addr *ctx)
{
	struct said *s = say(ctx, false);

	map_v4(s->remote, ctx->user_ip4);
	if (!lengths)
		count_here(s, false);
	return 1;
}

SEC("cgroup/recvmsg6")
int receive6(struct bpf_sock_addr *ctx)
{
	struct said *s = say(ctx, false);

	say_v6(s, ctx);
	if (!lengths)
		count_here(s, false);
	return 1;
}

/* Only where a send of a connected socket is not seen.  Each is a socket that begins. */
SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	struct said *s;

	if (ctx->protocol != IPPROTO_UDP || !udp_is_asked(bpf_ntohs(ctx->user_port)))
		return 1;
	s = say(ctx, true);
	map_v4(s->remote, ctx->user_ip4);
	count_here(s, true);
	return 1;
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	struct said *s;

	if (ctx->protocol != IPPROTO_UDP || !udp_is_asked(bpf_ntohs(ctx->user_port)))
		return 1;
	s = say(ctx, true);
	say_v6(s, ctx);
	count_here(s, true);
	return 1;
}

/* Who waits for questions: sockets that are bound to a chosen port and to no peer. */
SEC("iter/task_file")
int bound(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct listening l = {};
	struct datagram d = {};
	struct sock *sk;

	if (!task || !file || task->tgid != task->pid)
		return 0;
	sk = socket_of_file(file);
	if (!sk || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_UDP)
		return 0;
	FILL_DATAGRAM(PROBED, BPF_CORE_READ_BITFIELD_PROBED, &d, sk);
	if (!d.bound || !d.key.local_port || d.key.remote_port ||
	    udp_is_chatter(d.key.local_port))
		return 0;
	__builtin_memcpy(l.key.addr, d.key.local, 16);
	l.key.netns = d.key.netns;
	l.key.port = d.key.local_port;
	l.key.proto = IPPROTO_UDP;
	l.tgid = task->tgid;
	l.born = task_born(task);
	bpf_seq_write(ctx->meta->seq, &l, sizeof(l)); /* comes again where it does not fit */
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
