/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/observer.h"

#include <stdlib.h>

#include "common/mem.h"
#include "sensor/mirror/sniff.h"

enum { PORT_DNS = 53, PORT_MDNS = 5353 };

struct observer {
	struct dissector *dissector;
	struct flowtab *flows;
	struct nametab *names;
	struct observer_counts count;
};

struct observer *observer_new(uint32_t max, uint64_t seed, const struct flowtab_sink *sink)
{
	struct observer *o = xcalloc(1, sizeof(*o));

	o->names = nametab_new();
	o->dissector = dissector_new(OBSERVER_FRAGMENTS);
	o->flows = flowtab_new(max, seed, o->names, sink);
	return o;
}

void observer_free(struct observer *o)
{
	if (!o)
		return;
	flowtab_free(o->flows);
	dissector_free(o->dissector);
	nametab_free(o->names);
	free(o);
}

struct answer_at {
	struct nametab *names;
	uint64_t time_ns;
};

static void on_answer(void *ctx, const char *name, const struct addr *answer, uint32_t ttl_s)
{
	const struct answer_at *a = ctx;

	(void)ttl_s;
	nametab_learn(a->names, answer, name, NAME_DNS, a->time_ns);
}

static void hear_dns(struct observer *o, const struct packet *p)
{
	struct answer_at at = { o->names, p->time_ns };

	if (p->src_port == PORT_DNS || p->src_port == PORT_MDNS)
		sniff_dns(p->payload, p->cap, on_answer, &at);
}

void observer_frame(struct observer *o, const struct frame_in *frame)
{
	struct packet p;
	enum dissected kind = dissect(o->dissector, frame, &p);

	o->count.frames++;
	o->count.bytes += frame->len;
	o->count.kind[kind]++;
	if (kind == DISSECTED_TCP)
		flowtab_add(o->flows, &p);
	else if (kind == DISSECTED_UDP)
		hear_dns(o, &p);
}

void observer_finish(struct observer *o)
{
	flowtab_finish(o->flows);
}

struct flowtab *observer_flows(struct observer *o)
{
	return o->flows;
}

const struct nametab *observer_names(const struct observer *o)
{
	return o->names;
}

void observer_count(const struct observer *o, struct observer_counts *out)
{
	*out = o->count;
	out->fragments_lost = dissector_fragments_lost(o->dissector);
	out->names_lost = nametab_lost(o->names);
	flowtab_count(o->flows, &out->flows);
}
