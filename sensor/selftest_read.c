/* SPDX-License-Identifier: Apache-2.0 */
/* What the self-test finds on this machine. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "sensor/cgroup_root.h"
#include "sensor/denylist.h"
#include "sensor/leftover.h"
#include "sensor/nat.h"
#include "sensor/netns.h"
#include "sensor/selftest_parts.h"

enum {
	TRANSLATIONS = 64, /* that are kept of what is heard meanwhile */
	NAMESPACES = 64,
	PROCESSES = 256, /* looked at */
	SYS_RESOURCE = 24,
};

static const char *line_of(const char *path, const char *key, char *line, size_t cap)
{
	FILE *f = fopen(path, "re");
	const char *at = NULL;

	while (!at && f && fgets(line, (int)cap, f))
		if (strncmp(line, key, strlen(key)) == 0)
			at = line + strlen(key);
	if (f)
		fclose(f);
	return at;
}

static void kernel_version(unsigned *major, unsigned *minor)
{
	struct utsname u = { 0 };

	*major = *minor = 0;
	uname(&u);
	sscanf(u.release, "%u.%u", major, minor);
}

void read_rights(struct found_rights *out)
{
	char line[128];
	const char *at = line_of("/proc/self/status", "CapEff:", line, sizeof(line));

	out->effective = at ? strtoull(at, NULL, 16) : 0;
	kernel_version(&out->major, &out->minor);
}

void read_kernel(const struct selftest_config *c, struct found_kernel *out)
{
	struct utsname u = { 0 };

	uname(&u);
	snprintf(out->release, sizeof(out->release), "%s", u.release);
	out->denied = denylist_why(u.release, c->watch->deny_kernels);
	out->forced = c->watch->probe == &probe_ebpf;
}

void read_btf(enum found_btf *out)
{
	unsigned char magic[2] = { 0 };
	FILE *f = fopen("/sys/kernel/btf/vmlinux", "re");

	if (!f) {
		*out = errno == ENOENT ? BTF_MISSING : BTF_UNREADABLE;
		return;
	}
	*out = fread(magic, 1, 2, f) == 2 && ((magic[0] == 0x9f && magic[1] == 0xeb) ||
					      (magic[0] == 0xeb && magic[1] == 0x9f))
		       ? BTF_GOOD
		       : BTF_ODD;
	fclose(f);
}

/* The probe, as the watcher opens it */

static void on_process(void *ctx, const struct process_event *e)
{
	(void)ctx, (void)e;
}

static void on_closed(void *ctx, const struct edge_key *key, const struct edge_val *val)
{
	(void)ctx, (void)key, (void)val;
}

static void on_live(void *ctx, const struct live_record *r)
{
	struct found_probe *out = ctx;

	(void)r;
	out->live++;
}

static void on_listener(void *ctx, const struct listener_key *key,
			const struct listener_val *val)
{
	struct found_probe *out = ctx;

	(void)key, (void)val;
	out->listeners++;
}

static unsigned now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned)((uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000);
}

static bool try_probe(const struct probe *probe, const struct selftest_config *c,
		      struct found_probe *out, char words[512])
{
	struct probe_sink sink = { .ctx = out,
				   .process = on_process,
				   .closed = on_closed,
				   .live = on_live,
				   .listener = on_listener };
	struct leftovers held = { 0 };
	struct probe_interval interval;
	struct probe_state *st;
	unsigned began = now_ms();
	struct err e = { 0 };
	int rc;

	out->live = out->listeners = 0;
	st = probe->open(&c->watch->limits, &sink, &e);
	snprintf(words, 512, "%s", e.msg);
	if (!st)
		return false;
	leftover_own(&held);
	rc = probe->drain(st, &interval, &e);
	out->degraded = interval.degraded;
	probe->close(st);
	out->ms = now_ms() - began;
	out->left = leftover_still(&held);
	leftover_free(&held);
	snprintf(words, 512, "%s", e.msg);
	return rc == 0;
}

void read_probe(const struct selftest_config *c, struct found_probe *out)
{
	const struct probe *wish = c->watch->probe;
	struct found_kernel kernel = { .denied = NULL };

	read_kernel(c, &kernel);
	out->forced = wish == &probe_ebpf;
	out->ebpf = out->forced || (!wish && !kernel.denied);
	if (!probe_ebpf.open)
		snprintf(out->ebpf_words, sizeof(out->ebpf_words),
			 "this sensor was built without eBPF (BPF=0)");
	else if (out->forced && kernel.denied)
		snprintf(out->ebpf_words, sizeof(out->ebpf_words), "the kernel is denied: %s",
			 kernel.denied);
	else if (out->ebpf)
		out->ebpf_ran = try_probe(&probe_ebpf, c, out, out->ebpf_words);
	if (!out->ebpf_ran && !out->forced)
		out->poll_ran = try_probe(&probe_poll, c, out, out->poll_words);
}

/* What else it looks at */

struct namespaces {
	struct found_namespaces *out;
	uint32_t seen[NAMESPACES];
	unsigned n;
};

static void on_namespace(void *ctx, uint32_t netns, const char *path)
{
	struct namespaces *all = ctx;

	if (netns == netns_home() || all->n == NAMESPACES)
		return;
	for (unsigned i = 0; i < all->n; i++)
		if (all->seen[i] == netns)
			return;
	all->seen[all->n++] = netns;
	all->out->others++;
	if (all->out->own || netns_enter(netns, path))
		return;
	all->out->entered++;
	netns_leave();
}

void read_namespaces(struct found_namespaces *out)
{
	struct namespaces all = { .out = out };

	out->own = -netns_enter(netns_home(), "/proc/self/ns/net");
	netns_each(on_namespace, &all);
}

void read_cgroup(struct found_cgroup *out)
{
	struct err e = { 0 };
	int fd = cgroup_root_open(&out->own, &e);

	out->reached = fd >= 0;
	snprintf(out->words, sizeof(out->words), "%.255s", e.msg);
	if (fd >= 0)
		close(fd);
}

void read_nat(const struct selftest_config *c, struct found_nat *out)
{
	struct nattab *table;
	struct err e = { 0 };
	struct nat *nat;

	out->wanted = !c->watch->no_nat;
	if (!out->wanted)
		return;
	table = nattab_new(TRANSLATIONS);
	nat = nat_open(table, &e);
	out->heard = nat != NULL;
	snprintf(out->words, sizeof(out->words), "%.255s", e.msg);
	nat_close(nat);
	nattab_free(table);
}

/* Threads of the kernel have no executable, which is no refusal. */
static void look_at_process(struct found_proc *out, const char *number)
{
	char path[64], target[256];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%.20s", number);
	if (stat(path, &st) || st.st_uid == geteuid())
		return;
	snprintf(path, sizeof(path), "/proc/%.20s/exe", number);
	if (readlink(path, target, sizeof(target)) >= 0) {
		out->others++;
	} else if (errno == EACCES || errno == EPERM) {
		out->others++;
		out->shut++;
	}
}

void read_proc(struct found_proc *out)
{
	char line[1024];
	const char *at, *hide;
	struct dirent *entry;
	DIR *proc = opendir("/proc");

	while (proc && out->others < PROCESSES && (entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]))
			look_at_process(out, entry->d_name);
	if (proc)
		closedir(proc);
	at = line_of("/proc/mounts", "proc /proc ", line, sizeof(line));
	hide = at ? strstr(at, "hidepid=") : NULL;
	if (hide)
		snprintf(out->hidepid, sizeof(out->hidepid), "%.*s",
			 (int)strcspn(hide + 8, ", "), hide + 8);
}

static uint64_t limit_of(rlim_t v)
{
	return v == RLIM_INFINITY ? UINT64_MAX : (uint64_t)v;
}

void read_memlock(struct found_memlock *out)
{
	struct found_rights rights = { 0 };
	struct rlimit r = { 0 };

	getrlimit(RLIMIT_MEMLOCK, &r);
	read_rights(&rights);
	*out = (struct found_memlock){ .soft = limit_of(r.rlim_cur),
				       .hard = limit_of(r.rlim_max),
				       .may_raise = rights.effective >> SYS_RESOURCE & 1,
				       .major = rights.major,
				       .minor = rights.minor };
}

/* What it keeps, who it is, what time it is */

void read_data(const struct selftest_config *c, struct found_data *out)
{
	const char *dir = c->watch->dir;
	struct statvfs fs;
	struct stat st;

	if (stat(dir, &st))
		out->missing = errno;
	else if (!S_ISDIR(st.st_mode))
		out->missing = ENOTDIR;
	else if (faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS))
		out->refused = errno;
	if (!out->missing && statvfs(dir, &fs) == 0)
		out->free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
}

void read_identity(const struct selftest_config *c, struct found_identity *out)
{
	struct err e = { 0 };

	out->rc = identity_load(c->watch->dir, &out->id, &e);
	snprintf(out->words, sizeof(out->words), "%s", e.msg);
	out->now = (int64_t)time(NULL);
}

void read_clock(const struct found_call *call, struct found_clock *out)
{
	struct timex t = { .modes = 0 };

	out->synchronised = adjtimex(&t) >= 0 && !(t.status & STA_UNSYNC);
	out->now = (int64_t)time(NULL);
	out->has_offset = call->has_clock;
	out->offset_ms = call->clock_ms;
}
