/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine says of itself: firmware, processors, memory, system. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "sensor/hypervisor.h"
#include "sensor/inventory_parts.h"

enum { CPUS = 8192 };

/* Firmware */

/* What board makers leave in when they forget to fill it in. */
static bool is_placeholder(const char *s)
{
	static const char *const words[] = {
		"To Be Filled",
		"Default string",
		"System Product Name",
		"System manufacturer",
		"Not Specified",
		"Not Applicable",
		"Undefined",
		"O.E.M",
		"OEM",
		"None",
	};

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strncasecmp(s, words[i], strlen(words[i])) == 0)
			return true;
	return false;
}

static void dmi(const char *root, const char *name, char *out, size_t cap)
{
	if (!sys_line(out, cap, root, "/sys/class/dmi/id/%s", name) || is_placeholder(out))
		out[0] = 0;
}

/* 32 hexadecimal digits, whatever stands between them, as a UUID; false for other than 32. */
static bool uuid_of(const char *s, char out[40])
{
	unsigned digits = 0, n = 0;

	for (; *s; s++) {
		if (*s == ' ' || *s == '-')
			continue;
		if (!isxdigit((unsigned char)*s) || digits == 32)
			return false;
		if (digits == 8 || digits == 12 || digits == 16 || digits == 20)
			out[n++] = '-';
		out[n++] = (char)tolower((unsigned char)*s);
		digits++;
	}
	out[n] = 0;
	return digits == 32;
}

static bool all_same(const char *uuid)
{
	char first = uuid[0];

	for (; *uuid; uuid++)
		if (*uuid != '-' && *uuid != first)
			return false;
	return true;
}

/*
 * From virtual hardware 13 on (SMBIOS 2.7) the first three fields of VMware's UUID mostly read
 * in another byte order than vCenter shows.  The serial number has the bytes as vCenter does
 * ("VMware-42 1c ... -4e 0f ..."), and is nothing but the UUID.
 */
static void fill_uuid(const char *root, struct inventory *inv)
{
	static const char vmware[] = "VMware-";
	char raw[96];

	if (sys_line(raw, sizeof(raw), root, "/sys/class/dmi/id/product_uuid") &&
	    !(uuid_of(raw, inv->bios_uuid) && !all_same(inv->bios_uuid)))
		inv->bios_uuid[0] = 0;
	if (sys_line(raw, sizeof(raw), root, "/sys/class/dmi/id/product_serial") &&
	    strncmp(raw, vmware, sizeof(vmware) - 1) == 0 &&
	    !uuid_of(raw + sizeof(vmware) - 1, inv->vcenter_uuid))
		inv->vcenter_uuid[0] = 0;
}

/* "05/18/2023" as 2023-05-18; two digits of a year are of the last century (SMBIOS 3.1.2). */
static void fill_date(const char *root, struct inventory *inv)
{
	unsigned month, day, year;
	char raw[32];

	dmi(root, "bios_date", raw, sizeof(raw));
	if (sscanf(raw, "%2u/%2u/%4u", &month, &day, &year) == 3 && month >= 1 &&
	    month <= 12 && day >= 1 && day <= 31)
		snprintf(inv->bios_date, sizeof(inv->bios_date), "%04u-%02u-%02u",
			 year < 100 ? year + 1900 : year, month, day);
}

/*
 * Without EFI a machine with DMI came up by a BIOS; one without either (a container, a micro
 * VM, a device tree) does not say.
 */
static void fill_boot(const char *root, struct inventory *inv)
{
	static const char secure[] = "/sys/firmware/efi/efivars/"
				     "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
	char var[8];

	inv->boot = "";
	if (sys_exists(root, "/sys/firmware/efi"))
		inv->boot = "uefi";
	else if (!*inv->container && sys_exists(root, "/sys/class/dmi/id/bios_vendor"))
		inv->boot = "bios";
	/* four bytes of attributes, one of value (UEFI 2.10, section 32.3; efivarfs) */
	inv->has_secure_boot = sys_text(var, sizeof(var), root, "%s", secure) == 5;
	inv->secure_boot = inv->has_secure_boot && var[4] == 1;
}

static void fill_firmware(const char *root, struct inventory *inv)
{
	dmi(root, "sys_vendor", inv->vendor, sizeof(inv->vendor));
	dmi(root, "product_name", inv->model, sizeof(inv->model));
	dmi(root, "bios_vendor", inv->bios_vendor, sizeof(inv->bios_vendor));
	dmi(root, "bios_version", inv->bios_version, sizeof(inv->bios_version));
	if (!*inv->model) /* arm64 boards, POWER */
		sys_line(inv->model, sizeof(inv->model), root, "/proc/device-tree/model");
	fill_date(root, inv);
	fill_uuid(root, inv);
	fill_boot(root, inv);
}

/*
 * systemd writes what it was told; Docker and Podman leave a file of their own, which a
 * virtual machine made from an image has too: the kernel's first PID namespace is in no
 * container.
 */
static void fill_container(const char *root, struct inventory *inv)
{
	static const char first[] = "pid:[4026531836]"; /* PROC_PID_INIT_INO */
	char pid[64];

	if (sys_link(pid, sizeof(pid), root, "/proc/self/ns/pid") && !strcmp(pid, first))
		return;
	if (sys_line(inv->container, sizeof(inv->container), root, "/run/systemd/container"))
		return;
	if (sys_exists(root, "/.dockerenv"))
		sys_copy(inv->container, sizeof(inv->container), "docker");
	else if (sys_exists(root, "/run/.containerenv"))
		sys_copy(inv->container, sizeof(inv->container), "podman");
}

/* Processors */

/* The value behind "KEY<blanks>:" in the first block of /proc/cpuinfo, or NULL. */
static const char *cpuinfo_value(const char *info, const char *key, char *out, size_t cap)
{
	size_t k = strlen(key);

	for (const char *line = info; *line && *line != '\n';) {
		const char *next = line + strcspn(line, "\n"), *p = line + k;

		if (strncmp(line, key, k) == 0) {
			p += strspn(p, " \t");
			if (*p == ':') {
				p += 1 + strspn(p + 1, " \t");
				snprintf(out, cap, "%.*s", (int)(next > p ? next - p : 0), p);
				return out;
			}
		}
		line = *next ? next + 1 : next;
	}
	return NULL;
}

static bool has_word(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = words; (p = strstr(p, word)); p += n)
		if ((p == words || p[-1] == ' ') && (!p[n] || p[n] == ' '))
			return true;
	return false;
}

/* "... @ 2.30GHz" in the model, else the frequency that it keeps, else the highest. */
static uint64_t nominal_mhz(const char *root, const char *info, const char *model, bool guest)
{
	static const char freq[] = "/sys/devices/system/cpu/cpu0/cpufreq";
	const char *at = strstr(model, "@ ");
	char text[64];
	double ghz;
	uint64_t khz;

	if (at && sscanf(at, "@ %lf", &ghz) == 1 && ghz > 0 && ghz < 100 && strstr(at, "GHz"))
		return (uint64_t)(ghz * 1000 + 0.5);
	if (sys_u64(&khz, root, "%s/base_frequency", freq))
		return (khz + 500) / 1000;
	/* what cpuinfo says changes with the load, but for guests, where it is the nominal one
	 */
	if (guest && cpuinfo_value(info, "cpu MHz", text, sizeof(text)) &&
	    sscanf(text, "%lf", &ghz) == 1 && ghz > 0 && ghz < 100000)
		return (uint64_t)(ghz + 0.5);
	if (sys_u64(&khz, root, "%s/cpuinfo_max_freq", freq))
		return (khz + 500) / 1000;
	return 0;
}

/* Adds one where CPU N is the first of the list in FILE ("2,34", "2-3"); false without a list.
 */
static bool count_first(const char *root, unsigned n, const char *file, uint64_t *count)
{
	uint64_t first;

	if (!sys_u64(&first, root, "/sys/devices/system/cpu/cpu%u/topology/%s", n, file))
		return false;
	*count += first == n;
	return true;
}

/* The next of a list such as "0-3,8"; false at its end, or where it makes no sense. */
static bool next_range(const char **p, unsigned *from, unsigned *to)
{
	int used = 0;

	*p += **p == ',';
	if (sscanf(*p, "%5u%n", from, &used) != 1)
		return false;
	*p += used;
	*to = *from;
	used = 0;
	if (**p == '-' && sscanf(*p + 1, "%5u%n", to, &used) == 1)
		*p += 1 + used;
	return true;
}

/*
 * Cores and sockets are counted by their first thread: numbers of cores repeat in each socket,
 * and dies confuse them, but the lists of siblings do not.
 */
static void count_cpus(const char *root, struct inventory *inv)
{
	bool cores = true, sockets = true;
	const char *p = NULL;
	char list[1024];
	unsigned n, to;

	if (sys_line(list, sizeof(list), root, "/sys/devices/system/cpu/online"))
		p = list;
	while (p && next_range(&p, &n, &to))
		for (; n <= to && inv->threads < CPUS; n++) {
			inv->threads++;
			cores &= count_first(root, n, "thread_siblings_list", &inv->cpu_cores);
			sockets &= count_first(root, n, "core_siblings_list", &inv->sockets);
		}
	inv->cpu_cores = cores ? inv->cpu_cores : 0;
	inv->sockets = sockets ? inv->sockets : 0;
}

static void fill_cpu(const struct inventory_rim *rim, struct inventory *inv,
		     struct hypervisor_clues *c, bool *has_flags)
{
	char info[8192], flags[4096];

	sys_text(info, sizeof(info), rim->root, "/proc/cpuinfo");
	*has_flags = cpuinfo_value(info, "flags", flags, sizeof(flags)) != NULL;
	c->flag = *has_flags && has_word(flags, "hypervisor");
	if (!cpuinfo_value(info, "model name", inv->cpu_model, sizeof(inv->cpu_model)) &&
	    !cpuinfo_value(info, "cpu", inv->cpu_model, sizeof(inv->cpu_model)))
		inv->cpu_model[0] = 0;
	sys_trim(inv->cpu_model);
	count_cpus(rim->root, inv);
	inv->mhz = nominal_mhz(rim->root, info, inv->cpu_model, c->flag);
}

static void fill_hypervisor(const struct inventory_rim *rim, struct inventory *inv)
{
	struct hypervisor_clues c = { .vendor = inv->vendor,
				      .product = inv->model,
				      .bios_vendor = inv->bios_vendor,
				      .bios_version = inv->bios_version,
				      .processor = rim->processor };
	char asset[96], type[64], tree[128], xen[64];
	bool has_flags;

	fill_cpu(rim, inv, &c, &has_flags);
	dmi(rim->root, "chassis_asset_tag", asset, sizeof(asset));
	sys_line(type, sizeof(type), rim->root, "/sys/hypervisor/type");
	sys_line(tree, sizeof(tree), rim->root, "/proc/device-tree/hypervisor/compatible");
	sys_line(xen, sizeof(xen), rim->root, "/proc/xen/capabilities");
	c.asset = asset;
	c.sys_type = type;
	c.device_tree = tree;
	c.is_xen_host = strstr(xen, "control_d") != NULL;
	inv->hypervisor = hypervisor_name(&c, has_flags);
}

/* Memory and system */

/*
 * Blocks of memory as the firmware lists them: MemTotal is what is left of that when the
 * kernel has taken its own, so an 8 GiB machine would look like one of 7.8.
 */
static void fill_memory(const char *root, struct inventory *inv)
{
	struct sys_list l = sys_list(root, "/sys/devices/system/memory");
	char text[4096], *swap;
	uint64_t blocks = 0, size;

	for (unsigned i = 0; i < l.n; i++)
		blocks += strncmp(l.name[i], "memory", 6) == 0 &&
			  isdigit((unsigned char)l.name[i][6]);
	if (!l.more && blocks &&
	    sys_line(text, sizeof(text), root,
		     "/sys/devices/system/memory/block_size_bytes")) {
		size = strtoull(text, NULL, 16);
		if (__builtin_mul_overflow(blocks, size, &inv->installed_bytes))
			inv->installed_bytes = 0;
	}
	sys_list_free(&l);
	sys_text(text, sizeof(text), root, "/proc/meminfo");
	swap = strstr(text, "SwapTotal:");
	if (swap && sys_number(swap + strlen("SwapTotal:"), &size) &&
	    size <= UINT64_MAX / 1024)
		inv->swap_bytes = size * 1024;
}

/* A value of os-release(5), its quotes taken off. */
static void os_value(const char *text, const char *key, char *out, size_t cap)
{
	size_t k = strlen(key);

	out[0] = 0;
	for (const char *p = text; p && *p; p = strchr(p, '\n'), p += p != NULL) {
		const char *v = p + k + 1;

		if (strncmp(p, key, k) != 0 || p[k] != '=')
			continue;
		v += *v == '"' || *v == '\'';
		snprintf(out, cap, "%.*s", (int)strcspn(v, "\"'\r\n"), v);
	}
}

static void fill_os(const char *root, struct inventory *inv)
{
	static const struct {
		const char *path, *name;
	} packages[] = { { "/var/lib/dpkg/status", "dpkg" },
			 { "/usr/lib/sysimage/rpm", "rpm" },
			 { "/var/lib/rpm", "rpm" },
			 { "/lib/apk/db/installed", "apk" } };
	char text[4096];

	if (!sys_text(text, sizeof(text), root, "/etc/os-release"))
		sys_text(text, sizeof(text), root, "/usr/lib/os-release");
	os_value(text, "ID", inv->os_id, sizeof(inv->os_id));
	os_value(text, "VERSION_ID", inv->os_version, sizeof(inv->os_version));
	sys_line(inv->init, sizeof(inv->init), root, "/proc/1/comm");
	inv->packages = "";
	for (unsigned i = 0; i < sizeof(packages) / sizeof(packages[0]); i++)
		if (!*inv->packages && sys_exists(root, "%s", packages[i].path))
			inv->packages = packages[i].name;
}

static void fill_time(const char *root, struct inventory *inv)
{
	static const char zones[] = "/zoneinfo/";
	char link[SYS_PATH], *text = xmalloc(SYS_TEXT), *at = NULL;

	if (sys_link(link, sizeof(link), root, "/etc/localtime"))
		at = strstr(link, zones);
	if (at)
		sys_copy(inv->timezone, sizeof(inv->timezone), at + sizeof(zones) - 1);
	else
		sys_line(inv->timezone, sizeof(inv->timezone), root, "/etc/timezone");
	sys_text(text, SYS_TEXT, root, "/proc/stat");
	at = strstr(text, "\nbtime ");
	if (at && !sys_number(at + strlen("\nbtime "), &inv->boot_time))
		inv->boot_time = 0;
	free(text);
}

struct inventory *inventory_read(const struct inventory_rim *rim)
{
	struct inventory *inv = xcalloc(1, sizeof(*inv));

	fill_container(rim->root, inv);
	fill_firmware(rim->root, inv);
	fill_hypervisor(rim, inv);
	fill_memory(rim->root, inv);
	fill_os(rim->root, inv);
	fill_time(rim->root, inv);
	inventory_disks(rim, inv);
	inventory_nics(rim, inv);
	inventory_mounts(rim, inv);
	return inv;
}
