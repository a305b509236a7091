/* SPDX-License-Identifier: Apache-2.0 */
/* What of the inventory is not a file: addresses, sizes of file systems, CPUID. */
#include <errno.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include "common/mem.h"
#include "sensor/inventory.h"

enum { ADDRESSES = 4096 };

/*
 * By way of the first process's root: a unit's sandbox may have hidden the place from us.  Not
 * under another root than ours, where the numbers would be those of the wrong file system.
 */
static int space_of_host(void *ctx, const char *root, const char *point, uint64_t *size_bytes,
			 uint64_t *used_bytes)
{
	char path[MOUNT_PATH + 16];
	struct statvfs s;

	(void)ctx;
	if (*root)
		return ENOENT;
	snprintf(path, sizeof(path), "/proc/1/root%s", point);
	if (statvfs(path, &s) < 0 && statvfs(point, &s) < 0)
		return errno;
	if (__builtin_mul_overflow(s.f_blocks, s.f_frsize, size_bytes) ||
	    s.f_bfree > s.f_blocks)
		return ERANGE;
	*used_bytes = (s.f_blocks - s.f_bfree) * s.f_frsize;
	return 0;
}

static struct inventory_address *addresses_of_host(unsigned *n)
{
	struct inventory_address *list = NULL;
	struct ifaddrs *all = NULL;
	unsigned cap = 0;

	*n = 0;
	if (getifaddrs(&all))
		return NULL;
	for (struct ifaddrs *i = all; i && *n < ADDRESSES; i = i->ifa_next) {
		struct addr a;

		if (!i->ifa_addr || !addr_of_sockaddr(i->ifa_addr, &a))
			continue;
		MEM_GROW(list, *n, cap);
		sys_copy(list[*n].name, SYS_NAME, i->ifa_name);
		list[(*n)++].a = a;
	}
	freeifaddrs(all);
	return list;
}

/* Twelve characters in EBX, ECX and EDX (by agreement of the hypervisors' makers). */
static void processor_of_host(char out[16])
{
	memset(out, 0, 16);
#if defined(__x86_64__) || defined(__i386__)
	unsigned eax, ebx, ecx, edx;

	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx >> 31))
		return;
	__cpuid(0x40000000, eax, ebx, ecx, edx);
	memcpy(out, &ebx, 4);
	memcpy(out + 4, &ecx, 4);
	memcpy(out + 8, &edx, 4);
#endif
}

static struct inventory *read_below(const char *root)
{
	struct inventory_rim rim = { .root = root, .processor = "", .space = space_of_host };
	struct inventory_address *list = NULL;
	struct inventory *inv;
	char processor[16];

	if (!*root) {
		processor_of_host(processor);
		rim.processor = processor;
		rim.address = list = addresses_of_host(&rim.addresses);
	}
	inv = inventory_read(&rim);
	free(list);
	return inv;
}

struct inventory *inventory_of_host(void)
{
	return read_below("");
}

void inventory_json(const char *root, struct buf *out)
{
	struct inventory *inv = read_below(root);

	inventory_write(inv, false, out);
	free(inv);
}
