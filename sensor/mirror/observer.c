/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/observer.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "sensor/mirror/hello.h"
#include "sensor/mirror/sniff.h"

enum { PORT_DNS = 53, PORT_MDNS = 5353, AHEAD = 4 };

/* A packet on its way: of what is borrowed of its frame so much is copied as a name may need.
 */
struct ahead {
	struct packet p;
	uint32_t *place;
	uint8_t payload[HELLO_BYTES];
};

/*
 * Most of the time would be spent waiting for memory, as every packet is of another
 * connection: so each is looked for in the table some packets before it is added.
 */
struct observer {
	struct ahead ahead[AHEAD];
	unsigned first, n; /* those on their way, the oldest first */
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

/*
 * What goes to the lower port is mostly for a server, and may go on with a ClientHello; of
 * what goes back one byte says that it is none, and to copy it all would cost more than the
 * rest.
 */
static bool may_have_name(const struct packet *p)
{
	uint8_t c = p->cap ? p->payload[0] : 0;

	return p->dst_port < p->src_port || c == 0x16 || (c >= 'A' && c <= 'Z');
}

static void send_on(struct observer *o, const struct packet *p)
{
	struct ahead *a = &o->ahead[(o->first + o->n) % AHEAD];
	uint32_t wanted = may_have_name(p) ? HELLO_BYTES : 1;

	a->p = *p;
	a->p.cap = p->cap < wanted ? p->cap : wanted;
	if (a->p.cap)
		memcpy(a->payload, p->payload, a->p.cap);
	a->p.payload = a->payload;
	a->place = flowtab_seek(o->flows, p);
	o->n++;
}

static void arrive(struct observer *o)
{
	struct ahead *a = &o->ahead[o->first];

	o->first = (o->first + 1) % AHEAD;
	o->n--;
	flowtab_add_at(o->flows, &a->p, a->place);
}

void observer_flush(struct observer *o)
{
	while (o->n)
		arrive(o);
}

static void take_tcp(struct observer *o, const struct packet *p)
{
	send_on(o, p);
	if (o->n > 2)
		flowtab_near(o->flows, o->ahead[(o->first + o->n - 3) % AHEAD].place);
	if (o->n == AHEAD)
		arrive(o);
}

void observer_frame(struct observer *o, const struct frame_in *frame)
{
	struct packet p;
	enum dissected kind = dissect(o->dissector, frame, &p);

	o->count.frames++;
	o->count.bytes += frame->len;
	o->count.kind[kind]++;
	if (kind == DISSECTED_TCP)
		take_tcp(o, &p);
	else if (kind == DISSECTED_UDP)
		hear_dns(o, &p);
}

void observer_finish(struct observer *o)
{
	observer_flush(o);
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
	flowtab_count(o->flows, &out->flows);
	out->names_lost = nametab_lost(o->names) + out->flows.names_lost;
}
