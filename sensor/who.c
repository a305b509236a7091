/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/who.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/utf8.h"
#include "sensor/javaname.h"
#include "sensor/procname.h"
#include "sensor/redact.h"

enum { ARGS_MAX = 65536 }; /* class paths are long, and the class stands behind them */

/* At most CAP - 1 bytes of valid UTF-8, in place. */
static void scrub(char *s, size_t cap)
{
	size_t n = strlen(s);
	struct buf b = { 0 };
	uint32_t cp;

	if (utf8_valid(s, n))
		return;
	utf8_clean(&b, s, n);
	snprintf(s, cap, "%s", buf_cstr(&b));
	for (n = 0; s[n];) { /* a last character that did not fit whole */
		size_t len = utf8_next(s + n, strlen(s + n), &cp);

		if (!len)
			s[n] = 0;
		n += len;
	}
	buf_fini(&b);
}

static void cut_deleted(char *exe)
{
	static const char gone[] = " (deleted)";
	size_t n = strlen(exe);

	if (n > sizeof(gone) - 1 && strcmp(exe + n - (sizeof(gone) - 1), gone) == 0)
		exe[n - (sizeof(gone) - 1)] = 0;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* What is behind the raw words, all of them known now. */
static bool describe(const struct procname_in *in, bool args, struct who *w)
{
	const char *exe = last_part(in->exe);

	procname(in, w->name, sizeof(w->name));
	if (!in->kthread && javaname_is_java(exe))
		javaname(in->args, in->args_len, w->app, sizeof(w->app));
	if (args && !in->kthread)
		redact_args(in->args, in->args_len, w->args, sizeof(w->args));
	scrub(w->name, sizeof(w->name));
	scrub(w->group.unit, sizeof(w->group.unit));
	scrub(w->group.container, sizeof(w->group.container));
	scrub(w->exe, sizeof(w->exe));
	scrub(w->app, sizeof(w->app));
	scrub(w->args, sizeof(w->args));
	return *w->name;
}

/* From /proc */

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

static void read_exe(uint32_t tgid, char *out, size_t cap)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/exe", tgid);
	n = readlink(path, out, cap - 1);
	out[n < 0 ? 0 : n] = 0;
	cut_deleted(out);
}

/* The real user: the owner of /proc/PID would be root for what may not be dumped. */
static uint32_t read_uid(uint32_t tgid)
{
	char text[2048];
	const char *line;

	if (read_proc(tgid, "status", text, sizeof(text)) < 0)
		return 0;
	line = strstr(text, "\nUid:");
	return line ? (uint32_t)strtoul(line + 5, NULL, 10) : 0;
}

static void read_group(uint32_t tgid, struct cgroup_words *out)
{
	char text[8192];

	if (read_proc(tgid, "cgroup", text, sizeof(text)) >= 0)
		cgroup_read_proc(text, out);
}

bool who_of_proc(uint32_t tgid, uint64_t born, bool args, struct who *w)
{
	char comm[32] = "", *room = xmalloc(ARGS_MAX);
	ssize_t n = read_proc(tgid, "cmdline", room, ARGS_MAX);
	struct procname_in in = { .exe = w->exe, .comm = comm, .args = room };
	bool named;

	memset(w, 0, sizeof(*w));
	read_exe(tgid, w->exe, sizeof(w->exe));
	read_proc(tgid, "comm", comm, sizeof(comm));
	comm[strcspn(comm, "\n")] = 0;
	read_group(tgid, &w->group);
	w->uid = read_uid(tgid);
	in.args_len = n > 0 ? (size_t)n : 0;
	in.kthread = !*w->exe && n == 0;
	named = describe(&in, args, w) &&
		same_start(tgid, born); /* last: all of it was the same process */
	free(room);
	return named;
}

/* From the kernel's announcement */

/* The names of a path, lowest first, as the path. */
static void put_path(const char *names, size_t len, char *out, size_t cap)
{
	size_t at = cap - 1;

	out[at] = 0;
	for (size_t i = 0; i < len;) {
		size_t n = strnlen(names + i, len - i);

		if (n + 1 > at || i + n >= len)
			break;
		at -= n;
		memcpy(out + at, names + i, n);
		out[--at] = '/';
		i += n + 1;
	}
	memmove(out, out + at, cap - at);
}

static void put_groups(const struct process_event *e, struct cgroup_words *out)
{
	struct cgroup_words more;

	for (int i = 0; i < PROCESS_CGROUPS; i++) {
		size_t n = e->cgroup_len[i] < PROCESS_NAMES ? e->cgroup_len[i] : PROCESS_NAMES;

		cgroup_read_names(e->cgroup[i], n, i ? &more : out);
	}
	cgroup_join(out, &more);
}

/* The event has what fits; the rest is there while the process is. */
static void whole_path(const struct process_event *e, struct who *w)
{
	if (*w->exe || e->kthread)
		return;
	read_exe(e->tgid, w->exe, sizeof(w->exe));
	if (!same_start(e->tgid, e->born))
		*w->exe = 0;
}

static char *all_args(const struct process_event *e, bool args, struct procname_in *in)
{
	const char *exe = last_part(in->exe);
	char *room;
	ssize_t n;

	if (e->args_len < PROCESS_ARGS - 1 ||
	    !(args || javaname_is_java(exe) || procname_is_interpreter(exe)))
		return NULL;
	room = xmalloc(ARGS_MAX);
	n = read_proc(e->tgid, "cmdline", room, ARGS_MAX);
	if (n > 0 && same_start(e->tgid, e->born)) {
		in->args = room;
		in->args_len = (size_t)n;
	}
	return room;
}

bool who_of_event(const struct process_event *e, bool args, struct who *w)
{
	char comm[sizeof(e->comm) + 1], exe[sizeof(e->exe) + 1], *room;
	struct procname_in in = { .exe = exe, .comm = comm, .args = e->args };
	size_t n = e->path_len < PROCESS_NAMES ? e->path_len : PROCESS_NAMES;
	bool named;

	memset(w, 0, sizeof(*w));
	snprintf(comm, sizeof(comm), "%.*s", (int)sizeof(e->comm), e->comm);
	snprintf(exe, sizeof(exe), "%.*s", (int)sizeof(e->exe), e->exe);
	put_path(e->path, n, w->exe, sizeof(w->exe));
	whole_path(e, w);
	if (*w->exe)
		in.exe = w->exe;
	put_groups(e, &w->group);
	w->uid = e->uid;
	in.args_len = e->args_len < sizeof(e->args) ? e->args_len : sizeof(e->args);
	in.kthread = e->kthread;
	room = all_args(e, args, &in);
	named = describe(&in, args, w);
	free(room);
	return named;
}
