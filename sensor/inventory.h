/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an assessment wants to know of the machine: firmware, hypervisor, processors, disks,
 * file systems, network cards, system.  docs/inventory.md says where each comes from and what
 * it is for; docs/exchange.md has the keys.
 *
 * Everything is read, nothing is asked: no command is run, no disk is touched, and no server
 * of a network file system is waited for.  Serial numbers, host keys and the kernel's command
 * line are not read.
 */
#ifndef SENSOR_INVENTORY_H
#define SENSOR_INVENTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/buf.h"
#include "sensor/blockdev.h"
#include "sensor/mounts.h"

enum {
	INVENTORY_DISKS = 64, /* more are left out, and that is told */
	INVENTORY_NICS = 64,
	INVENTORY_FILESYSTEMS = 128,
	INVENTORY_REMOTES = 128,
	INVENTORY_IPS = 16, /* of one card */
	INVENTORY_TEXT = 128,
};

struct inventory_fs {
	struct mount m;
	struct block_below on;
	bool has_space;
	uint64_t size_bytes, used_bytes;
};
struct inventory_remote {
	char point[MOUNT_PATH], type[MOUNT_TYPE], server[MOUNT_PATH], path[MOUNT_PATH];
	char addr[MOUNT_WORD];
};
struct inventory_nic {
	char name[SYS_NAME], mac[32], driver[SYS_NAME];
	char master[SYS_NAME]; /* bond or bridge that it is part of */
	bool up;
	uint64_t speed_mbps, mtu; /* 0: unknown */
	struct addr ip[INVENTORY_IPS];
	unsigned ips;
};

/* Texts are "" and numbers 0 where they are unknown. */
struct inventory {
	char vendor[INVENTORY_TEXT], model[INVENTORY_TEXT];
	char bios_uuid[40], vcenter_uuid[40]; /* lower case, with hyphens */
	char bios_vendor[INVENTORY_TEXT], bios_version[INVENTORY_TEXT];
	char bios_date[24]; /* 2023-05-18 */
	const char *boot;   /* "uefi", "bios" or "" */
	bool has_secure_boot, secure_boot;
	const char *hypervisor;
	char container[32]; /* "docker": the sensor itself runs in one, and sees only it */
	char cpu_model[INVENTORY_TEXT];
	uint64_t sockets, cpu_cores, threads, mhz;
	uint64_t installed_bytes, swap_bytes;
	char os_id[64], os_version[64], init[32], timezone[64];
	uint64_t boot_time;   /* Unix seconds */
	const char *packages; /* "dpkg", "rpm", "apk" or "" */
	struct block_disk disk[INVENTORY_DISKS];
	struct inventory_nic nic[INVENTORY_NICS];
	struct inventory_fs fs[INVENTORY_FILESYSTEMS];
	struct inventory_remote remote[INVENTORY_REMOTES];
	unsigned disks, nics, filesystems, remotes;
	bool truncated; /* something did not fit */
};

/* What is not a file below a root. */
struct inventory_address {
	char name[SYS_NAME];
	struct addr a;
};
struct inventory_rim {
	const char *root;			 /* "" for the machine */
	const char *processor;			 /* CPUID leaf 0x40000000, or "" */
	const struct inventory_address *address; /* of the interfaces */
	unsigned addresses;
	/* Sizes of the file system at POINT, which never waits for anybody; 0 or an errno. */
	int (*space)(void *ctx, const char *root, const char *point, uint64_t *size_bytes,
		     uint64_t *used_bytes);
	void *ctx;
};
/* The caller frees what is returned. */
struct inventory *inventory_read(const struct inventory_rim *rim);
/* The same of this machine; inventory_json is this and inventory_write in one. */
struct inventory *inventory_of_host(void);

/*
 * Appends the JSON object to OUT: keys always in the same order, what is unknown left out, at
 * most EXTRA_LEN bytes.  Elements of lists that do not fit are left out whole, and
 * "truncated":true says so.  With STILL it is without what changes by itself (used_bytes): if
 * that differs from last time, something about the machine has changed.
 */
void inventory_write(const struct inventory *inv, bool still, struct buf *out);
/* What lies below ROOT; with "" this machine.  For --show-what-you-send and tests. */
void inventory_json(const char *root, struct buf *out);

#endif
