/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/host.h"

#include <errno.h>
#include <ifaddrs.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/mem.h"

struct host {
	struct machine m;
	char id[40];
	char os[NAME_LEN + 1];
	struct utsname uts;
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
 * machine-id(5) asks that the id itself is kept confidential: what goes out is a hash of it.
 * The hash has to be the same after the sensor is installed again.
 */
static int fill_id(struct host *h, struct err *e)
{
	static const char salt[] = "skein machine ";
	char raw[128], text[160];
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (!read_line("/etc/machine-id", raw, sizeof(raw)) &&
	    !read_line("/var/lib/dbus/machine-id", raw, sizeof(raw)) &&
	    !read_line("/sys/class/dmi/id/product_uuid", raw, sizeof(raw)))
		return err_set(e, -ENOENT,
			       "this machine has no identity: /etc/machine-id is missing or "
			       "empty; systemd-machine-id-setup makes one");
	snprintf(text, sizeof(text), "%s%s", salt, raw);
	EVP_Digest(text, strlen(text), digest, &n, EVP_sha256(), NULL);
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

struct host *host_new(struct err *e)
{
	struct host *h = xcalloc(1, sizeof(*h));
	long pages = sysconf(_SC_PHYS_PAGES), cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (fill_id(h, e)) {
		free(h);
		return NULL;
	}
	uname(&h->uts);
	fill_os(h);
	h->m = (struct machine){ .id = h->id,
				 .name = h->uts.nodename,
				 .os = h->os,
				 .kernel = h->uts.release,
				 .arch = h->uts.machine,
				 .cores = cores > 0 ? (uint32_t)cores : 0,
				 .memory_bytes = pages > 0 ? (uint64_t)pages *
								     (uint64_t)sysconf(_SC_PAGESIZE) :
							     0 };
	h->changed = true;
	host_refresh(h);
	return h;
}

void host_free(struct host *h)
{
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

void host_refresh(struct host *h)
{
	struct ifaddrs *all = NULL;
	struct addr a;

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
