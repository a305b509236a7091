/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Block devices below ROOT/sys/block: which of them is a disk of the machine, so that
 * inventory and performance name the same ones, and each once.
 *
 * A disk is what stands on a device (sysfs' `device`), has a size and is not removable.  Not
 * disks: partitions, loop, RAM, zram, md, LVM, dm-crypt, bcache, drbd, nbd: what they store
 * lies on a disk.  The paths of a multipath LUN are one disk: the dm device over them, under
 * the name that multipathd gave it; native NVMe multipath is its head (nvme0n1).
 */
#ifndef SENSOR_BLOCKDEV_H
#define SENSOR_BLOCKDEV_H

#include <stdbool.h>
#include <stdint.h>

#include "sensor/sysfile.h"

enum block_role {
	BLOCK_OTHER,	 /* not a disk, or what it carries is told by others */
	BLOCK_DISK,	 /* a disk */
	BLOCK_NVME_PATH, /* one of the paths to an NVMe disk */
};

/*
 * The role of the block device whose name in the kernel is NAME, a whole one or a partition;
 * in DISK what the disk is called (also of a path), "" for others.
 */
enum block_role block_role(const char *root, const char *name, char disk[SYS_NAME]);

enum { BLOCK_MODEL = 128 };
struct block_disk {
	char name[SYS_NAME]; /* what people call it: sda, nvme0n1, mpatha */
	char kind[8];	     /* "nvme", "virtio", "xen", "mmc", "dasd", else as the kernel
					  claims: "ssd" or "hdd" */
	char model[BLOCK_MODEL];
	uint64_t size_bytes;
	unsigned paths; /* of a multipath LUN; else 0 */
};
/* False where NAME is not a disk, or has no size. */
bool block_disk(const char *root, const char *name, struct block_disk *out);

/*
 * What a file system's device stands on, down to the disks: MAJOR:MINOR, or, for file systems
 * that show a number of their own (btrfs, ZFS), the device's path in SOURCE.
 */
enum { BLOCK_BELOW = 8, BLOCK_THROUGH = 4, BLOCK_LAYER = 16 };
struct block_below {
	char disk[BLOCK_BELOW][SYS_NAME]; /* sorted, each once */
	unsigned disks;
	char through[BLOCK_THROUGH][BLOCK_LAYER]; /* "lvm", "crypt", "raid1" ... from above */
	unsigned layers;
	bool more; /* did not fit */
};
void block_below(const char *root, const char *number, const char *source,
		 struct block_below *out);

#endif
