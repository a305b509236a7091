/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/cur.h"
#include "sensor/mirror/sniff_parts.h"

enum {
	ANSWER = 0x8000,
	FAILED = 0x000f,
	TYPE_A = 1,
	TYPE_AAAA = 28,
	ANSWERS = 64,
	JUMPS = 16
};

/*
 * The name at *AT: its text into NAME (NULL: passed over), *AT behind it.  False where it is
 * none.  RFC 1035 section 4.1.4: every jump goes back, so that it ends.
 */
static bool read_name(const uint8_t *p, size_t n, size_t *at, char *name)
{
	uint8_t text[SNIFF_NAME];
	size_t i = *at, len = 0, lowest = n;
	bool jumped = false;

	for (int jumps = 0; jumps <= JUMPS;) {
		uint8_t label;

		if (i >= n)
			return false;
		label = p[i];
		if (label >= 0xc0) {
			if (i + 2 > n)
				return false;
			if (!jumped)
				*at = i + 2;
			jumped = true;
			jumps++;
			i = (size_t)(label & 0x3f) << 8 | p[i + 1];
			if (i >= lowest)
				return false;
			lowest = i;
			continue;
		}
		if (label > 63 || i + 1 + label > n)
			return false;
		if (!jumped)
			*at = i + 1 + label;
		if (!label)
			return !name || sniff_name(text, len, name);
		if (len + label + 1 > sizeof(text))
			return false;
		if (len)
			text[len++] = '.';
		memcpy(text + len, p + i + 1, label);
		len += label;
		i += 1u + label;
	}
	return false;
}

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* One resource record at *AT, behind its name: false where the message ends before. */
static bool read_record(const uint8_t *p, size_t n, size_t *at, const char *asked,
			sniff_dns_fn *fn, void *ctx)
{
	struct cur c = cur_of(p + *at, n - *at);
	uint16_t type = cur_u16(&c), class = cur_u16(&c);
	uint32_t ttl = cur_u32(&c);
	uint16_t len = cur_u16(&c);
	const uint8_t *data = cur_take(&c, len);
	struct addr a;

	if (c.bad || !data)
		return false;
	*at = (size_t)(c.p - p);
	if ((class & 0x7fff) != 1) /* mDNS has a bit of its own there */
		return true;
	if (type == TYPE_A && len == 4)
		a = addr_v4((uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 |
			    (uint32_t)data[2] << 8 | data[3]);
	else if (type == TYPE_AAAA && len == 16)
		memcpy(a.b, data, 16);
	else
		return true;
	fn(ctx, asked, &a, ttl);
	return true;
}

bool sniff_dns(const uint8_t *p, size_t n, sniff_dns_fn *fn, void *ctx)
{
	char asked[SNIFF_NAME + 1], own[SNIFF_NAME + 1];
	unsigned questions, answers;
	size_t at = 12;
	bool has_question;

	if (n < 12 || !(be16(p + 2) & ANSWER) || be16(p + 2) & FAILED)
		return false;
	questions = be16(p + 4);
	answers = be16(p + 6);
	if (questions > 1)
		return false;
	has_question = questions == 1;
	if (has_question) {
		if (!read_name(p, n, &at, asked) || at + 4 > n)
			return false;
		at += 4;
	}
	for (unsigned i = 0; i < answers && i < ANSWERS; i++) {
		bool named;
		size_t behind = at;

		/* mDNS answers without the question */
		named = read_name(p, n, &behind, has_question ? NULL : own);
		if (!named && (has_question || behind == at))
			return true;
		at = behind;
		if (at > n || !read_record(p, n, &at, has_question ? asked : own, fn, ctx))
			return true;
	}
	return true;
}
