/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of a few ends, in any order and with any numbers, through tables that are too small:
 * what comes out was told, is within its limits, and never more than went in.
 *
 * A record is RECORD bytes: ends and ports (2), protocol and flags, event, began and way,
 * lane, sampling, NAT, times (4), amounts (4); see record_of.
 */
#include <stdlib.h>
#include <string.h>

#include "collector/flows/flowsum.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define NOW UINT64_C(1767268800000)
enum { RECORD = 16, CONNS = 8, EDGES = 16 };

struct told {
	uint64_t bytes, opens, flows;
};

static struct addr addr_of(unsigned n)
{
	struct addr a = addr_v4(0x0a000000 + (n & 3));

	if (n & 4)
		memset(a.b, 0x20, 12); /* IPv6 */
	return a;
}

static uint16_t port_of(unsigned n)
{
	static const uint16_t ports[] = { 80, 40000, 40001, 0 };

	return ports[n & 3];
}

static uint32_t u16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static struct foreign_flow record_of(const uint8_t *p)
{
	static const uint32_t rates[] = { 0, 1, 2, 1000 };
	uint64_t big = p[8] & 1 ? 1 : UINT64_C(1) << (p[8] >> 2);
	struct foreign_flow f = { .domain = p[6] & 1,
				  .in_if = p[6] >> 1 & 1,
				  .way = (p[6] >> 2 & 3) % 3,
				  .src = addr_of(p[0]),
				  .dst = addr_of(p[0] >> 3),
				  .sport = port_of(p[1]),
				  .dport = port_of(p[1] >> 2),
				  .proto = p[2] & 0x80 ? PROTO_UDP : PROTO_TCP,
				  .has_tcp_flags = !(p[2] & 0x40),
				  .tcp_flags = p[2] & 0x1f,
				  .event = (p[3] & 7) % 5,
				  .began = p[3] >> 3 & 3,
				  .goes_on = p[3] >> 5 & 1,
				  .payload = p[3] >> 6 & 1,
				  .has_reverse = p[3] >> 7,
				  .sampling = rates[p[4] & 3],
				  .has_skew = p[4] >> 2 & 1,
				  .skew_ms = (int8_t)p[5] * 60000,
				  .has_nat = p[4] >> 3 & 1 };

	f.nat_src = addr_of(p[7]);
	f.nat_dst = addr_of(p[7] >> 3);
	f.nat_sport = port_of(p[1] >> 4);
	f.nat_dport = port_of(p[1] >> 6);
	f.last_ms = p[9] & 1 ? NOW + u16(p + 10) * 100 : 0;
	f.first_ms = p[9] & 2 ? f.last_ms - (uint64_t)p[9] * p[9] * 50 : 0;
	f.packets = u16(p + 12) * big;
	f.bytes = u16(p + 14) * big;
	f.reverse_packets = p[13];
	f.reverse_bytes = u16(p + 13) * big;
	return f;
}

static void look(unsigned exporter, const struct flow *f, void *ctx)
{
	uint64_t most = UINT64_C(1) << 53;
	struct told *t = ctx;

	if (exporter > 3 || f->witness != WITNESS_NETFLOW || f->first_ms > f->last_ms ||
	    f->minute > f->last_ms / 60000 || addr_is_any(&f->client) ||
	    f->c.bytes_to_server > most || f->c.bytes_to_client > most || f->c.opens > most ||
	    counters_failed(&f->c) > f->c.opens || f->samples_n > FLOW_SAMPLES ||
	    f->sampling == 1)
		abort();
	t->bytes += f->c.bytes_to_server + f->c.bytes_to_client;
	t->opens += f->c.opens;
	t->flows++;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct flowsum *s = flowsum_new(CONNS, EDGES, 1);
	struct told told = { 0 };
	uint64_t bytes = 0, opens = 0, now = NOW;

	for (; n >= RECORD && n < 1 << 16; p += RECORD, n -= RECORD) {
		struct foreign_flow f = record_of(p);
		uint64_t rate = f.sampling > 1 ? f.sampling : 1;
		uint64_t most = UINT64_C(1) << 53;

		now += (uint64_t)(p[5] & 15) * 1000;
		bytes += f.bytes < most / rate ? f.bytes * rate : most;
		bytes += f.reverse_bytes < most / rate ? f.reverse_bytes * rate : most;
		opens += 2 * rate;
		flowsum_add(s, p[4] >> 4 & 3, &f, now);
		flowsum_settle(s, now);
		if (p[5] & 16)
			flowsum_take(s, look, &told);
		if (flowsum_stats(s).conns > CONNS)
			abort();
	}
	flowsum_settle(s, UINT64_MAX);
	flowsum_take(s, look, &told);
	if (told.bytes > bytes || told.opens > opens)
		abort();
	told.flows = 0;
	flowsum_settle(s, UINT64_MAX);
	flowsum_take(s, look, &told);
	if (told.flows)
		abort();
	flowsum_free(s);
	return 0;
}
