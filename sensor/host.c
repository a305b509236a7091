/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/host.h"

#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cert.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "sensor/inventory.h"
#include "sensor/netns.h"

enum {
	NAMESPACES = 1024,
	FIB_MAX = 1 << 20,    /* of a router's table more is not read */
	INVENTORY_EVERY = 10, /* refreshes, which come once a minute */
	USED_EVERY = 60,      /* how full file systems are is told by itself */
};

struct seen_namespace {
	uint32_t netns;
	uint32_t refresh;
	struct addr lowest[2]; /* IPv4 and IPv6; any: none yet */
};

struct host {
	struct machine m;
	struct seen_namespace *seen; /* sorted by number */
	unsigned seen_n;
	uint32_t refresh;
	char id[40];
	char os[NAME_LEN + 1];
	struct utsname uts;
	struct buf inventory, still; /* as told last, and without what moves by itself */
	bool changed;
};

static bool read_line(const char *path, char *out, size_t cap)
{
	FILE *f = fopen(path, "re");
	bool good = f && fgets(out, (int)cap, f);

	if (f)
		fclose(f);
	if (good)
		out[strcspn(out, "\r\n")] = 0;
	return good && *out;
}

/*
 * A machine that has no identity at all gets one of this sensor's: DIR/machine-id. Where
 * nothing is installed, as in --once mode, there is no DIR, and nothing is left behind.
 */
static int own_identity(const char *dir, char *out, size_t cap, struct err *e)
{
	char *path = file_path(dir, "machine-id");
	uint8_t bytes[16];
	int rc = 0;

	if (!read_line(path, out, cap)) {
		struct buf b = { 0 };

		cert_random(bytes, sizeof(bytes));
		for (size_t i = 0; i < sizeof(bytes); i++)
			buf_printf(&b, "%02x", bytes[i]);
		snprintf(out, cap, "%s", buf_cstr(&b));
		buf_str(&b, "\n");
		if (access(dir, F_OK) == 0)
			rc = file_replace(path, 0600, b.p, b.n, e);
		else
			log_warn(
				"this machine has neither machine-id nor firmware UUID, and "
				"there is no %s to keep one in: it will be another machine in "
				"the next run",
				dir);
		buf_fini(&b);
	}
	free(path);
	return rc;
}

/*
 * machine-id(5) asks that the id itself is kept confidential: what goes out is a hash of it.
 * The hash has to be the same after the sensor is installed again.
 */
static int fill_id(struct host *h, const char *dir, struct err *e)
{
	static const char salt[] = "skein machine ";
	char raw[128], text[160];
	uint8_t digest[32];
	int rc = 0;

	if (!read_line("/etc/machine-id", raw, sizeof(raw)) &&
	    !read_line("/var/lib/dbus/machine-id", raw, sizeof(raw)) &&
	    !read_line("/sys/class/dmi/id/product_uuid", raw, sizeof(raw)))
		rc = own_identity(dir, raw, sizeof(raw), e);
	if (rc)
		return rc;
	snprintf(text, sizeof(text), "%s%s", salt, raw);
	cert_sha256(text, strlen(text), digest);
	memcpy(h->id, "m-", 3);
	for (unsigned i = 0; i < 8; i++)
		snprintf(h->id + 2 + 2 * i, 3, "%02x", digest[i]);
	return 0;
}

static void fill_os(struct host *h)
{
	static const char key[] = "PRETTY_NAME=";
	FILE *f = fopen("/etc/os-release", "re");
	char line[512];

	snprintf(h->os, sizeof(h->os), "%s", h->uts.sysname);
	while (f && fgets(line, sizeof(line), f)) {
		char *v = line + sizeof(key) - 1;

		if (strncmp(line, key, sizeof(key) - 1) != 0)
			continue;
		v += *v == '"';
		v[strcspn(v, "\"\r\n")] = 0;
		snprintf(h->os, sizeof(h->os), "%.*s", NAME_LEN, v);
	}
	if (f)
		fclose(f);
}

struct host *host_new(const char *dir, struct err *e)
{
	struct host *h = xcalloc(1, sizeof(*h));
	long pages = sysconf(_SC_PHYS_PAGES), cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (fill_id(h, dir, e)) {
		free(h);
		return NULL;
	}
	uname(&h->uts);
	fill_os(h);
	h->m = (struct machine){
		.id = h->id,
		.name = h->uts.nodename,
		.os = h->os,
		.kernel = h->uts.release,
		.arch = h->uts.machine,
		.cores = cores > 0 ? (uint32_t)cores : 0,
		.memory_bytes =
			pages > 0 ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0,
		.extra = ""
	};
	h->seen = xcalloc(NAMESPACES, sizeof(*h->seen));
	h->changed = true;
	host_refresh(h);
	return h;
}

void host_free(struct host *h)
{
	if (!h)
		return;
	buf_fini(&h->inventory);
	buf_fini(&h->still);
	free(h->seen);
	free(h);
}

void host_own(struct host *h, const struct addr *a)
{
	struct machine *m = &h->m;
	unsigned lo = 0, hi = m->addrs_n;

	if (addr_is_scoped(a) || addr_is_any(a))
		return;
	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;
		int d = addr_cmp(&m->addrs[mid], a);

		if (d == 0)
			return;
		if (d < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (m->addrs_n == MACHINE_ADDRS)
		return;
	memmove(&m->addrs[lo + 1], &m->addrs[lo], (m->addrs_n - lo) * sizeof(*a));
	m->addrs[lo] = *a;
	m->addrs_n++;
	h->changed = true;
}

static void own_in(struct host *h, struct seen_namespace *seen, const struct addr *a)
{
	struct addr *lowest = &seen->lowest[!addr_is_v4(a)];

	host_own(h, a);
	if (addr_is_scoped(a) || addr_is_any(a))
		return;
	if (addr_is_any(lowest) || addr_cmp(a, lowest) < 0)
		*lowest = *a;
}

/* Lines of 32 hex digits and more (net/ipv6/addrconf.c, if6_seq_show). */
static void read_if_inet6(struct host *h, struct seen_namespace *seen, FILE *f)
{
	char line[128];
	struct addr a;

	while (fgets(line, sizeof(line), f)) {
		int i;

		for (i = 0; i < 16; i++)
			if (sscanf(line + 2 * i, "%2hhx", &a.b[i]) != 1)
				break;
		if (i == 16)
			own_in(h, seen, &a);
	}
}

/* "|-- 10.0.0.1", and below it "/32 host LOCAL" (net/ipv4/fib_trie.c, fib_trie_seq_show). */
static void read_fib_trie(struct host *h, struct seen_namespace *seen, FILE *f)
{
	struct addr a = { { 0 } };
	size_t got = 0;
	char line[128];

	while (got < FIB_MAX && fgets(line, sizeof(line), f)) {
		char *at = strstr(line, "|-- ");

		got += strlen(line);
		line[strcspn(line, "\n")] = 0;
		if (at && addr_parse(at + 4, &a))
			memset(&a, 0, sizeof(a));
		else if (!at && strstr(line, "/32 host LOCAL"))
			own_in(h, seen, &a);
	}
}

static void read_namespace(struct host *h, struct seen_namespace *seen, uint32_t tgid)
{
	static const struct {
		const char *name;
		void (*read)(struct host *, struct seen_namespace *, FILE *);
	} files[] = { { "if_inet6", read_if_inet6 }, { "fib_trie", read_fib_trie } };
	char path[64];

	for (int i = 0; i < 2; i++) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%u/net/%s", tgid, files[i].name);
		f = fopen(path, "re");
		if (!f)
			continue;
		files[i].read(h, seen, f);
		fclose(f);
	}
}

/* The place of NETNS in the sorted list, which it joins if there is room; NULL if not. */
static struct seen_namespace *seen_of(struct host *h, uint32_t netns)
{
	unsigned lo = 0, hi = h->seen_n;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (h->seen[mid].netns < netns)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < h->seen_n && h->seen[lo].netns == netns)
		return &h->seen[lo];
	if (h->seen_n == NAMESPACES)
		return NULL;
	memmove(&h->seen[lo + 1], &h->seen[lo], (h->seen_n - lo) * sizeof(*h->seen));
	h->seen[lo] = (struct seen_namespace){ .netns = netns };
	h->seen_n++;
	return &h->seen[lo];
}

void host_namespace(struct host *h, uint32_t netns, uint32_t tgid)
{
	struct seen_namespace *seen = seen_of(h, netns);

	if (netns == netns_home())
		tgid = (uint32_t)getpid();
	if (!seen || seen->refresh == h->refresh || netns_of_process(tgid) != netns)
		return;
	seen->refresh = h->refresh;
	memset(seen->lowest, 0, sizeof(seen->lowest));
	read_namespace(h, seen, tgid);
}

struct addr host_address(struct host *h, uint32_t netns, const struct addr *remote)
{
	const struct seen_namespace *seen = seen_of(h, netns);
	bool v4 = addr_is_v4(remote);

	if (seen && !addr_is_any(&seen->lowest[!v4]))
		return seen->lowest[!v4];
	return v4 ? addr_v4(0x7f000001) : (struct addr){ { [15] = 1 } };
}

static void read_inventory(struct host *h)
{
	struct inventory *inv = inventory_of_host();
	struct buf still = { 0 };

	inventory_write(inv, true, &still);
	if (h->refresh % USED_EVERY == 0 || strcmp(buf_cstr(&still), buf_cstr(&h->still))) {
		buf_reset(&h->inventory);
		inventory_write(inv, false, &h->inventory);
		h->m.extra = buf_cstr(&h->inventory);
		h->changed = true;
	}
	buf_fini(&h->still);
	h->still = still;
	free(inv);
}

void host_refresh(struct host *h)
{
	struct ifaddrs *all = NULL;
	struct addr a;

	if (h->refresh % INVENTORY_EVERY == 0)
		read_inventory(h);
	h->refresh++;
	if (getifaddrs(&all))
		return;
	for (struct ifaddrs *i = all; i; i = i->ifa_next)
		if (i->ifa_addr && addr_of_sockaddr(i->ifa_addr, &a))
			host_own(h, &a);
	freeifaddrs(all);
}

bool host_changed(struct host *h)
{
	bool was = h->changed;

	h->changed = false;
	return was;
}

const struct machine *host_machine(const struct host *h)
{
	return &h->m;
}
