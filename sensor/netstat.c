/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/netstat.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#include "common/mem.h"
#include "sensor/netns.h"

enum { SNMP_MAX = 8192 };

struct place {
	uint32_t netns;
	uint32_t tgid;	/* the one to ask, for as long as it is there */
	uint32_t spare; /* the one that was seen last */
	char *path;	/* of one that has a name, else NULL */
	UT_hash_handle hh;
};

struct netstat {
	struct place *places;
	bool scanned; /* in this round */
};

/* Two lines begin with "Tcp:": names, then values (net/ipv4/proc.c, snmp_seq_show_tcp_udp). */
bool netstat_parse(const char *text, uint64_t *active, uint64_t *passive)
{
	const char *names = strstr(text, "Tcp:");
	const char *values = names ? strstr(names + 4, "\nTcp:") : NULL;
	int found = 0;

	if (!values)
		return false;
	names += 4;
	values += 5;
	while (*names == ' ' && *values == ' ') {
		size_t n = strcspn(++names, " \n");
		uint64_t v = strtoull(++values, NULL, 10);

		if (n == 11 && memcmp(names, "ActiveOpens", n) == 0) {
			*active = v;
			found |= 1;
		} else if (n == 12 && memcmp(names, "PassiveOpens", n) == 0) {
			*passive = v;
			found |= 2;
		}
		names += n;
		values += strcspn(values, " \n");
	}
	return found == 3;
}

struct netstat *netstat_new(void)
{
	return xcalloc(1, sizeof(struct netstat));
}

static void drop(struct netstat *s, struct place *p)
{
	HASH_DEL(s->places, p);
	free(p->path);
	free(p);
}

void netstat_free(struct netstat *s)
{
	struct place *p, *next;

	if (!s)
		return;
	HASH_ITER (hh, s->places, p, next)
		drop(s, p);
	free(s);
}

static bool is_in(uint32_t tgid, uint32_t netns)
{
	return tgid && netns_of_process(tgid) == netns;
}

void netstat_hint(struct netstat *s, uint32_t netns, uint32_t tgid)
{
	struct place *p;

	if (!netns)
		return;
	HASH_FIND(hh, s->places, &netns, sizeof(netns), p);
	if (p) {
		p->spare = tgid ? tgid : p->spare;
		return;
	}
	if (HASH_COUNT(s->places) >= NETSTAT_NAMESPACES)
		return;
	p = xcalloc(1, sizeof(*p));
	p->netns = netns;
	p->tgid = tgid;
	HASH_ADD(hh, s->places, netns, sizeof(p->netns), p);
}

/* Whether there is a process to ask, which is then p->tgid. */
static bool has_process(struct place *p)
{
	if (is_in(p->tgid, p->netns))
		return true;
	if (!is_in(p->spare, p->netns))
		return false;
	p->tgid = p->spare;
	return true;
}

static bool has_name(const struct place *p)
{
	return p->path && netns_of(p->path) == p->netns;
}

/* Those of which nothing is left are forgotten. */
static void forget_empty(struct netstat *s)
{
	struct place *p, *next;

	HASH_ITER (hh, s->places, p, next) {
		if (!has_process(p) && !has_name(p))
			drop(s, p);
	}
}

static void on_namespace(void *ctx, uint32_t netns, const char *path)
{
	uint32_t tgid = netns_path_process(path);
	struct netstat *s = ctx;
	struct place *p;

	netstat_hint(s, netns, tgid);
	HASH_FIND(hh, s->places, &netns, sizeof(netns), p);
	if (p && !tgid && !p->path)
		p->path = xstrdup(path);
}

void netstat_scan(struct netstat *s)
{
	netns_each(on_namespace, s);
	forget_empty(s);
	s->scanned = true;
}

/* A scan in between may forget some, and find others. */
unsigned netstat_list(struct netstat *s, uint32_t out[NETSTAT_NAMESPACES])
{
	unsigned n = 0;

	s->scanned = false;
	for (struct place *p = s->places; p && n < NETSTAT_NAMESPACES; p = p->hh.next)
		out[n++] = p->netns;
	return n;
}

static bool read_counters(const char *path, uint64_t *active, uint64_t *passive)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[SNMP_MAX];
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	return netstat_parse(text, active, passive);
}

static bool read_inside(const struct place *p, uint64_t *active, uint64_t *passive)
{
	bool good;

	if (netns_enter(p->netns, p->path))
		return false;
	good = read_counters("/proc/thread-self/net/snmp", active, passive);
	netns_leave();
	return good;
}

bool netstat_read(struct netstat *s, uint32_t netns, uint64_t *active, uint64_t *passive)
{
	char path[64];
	struct place *p;

	HASH_FIND(hh, s->places, &netns, sizeof(netns), p);
	if (p && !has_process(p) && !has_name(p) && !s->scanned)
		netstat_scan(s);
	HASH_FIND(hh, s->places, &netns, sizeof(netns), p);
	if (!p)
		return false;
	if (has_process(p)) {
		snprintf(path, sizeof(path), "/proc/%u/net/snmp", p->tgid);
		if (read_counters(path, active, passive) && is_in(p->tgid, netns))
			return true;
	}
	return has_name(p) && read_inside(p, active, passive);
}
