/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/owner.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "common/mem.h"
#include "common/utf8.h"
#include "sensor/procname.h"

enum {
	IDENTITIES = 16384,
	PIDS = 65536,
	PATIENCE = 60, /* intervals that a pid is remembered without being asked for */
};

struct pid_key {
	uint64_t born;
	uint64_t tgid;
};

struct pid {
	struct pid_key key;
	struct owner_process *owner; /* NULL: looked for and not found */
	uint32_t used;		     /* tick */
	UT_hash_handle hh;
};

struct identity {
	char *key; /* name */
	struct owner_process owner;
	UT_hash_handle hh;
};

struct owner_table {
	struct identity *identities;
	struct pid *pids;
	uint32_t tick;
	uint64_t folded;
	struct owner_process *other;
};

/* What was found out about one process before it is interned. */
struct found {
	char name[NAME_LEN + 1];
	char exe[PATH_LEN + 1];
	char user[NAME_LEN + 1];
};

/* At most CAP - 1 bytes of valid UTF-8. */
static void scrub(const char *in, char *out, size_t cap)
{
	struct buf b = { 0 };

	utf8_clean(&b, in, strlen(in));
	snprintf(out, cap, "%s", buf_cstr(&b));
	buf_fini(&b);
}

static struct owner_process *intern(struct owner_table *t, const struct found *f)
{
	struct identity *id;
	char name[NAME_LEN + 1];

	scrub(f->name, name, sizeof(name));
	HASH_FIND_STR(t->identities, name, id);
	if (id)
		return &id->owner;
	if (HASH_COUNT(t->identities) >= IDENTITIES) {
		t->folded++;
		return t->other;
	}
	id = xcalloc(1, sizeof(*id));
	id->key = xstrdup(name);
	id->owner.p = (struct process){ .name = id->key,
					.unit = "",
					.container = "",
					.exe = xstrdup(f->exe),
					.user = xstrdup(f->user),
					.app = "" };
	HASH_ADD_KEYPTR(hh, t->identities, id->key, strlen(id->key), id);
	return &id->owner;
}

static bool is_known(struct owner_table *t, const char *name)
{
	struct identity *id;

	HASH_FIND_STR(t->identities, name, id);
	return id != NULL;
}

struct owner_table *owner_new(void)
{
	struct owner_table *t = xcalloc(1, sizeof(*t));
	struct found other = { .name = "other" };

	t->other = intern(t, &other);
	return t;
}

void owner_free(struct owner_table *t)
{
	struct identity *id, *id_next;
	struct pid *p, *p_next;

	if (!t)
		return;
	HASH_ITER (hh, t->pids, p, p_next) {
		HASH_DEL(t->pids, p);
		free(p);
	}
	HASH_ITER (hh, t->identities, id, id_next) {
		HASH_DEL(t->identities, id);
		free(id->key);
		free((char *)id->owner.p.exe);
		free((char *)id->owner.p.user);
		free(id);
	}
	free(t);
}

static struct pid *find_pid(struct owner_table *t, uint32_t tgid, uint64_t born)
{
	struct pid_key key = { .born = born, .tgid = tgid };
	struct pid *p;

	HASH_FIND(hh, t->pids, &key, sizeof(key), p);
	return p;
}

static void remember(struct owner_table *t, uint32_t tgid, uint64_t born,
		     struct owner_process *owner)
{
	struct pid *p = find_pid(t, tgid, born);

	if (!p) {
		if (HASH_COUNT(t->pids) >= PIDS) { /* uthash keeps the order of insertion */
			struct pid *oldest = t->pids;

			HASH_DEL(t->pids, oldest);
			free(oldest);
		}
		p = xcalloc(1, sizeof(*p));
		p->key = (struct pid_key){ .born = born, .tgid = tgid };
		HASH_ADD(hh, t->pids, key, sizeof(p->key), p);
	}
	p->owner = owner;
	p->used = t->tick;
}

static ssize_t read_proc(uint32_t tgid, const char *what, char *out, size_t cap)
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
	if (n >= 0)
		out[n] = 0;
	return n;
}

/* The 22nd field of /proc/PID/stat (proc(5)): start in clock ticks since boot. */
static bool same_start(uint32_t tgid, uint64_t born)
{
	char stat_line[1024], *p;
	uint64_t ns, tick_ns = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);

	if (read_proc(tgid, "stat", stat_line, sizeof(stat_line)) < 0)
		return false;
	p = strrchr(stat_line, ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p)
		return false;
	ns = strtoull(p, NULL, 10) * tick_ns;
	return born + tick_ns >= ns && born <= ns + 2 * tick_ns;
}

static void fill_user(uint32_t uid, struct found *f)
{
	struct passwd pw, *there = NULL;
	char room[1024];

	if (getpwuid_r(uid, &pw, room, sizeof(room), &there) == 0 && there)
		snprintf(f->user, sizeof(f->user), "%s", pw.pw_name);
	else
		snprintf(f->user, sizeof(f->user), "%u", uid);
}

static void fill_exe(uint32_t tgid, struct found *f)
{
	char path[64], raw[PATH_LEN + 1];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/exe", tgid);
	n = readlink(path, raw, sizeof(raw) - 1);
	raw[n < 0 ? 0 : n] = 0;
	scrub(raw, f->exe, sizeof(f->exe));
}

/* The process is alive or was a moment ago; what cannot be read stays empty. */
static bool look_up(uint32_t tgid, uint64_t born, struct found *f)
{
	char comm[32] = "", args[4096] = "", path[32];
	ssize_t n = read_proc(tgid, "cmdline", args, sizeof(args));
	struct procname_in in = { .exe = f->exe, .comm = comm, .args = args };
	struct stat st;

	memset(f, 0, sizeof(*f));
	fill_exe(tgid, f);
	read_proc(tgid, "comm", comm, sizeof(comm));
	comm[strcspn(comm, "\n")] = 0;
	snprintf(path, sizeof(path), "/proc/%u", tgid);
	if (stat(path, &st) == 0)
		fill_user(st.st_uid, f);
	in.args_len = n > 0 ? (size_t)n : 0;
	in.kthread = !*f->exe && n == 0;
	procname(&in, f->name, sizeof(f->name));
	return *f->name && same_start(tgid, born); /* last: all of it was the same process */
}

void owner_announce(struct owner_table *t, const struct process_event *e)
{
	char comm[sizeof(e->comm) + 1], exe[sizeof(e->exe) + 1];
	struct procname_in in = { .exe = exe, .comm = comm, .args = e->args };
	struct found f = { 0 };

	snprintf(comm, sizeof(comm), "%.*s", (int)sizeof(e->comm), e->comm);
	snprintf(exe, sizeof(exe), "%.*s", (int)sizeof(e->exe), e->exe);
	in.args_len = e->args_len < sizeof(e->args) ? e->args_len : sizeof(e->args);
	in.kthread = e->kthread;
	procname(&in, f.name, sizeof(f.name));
	if (!*f.name)
		return;
	if (!is_known(t, f.name)) { /* a look-up of users may be slow: once a name */
		fill_exe(e->tgid, &f);
		fill_user(e->uid, &f);
	}
	remember(t, e->tgid, e->born, intern(t, &f));
}

struct owner_process *owner_of(struct owner_table *t, uint32_t tgid, uint64_t born)
{
	struct owner_process *owner = NULL;
	struct pid *p;
	struct found f;

	if (!tgid)
		return NULL;
	p = find_pid(t, tgid, born);
	if (p) {
		if (p->used != t->tick) { /* to the end: the first is the one used least */
			HASH_DEL(t->pids, p);
			HASH_ADD(hh, t->pids, key, sizeof(p->key), p);
			p->used = t->tick;
		}
		return p->owner;
	}
	if (look_up(tgid, born, &f))
		owner = intern(t, &f);
	remember(t, tgid, born, owner);
	return owner;
}

void owner_tick(struct owner_table *t)
{
	struct pid *p, *next;

	t->tick++;
	HASH_ITER (hh, t->pids, p, next) {
		if (t->tick - p->used <= PATIENCE)
			continue;
		HASH_DEL(t->pids, p);
		free(p);
	}
}

uint64_t owner_folded(const struct owner_table *t)
{
	return t->folded;
}
