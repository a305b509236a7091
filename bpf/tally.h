/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Edges, added up in the kernel: what is counted when a connection ends.
 *
 * Included once in a .bpf.c, after bpf/sock.h and bpf/who.h.
 */
#ifndef BPF_TALLY_H
#define BPF_TALLY_H

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

/* Set by the sensor: it wants to be woken when so many edges are new since the last change. */
__u32 wake_at;
__u32 new_edges, woken;

static const struct edge_val no_edge;

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
		if (!val) {
			count_drop(DROP_EDGE_FULL);
			return NULL;
		}
		count_new_edge();
	}
	if (!val->first_ns)
		val->first_ns = now;
	val->last_ns = now;
	return val;
}

/* Keeps the lowest ranks; a race between two CPUs costs a sample, never a count. */
static __always_inline void keep_sample(struct edge_val *val, __u16 port, __u64 start_ns)
{
	struct edge_sample s = { .start_ms = start_ns / 1000000, .port = port, .used = 1 };
	struct edge_sample last = val->sample[EDGE_SAMPLES - 1];

	if (last.used && edge_rank(last.port) <= edge_rank(port))
		return; /* they stand in order of rank */
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

/* OPENS and CLOSES stand beside each other, so that one atomic addition does for both. */
static __always_inline void count_lives(struct edge_val *val, bool opened)
{
	struct {
		__u32 opens, closes;
	} one = { .opens = opened, .closes = 1 };

	_Static_assert(__builtin_offsetof(struct edge_val, closes) ==
				       __builtin_offsetof(struct edge_val, opens) + 4 &&
			       __builtin_offsetof(struct edge_val, opens) % 8 == 0,
		       "one addition");
	__sync_fetch_and_add((__u64 *)(void *)&val->opens, *(__u64 *)(void *)&one);
}

static __always_inline void count_bytes(struct edge_val *val, __u64 tx, __u64 rx)
{
	if (tx)
		__sync_fetch_and_add(&val->tx, tx);
	if (rx)
		__sync_fetch_and_add(&val->rx, rx);
}

/*
 * A connect that never got through, by what the kernel noted on the socket.  Without an error
 * the application gave up by itself, however often the SYN had been sent again.
 */
static __always_inline void count_failure(struct edge_val *val, const struct totals *t)
{
	if (t->why == 0) {
		__sync_fetch_and_add(&val->abandoned, 1);
		return;
	}
	__sync_fetch_and_add(&val->opens, 1);
	if (t->why == ECONNREFUSED || t->why == ECONNRESET)
		__sync_fetch_and_add(&val->refused, 1);
	else if (t->why == ETIMEDOUT)
		__sync_fetch_and_add(&val->timeouts, 1);
	else /* what ICMP and ICMPv6 say becomes one of many (net/ipv4/icmp.c,
		icmp_err_convert) */
		__sync_fetch_and_add(&val->unreachable, 1);
}

static __always_inline void count_rest(struct edge_val *val, const struct totals *t)
{
	__u32 rtt = t->srtt >> 3;

	if (t->retransmits)
		__sync_fetch_and_add(&val->retransmits, t->retransmits);
	if (rtt) {
		__sync_fetch_and_add(&val->rtt_sum_us, rtt);
		__sync_fetch_and_add(&val->rtt_n, 1);
	}
	if ((t->why == ECONNRESET || t->why == EPIPE) &&
	    payload_sent(t) + payload_received(t) == 0)
		__sync_fetch_and_add(&val->resets, 1);
}

#endif
