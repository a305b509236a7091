/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/origin.h"

#include <errno.h>
#include <string.h>

#include "common/cur.h"

static const uint8_t signature[12] = { '\r', '\n', '\r', '\n', 0,   '\r',
				       '\n', 'Q',  'U',	 'I',  'T', '\n' };

enum { V2_LOCAL = 0x20, V2_PROXY = 0x21, TCP4 = 0x11, TCP6 = 0x21 };
enum { LENGTH4 = 4 + 4 + 2 + 2, LENGTH6 = 16 + 16 + 2 + 2 };

int origin_length(const uint8_t p[ORIGIN_HEAD])
{
	size_t n = (size_t)p[14] << 8 | p[15];

	if (memcmp(p, signature, sizeof(signature)) != 0 ||
	    (p[12] != V2_LOCAL && p[12] != V2_PROXY) || ORIGIN_HEAD + n > ORIGIN_MAX)
		return -EPROTO;
	return (int)(ORIGIN_HEAD + n);
}

static void take_addr(struct cur *c, size_t n, struct addr *out)
{
	const uint8_t *p = cur_take(c, n);

	*out = addr_v4(0);
	if (p)
		memcpy(out->b + 16 - n, p, n);
}

int origin_get(const uint8_t *p, size_t n, struct origin *out)
{
	struct cur c = cur_of(p + ORIGIN_HEAD, n - ORIGIN_HEAD);
	size_t each = p[13] == TCP4 ? 4 : 16;
	struct addr to;

	*out = (struct origin){ 0 };
	if (p[12] == V2_LOCAL || (p[13] != TCP4 && p[13] != TCP6))
		return 0; /* of a kind that says nothing here, as the protocol has it */
	take_addr(&c, each, &out->addr);
	take_addr(&c, each, &to);
	out->port = cur_u16(&c);
	cur_u16(&c);
	out->known = !c.bad;
	return cur_verdict(&c);
}

void origin_put(struct buf *b, const struct addr *from, uint16_t from_port,
		const struct addr *to, uint16_t to_port)
{
	bool v4 = addr_is_v4(from) && addr_is_v4(to);
	size_t each = v4 ? 4 : 16;

	buf_put(b, signature, sizeof(signature));
	buf_u8(b, V2_PROXY);
	buf_u8(b, v4 ? TCP4 : TCP6);
	buf_u16(b, v4 ? LENGTH4 : LENGTH6);
	buf_put(b, from->b + 16 - each, each);
	buf_put(b, to->b + 16 - each, each);
	buf_u16(b, from_port);
	buf_u16(b, to_port);
}
