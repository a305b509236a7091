/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/cur.h"
#include "sensor/mirror/sniff.h"
#include "sensor/mirror/sniff_parts.h"

/* RFC 1035 section 4.1; RFC 3596 for AAAA; RFC 6762 section 10.2 for the bit in the class. */
enum {
	FLAG_ANSWER = 0x8000,
	FLAG_OPCODE = 0x7800,
	TYPE_A = 1,
	TYPE_AAAA = 28,
	CLASS_IN = 1,
	CLASS_MASK = 0x7fff,
	POINTER = 0xc0,
	ANSWERS_MAX = 64,
};

struct message {
	const uint8_t *p;
	size_t n;
};

struct record {
	size_t owner; /* where its name is */
	uint16_t type, class, len;
	uint32_t ttl;
	const uint8_t *data;
};

static void skip_name(struct cur *c)
{
	while (!c->bad) {
		uint8_t len = cur_u8(c);

		if ((len & POINTER) == POINTER)
			cur_u8(c);
		else if (len & POINTER)
			c->bad = true;
		else
			cur_take(c, len);
		if (!len || len & POINTER)
			return;
	}
}

/* A dot within a label is not the one between labels. */
static bool add_label(const uint8_t *p, size_t len, uint8_t *text, size_t *n)
{
	if (!p || memchr(p, '.', len) || *n + len + 1 > SNIFF_NAME + 1)
		return false;
	memcpy(text + *n, p, len);
	text[*n + len] = '.';
	*n += len + 1;
	return true;
}

/* Each pointer leads to before the one that led there: no loop, and no end beyond that. */
static bool read_name(const struct message *m, size_t at, char *name)
{
	struct cur c = cur_of(m->p + at, m->n - at);
	uint8_t text[SNIFF_NAME + 1];
	size_t n = 0, to;

	for (;;) {
		uint8_t len = cur_u8(&c);

		if (c.bad)
			return false;
		if (!len)
			return sniff_name(text, n, name);
		if ((len & POINTER) == POINTER) {
			to = (size_t)(len & ~POINTER) << 8 | cur_u8(&c);
			if (c.bad || to >= at)
				return false;
			at = to;
			c = cur_of(m->p + at, m->n - at);
		} else if (len & POINTER || !add_label(cur_take(&c, len), len, text, &n)) {
			return false;
		}
	}
}

static bool next_record(const struct message *m, struct cur *c, struct record *r)
{
	r->owner = (size_t)(c->p - m->p);
	skip_name(c);
	r->type = cur_u16(c);
	r->class = cur_u16(c);
	r->ttl = cur_u32(c);
	r->len = cur_u16(c);
	r->data = cur_take(c, r->len);
	return !c->bad;
}

static bool address_of(const struct record *r, struct addr *a)
{
	struct cur c = cur_of(r->data, r->len);

	if ((r->class & CLASS_MASK) != CLASS_IN)
		return false;
	if (r->type == TYPE_A && r->len == 4)
		*a = addr_v4(cur_u32(&c));
	else if (r->type == TYPE_AAAA && r->len == sizeof(a->b))
		memcpy(a->b, r->data, sizeof(a->b));
	else
		return false;
	return true;
}

static void skip_questions(struct cur *c, unsigned n)
{
	for (unsigned i = 0; i < n && !c->bad; i++) {
		skip_name(c);
		cur_u32(c); /* type and class */
	}
}

bool sniff_dns(const uint8_t *p, size_t n, sniff_dns_fn *fn, void *ctx)
{
	struct message m = { p, n };
	struct cur c = cur_of(p, n);
	char name[SNIFF_NAME + 1];
	uint32_t flags = cur_u32(&c) & 0xffff; /* and the id */
	unsigned questions = cur_u16(&c), answers = cur_u16(&c), told = 0;
	size_t question = 12;
	struct record r;
	struct addr a;

	cur_u32(&c); /* how many in the other sections */
	if (c.bad || !(flags & FLAG_ANSWER) || flags & FLAG_OPCODE)
		return false;
	skip_questions(&c, questions);
	for (unsigned i = 0; i < answers && told < ANSWERS_MAX; i++) {
		if (!next_record(&m, &c, &r))
			break;
		/* Multicast DNS does not repeat the question: the names are the owners'. */
		if (address_of(&r, &a) &&
		    read_name(&m, questions == 1 ? question : r.owner, name)) {
			fn(ctx, name, &a, r.ttl);
			told++;
		}
	}
	return true;
}
