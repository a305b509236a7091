/* SPDX-License-Identifier: Apache-2.0 */
#include "common/prefix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ALL = 128, V4_FROM = 96 };

static int parse_bits(const char *s, unsigned most, unsigned *out)
{
	char *end;
	unsigned long v = strtoul(s, &end, 10);

	if (*s < '0' || *s > '9' || *end || v > most)
		return -EINVAL;
	*out = (unsigned)v;
	return 0;
}

static bool is_clean(const struct prefix *p)
{
	for (unsigned i = p->bits; i < ALL; i++)
		if (p->addr.b[i / 8] & 0x80 >> i % 8)
			return false;
	return true;
}

int prefix_parse(const char *text, struct prefix *out)
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	char host[ADDR_TEXT];
	unsigned first;

	if (n >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, n);
	host[n] = 0;
	if (addr_parse(host, &out->addr) < 0)
		return -EINVAL;
	first = addr_is_v4(&out->addr) && !strchr(host, ':') ? V4_FROM : 0;
	out->bits = ALL - first;
	if (slash && parse_bits(slash + 1, ALL - first, &out->bits) < 0)
		return -EINVAL;
	out->bits += first;
	return is_clean(out) ? 0 : -EINVAL;
}

bool prefix_has(const struct prefix *p, const struct addr *a)
{
	unsigned whole = p->bits / 8, rest = p->bits % 8;

	if (memcmp(p->addr.b, a->b, whole) != 0)
		return false;
	return !rest || !((p->addr.b[whole] ^ a->b[whole]) & (0xff00 >> rest & 0xff));
}
