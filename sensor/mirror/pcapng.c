/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/pcapng.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "sensor/mirror/capfile.h"

enum {
	BLOCK_SECTION = PCAPNG_MAGIC,
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET_OLD = 2,
	BLOCK_PACKET_SIMPLE = 3,
	BLOCK_PACKET = 6,
	ORDER = 0x1a2b3c4d,
	OPTION_RESOLUTION = 9,
	OPTION_OFFSET = 14,
	BLOCK_MAX = CAPFILE_FRAME_MAX + 65536, /* a frame and its options */
	WINDOW = 1 << 18,
};

struct interface {
	uint16_t link;
	uint32_t snap;	   /* 0: none */
	uint64_t per_unit; /* ns of a unit of time, where that is a whole number; else 0 */
	uint64_t units;	   /* units of a second, at least 1 */
	int64_t offset_s;
};

struct pcapng {
	pcapng_fill *fill;
	void *ctx;
	const char *name;
	uint8_t *window; /* what was read and is not used */
	size_t cap, at, end;
	uint64_t base; /* place of window[0] in the file */
	bool swapped, section, ended;
	struct interface *interface;
	size_t interfaces, interfaces_cap;
};

struct pcapng *pcapng_new(pcapng_fill *fill, void *ctx, const char *name)
{
	struct pcapng *g = xcalloc(1, sizeof(*g));

	g->fill = fill;
	g->ctx = ctx;
	g->name = name;
	g->cap = WINDOW;
	g->window = xcalloc(1, g->cap);
	return g;
}

void pcapng_free(struct pcapng *g)
{
	if (!g)
		return;
	free(g->window);
	free(g->interface);
	free(g);
}

static int damage(const struct pcapng *g, const char *what, struct err *e)
{
	return err_set(e, -EBADMSG,
		       "%s: %s at byte %" PRIu64 "; what stands before it was read", g->name,
		       what, g->base + g->at);
}

static uint16_t u16(const struct pcapng *g, const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return g->swapped ? __builtin_bswap16(v) : v;
}

static uint32_t u32(const struct pcapng *g, const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return g->swapped ? __builtin_bswap32(v) : v;
}

/* N bytes from the place on, together in the window: 1, 0 where the file ends before, errno.
 */
static int need(struct pcapng *g, size_t n)
{
	if (g->end - g->at >= n)
		return 1;
	memmove(g->window, g->window + g->at, g->end - g->at);
	g->base += g->at;
	g->end -= g->at;
	g->at = 0;
	if (g->cap < n) {
		g->cap = n;
		g->window = xreallocarray(g->window, g->cap, 1);
	}
	while (g->end < n) {
		long got = g->fill(g->ctx, g->window + g->end, g->cap - g->end);

		if (got < 0)
			return (int)got;
		if (got == 0)
			return 0;
		g->end += (size_t)got;
	}
	return 1;
}

/* One block's body. */
struct block {
	uint32_t type;
	const uint8_t *p;
	uint32_t n;
};

/* The byte order is told by the section header itself, behind its length. */
static bool take_order(struct pcapng *g)
{
	uint32_t magic;

	memcpy(&magic, g->window + g->at + 8, 4);
	g->swapped = magic == __builtin_bswap32(ORDER);
	return g->swapped || magic == ORDER;
}

static int next_block(struct pcapng *g, struct block *b, struct err *e)
{
	uint32_t len;
	int rc = need(g, 12);

	if (rc < 0)
		return err_sys(e, rc, "%s", g->name);
	if (!rc)
		return g->end == g->at ? 0 : damage(g, "cut inside a block that begins", e);
	b->type = u32(g, g->window + g->at);
	if (b->type == BLOCK_SECTION) { /* the same in either order */
		if (!take_order(g))
			return damage(g, "a section header of neither byte order", e);
	} else if (!g->section) {
		return damage(g, "a block outside of any section", e);
	}
	len = u32(g, g->window + g->at + 4);
	if (len < 12 || len % 4 || len > BLOCK_MAX)
		return damage(g, "a block with a length that cannot be", e);
	rc = need(g, len);
	if (rc < 0)
		return err_sys(e, rc, "%s", g->name);
	if (!rc)
		return damage(g, "cut inside a block that begins", e);
	if (u32(g, g->window + g->at + len - 4) != len)
		return damage(g, "a block whose two lengths differ", e);
	b->p = g->window + g->at + 8;
	b->n = len - 12;
	return 1;
}

/* Past the block that next_block gave. */
static void pass(struct pcapng *g, const struct block *b)
{
	g->at += b->n + 12;
}

/* Interfaces */

static void set_resolution(struct interface *o, uint8_t v)
{
	unsigned power = v & 0x7f;

	o->units = 1;
	if (v & 0x80)
		o->units = power < 63 ? 1ull << power : 1ull << 63;
	else
		for (unsigned i = 0; i < power && i < 18; i++)
			o->units *= 10;
	o->per_unit = 1000000000 % o->units == 0 ? 1000000000 / o->units : 0;
}

static void take_options(struct pcapng *g, struct interface *o, const uint8_t *p, uint32_t n)
{
	while (n >= 4) {
		uint16_t code = u16(g, p), len = u16(g, p + 2);
		uint32_t whole = 4 + ((len + 3u) & ~3u);

		if (!code || whole > n)
			return;
		if (code == OPTION_RESOLUTION && len >= 1) {
			set_resolution(o, p[4]);
		} else if (code == OPTION_OFFSET && len >= 8) {
			uint64_t lo = u32(g, p + 4), hi = u32(g, p + 8);

			o->offset_s = (int64_t)(g->swapped ? lo << 32 | hi : hi << 32 | lo);
		}
		p += whole;
		n -= whole;
	}
}

static int add_interface(struct pcapng *g, const struct block *b, struct err *e)
{
	struct interface o = { .per_unit = 1000, .units = 1000000 };

	if (b->n < 8)
		return damage(g, "a short description of an interface", e);
	if (g->interfaces >= CAPFILE_INTERFACES)
		return damage(g, "more interfaces than 4096", e);
	o.link = u16(g, b->p);
	o.snap = u32(g, b->p + 4);
	take_options(g, &o, b->p + 8, b->n - 8);
	MEM_GROW(g->interface, g->interfaces, g->interfaces_cap);
	g->interface[g->interfaces++] = o;
	return 0;
}

static uint64_t time_of(const struct interface *o, uint64_t units)
{
	uint64_t s, part;

	if (o->per_unit && !o->offset_s)
		return units * o->per_unit;
	s = units / o->units + (uint64_t)o->offset_s;
	part = (uint64_t)((unsigned __int128)(units % o->units) * 1000000000 / o->units);
	return s * 1000000000 + part;
}

/* Packets */

static int set_frame(struct pcapng *g, const struct block *b, uint32_t interface,
		     uint64_t units, uint32_t at, uint32_t cap, uint32_t len,
		     struct frame_in *frame, struct err *e)
{
	const struct interface *o;

	if (interface >= g->interfaces)
		return damage(g, "a packet of an interface that was not described", e);
	if (b->n < at || cap > b->n - at || cap > CAPFILE_FRAME_MAX)
		return damage(g, "a packet that is longer than its block", e);
	o = &g->interface[interface];
	*frame = (struct frame_in){ .time_ns = time_of(o, units),
				    .link = o->link,
				    .cap = cap,
				    .len = len > cap ? len : cap,
				    .p = b->p + at };
	return 1;
}

static int take_packet(struct pcapng *g, const struct block *b, struct frame_in *frame,
		       struct err *e)
{
	bool old = b->type == BLOCK_PACKET_OLD;

	if (b->n < 20)
		return damage(g, "a short block of a packet", e);
	return set_frame(g, b, old ? u16(g, b->p) : u32(g, b->p),
			 (uint64_t)u32(g, b->p + 4) << 32 | u32(g, b->p + 8), 20,
			 u32(g, b->p + 12), u32(g, b->p + 16), frame, e);
}

/* It has neither time nor interface: the first one's, and that its frames are cut to. */
static int take_simple(struct pcapng *g, const struct block *b, struct frame_in *frame,
		       struct err *e)
{
	uint32_t len, cap;

	if (b->n < 4)
		return damage(g, "a short block of a packet", e);
	len = u32(g, b->p);
	cap = b->n - 4;
	if (cap > len)
		cap = len;
	if (g->interfaces && g->interface[0].snap && cap > g->interface[0].snap)
		cap = g->interface[0].snap;
	return set_frame(g, b, 0, 0, 4, cap, len, frame, e);
}

/* 1: a frame; 0: a block of something else. */
static int take_block(struct pcapng *g, const struct block *b, struct frame_in *frame,
		      struct err *e)
{
	switch (b->type) {
	case BLOCK_SECTION:
		if (b->n < 16)
			return damage(g, "a short section header", e);
		if (u16(g, b->p + 4) != 1)
			return damage(g, "a section of another version than 1", e);
		g->section = true;
		g->interfaces = 0;
		return 0;
	case BLOCK_INTERFACE:
		return add_interface(g, b, e);
	case BLOCK_PACKET:
	case BLOCK_PACKET_OLD:
		return take_packet(g, b, frame, e);
	case BLOCK_PACKET_SIMPLE:
		return take_simple(g, b, frame, e);
	}
	return 0;
}

int pcapng_next(struct pcapng *g, struct frame_in *frame, struct err *e)
{
	struct block b;
	int rc = 0;

	while (!g->ended && rc == 0) {
		rc = next_block(g, &b, e);
		if (rc <= 0) {
			g->ended = true;
			return rc;
		}
		rc = take_block(g, &b, frame, e);
		if (rc >= 0)
			pass(g, &b);
	}
	if (rc < 0)
		g->ended = true;
	return rc;
}
