/* SPDX-License-Identifier: Apache-2.0 */
/* Disks, network cards and mounts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "sensor/inventory_parts.h"
#include "sensor/nicdev.h"

enum { UPPER_DEPTH = 4, MOUNT_TABLE = 1 << 20 };

/* Disks */

static int by_disk(const void *a, const void *b)
{
	return strcmp(((const struct block_disk *)a)->name,
		      ((const struct block_disk *)b)->name);
}

void inventory_disks(const struct inventory_rim *rim, struct inventory *inv)
{
	struct sys_list l = sys_list(rim->root, "/sys/block");
	struct block_disk d;

	for (unsigned i = 0; i < l.n; i++) {
		if (!block_disk(rim->root, l.name[i], &d))
			continue;
		if (inv->disks == INVENTORY_DISKS) {
			inv->truncated = true;
			break;
		}
		inv->disk[inv->disks++] = d;
	}
	inv->truncated |= l.more;
	sys_list_free(&l);
	qsort(inv->disk, inv->disks, sizeof(d), by_disk);
}

/* Network cards */

static void add_ip(struct inventory_nic *nic, const struct addr *a, bool *truncated)
{
	unsigned at = 0;

	while (at < nic->ips && addr_cmp(&nic->ip[at], a) < 0)
		at++;
	if ((at < nic->ips && addr_eq(&nic->ip[at], a)) || addr_is_scoped(a))
		return;
	if (nic->ips == INVENTORY_IPS) {
		*truncated = true;
		return;
	}
	memmove(&nic->ip[at + 1], &nic->ip[at], (nic->ips - at) * sizeof(*a));
	nic->ip[at] = *a;
	nic->ips++;
}

/*
 * The addresses of NAME, and of what stands on it: a card in a bond or bridge has none itself,
 * and those of VLANs leave through it too.
 */
static void add_ips(const struct inventory_rim *rim, struct inventory *inv,
		    struct inventory_nic *nic, const char *name, unsigned depth)
{
	static const char upper[] = "upper_";
	struct sys_list l;

	for (unsigned i = 0; i < rim->addresses; i++)
		if (strcmp(rim->address[i].name, name) == 0)
			add_ip(nic, &rim->address[i].a, &inv->truncated);
	if (depth == UPPER_DEPTH)
		return;
	l = sys_list(rim->root, "/sys/class/net/%s", name);
	for (unsigned i = 0; i < l.n; i++)
		if (strncmp(l.name[i], upper, sizeof(upper) - 1) == 0)
			add_ips(rim, inv, nic, l.name[i] + sizeof(upper) - 1, depth + 1);
	sys_list_free(&l);
}

static void fill_nic(const struct inventory_rim *rim, struct inventory *inv,
		     struct inventory_nic *nic, const char *name)
{
	char path[SYS_PATH], state[16];

	sys_copy(nic->name, sizeof(nic->name), name);
	sys_line(nic->mac, sizeof(nic->mac), rim->root, "/sys/class/net/%s/address", name);
	sys_line(state, sizeof(state), rim->root, "/sys/class/net/%s/operstate", name);
	nic->up = strcmp(state, "up") == 0 || strcmp(state, "unknown") == 0;
	if (!sys_u64(&nic->speed_mbps, rim->root, "/sys/class/net/%s/speed", name) ||
	    nic->speed_mbps >=
		    UINT32_MAX) /* -1 where it is unknown, in some kernels unsigned */
		nic->speed_mbps = 0;
	if (!sys_u64(&nic->mtu, rim->root, "/sys/class/net/%s/mtu", name))
		nic->mtu = 0;
	if (sys_link(path, sizeof(path), rim->root, "/sys/class/net/%s/device/driver", name))
		sys_copy(nic->driver, sizeof(nic->driver), sys_base(path));
	nic_master(rim->root, name, nic->master);
	add_ips(rim, inv, nic, name, 0);
}

void inventory_nics(const struct inventory_rim *rim, struct inventory *inv)
{
	struct sys_list l = sys_list(rim->root, "/sys/class/net");

	for (unsigned i = 0; i < l.n; i++) {
		if (!nic_is_card(rim->root, l.name[i]))
			continue;
		if (inv->nics == INVENTORY_NICS) {
			inv->truncated = true;
			break;
		}
		fill_nic(rim, inv, &inv->nic[inv->nics++], l.name[i]);
	}
	inv->truncated |= l.more;
	sys_list_free(&l);
}

/* Mounts */

/* Places that nobody may look below: to walk there would wait for a server. */
struct shunned {
	char (*point)[MOUNT_PATH];
	unsigned n, cap;
};

static bool is_shunned(const struct shunned *s, const char *point)
{
	for (unsigned i = 0; i < s->n; i++)
		if (mount_is_below(point, s->point[i]))
			return true;
	return false;
}

static void shun(struct shunned *s, const char *point)
{
	MEM_GROW(s->point, s->n, s->cap);
	sys_copy(s->point[s->n++], MOUNT_PATH, point);
}

static void add_remote(struct inventory *inv, const struct mount *m)
{
	struct inventory_remote *r = &inv->remote[inv->remotes];

	if (inv->remotes == INVENTORY_REMOTES || m->cut) {
		inv->truncated = true;
		return;
	}
	inv->remotes++;
	sys_copy(r->point, sizeof(r->point), m->point);
	sys_copy(r->type, sizeof(r->type), m->type);
	sys_copy(r->addr, sizeof(r->addr), m->addr);
	mount_server(m, r->server, r->path);
}

/* The one of two mounts of a file system that is told: whole before bound, then the shorter.
 */
static bool is_better(const struct mount *a, const struct mount *b)
{
	bool whole_a = strcmp(a->root, "/") == 0, whole_b = strcmp(b->root, "/") == 0;
	size_t na = strlen(a->point), nb = strlen(b->point);

	if (whole_a != whole_b)
		return whole_a;
	return na != nb ? na < nb : strcmp(a->point, b->point) < 0;
}

static void add_fs(struct inventory *inv, const struct mount *m)
{
	struct inventory_fs *f = inv->fs;
	unsigned i = 0;

	/* a bound folder or file is no file system, but for a root that is bound itself */
	if (strcmp(m->root, "/") != 0 && strcmp(m->type, "btrfs") != 0 &&
	    strcmp(m->point, "/") != 0)
		return;
	while (i < inv->filesystems && strcmp(f[i].m.number, m->number) != 0)
		i++;
	if (i < inv->filesystems) {
		if (is_better(m, &f[i].m))
			f[i].m = *m;
		return;
	}
	if (inv->filesystems == INVENTORY_FILESYSTEMS || m->cut) {
		inv->truncated = true;
		return;
	}
	f[inv->filesystems++] = (struct inventory_fs){ .m = *m };
}

static void take_line(struct inventory *inv, struct shunned *s, const char *line, size_t n)
{
	enum mount_kind kind;
	struct mount m;

	if (!mount_parse(line, n, &m))
		return;
	kind = mount_kind(&m);
	if (kind == MOUNT_DISK || kind == MOUNT_DAEMON)
		add_fs(inv, &m);
	if (kind == MOUNT_REMOTE)
		add_remote(inv, &m);
	if (kind == MOUNT_REMOTE || kind == MOUNT_TRAP || kind == MOUNT_DAEMON)
		shun(s, m.point);
}

static void take_lines(struct inventory *inv, struct shunned *s, const char *text, size_t n)
{
	const char *end = text + n;

	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));

		stop = stop ? stop : end;
		take_line(inv, s, text, (size_t)(stop - text));
		text = stop + 1;
	}
}

static int by_mount(const void *a, const void *b)
{
	return strcmp(((const struct inventory_fs *)a)->m.point,
		      ((const struct inventory_fs *)b)->m.point);
}

static int by_point(const void *a, const void *b)
{
	return strcmp(((const struct inventory_remote *)a)->point,
		      ((const struct inventory_remote *)b)->point);
}

/* The first process's mounts and not our own, which a unit's sandbox has changed. */
void inventory_mounts(const struct inventory_rim *rim, struct inventory *inv)
{
	char *text = xmalloc(MOUNT_TABLE);
	size_t n = sys_text(text, MOUNT_TABLE, rim->root, "/proc/1/mountinfo");
	struct shunned s = { 0 };

	if (!n)
		n = sys_text(text, MOUNT_TABLE, rim->root, "/proc/self/mountinfo");
	inv->truncated |= n == MOUNT_TABLE - 1;
	take_lines(inv, &s, text, n);
	free(text);
	for (unsigned i = 0; i < inv->filesystems; i++) {
		struct inventory_fs *f = &inv->fs[i];

		block_below(rim->root, f->m.number, f->m.source, &f->on);
		f->has_space = !is_shunned(&s, f->m.point) &&
			       rim->space(rim->ctx, rim->root, f->m.point, &f->size_bytes,
					  &f->used_bytes) == 0;
	}
	free(s.point);
	qsort(inv->fs, inv->filesystems, sizeof(inv->fs[0]), by_mount);
	qsort(inv->remote, inv->remotes, sizeof(inv->remote[0]), by_point);
}
