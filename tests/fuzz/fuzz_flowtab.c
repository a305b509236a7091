/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets of a few ends, twelve bytes each: whatever comes, no byte is counted twice, and
 * whatever began is told once.
 */
#include <stdlib.h>
#include <string.h>

#include "sensor/mirror/flowtab.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { RECORD = 12, MAX = 64 };

struct told {
	uint64_t connections, payload;
};

static void on_over(void *ctx, const struct flow_over *f)
{
	struct told *t = ctx;

	t->connections++;
	t->payload += f->c->side[0].bytes + f->c->side[1].bytes;
	if (f->client > 1 || f->state >= CONN_STATES || f->how >= HOW_KINDS)
		abort();
	if (f->c->last_ns < f->c->first_ns)
		abort();
}

static void on_live(void *ctx, const struct flow_over *f)
{
	(void)f;
	++*(uint64_t *)ctx;
}

/* Ends, flags, numbers in steps around a few places, length, and how much later. */
static struct packet packet_of(const uint8_t *r, uint64_t *now_ns)
{
	static const uint8_t text[64] = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
	struct packet o = { .proto = 6 };

	*now_ns += (uint64_t)r[0] * r[0] * r[0] * 100000;
	o.time_ns = *now_ns;
	o.src = addr_v4(0x0a000000u + (r[1] & 3));
	o.dst = addr_v4(0x0a000000u + (r[1] >> 2 & 3));
	o.src_port = (uint16_t)(r[1] & 16 ? 40000 : 80);
	o.dst_port = (uint16_t)(r[1] & 32 ? 40000 : 80);
	o.tag = r[1] >> 6;
	o.flags = r[2] & 0x1f;
	o.seq = (uint32_t)r[3] << 24 | (uint32_t)(r[4] & 15) << 12 | r[5];
	o.ack = (uint32_t)r[6] << 24 | (uint32_t)(r[7] & 15) << 12 | r[8];
	o.ip_id = r[9];
	o.len = (uint32_t)r[10] << (r[11] & 7);
	o.cap = o.len < sizeof(text) ? o.len : sizeof(text);
	o.payload = text;
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct told told = { 0 };
	struct flowtab_sink sink = { &told, on_over };
	struct nametab *names = nametab_new();
	struct flowtab *t = flowtab_new(MAX, 1, names, &sink);
	struct flowtab_counts count;
	uint64_t now_ns = 1000000000000, live = 0;

	if (n && p[0] & 1)
		flowtab_hasten(t, 10, 60);
	for (size_t at = 1; at + RECORD <= n; at += RECORD) {
		struct packet o = packet_of(p + at, &now_ns);

		flowtab_add(t, &o);
		if (at % 97 == 0)
			flowtab_each(t, on_live, &live);
	}
	flowtab_finish(t);
	flowtab_count(t, &count);
	if (told.connections != count.connections || told.payload != count.payload ||
	    count.now || count.peak > MAX)
		abort();
	flowtab_free(t);
	nametab_free(names);
	return 0;
}
