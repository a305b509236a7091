/* SPDX-License-Identifier: Apache-2.0 */
/* A ClientHello as browsers send it today, byte by byte: GREASE, a post-quantum key share of
 * 1.2 KB, padding; cut into TLS records of any size. */
#ifndef TESTS_HELLOKIT_H
#define TESTS_HELLOKIT_H

#include <check.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	size_t n;
	uint8_t b[8192];
};

static inline void put(struct bytes *o, const void *p, size_t n)
{
	ck_assert_uint_le(n, sizeof(o->b) - o->n);
	if (n)
		memcpy(o->b + o->n, p, n);
	o->n += n;
}

static inline void put_u8(struct bytes *o, unsigned v)
{
	put(o, &(uint8_t){ (uint8_t)v }, 1);
}

static inline void put_u16(struct bytes *o, unsigned v)
{
	put_u8(o, v >> 8 & 0xff);
	put_u8(o, v & 0xff);
}

static inline void put_fill(struct bytes *o, uint8_t v, size_t n)
{
	while (n--)
		put_u8(o, v);
}

static inline void put_ext(struct bytes *o, unsigned type, size_t n)
{
	put_u16(o, type);
	put_u16(o, (unsigned)n);
	put_fill(o, (uint8_t)(type + 7), n);
}

static inline void put_server_name(struct bytes *o, const char *name)
{
	unsigned n = (unsigned)strlen(name);

	put_u16(o, 0);
	put_u16(o, n + 5);
	put_u16(o, n + 3);
	put_u8(o, 0);
	put_u16(o, n);
	put(o, name, n);
}

/* NAME NULL: without server name.  LATE: behind the key share. */
static inline struct bytes hello_message(const char *name, int late)
{
	struct bytes ext = { 0 }, body = { 0 }, all = { 0 };

	put_ext(&ext, 0x2a2a, 0); /* GREASE */
	put_ext(&ext, 23, 0);
	if (name && !late)
		put_server_name(&ext, name);
	put_ext(&ext, 10, 12);
	put_ext(&ext, 51, 1800);
	if (name && late)
		put_server_name(&ext, name);
	put_ext(&ext, 0xfe0d, 186);
	put_ext(&ext, 0x5a5a, 1);
	put_ext(&ext, 21, 100);

	put_u16(&body, 0x0303);
	put_fill(&body, 0xab, 32);
	put_u8(&body, 32);
	put_fill(&body, 0xcd, 32);
	put_u16(&body, 32);
	put_fill(&body, 0x13, 32);
	put_u16(&body, 0x0100); /* one compression: none */
	put_u16(&body, (unsigned)ext.n);
	put(&body, ext.b, ext.n);

	put_u8(&all, 1);
	put_u8(&all, 0);
	put_u16(&all, (unsigned)body.n);
	put(&all, body.b, body.n);
	return all;
}

/* In TLS records of at most EACH bytes. */
static inline struct bytes in_records(const struct bytes *m, size_t each)
{
	struct bytes o = { 0 };

	for (size_t at = 0; at < m->n; at += each) {
		size_t n = m->n - at < each ? m->n - at : each;

		put_u8(&o, 22);
		put_u16(&o, 0x0301);
		put_u16(&o, (unsigned)n);
		put(&o, m->b + at, n);
	}
	return o;
}

static inline struct bytes client_hello(const char *name, int late, size_t each)
{
	struct bytes m = hello_message(name, late);

	return in_records(&m, each);
}

#endif
