/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/holder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <uthash.h>

#include "common/mem.h"

enum {
	WANTED = 131072,
	ANNOUNCED = 65536,
	ROUNDS = 100,	  /* in vain, until an inode is given up */
	ROUNDS_KEPT = 64, /* that an entry is kept without being asked for */
	BIG = 512, /* descriptors; who has N times as many is looked at every Nth round */
	BIG_ROUNDS = 64,
	SHARE = 300, /* rounds take one part in so many of a processor */
};

#define SLICE_NS 20000000u

struct wanted {
	uint32_t inode;
	uint32_t round; /* in which it was last wanted */
	uint32_t found_round;
	uint32_t vain; /* rounds */
	uint64_t start[2];
	struct holders holders;
	UT_hash_handle hh;
};

struct announced {
	uint32_t tgid;
	uint64_t born;
	uint64_t start_ns;
	char exe[128]; /* and so of another program in the same process */
	uint32_t round;
	UT_hash_handle hh;
};

/* A process with so many descriptors that a look at it is dear. */
struct big {
	uint32_t tgid;
	uint32_t round; /* before this one it is passed by */
	UT_hash_handle hh;
};

struct holder {
	struct wanted *wanted;
	struct big *big;
	struct announced *announced;
	struct probe_sink sink;
	uint32_t round;
	unsigned open;	/* wanted, not found and not given up */
	uint32_t *pids; /* of this round, ascending; looked at from the end */
	size_t pid_n, pid_cap;
	uint64_t cost_ns, next_ns;
	uint64_t tick_ns;
};

struct holder *holder_new(const struct probe_sink *sink)
{
	struct holder *h = xcalloc(1, sizeof(*h));

	h->sink = *sink;
	h->round = 1;
	h->tick_ns = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
	return h;
}

void holder_free(struct holder *h)
{
	struct announced *a, *a_next;
	struct wanted *w, *w_next;
	struct big *b, *b_next;

	if (!h)
		return;
	HASH_ITER (hh, h->big, b, b_next) {
		HASH_DEL(h->big, b);
		free(b);
	}
	HASH_ITER (hh, h->wanted, w, w_next) {
		HASH_DEL(h->wanted, w);
		free(w);
	}
	HASH_ITER (hh, h->announced, a, a_next) {
		HASH_DEL(h->announced, a);
		free(a);
	}
	free(h->pids);
	free(h);
}

static struct wanted *wanted_at(struct holder *h, uint32_t inode)
{
	struct wanted *w;

	HASH_FIND(hh, h->wanted, &inode, sizeof(inode), w);
	return w;
}

void holder_want(void *ctx, uint32_t inode)
{
	struct holder *h = ctx;
	struct wanted *w = wanted_at(h, inode);

	if (!w) {
		if (HASH_COUNT(h->wanted) >= WANTED)
			return;
		w = xcalloc(1, sizeof(*w));
		w->inode = inode;
		HASH_ADD(hh, h->wanted, inode, sizeof(w->inode), w);
	}
	w->round = h->round;
	if (!w->holders.n && w->vain < ROUNDS)
		h->open++;
}

bool holder_find(void *ctx, uint32_t inode, struct holders *out)
{
	struct holder *h = ctx;
	struct wanted *w = wanted_at(h, inode);

	if (!w || !w->holders.n || w->found_round == h->round)
		return false;
	*out = w->holders;
	return true;
}

/* Processes */

static ssize_t read_file(uint32_t tgid, const char *what, char *out, size_t cap)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/%s", tgid, what);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, out, cap - 1);
	close(fd);
	out[n < 0 ? 0 : n] = 0;
	return n;
}

/* The 22nd field of /proc/PID/stat (proc(5)), as nanoseconds; 0 if the process is gone. */
static uint64_t start_of(const struct holder *h, uint32_t tgid)
{
	char line[1024], *p;

	if (read_file(tgid, "stat", line, sizeof(line)) < 0)
		return 0;
	p = strrchr(line, ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p, NULL, 10) * h->tick_ns : 0;
}

static void exe_of(uint32_t tgid, char *out, size_t cap)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/exe", tgid);
	n = readlink(path, out, cap - 1);
	out[n < 0 ? 0 : n] = 0;
}

/* "/a/b/c" into c, b and a: the lowest first. */
static void split_cgroup(char *path, struct process_event *e)
{
	char *slash;

	path[strcspn(path, "\n")] = 0;
	for (int i = 0; i < PROCESS_CGROUPS && (slash = strrchr(path, '/')); i++) {
		snprintf(e->cgroup[i], sizeof(e->cgroup[i]), "%s", slash + 1);
		*slash = 0;
	}
}

/* The line of v2 ("0::/..."), or where that is the root, systemd's own of v1. */
static void fill_cgroup(struct process_event *e)
{
	char all[4096] = "\n", *line;

	if (read_file(e->tgid, "cgroup", all + 1, sizeof(all) - 1) <= 0)
		return;
	line = strstr(all, "\n0::/");
	if (line && line[5] && line[5] != '\n') {
		split_cgroup(line + 4, e);
		return;
	}
	line = strstr(all, ":name=systemd:/");
	if (line)
		split_cgroup(line + strlen(":name=systemd:"), e);
}

/* False if it is on its way out: then files are all that is left of it, and no name. */
static bool fill_arguments(struct process_event *e)
{
	char again[8];
	ssize_t n = read_file(e->tgid, "cmdline", e->args, sizeof(e->args));

	e->args_len = n > 0 ? (uint32_t)n : 0;
	exe_of(e->tgid, again, sizeof(again));
	return *again;
}

static bool announce(struct holder *h, uint32_t tgid, uint64_t born, const char *exe)
{
	struct process_event e = { .tgid = tgid, .born = born };
	const char *slash = strrchr(exe, '/');
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%u", tgid);
	if (stat(path, &st) == 0)
		e.uid = st.st_uid;
	snprintf(e.exe, sizeof(e.exe), "%.*s", (int)sizeof(e.exe) - 1,
		 slash ? slash + 1 : exe);
	read_file(tgid, "comm", e.comm, sizeof(e.comm));
	e.comm[strcspn(e.comm, "\n")] = 0;
	fill_cgroup(&e);
	if (!fill_arguments(&e))
		return false;
	h->sink.process(h->sink.ctx, &e);
	return true;
}

/*
 * Who it is, announced if it is new.  /proc does not count execs: one that is another program
 * than before is another process, born a nanosecond later (sensor/owner.c takes a tick).
 */
static bool identify(struct holder *h, uint32_t tgid, uint64_t *born, uint64_t *start)
{
	char exe[sizeof(((struct announced *)0)->exe)];
	struct announced *a;

	*start = start_of(h, tgid);
	exe_of(tgid, exe, sizeof(exe));
	if (!*start)
		return false;
	HASH_FIND(hh, h->announced, &tgid, sizeof(tgid), a);
	if (!a && HASH_COUNT(h->announced) >= ANNOUNCED)
		return announce(h, tgid, *born = *start, exe);
	if (!a) {
		a = xcalloc(1, sizeof(*a));
		a->tgid = tgid;
		HASH_ADD(hh, h->announced, tgid, sizeof(a->tgid), a);
	}
	a->round = h->round;
	if (a->start_ns != *start || strcmp(a->exe, exe) != 0) {
		uint64_t new_born = a->start_ns == *start ? a->born + 1 : *start;

		if (!announce(h, tgid, new_born, exe))
			return false;
		a->born = new_born;
		a->start_ns = *start;
		memcpy(a->exe, exe, sizeof(exe));
	}
	*born = a->born;
	return true;
}

/* Keeps the two that started first, in that order. */
static void add_holder(struct wanted *w, uint32_t tgid, uint64_t born, uint64_t start)
{
	struct holders *o = &w->holders;
	unsigned at = o->n;

	for (unsigned i = 0; i < o->n; i++)
		if (o->who[i].tgid == tgid)
			return;
	while (at > 0 && w->start[at - 1] > start)
		at--;
	if (at >= 2)
		return;
	if (at == 0) {
		o->who[1] = o->who[0];
		w->start[1] = w->start[0];
	}
	o->who[at].tgid = tgid;
	o->who[at].born = born;
	w->start[at] = start;
	if (o->n < 2)
		o->n++;
}

/* The wanted socket behind one link, NULL for anything else. */
static struct wanted *wanted_by_link(struct holder *h, int dir, const char *name)
{
	static const char word[] = "socket:[";
	struct wanted *w;
	char link[32];
	ssize_t n = readlinkat(dir, name, link, sizeof(link) - 1);

	if (n <= (ssize_t)sizeof(word) || memcmp(link, word, sizeof(word) - 1) != 0)
		return NULL;
	link[n] = 0;
	w = wanted_at(h, (uint32_t)strtoul(link + sizeof(word) - 1, NULL, 10));
	/* found in an earlier round: later holders have it from that one */
	return w && (!w->holders.n || w->found_round == h->round) ? w : NULL;
}

static struct big *big_at(struct holder *h, uint32_t tgid)
{
	struct big *b;

	HASH_FIND(hh, h->big, &tgid, sizeof(tgid), b);
	return b;
}

static void note_size(struct holder *h, uint32_t tgid, unsigned n)
{
	struct big *b = big_at(h, tgid);

	if (!b && n < 2 * BIG)
		return;
	if (!b) {
		b = xcalloc(1, sizeof(*b));
		b->tgid = tgid;
		HASH_ADD(hh, h->big, tgid, sizeof(b->tgid), b);
	}
	b->round = h->round + (n / BIG < BIG_ROUNDS ? n / BIG : BIG_ROUNDS);
}

static void look_at(struct holder *h, uint32_t tgid)
{
	uint64_t born = 0, start = 0;
	bool known = false;
	struct dirent *entry;
	unsigned n = 0;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/fd", tgid);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		struct wanted *w = wanted_by_link(h, dirfd(dir), entry->d_name);

		n++;
		if (!w)
			continue;
		if (!known && !identify(h, tgid, &born, &start))
			break;
		known = true;
		w->found_round = h->round;
		add_holder(w, tgid, born, start);
	}
	closedir(dir);
	note_size(h, tgid, n);
}

/* Rounds */

static bool next_process(DIR *proc, uint32_t *tgid)
{
	struct dirent *entry;

	while ((entry = readdir(proc))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		*tgid = (uint32_t)strtoul(entry->d_name, NULL, 10);
		return true;
	}
	return false;
}

static void list_processes(struct holder *h)
{
	DIR *proc = opendir("/proc");
	uint32_t tgid;

	h->pid_n = 0;
	if (!proc)
		return;
	while (next_process(proc, &tgid)) {
		MEM_GROW(h->pids, h->pid_n, h->pid_cap);
		h->pids[h->pid_n++] = tgid;
	}
	closedir(proc);
}

static void forget_old(struct holder *h)
{
	struct announced *a, *a_next;
	struct wanted *w, *w_next;
	struct big *b, *b_next;

	HASH_ITER (hh, h->wanted, w, w_next) {
		if (h->round - w->round <= ROUNDS_KEPT)
			continue;
		HASH_DEL(h->wanted, w);
		free(w);
	}
	HASH_ITER (hh, h->announced, a, a_next) {
		if (h->round - a->round <= ROUNDS_KEPT)
			continue;
		HASH_DEL(h->announced, a);
		free(a);
	}
	HASH_ITER (hh, h->big, b, b_next) {
		if (h->round <= b->round + ROUNDS_KEPT)
			continue;
		HASH_DEL(h->big, b);
		free(b);
	}
}

static void end_round(struct holder *h, uint64_t now_ns)
{
	for (struct wanted *w = h->wanted; w; w = w->hh.next)
		w->vain += !w->holders.n;
	forget_old(h);
	h->round++;
	h->next_ns = now_ns + h->cost_ns * SHARE;
	h->cost_ns = 0;
}

static uint64_t spent_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void look_at_next(struct holder *h)
{
	uint32_t tgid = h->pids[--h->pid_n];
	struct big *b = big_at(h, tgid);

	if (!b || b->round <= h->round)
		look_at(h, tgid);
}

static void scan(struct holder *h, uint64_t now_ns, uint64_t slice_ns)
{
	uint64_t start = spent_ns();

	h->open = 0;
	if (!h->pid_n)
		list_processes(h);
	while (h->pid_n && spent_ns() - start < slice_ns)
		look_at_next(h);
	h->cost_ns += spent_ns() - start;
	if (!h->pid_n)
		end_round(h, now_ns);
}

bool holder_scan(struct holder *h, uint64_t now_ns)
{
	bool due = h->pid_n || (h->open && now_ns >= h->next_ns);

	if (due)
		scan(h, now_ns, SLICE_NS);
	return due;
}

void holder_scan_all(struct holder *h, uint64_t now_ns)
{
	h->pid_n = 0;
	scan(h, now_ns, UINT64_MAX);
}
