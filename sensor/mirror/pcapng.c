/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/pcapng.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "sensor/mirror/capfile.h"

enum {
	WINDOW = 512 << 10,
	/* A frame, what is around it, and options; the window never grows beyond it. */
	BLOCK_MAX = CAPFILE_FRAME_MAX + (256 << 10),
	AROUND = 12, /* type, length; the length again at the end */
};

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_OLD_PACKET = 2,
	BLOCK_SIMPLE = 3,
	BLOCK_PACKET = 6,
};

enum { OPT_END = 0, OPT_TSRESOL = 9, OPT_TSOFFSET = 14 };

/* A time of N units is N * mul / div >> shift nanoseconds, and OFFSET seconds. */
struct interface {
	uint32_t link, snaplen;
	uint64_t mul, div;
	uint8_t shift;
	int64_t offset;
};

struct block {
	uint32_t type;
	uint32_t said;	/* its length as it stands there */
	uint32_t len;	/* padded: writers exist that leave the padding out of it */
	uint64_t start; /* where in the file */
};

struct pcapng {
	pcapng_fill *fill;
	void *ctx;
	uint8_t *window;
	size_t at, n, cap; /* window[at..n) is read and not used yet */
	uint64_t base;	   /* of window[0] in the file */
	uint64_t last_ns;
	bool swap, over, failed;
	unsigned if_n, if_cap;
	struct interface *ifs;
};

struct pcapng *pcapng_new(pcapng_fill *fill, void *ctx)
{
	struct pcapng *g = xcalloc(1, sizeof(*g));

	g->fill = fill;
	g->ctx = ctx;
	g->cap = WINDOW;
	g->window = xmalloc(g->cap);
	return g;
}

void pcapng_free(struct pcapng *g)
{
	if (!g)
		return;
	free(g->window);
	free(g->ifs);
	free(g);
}

static inline uint16_t get16(const struct pcapng *g, const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return g->swap ? __builtin_bswap16(v) : v;
}

static inline uint32_t get32(const struct pcapng *g, const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return g->swap ? __builtin_bswap32(v) : v;
}

static inline uint64_t get64(const struct pcapng *g, const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return g->swap ? __builtin_bswap64(v) : v;
}

/* More bytes into the window until K are there; at most BLOCK_MAX are asked for. */
static bool refill(struct pcapng *g, size_t k)
{
	memmove(g->window, g->window + g->at, g->n - g->at);
	g->base += g->at;
	g->n -= g->at;
	g->at = 0;
	if (k > g->cap) {
		g->cap = k;
		g->window = xrealloc(g->window, g->cap);
	}
	while (g->n < k) {
		ssize_t got = g->fill(g->ctx, g->window + g->n, g->cap - g->n);

		if (got <= 0) {
			g->failed = got < 0;
			return false;
		}
		g->n += (size_t)got;
	}
	return true;
}

static inline bool have(struct pcapng *g, size_t k)
{
	return g->n - g->at >= k || refill(g, k);
}

static bool skip(struct pcapng *g, size_t k)
{
	while (k > g->n - g->at) {
		k -= g->n - g->at;
		g->at = g->n;
		if (!refill(g, 1))
			return false;
	}
	g->at += k;
	return true;
}

/* Why there are not as many bytes as there should be. */
static int ends(const struct pcapng *g, struct err *e)
{
	if (g->failed)
		return err_set(e, -EIO, "cannot be read on");
	return err_set(e, -EBADMSG, "cut at byte %llu inside a record",
		       (unsigned long long)(g->base + g->n));
}

static int damaged(const struct block *b, struct err *e, const char *why)
{
	return err_set(e, -EBADMSG, "damaged at byte %llu: %s", (unsigned long long)b->start,
		       why);
}

/* The byte order of the section whose header begins at the window's start. */
static int read_order(struct pcapng *g, const struct block *b, struct err *e)
{
	static const uint32_t order = 0x1a2b3c4d;
	uint32_t v;

	if (!have(g, 12))
		return ends(g, e);
	memcpy(&v, g->window + g->at + 8, sizeof(v));
	if (v != order && v != __builtin_bswap32(order))
		return damaged(b, e, "a section header without a byte order");
	g->swap = v != order;
	return 0;
}

/* Type and length of what comes next, left in the window: 1, 0 at the end, or an error. */
static int read_head(struct pcapng *g, struct block *b, struct err *e)
{
	const uint8_t *p;

	b->start = g->base + g->at;
	if (!have(g, 8))
		return g->n == 0 && !g->failed ? 0 : ends(g, e);
	b->type = get32(g, g->window + g->at);
	if (b->type == BLOCK_SECTION) {
		int rc = read_order(g, b, e);

		if (rc < 0)
			return rc;
	}
	p = g->window + g->at;
	b->said = get32(g, p + 4);
	if (b->said < AROUND || b->said > UINT32_MAX - 3)
		return damaged(b, e, "a block length that cannot be");
	b->len = (b->said + 3) & ~3u;
	return 1;
}

/* The whole of a block into the window, its end checked. */
static int read_whole(struct pcapng *g, const struct block *b, uint32_t least, struct err *e)
{
	if (b->len < least)
		return damaged(b, e, "a block that is shorter than its kind");
	if (b->len > BLOCK_MAX)
		return damaged(b, e, "a block that is larger than any frame");
	if (!have(g, b->len))
		return ends(g, e);
	if (get32(g, g->window + g->at + b->len - 4) != b->said)
		return damaged(b, e, "a block whose two lengths differ");
	return 0;
}

static int read_section(struct pcapng *g, const struct block *b, struct err *e)
{
	int rc = read_whole(g, b, 28, e);
	unsigned major, minor;

	if (rc < 0)
		return rc;
	major = get16(g, g->window + g->at + 12);
	minor = get16(g, g->window + g->at + 14);
	if (major != 1 || (minor != 0 && minor != 2))
		return err_set(e, -EBADMSG, "pcapng version %u.%u at byte %llu is not known",
			       major, minor, (unsigned long long)b->start);
	g->if_n = 0;
	return 0;
}

static uint64_t power_of_ten(unsigned n)
{
	uint64_t v = 1;

	while (n--)
		v *= 10;
	return v;
}

/* if_tsresol: a negative power of two (top bit set) or of ten, any from 0 to 127. */
static void set_resolution(struct interface *i, uint8_t v)
{
	i->mul = 1000000000;
	i->div = 1;
	i->shift = 0;
	if (v & 0x80)
		i->shift = v & 0x7f;
	else if (v <= 9)
		i->mul = power_of_ten(9 - v);
	else if (v <= 28) {
		i->mul = 1;
		i->div = power_of_ten(v - 9);
	} else {
		i->mul = 0; /* 2^64 of these units are less than a nanosecond */
	}
}

static int read_options(const struct pcapng *g, const struct block *b, struct interface *i,
			struct err *e)
{
	const uint8_t *p = g->window + g->at + 16, *end = g->window + g->at + b->len - 4;

	while (end - p >= 4) {
		unsigned code = get16(g, p), n = get16(g, p + 2);

		p += 4;
		if (code == OPT_END)
			break;
		if (n > (size_t)(end - p))
			return damaged(b, e, "an option that is longer than its block");
		if (code == OPT_TSRESOL && n == 1)
			set_resolution(i, *p);
		if (code == OPT_TSOFFSET && n == 8)
			i->offset = (int64_t)get64(g, p);
		n = (n + 3) & ~3u;
		p += n < (size_t)(end - p) ? n : (size_t)(end - p);
	}
	return 0;
}

static int read_interface(struct pcapng *g, const struct block *b, struct err *e)
{
	int rc = read_whole(g, b, 20, e);
	const uint8_t *p = g->window + g->at;
	struct interface i = { 0 };

	if (rc < 0)
		return rc;
	if (g->if_n == CAPFILE_INTERFACES)
		return damaged(b, e, "more interfaces than this program reads");
	set_resolution(&i, 6);
	i.link = pcapng_link(get16(g, p + 8));
	i.snaplen = get32(g, p + 12);
	rc = read_options(g, b, &i, e);
	if (rc < 0)
		return rc;
	MEM_GROW(g->ifs, g->if_n, g->if_cap);
	g->ifs[g->if_n++] = i;
	return 0;
}

static int read_other(struct pcapng *g, const struct block *b, struct err *e)
{
	if (!skip(g, b->len - 4) || !have(g, 4))
		return ends(g, e);
	if (get32(g, g->window + g->at) != b->said)
		return damaged(b, e, "a block whose two lengths differ");
	g->at += 4;
	return 0;
}

/* Times before 1970 and after 2554 are those. */
static inline uint64_t to_ns(const struct interface *i, uint64_t units)
{
	unsigned __int128 t = (unsigned __int128)units * i->mul >> i->shift;
	__int128 ns;

	if (i->div > 1)
		t /= i->div;
	ns = (__int128)t + (__int128)i->offset * 1000000000;
	if (ns < 0)
		return 0;
	return ns > (__int128)UINT64_MAX ? UINT64_MAX : (uint64_t)ns;
}

/* An enhanced or an old packet block: they differ in the interface's width only. */
static int read_packet(struct pcapng *g, const struct block *b, struct frame_in *f,
		       struct err *e)
{
	int rc = read_whole(g, b, 32, e);
	const uint8_t *p = g->window + g->at;
	const struct interface *i;
	uint32_t index;

	if (rc < 0)
		return rc;
	index = b->type == BLOCK_PACKET ? get32(g, p + 8) : get16(g, p + 8);
	if (index >= g->if_n)
		return damaged(b, e, "a packet of an interface that was not described");
	f->cap = get32(g, p + 20);
	f->len = get32(g, p + 24);
	if (f->cap > b->len - 32 || f->cap > CAPFILE_FRAME_MAX)
		return damaged(b, e, "a packet that is longer than its block");
	if (f->len < f->cap)
		f->len = f->cap;
	i = &g->ifs[index];
	f->link = i->link;
	f->time_ns = to_ns(i, (uint64_t)get32(g, p + 12) << 32 | get32(g, p + 16));
	f->p = p + 28;
	g->last_ns = f->time_ns;
	g->at += b->len;
	return 1;
}

/* A simple packet block says only how long the frame was; the first interface what was kept.
 */
static int read_simple(struct pcapng *g, const struct block *b, struct frame_in *f,
		       struct err *e)
{
	int rc = read_whole(g, b, 16, e);
	const uint8_t *p = g->window + g->at;

	if (rc < 0)
		return rc;
	if (g->if_n == 0)
		return damaged(b, e, "a packet of an interface that was not described");
	f->len = get32(g, p + 8);
	f->cap = f->len < b->len - 16 ? f->len : b->len - 16;
	if (g->ifs[0].snaplen && f->cap > g->ifs[0].snaplen)
		f->cap = g->ifs[0].snaplen;
	if (f->cap > CAPFILE_FRAME_MAX)
		return damaged(b, e, "a packet that is larger than any frame");
	f->link = g->ifs[0].link;
	f->time_ns = g->last_ns;
	f->p = p + 12;
	g->at += b->len;
	return 1;
}

/* 1: FRAME is set; 0: it was another block; negative: damage. */
static int read_block(struct pcapng *g, const struct block *b, struct frame_in *frame,
		      struct err *e)
{
	int rc;

	switch (b->type) {
	case BLOCK_PACKET:
	case BLOCK_OLD_PACKET:
		return read_packet(g, b, frame, e);
	case BLOCK_SIMPLE:
		return read_simple(g, b, frame, e);
	case BLOCK_SECTION:
		rc = read_section(g, b, e);
		break;
	case BLOCK_INTERFACE:
		rc = read_interface(g, b, e);
		break;
	default:
		return read_other(g, b, e);
	}
	if (rc == 0)
		g->at += b->len;
	return rc;
}

int pcapng_begin(struct pcapng *g, struct err *e)
{
	struct block b;
	int rc = read_head(g, &b, e);

	if (rc == 1)
		rc = b.type == BLOCK_SECTION
			     ? read_section(g, &b, e)
			     : damaged(&b, e, "no section header where the file begins");
	else if (rc == 0)
		rc = err_set(e, -EBADMSG, "empty");
	if (rc == 0)
		g->at += b.len;
	else
		g->over = true;
	return rc;
}

int pcapng_next(struct pcapng *g, struct frame_in *frame, struct err *e)
{
	struct block b;
	int rc = 0;

	if (g->over)
		return 0;
	while (rc == 0) {
		rc = read_head(g, &b, e);
		if (rc <= 0)
			break;
		rc = read_block(g, &b, frame, e);
	}
	g->over = rc <= 0;
	return rc;
}
