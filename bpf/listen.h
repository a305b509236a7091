/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who listens where: by address, to find the owner of a new connection at once, and by socket,
 * since several may listen at one address (SO_REUSEPORT), and one that ends must not take the
 * others' with it.  Where the two disagree, after a race of two ends, the sensor puts the
 * first right when it drains.
 *
 * Included once in a .bpf.c, after bpf/sock.h and bpf/who.h.
 */
#ifndef BPF_LISTEN_H
#define BPF_LISTEN_H

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct listener_key);
	__type(value, struct listener_val);
} listeners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64); /* struct sock * */
	__type(value, struct listening);
} listening SEC(".maps");

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

/* False if nobody listens there. */
static __always_inline bool own_by_listener(struct edge_key *key)
{
	struct listener_val *l = listener_of(key);

	if (!l)
		return false;
	key->tgid = l->tgid;
	key->born = l->born;
	return true;
}

static __always_inline void add_listener(struct sock *sk, struct listening *l)
{
	struct listener_val first = { .sk = (__u64)sk,
				      .born = l->born,
				      .tgid = l->tgid,
				      .count = 1 },
			    *val;
	__u64 id = (__u64)sk;
	long rc = bpf_map_update_elem(&listening, &id, l, BPF_NOEXIST);

	if (rc == -EEXIST)
		return;
	val = bpf_map_lookup_elem(&listeners, &l->key);
	if (val) {
		__sync_fetch_and_add(&val->count, 1);
		val->tgid = l->tgid;
		val->born = l->born;
		val->sk = id;
	} else if (rc || bpf_map_update_elem(&listeners, &l->key, &first, BPF_ANY)) {
		count_drop(DROP_LISTENER_FULL);
	}
}

static __always_inline void listens(struct sock *sk)
{
	struct edge_key owner = {};
	struct listening l = {};

	FILL_PLACE(DIRECT, &owner, sk);
	own_by_current(&owner);
	__builtin_memcpy(l.key.addr, owner.local, 16);
	l.key.netns = owner.netns;
	l.key.port = sk->__sk_common.skc_num;
	l.tgid = owner.tgid;
	l.born = owner.born;
	add_listener(sk, &l);
}

static __always_inline void listens_no_more(struct sock *sk, struct tcp_sock *tp)
{
	struct listener_key key = {};
	struct edge_key at = {};
	struct listener_val *val;
	__u64 id = (__u64)sk;

	FILL_PLACE(DIRECT, &at, sk);
	__builtin_memcpy(key.addr, at.local, 16);
	key.netns = at.netns;
	key.port = bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport);
	if (bpf_map_delete_elem(&listening, &id))
		return;
	val = bpf_map_lookup_elem(&listeners, &key);
	if (!val)
		return;
	if (val->sk == id)
		val->sk = 0;
	__sync_fetch_and_add(&val->count, -1);
	if ((__s32)val->count <= 0)
		bpf_map_delete_elem(&listeners, &key);
}

#endif
