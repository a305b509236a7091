/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/blockdev.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 8 }; /* of devices upon devices */

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static bool is_dm(const char *name)
{
	return begins(name, "dm-");
}

/* dm/uuid begins with who made it: LVM-, CRYPT-, mpath- (drivers' own convention). */
static bool is_multipath(const char *root, const char *name)
{
	char uuid[SYS_PATH];

	return is_dm(name) &&
	       sys_line(uuid, sizeof(uuid), root, "/sys/block/%s/dm/uuid", name) &&
	       begins(uuid, "mpath-");
}

static bool has_multipath_holder(const char *root, const char *name)
{
	struct sys_list l = sys_list(root, "/sys/block/%s/holders", name);
	bool found = false;

	for (unsigned i = 0; i < l.n && !found; i++)
		found = is_multipath(root, l.name[i]);
	sys_list_free(&l);
	return found;
}

/* Drives without a fixed medium, and the special areas of an MMC. */
static bool is_no_disk(const char *name)
{
	static const char *const no[] = { "loop", "ram", "zram", "md", "sr", "fd" };
	size_t n = strlen(name);

	for (unsigned i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		size_t k = strlen(no[i]);

		if (begins(name, no[i]) && name[k] >= '0' && name[k] <= '9')
			return true;
	}
	return begins(name, "mmcblk") &&
	       (strstr(name, "boot") || (n > 4 && strcmp(name + n - 4, "rpmb") == 0));
}

/* "nvme0c1n1" is the path by controller 1 to "nvme0n1" (drivers/nvme/host/multipath.c). */
static bool nvme_head(const char *name, char disk[SYS_NAME])
{
	unsigned subsystem, controller, space;
	int used = 0;

	if (sscanf(name, "nvme%9uc%9un%9u%n", &subsystem, &controller, &space, &used) != 3 ||
	    name[used])
		return false;
	snprintf(disk, SYS_NAME, "nvme%un%u", subsystem, space);
	return true;
}

enum block_role block_role(const char *root, const char *name, char disk[SYS_NAME])
{
	uint64_t removable = 0;

	disk[0] = 0;
	if (is_no_disk(name))
		return BLOCK_OTHER;
	if (is_multipath(root, name)) {
		if (!sys_line(disk, SYS_NAME, root, "/sys/block/%s/dm/name", name))
			sys_copy(disk, SYS_NAME, name);
		return BLOCK_DISK;
	}
	if (nvme_head(name, disk))
		return BLOCK_NVME_PATH;
	if (!sys_exists(root, "/sys/block/%s/device", name) ||
	    (sys_u64(&removable, root, "/sys/block/%s/removable", name) && removable) ||
	    has_multipath_holder(root, name))
		return BLOCK_OTHER;
	sys_copy(disk, SYS_NAME, name);
	return BLOCK_DISK;
}

static void fill_kind(const char *root, const char *name, struct block_disk *d)
{
	static const struct {
		const char *prefix, *kind;
	} by_name[] = { { "nvme", "nvme" },
			{ "vd", "virtio" },
			{ "xvd", "xen" },
			{ "mmc", "mmc" },
			{ "dasd", "dasd" } };
	uint64_t rotates;

	for (unsigned i = 0; i < sizeof(by_name) / sizeof(by_name[0]); i++)
		if (begins(name, by_name[i].prefix))
			sys_copy(d->kind, sizeof(d->kind), by_name[i].kind);
	if (!*d->kind && sys_u64(&rotates, root, "/sys/block/%s/queue/rotational", name))
		sys_copy(d->kind, sizeof(d->kind), rotates ? "hdd" : "ssd");
}

/* SCSI tells vendor and model apart; the vendor of an ATA disk is "ATA", of virtio a number.
 */
static void fill_model(const char *root, const char *name, struct block_disk *d)
{
	char vendor[32] = "", model[96];

	if (!sys_line(model, sizeof(model), root, "/sys/block/%s/device/model", name))
		return;
	sys_line(vendor, sizeof(vendor), root, "/sys/block/%s/device/vendor", name);
	if (!*vendor || strcmp(vendor, "ATA") == 0 || begins(vendor, "0x"))
		sys_copy(d->model, sizeof(d->model), model);
	else
		snprintf(d->model, sizeof(d->model), "%s %s", vendor, model);
}

bool block_disk(const char *root, const char *name, struct block_disk *out)
{
	struct sys_list paths = { 0 };
	const char *real = name;
	uint64_t sectors;
	bool good;

	memset(out, 0, sizeof(*out));
	if (block_role(root, name, out->name) != BLOCK_DISK)
		return false;
	if (is_dm(name)) { /* kind and model are those of the first path */
		paths = sys_list(root, "/sys/block/%s/slaves", name);
		out->paths = paths.n;
		real = paths.n ? paths.name[0] : name;
	}
	good = sys_u64(&sectors, root, "/sys/block/%s/size", name) && sectors > 0 &&
	       sectors <= UINT64_MAX / 512;
	out->size_bytes = good ? sectors * 512 : 0; /* sectors of 512 whatever the disk's */
	fill_kind(root, real, out);
	fill_model(root, real, out);
	sys_list_free(&paths);
	return good;
}

/* What a file system stands on */

/* A device by its path in sysfs, ".../sda/sda2": the last part if it is whole, else the one
 * before. */
static void whole_of(const char *root, char *path, char out[SYS_NAME])
{
	char *slash = strrchr(path, '/');

	if (slash && !sys_exists(root, "/sys/block/%s", slash + 1))
		*slash = 0;
	sys_copy(out, SYS_NAME, sys_base(path));
}

static void add_disk(struct block_below *b, const char *name)
{
	unsigned at = 0;

	while (at < b->disks && strcmp(b->disk[at], name) < 0)
		at++;
	if (at < b->disks && strcmp(b->disk[at], name) == 0)
		return;
	if (b->disks == BLOCK_BELOW) {
		b->more = true;
		return;
	}
	memmove(b->disk[at + 1], b->disk[at], (b->disks - at) * sizeof(b->disk[0]));
	sys_copy(b->disk[at], SYS_NAME, name);
	b->disks++;
}

static void add_layer(struct block_below *b, const char *word)
{
	for (unsigned i = 0; i < b->layers; i++)
		if (strcmp(b->through[i], word) == 0)
			return;
	if (b->layers < BLOCK_THROUGH)
		sys_copy(b->through[b->layers++], BLOCK_LAYER, word);
	else
		b->more = true;
}

static void tell_layer(const char *root, const char *name, struct block_below *b)
{
	char text[SYS_PATH];

	if (is_dm(name)) {
		sys_line(text, sizeof(text), root, "/sys/block/%s/dm/uuid", name);
		if (begins(text, "part")) /* a partition of a multipath LUN */
			return;
		add_layer(b, begins(text, "LVM-")     ? "lvm"
			     : begins(text, "CRYPT-") ? "crypt"
						      : "dm");
	} else if (sys_line(text, sizeof(text), root, "/sys/block/%s/md/level", name)) {
		add_layer(b, text);
	}
}

static void walk(const char *root, const char *name, unsigned depth, struct block_below *b)
{
	char disk[SYS_NAME], path[SYS_PATH], below[SYS_NAME];
	struct sys_list l;

	if (block_role(root, name, disk) != BLOCK_OTHER) {
		add_disk(b, disk);
		return;
	}
	tell_layer(root, name, b);
	if (depth == DEPTH || b->more)
		return;
	l = sys_list(root, "/sys/block/%s/slaves", name);
	for (unsigned i = 0; i < l.n && !b->more; i++)
		if (sys_link(path, sizeof(path), root, "/sys/block/%s/slaves/%s", name,
			     l.name[i])) {
			whole_of(root, path, below);
			walk(root, below, depth + 1, b);
		}
	sys_list_free(&l);
}

/* "/dev/mapper/vg-root" is the dm device of that name, "/dev/sda2" lies on the disk that has
 * it. */
static bool by_source(const char *root, const char *source, char whole[SYS_NAME])
{
	struct sys_list l = sys_list(root, "/sys/block");
	const char *base = sys_base(source);
	char name[SYS_NAME];
	bool found = false;

	for (unsigned i = 0; i < l.n && !found && *base; i++) {
		found = strcmp(l.name[i], base) == 0 ||
			(begins(base, l.name[i]) &&
			 sys_exists(root, "/sys/block/%s/%s", l.name[i], base)) ||
			(is_dm(l.name[i]) &&
			 sys_line(name, sizeof(name), root, "/sys/block/%s/dm/name",
				  l.name[i]) &&
			 strcmp(name, base) == 0);
		if (found)
			sys_copy(whole, SYS_NAME, l.name[i]);
	}
	sys_list_free(&l);
	return found;
}

void block_below(const char *root, const char *number, const char *source,
		 struct block_below *out)
{
	char path[SYS_PATH], whole[SYS_NAME];

	memset(out, 0, sizeof(*out));
	if (sys_link(path, sizeof(path), root, "/sys/dev/block/%s", number))
		whole_of(root, path, whole);
	else if (!begins(source, "/dev/") || !by_source(root, source, whole))
		return;
	walk(root, whole, 0, out);
}
