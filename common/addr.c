/* SPDX-License-Identifier: Apache-2.0 */
#include "common/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/number.h"

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static struct addr from_v4(const void *four)
{
	struct addr a;

	memcpy(a.b, mapped, 12);
	memcpy(a.b + 12, four, 4);
	return a;
}

struct addr addr_v4(uint32_t host_order)
{
	uint32_t net = htonl(host_order);

	return from_v4(&net);
}

int addr_parse(const char *s, struct addr *out)
{
	uint8_t four[4];

	if (inet_pton(AF_INET, s, four) == 1) {
		*out = from_v4(four);
		return 0;
	}
	return inet_pton(AF_INET6, s, out->b) == 1 ? 0 : -EINVAL;
}

const char *addr_text(const struct addr *a, char *out)
{
	if (addr_is_v4(a))
		inet_ntop(AF_INET, a->b + 12, out, ADDR_TEXT);
	else
		inet_ntop(AF_INET6, a->b, out, ADDR_TEXT);
	return out;
}

bool addr_of_sockaddr(const struct sockaddr *sa, struct addr *out)
{
	if (sa->sa_family == AF_INET)
		*out = from_v4(&((const struct sockaddr_in *)(const void *)sa)->sin_addr);
	else if (sa->sa_family == AF_INET6)
		memcpy(out->b, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr,
		       16);
	else
		return false;
	return true;
}

int addr_cmp(const struct addr *a, const struct addr *b)
{
	return memcmp(a->b, b->b, 16);
}

bool addr_is_v4(const struct addr *a)
{
	return memcmp(a->b, mapped, 12) == 0;
}

bool addr_is_any(const struct addr *a)
{
	static const uint8_t zero[16];

	return memcmp(addr_is_v4(a) ? a->b + 12 : a->b, zero, addr_is_v4(a) ? 4 : 16) == 0;
}

bool addr_is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	if (addr_is_v4(a))
		return a->b[12] == 127;
	return memcmp(a->b, one, 16) == 0;
}

bool addr_names_loopback(const char *s)
{
	struct addr a;

	return strcasecmp(s, "localhost") == 0 ||
	       (addr_parse(s, &a) == 0 && addr_is_loopback(&a));
}

bool addr_is_unicast(const struct addr *a)
{
	static const uint8_t all[4] = { 255, 255, 255, 255 };

	if (addr_is_any(a))
		return false;
	if (addr_is_v4(a))
		return (a->b[12] & 0xf0) != 224 && memcmp(a->b + 12, all, 4) != 0;
	return a->b[0] != 0xff;
}

bool addr_is_scoped(const struct addr *a)
{
	if (addr_is_loopback(a))
		return true;
	if (addr_is_v4(a))
		return a->b[12] == 169 && a->b[13] == 254;
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

bool addr_net_holds(const struct addr_net *n, const struct addr *a)
{
	unsigned whole = n->bits / 8, rest = n->bits % 8;

	if (memcmp(n->base.b, a->b, whole) != 0)
		return false;
	return !rest || ((n->base.b[whole] ^ a->b[whole]) >> (8 - rest)) == 0;
}

bool addr_nets_hold(const struct addr_net *nets, unsigned count, const struct addr *a)
{
	for (unsigned i = 0; i < count; i++)
		if (addr_net_holds(&nets[i], a))
			return true;
	return false;
}

/* Nothing but zeroes behind the prefix: what was meant is not guessed. */
static bool net_clean(const struct addr_net *n)
{
	for (unsigned i = n->bits; i < 128; i++)
		if (n->base.b[i / 8] >> (7 - i % 8) & 1)
			return false;
	return true;
}

int addr_net_parse(const char *s, struct addr_net *out)
{
	const char *slash = strchr(s, '/');
	size_t n = slash ? (size_t)(slash - s) : strlen(s);
	char text[ADDR_TEXT];
	unsigned most, bits = 0;

	if (n >= sizeof(text))
		return -EINVAL;
	memcpy(text, s, n);
	text[n] = 0;
	if (addr_parse(text, &out->base) < 0)
		return -EINVAL;
	most = strchr(text, ':') ? 128 : 32;
	if (slash) {
		size_t digits = strspn(slash + 1, "0123456789");

		if (!digits || digits > 3 || slash[1 + digits])
			return -EINVAL;
		bits = (unsigned)atoi(slash + 1);
	}
	if (bits > most)
		return -EINVAL;
	out->bits = (uint8_t)((slash ? bits : most) + 128 - most);
	return net_clean(out) ? 0 : -EINVAL;
}

const char *addr_net_text(const struct addr_net *n, char *out)
{
	bool v4 = addr_is_v4(&n->base) && n->bits >= 96;

	addr_text(&n->base, out);
	snprintf(out + strlen(out), 5, "/%u", v4 ? n->bits - 96U : n->bits);
	return out;
}

int addr_split_hostport(const char *s, char *host, size_t cap, uint16_t *port)
{
	const char *colon = strrchr(s, ':');
	unsigned long v;
	size_t n;

	if (!colon || !number_parse(colon + 1, 0, 65535, &v))
		return -EINVAL;
	n = (size_t)(colon - s);
	if (n >= 2 && s[0] == '[' && s[n - 1] == ']') {
		s++;
		n -= 2;
	} else if (memchr(s, ':', n)) {
		return -EINVAL; /* an IPv6 address needs its brackets */
	}
	if (n >= cap)
		return -EINVAL;
	memcpy(host, s, n);
	host[n] = 0;
	*port = (uint16_t)v;
	return 0;
}
