/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One kind of address: sixteen bytes, IPv4 as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2), so
 * that a mapped peer on an IPv6 socket and the same peer on an IPv4 one are equal.
 */
#ifndef COMMON_ADDR_H
#define COMMON_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDR_TEXT 46 /* longest text of an address with its NUL */

struct addr {
	uint8_t b[16];
};

struct addr addr_v4(uint32_t host_order);
/* Text of either family, without port or brackets; 0 or -EINVAL. */
int addr_parse(const char *s, struct addr *out);
/* OUT must hold ADDR_TEXT; returns OUT.  Mapped addresses print as IPv4. */
const char *addr_text(const struct addr *a, char *out);
/* False for a family that is neither IPv4 nor IPv6. */
bool addr_of_sockaddr(const struct sockaddr *sa, struct addr *out);

int addr_cmp(const struct addr *a, const struct addr *b);
static inline bool addr_eq(const struct addr *a, const struct addr *b)
{
	return addr_cmp(a, b) == 0;
}
bool addr_is_v4(const struct addr *a);
bool addr_is_any(const struct addr *a);
bool addr_is_loopback(const struct addr *a);
/* "localhost", or such an address. */
bool addr_names_loopback(const char *s);
/* A host's own can be one: neither any, nor a group's, nor everybody's (RFC 1112, 4291). */
bool addr_is_unicast(const struct addr *a);
/* Means something only on one machine or link: loopback, 169.254/16, fe80::/10. */
bool addr_is_scoped(const struct addr *a);

/* A network: the first BITS of an address, of 128 (those of IPv4 begin at 96). */
struct addr_net {
	struct addr base;
	uint8_t bits;
};
enum { ADDR_NET_TEXT = ADDR_TEXT + 4 };
/*
 * "10.1.0.0/16", "2001:db8::/32", or one address.  -EINVAL for anything else, and where bits
 * are set behind the prefix.
 */
int addr_net_parse(const char *s, struct addr_net *out);
bool addr_net_holds(const struct addr_net *n, const struct addr *a);
/* One of COUNT networks does. */
bool addr_nets_hold(const struct addr_net *nets, unsigned count, const struct addr *a);
/* As addr_net_parse reads it; OUT must hold ADDR_NET_TEXT, and is returned. */
const char *addr_net_text(const struct addr_net *n, char *out);

/*
 * "HOST:PORT", "[V6]:PORT" or ":PORT" taken apart; HOST gets "" for the last.  The host is not
 * looked up.  0, or -EINVAL (no port, port out of range, host longer than CAP - 1).
 */
int addr_split_hostport(const char *s, char *host, size_t cap, uint16_t *port);

#endif
