/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/utf8.h"
#include "graph/firewall.h"

enum { COMMENT_MAX = 120 }; /* bytes; the kernel takes 128 with what stands around it */

/* An element of a set: ranges of sources and of ports. */
struct element {
	struct addr source, source_to, destination;
	uint8_t proto;
	uint16_t port, port_to;
	unsigned client, server;
};

static int by_number(unsigned a, unsigned b)
{
	return (a > b) - (a < b);
}

static int by_groups(const struct element *a, const struct element *b)
{
	int d = by_number(a->client, b->client);

	return d ? d : by_number(a->server, b->server);
}

/* The same two machines beside each other, wide ranges of ports first. */
static int by_match(const void *pa, const void *pb)
{
	const struct element *a = pa, *b = pb;
	int d = addr_cmp(&a->source, &b->source);

	d = d ? d : addr_cmp(&a->destination, &b->destination);
	d = d ? d : by_number(a->proto, b->proto);
	d = d ? d
	      : by_number((unsigned)(b->port_to - b->port), (unsigned)(a->port_to - a->port));
	d = d ? d : by_number(a->port, b->port);
	return d ? d : by_groups(a, b);
}

/* What differs in the source alone beside each other. */
static int by_destination(const void *pa, const void *pb)
{
	const struct element *a = pa, *b = pb;
	int d = by_groups(a, b);

	d = d ? d : addr_cmp(&a->destination, &b->destination);
	d = d ? d : by_number(a->proto, b->proto);
	d = d ? d : by_number(a->port, b->port);
	d = d ? d : by_number(a->port_to, b->port_to);
	return d ? d : addr_cmp(&a->source, &b->source);
}

static int by_port(const void *pa, const void *pb)
{
	const struct element *a = pa, *b = pb;
	int d = by_groups(a, b);

	d = d ? d : addr_cmp(&a->source, &b->source);
	d = d ? d : addr_cmp(&a->source_to, &b->source_to);
	d = d ? d : addr_cmp(&a->destination, &b->destination);
	d = d ? d : by_number(a->proto, b->proto);
	return d ? d : by_number(a->port, b->port);
}

static bool same_place(const struct element *a, const struct element *b)
{
	return addr_eq(&a->source, &b->source) && addr_eq(&a->destination, &b->destination) &&
	       a->proto == b->proto;
}

static bool within(const struct element *a, const struct element *b)
{
	return b->port <= a->port && a->port_to <= b->port_to;
}

/*
 * Sets of ranges may not overlap: what is there already, whoever asked, and what lies within
 * a wider range of ports of the same two machines goes.
 */
static size_t drop_covered(struct element *x, size_t n)
{
	size_t out = 0, first = 0;

	for (size_t i = 0; i < n; i++) {
		if (!out || !same_place(&x[first], &x[i]))
			first = out;
		else if (within(&x[i], &x[first]) || within(&x[i], &x[out - 1]))
			continue;
		x[out++] = x[i];
	}
	return out;
}

static bool follows(const struct addr *a, const struct addr *b)
{
	struct addr next = *a;
	int i = sizeof(next.b) - 1;

	while (i >= 0 && ++next.b[i] == 0)
		i--;
	return i >= 0 && addr_eq(&next, b) && addr_is_v4(a) == addr_is_v4(b);
}

static size_t merge_sources(struct element *x, size_t n)
{
	size_t out = 0;

	for (size_t i = 0; i < n; i++) {
		struct element *last = out ? &x[out - 1] : NULL;

		if (last && by_groups(last, &x[i]) == 0 &&
		    addr_eq(&last->destination, &x[i].destination) &&
		    last->proto == x[i].proto && last->port == x[i].port &&
		    last->port_to == x[i].port_to && follows(&last->source_to, &x[i].source))
			last->source_to = x[i].source_to;
		else
			x[out++] = x[i];
	}
	return out;
}

static size_t merge_ports(struct element *x, size_t n)
{
	size_t out = 0;

	for (size_t i = 0; i < n; i++) {
		struct element *last = out ? &x[out - 1] : NULL;

		if (last && by_groups(last, &x[i]) == 0 &&
		    addr_eq(&last->source, &x[i].source) &&
		    addr_eq(&last->source_to, &x[i].source_to) &&
		    addr_eq(&last->destination, &x[i].destination) &&
		    last->proto == x[i].proto && last->port_to + 1 == x[i].port)
			last->port_to = x[i].port_to;
		else
			x[out++] = x[i];
	}
	return out;
}

static struct element *elements(const struct firewall *f, bool v4, size_t *n)
{
	struct element *x = xcalloc(f->rule_n + 1, sizeof(*x));

	*n = 0;
	for (size_t i = 0; i < f->rule_n; i++) {
		const struct firewall_rule *r = &f->rule[i];

		if (addr_is_v4(&r->source) == v4)
			x[(*n)++] = (struct element){
				r->source, r->source,  r->destination, r->proto,
				r->port,   r->port_to, r->client,      r->server,
			};
	}
	if (!*n)
		return x;
	qsort(x, *n, sizeof(*x), by_match);
	*n = drop_covered(x, *n);
	qsort(x, *n, sizeof(*x), by_destination);
	*n = merge_sources(x, *n);
	qsort(x, *n, sizeof(*x), by_port);
	*n = merge_ports(x, *n);
	return x;
}

/* Within quotes nft knows no escapes: what would end them or the line becomes harmless. */
static void put_name(struct buf *out, const char *name, size_t most)
{
	size_t n = strlen(name), len;
	uint32_t cp;

	for (size_t i = 0; i < n && i < most; i += len) {
		len = utf8_next(name + i, n - i, &cp);
		if (!len || utf8_control(cp) || cp == '\\' || cp == '"') {
			buf_u8(out, cp == '"' && len ? '\'' : '?');
			len = len ? len : 1;
		} else if (i + len <= most) {
			buf_put(out, name + i, len);
		}
	}
}

static void put_group(struct buf *out, const struct plan *p, unsigned group)
{
	put_name(out, group == PLAN_NONE ? "(in no group)" : p->group[group].name,
		 COMMENT_MAX / 2 - 2);
}

static void put_range(struct buf *out, const struct addr *from, const struct addr *to)
{
	char text[ADDR_TEXT];

	buf_str(out, addr_text(from, text));
	if (!addr_eq(from, to))
		buf_printf(out, "-%s", addr_text(to, text));
}

static void put_element(struct buf *out, const struct plan *p, const struct element *x)
{
	buf_str(out, "\t");
	put_range(out, &x->source, &x->source_to);
	buf_str(out, " . ");
	put_range(out, &x->destination, &x->destination);
	if (x->proto == PROTO_TCP || x->proto == PROTO_UDP)
		buf_printf(out, " . %s . %u", x->proto == PROTO_UDP ? "udp" : "tcp", x->port);
	else
		buf_printf(out, " . %u . %u", x->proto, x->port);
	if (x->port != x->port_to)
		buf_printf(out, "-%u", x->port_to);
	buf_str(out, " comment \"");
	put_group(out, p, x->client);
	buf_str(out, " -> ");
	put_group(out, p, x->server);
	buf_str(out, "\",\n");
}

static void declare_set(struct buf *out, char version)
{
	buf_printf(out,
		   "\tset skein_v%c {\n\t\ttype ipv%c_addr . ipv%c_addr . inet_proto . "
		   "inet_service\n\t\tflags interval\n\t}\n",
		   version, version, version);
}

static void fill_set(struct buf *out, const struct firewall *f, const struct plan *p, bool v4)
{
	size_t n;
	struct element *x = elements(f, v4, &n);

	if (n)
		buf_printf(out, "add element inet filter skein_v%c {\n", v4 ? '4' : '6');
	for (size_t i = 0; i < n; i++)
		put_element(out, p, &x[i]);
	if (n)
		buf_str(out, "}\n");
	free(x);
}

void firewall_nft(const struct firewall *f, const struct plan *p, unsigned wave,
		  struct buf *out)
{
	buf_str(out, "# Skein: what must pass between the two sites ");
	if (wave)
		buf_printf(out, "once wave %u has moved.\n", wave);
	else
		buf_str(out, "while any of the waves moves.\n");
	buf_str(out,
		"# nft -f FILE makes the chain \"skein\" or fills it anew; it accepts and "
		"never drops.  Once:\n"
		"#     nft add rule inet filter forward jump skein\n"
		"table inet filter {\n");
	declare_set(out, '4');
	declare_set(out, '6');
	buf_str(out, "\tchain skein {\n\t}\n}\n"
		     "flush set inet filter skein_v4\n"
		     "flush set inet filter skein_v6\n"
		     "flush chain inet filter skein\n");
	fill_set(out, f, p, true);
	fill_set(out, f, p, false);
	buf_str(out, "table inet filter {\n\tchain skein {\n"
		     "\t\tct state established,related accept\n"
		     "\t\tip saddr . ip daddr . meta l4proto . th dport @skein_v4 accept\n"
		     "\t\tip6 saddr . ip6 daddr . meta l4proto . th dport @skein_v6 accept\n"
		     "\t}\n}\n");
}
