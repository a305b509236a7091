/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/netstat.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "common/log.h"
#include "common/mem.h"

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
	int home;     /* our own namespace */
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
	struct netstat *s = xcalloc(1, sizeof(*s));

	s->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return s;
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
	if (s->home >= 0)
		close(s->home);
	free(s);
}

static uint32_t netns_of(const char *pid)
{
	char path[64], text[64];
	unsigned netns;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%.20s/ns/net", pid);
	n = readlink(path, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = 0;
	return sscanf(text, "net:[%u]", &netns) == 1 ? netns : 0;
}

static bool is_in(uint32_t tgid, uint32_t netns)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%u", tgid);
	return tgid && netns_of(pid) == netns;
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
	struct stat st;

	return p->path && stat(p->path, &st) == 0 && (uint32_t)st.st_ino == p->netns;
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

static void name_place(struct netstat *s, uint32_t netns, const char *path)
{
	struct place *p;

	netstat_hint(s, netns, 0);
	HASH_FIND(hh, s->places, &netns, sizeof(netns), p);
	if (p && !p->path)
		p->path = xstrdup(path);
}

static void scan_names(struct netstat *s)
{
	static const char *const dirs[] = { "/run/netns", "/run/docker/netns" };

	for (int i = 0; i < 2; i++) {
		DIR *dir = opendir(dirs[i]);
		struct dirent *d;

		while (dir && (d = readdir(dir))) {
			char path[320];
			struct stat st;

			snprintf(path, sizeof(path), "%s/%s", dirs[i], d->d_name);
			if (*d->d_name != '.' && stat(path, &st) == 0 && S_ISREG(st.st_mode))
				name_place(s, (uint32_t)st.st_ino, path);
		}
		if (dir)
			closedir(dir);
	}
}

void netstat_scan(struct netstat *s)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;

	while (proc && (d = readdir(proc)))
		if (isdigit((unsigned char)d->d_name[0]))
			netstat_hint(s, netns_of(d->d_name),
				     (uint32_t)strtoul(d->d_name, NULL, 10));
	if (proc)
		closedir(proc);
	scan_names(s);
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

uint32_t netstat_process(const struct netstat *s, uint32_t netns)
{
	struct place *p;

	HASH_FIND(hh, s->places, &netns, sizeof(netns), p);
	return p ? p->tgid : 0;
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

static bool read_inside(struct netstat *s, const struct place *p, uint64_t *active,
			uint64_t *passive)
{
	int fd = s->home >= 0 ? open(p->path, O_RDONLY | O_CLOEXEC) : -1;
	bool good = false;

	if (fd < 0)
		return false;
	if (setns(fd, CLONE_NEWNET) == 0) {
		good = read_counters("/proc/thread-self/net/snmp", active, passive);
		if (setns(s->home, CLONE_NEWNET))
			log_err("cannot come back from a network namespace");
	}
	close(fd);
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
	return has_name(p) && read_inside(s, p, active, passive);
}
