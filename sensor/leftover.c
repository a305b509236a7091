/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/leftover.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bpf/event.h"
#include "common/check.h"
#include "common/exits.h"
#include "common/mem.h"
#include "sensor/mounts.h"

#define PINS "/sys/fs/bpf"

enum {
	MAPS_OF_ONE = 64, /* of one program; more are not looked at */
	DEPTH = 8,	  /* of folders of pinned files */
	FILES = 10000,
	PATIENCE_MS = 2000,
	SHOWN = 8, /* names of one kind */
};

/* As libbpf calls the maps of our objects; the second is that of a try (udp_ebpf.c). */
static const char *const ours[] = { "conn_bpf.", "udp_bpf.", "skein" };

static bool is_ours(const char *name)
{
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (strncmp(name, ours[i], strlen(ours[i])) == 0)
			return true;
	return false;
}

/* Those that hold what was seen: names that others may have, with sizes of ours. */
static const struct {
	const char *name;
	uint32_t key, value;
} tables[] = {
	{ "edges_a", sizeof(struct edge_key), sizeof(struct edge_val) },
	{ "edges_b", sizeof(struct edge_key), sizeof(struct edge_val) },
	{ "udp_a", sizeof(struct udp_key), sizeof(struct udp_val) },
	{ "udp_b", sizeof(struct udp_key), sizeof(struct udp_val) },
	{ "listeners", sizeof(struct listener_key), sizeof(struct listener_val) },
	{ "listening", sizeof(uint64_t), sizeof(struct listening) },
};

static bool is_our_map(const struct bpf_map_info *info)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		if (strcmp(info->name, tables[i].name) == 0 &&
		    info->key_size == tables[i].key && info->value_size == tables[i].value)
			return true;
	return is_ours(info->name);
}

static int bpf(int command, union bpf_attr *attr)
{
	long rc = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return rc < 0 ? -errno : (int)rc;
}

static int info_of(int fd, void *info, uint32_t n)
{
	union bpf_attr attr = { .info = { .bpf_fd = (uint32_t)fd,
					  .info_len = n,
					  .info = (uint64_t)(uintptr_t)info } };

	return bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
}

static const struct {
	int next, open;
} calls[] = {
	[LEFTOVER_PROGRAM] = { BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID },
	[LEFTOVER_MAP] = { BPF_MAP_GET_NEXT_ID, BPF_MAP_GET_FD_BY_ID },
	[LEFTOVER_LINK] = { BPF_LINK_GET_NEXT_ID, BPF_LINK_GET_FD_BY_ID },
};

static int open_id(enum leftover_kind kind, uint32_t id)
{
	union bpf_attr attr = { .prog_id = id };

	return bpf(calls[kind].open, &attr);
}

static struct leftover *add(struct leftovers *l, enum leftover_kind kind, uint32_t id,
			    const char *name)
{
	struct leftover *x;

	MEM_GROW(l->list, l->n, l->cap);
	x = &l->list[l->n++];
	*x = (struct leftover){ .kind = kind, .id = id };
	snprintf(x->name, sizeof(x->name), "%s", name);
	return x;
}

static struct leftover *find(const struct leftovers *l, enum leftover_kind kind, uint32_t id)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->list[i].kind == kind && l->list[i].id == id)
			return &l->list[i];
	return NULL;
}

/* Objects of the kernel, each opened for the length of a look */

static void look_at_map(struct leftovers *l, int fd, uint32_t id)
{
	struct bpf_map_info info = { 0 };

	if (info_of(fd, &info, sizeof(info)) == 0 && is_our_map(&info) &&
	    !find(l, LEFTOVER_MAP, id))
		add(l, LEFTOVER_MAP, id, info.name);
}

/* One of ours, by its own name or that of a map: then all its maps are. */
static void look_at_program(struct leftovers *l, int fd, uint32_t id)
{
	uint32_t maps[MAPS_OF_ONE];
	struct bpf_prog_info info = { .nr_map_ids = MAPS_OF_ONE,
				      .map_ids = (uint64_t)(uintptr_t)maps };
	bool mine;

	if (info_of(fd, &info, sizeof(info)))
		return;
	mine = is_ours(info.name);
	if (info.nr_map_ids > MAPS_OF_ONE)
		info.nr_map_ids = MAPS_OF_ONE;
	for (uint32_t i = 0; i < info.nr_map_ids; i++)
		mine = mine || find(l, LEFTOVER_MAP, maps[i]);
	if (!mine)
		return;
	add(l, LEFTOVER_PROGRAM, id, info.name);
	for (uint32_t i = 0; i < info.nr_map_ids; i++) {
		struct bpf_map_info map = { 0 };
		int m = find(l, LEFTOVER_MAP, maps[i]) ? -1 : open_id(LEFTOVER_MAP, maps[i]);

		if (m < 0)
			continue;
		if (info_of(m, &map, sizeof(map)) == 0)
			add(l, LEFTOVER_MAP, maps[i], map.name);
		close(m);
	}
}

static void look_at_link(struct leftovers *l, int fd, uint32_t id)
{
	struct bpf_link_info info = { 0 };
	const struct leftover *program;

	if (info_of(fd, &info, sizeof(info)))
		return;
	program = find(l, LEFTOVER_PROGRAM, info.prog_id);
	if (program)
		add(l, LEFTOVER_LINK, id, program->name);
}

static int each(struct leftovers *l, enum leftover_kind kind,
		void (*look)(struct leftovers *, int, uint32_t))
{
	union bpf_attr attr = { 0 };
	int rc;

	while ((rc = bpf(calls[kind].next, &attr)) == 0) {
		uint32_t id = attr.next_id;
		int fd = open_id(kind, id);

		if (fd >= 0) {
			look(l, fd, id);
			close(fd);
		}
		attr = (union bpf_attr){ .start_id = id };
	}
	return rc == -ENOENT ? 0 : rc;
}

/* Files: pinned objects of ours, and what has our name */

struct walk {
	struct leftovers *l;
	unsigned files;
};

static bool is_pin_of_ours(struct walk *w, const char *path)
{
	union bpf_attr attr = { .pathname = (uint64_t)(uintptr_t)path };
	int fd = bpf(BPF_OBJ_GET, &attr);
	struct leftovers own = { 0 };
	bool mine = false;

	if (fd < 0)
		return false;
	leftover_own(&own);
	for (size_t i = 0; i < own.n; i++)
		mine = mine || find(w->l, own.list[i].kind, own.list[i].id);
	leftover_free(&own);
	close(fd);
	return mine;
}

static void walk_pins(struct walk *w, const char *dir_path, unsigned depth)
{
	DIR *dir = depth ? opendir(dir_path) : NULL;
	struct dirent *entry;
	struct stat st;

	while (dir && (entry = readdir(dir)) && w->files++ < FILES) {
		char *path;

		if (entry->d_name[0] == '.')
			continue;
		path = xasprintf("%s/%s", dir_path, entry->d_name);
		if (strstr(entry->d_name, "skein") || is_pin_of_ours(w, path))
			add(w->l, LEFTOVER_PIN, 0, path);
		if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
			walk_pins(w, path, depth - 1);
		free(path);
	}
	if (dir)
		closedir(dir);
}

static void find_mounts(struct leftovers *l)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096];
	struct mount m;

	while (f && fgets(line, sizeof(line), f))
		if (mount_parse(line, strcspn(line, "\n"), &m) &&
		    (strcmp(m.type, "cgroup2") == 0 || strcmp(m.type, "bpf") == 0) &&
		    (strstr(m.point, "skein") || strstr(m.source, "skein")))
			add(l, LEFTOVER_MOUNT, 0, m.point);
	if (f)
		fclose(f);
}

/* Who has it */

/* The object behind a descriptor; a link says its program's number as well, further down. */
static bool object_of(const char *fdinfo, enum leftover_kind *kind, uint32_t *id)
{
	static const char *const key[] = { "prog_id:", "map_id:", "link_id:" };
	static const enum leftover_kind order[] = { LEFTOVER_LINK, LEFTOVER_PROGRAM,
						    LEFTOVER_MAP };
	char text[2048];
	FILE *f = fopen(fdinfo, "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	if (f)
		fclose(f);
	text[n] = 0;
	for (size_t i = 0; i < 3; i++) {
		const char *at = strstr(text, key[order[i]]);

		*kind = order[i];
		if (at) {
			*id = (uint32_t)strtoul(at + strlen(key[order[i]]), NULL, 10);
			return true;
		}
	}
	return false;
}

typedef void held_fn(struct leftovers *l, enum leftover_kind kind, uint32_t id, pid_t pid);

static void each_held(struct leftovers *l, const char *process, held_fn *fn)
{
	char dir_path[64], path[400], target[64];
	struct dirent *entry;
	DIR *dir;

	snprintf(dir_path, sizeof(dir_path), "/proc/%.20s/fd", process);
	dir = opendir(dir_path);
	while (dir && (entry = readdir(dir))) {
		enum leftover_kind kind;
		uint32_t id;
		ssize_t n;

		snprintf(path, sizeof(path), "%s/%s", dir_path, entry->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = 0;
		if (!strstr(target, "bpf"))
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/fdinfo/%s", process, entry->d_name);
		if (object_of(path, &kind, &id))
			fn(l, kind, id, (pid_t)atoi(process));
	}
	if (dir)
		closedir(dir);
}

static void note_holder(struct leftovers *l, enum leftover_kind kind, uint32_t id, pid_t pid)
{
	struct leftover *x = find(l, kind, id);

	if (x)
		x->holder = pid;
}

static void note_own(struct leftovers *l, enum leftover_kind kind, uint32_t id, pid_t pid)
{
	if (!find(l, kind, id))
		add(l, kind, id, "")->holder = pid;
}

static void find_holders(struct leftovers *l)
{
	DIR *proc = l->n ? opendir("/proc") : NULL;
	struct dirent *entry;

	while (proc && (entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]))
			each_held(l, entry->d_name, note_holder);
	if (proc)
		closedir(proc);
}

void leftover_own(struct leftovers *out)
{
	each_held(out, "self", note_own);
}

static int by_kind(const void *a, const void *b)
{
	const struct leftover *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return strcmp(x->name, y->name);
}

int leftover_find(struct leftovers *out, struct err *e)
{
	struct walk w = { .l = out };
	int rc = each(out, LEFTOVER_MAP, look_at_map);

	if (!rc)
		rc = each(out, LEFTOVER_PROGRAM, look_at_program);
	if (!rc)
		rc = each(out, LEFTOVER_LINK, look_at_link);
	if (rc == -EPERM)
		return err_set(e, rc,
			       "what is in the kernel cannot be looked at without "
			       "CAP_SYS_ADMIN: run it with sudo");
	if (rc && rc != -ENOSYS && rc != -EINVAL)
		return err_sys(e, rc, "look at programs in the kernel");
	walk_pins(&w, PINS, DEPTH);
	find_mounts(out);
	find_holders(out);
	if (out->n)
		qsort(out->list, out->n, sizeof(*out->list), by_kind);
	return 0;
}

int leftover_still(const struct leftovers *all)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	int left = 0;

	for (int ms = 0; ms <= PATIENCE_MS; ms += 20) {
		left = 0;
		for (size_t i = 0; i < all->n; i++) {
			int fd = open_id(all->list[i].kind, all->list[i].id);

			if (fd == -EPERM)
				return fd;
			left += fd >= 0;
			if (fd >= 0)
				close(fd);
		}
		if (!left)
			break;
		nanosleep(&pause, NULL);
	}
	return left;
}

void leftover_free(struct leftovers *l)
{
	free(l->list);
	*l = (struct leftovers){ 0 };
}

/* What is printed */

static void name_holder(struct check *c, pid_t pid)
{
	char path[64], comm[64] = "?";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	if (f && fgets(comm, sizeof(comm), f))
		comm[strcspn(comm, "\n")] = 0;
	if (f)
		fclose(f);
	check_also(c, CHECK_FAIL, "held by process %d (%s)", (int)pid, comm);
	check_mend(c, "stop it: systemctl stop skein-sensor, or kill -TERM %d", (int)pid);
}

static const struct {
	const char *name, *mend;
} words[LEFTOVER_KINDS] = {
	[LEFTOVER_PROGRAM] = { "programs",
			       "find what keeps them (bpftool link, bpftool prog), or "
			       "restart the machine" },
	[LEFTOVER_MAP] = { "maps", "they go with the programs, or with a restart" },
	[LEFTOVER_LINK] = { "links", "bpftool link detach id N, or restart the machine" },
	[LEFTOVER_PIN] = { "pinned", "remove the file" },
	[LEFTOVER_MOUNT] = { "mounts", "umount it" },
};

static void report_one(struct check *c, const struct leftover *x, unsigned at)
{
	if (at >= SHOWN)
		return;
	if (x->kind <= LEFTOVER_LINK)
		check_also(c, CHECK_FAIL, "%s (%u)", x->name, x->id);
	else
		check_also(c, CHECK_FAIL, "%s", x->name);
}

static void report_kind(struct check *c, const struct leftovers *l, enum leftover_kind kind)
{
	unsigned count = 0, unheld = 0;
	pid_t holder = 0;

	check_found(c, CHECK_OK, words[kind].name, "%s", "");
	for (size_t i = 0; i < l->n; i++) {
		const struct leftover *x = &l->list[i];

		if (x->kind != kind)
			continue;
		report_one(c, x, count++);
		unheld += !x->holder;
		holder = x->holder ? x->holder : holder;
	}
	if (!count)
		check_found(c, CHECK_OK, words[kind].name, "none");
	if (count > SHOWN)
		check_also(c, CHECK_FAIL, "and %u more", count - SHOWN);
	if (count)
		check_mend(c, "%s", words[kind].mend);
	if (kind > LEFTOVER_LINK)
		return;
	if (unheld)
		check_also(c, CHECK_FAIL, "%u held by no process", unheld);
	if (holder)
		name_holder(c, holder);
}

static bool all_held(const struct leftovers *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->list[i].kind <= LEFTOVER_LINK && !l->list[i].holder)
			return false;
	return true;
}

/* What a process that has just ended held is freed by the kernel a moment later. */
static int find_settled(struct leftovers *l, struct err *e)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	int rc = leftover_find(l, e);

	for (int ms = 0; !rc && !all_held(l) && ms < PATIENCE_MS; ms += 100) {
		nanosleep(&pause, NULL);
		leftover_free(l);
		rc = leftover_find(l, e);
	}
	return rc;
}

int leftover_report(bool json)
{
	struct leftovers l = { 0 };
	struct err e = { 0 };
	struct check_report r;
	struct check c;

	if (find_settled(&l, &e)) {
		fprintf(stderr, "skein-sensor: %s\n", e.msg);
		leftover_free(&l);
		return EXITS_UNREACHED;
	}
	r = check_begin(stdout, json);
	for (int kind = 0; kind < LEFTOVER_KINDS; kind++) {
		report_kind(&c, &l, (enum leftover_kind)kind);
		check_say(&r, &c);
	}
	leftover_free(&l);
	return check_end(&r);
}
