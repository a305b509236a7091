/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/inventory.h"

#include <stdlib.h>
#include <string.h>

#include "common/fact.h"
#include "common/json.h"

/* What must still fit behind the last element: "]," and "truncated":true}. */
enum { TAIL = 32 };

static void text(struct json *j, const char *key, const char *s)
{
	if (*s)
		json_member_string(j, key, s);
}

static void number(struct json *j, const char *key, uint64_t v)
{
	if (v)
		json_member_uint(j, key, v < UINT64_C(1) << 53 ? v : UINT64_C(1) << 53);
}

static void texts(struct json *j, const char *key, const char *first, size_t stride,
		  unsigned n)
{
	if (!n)
		return;
	json_key(j, key);
	json_open(j, '[');
	for (unsigned i = 0; i < n; i++)
		json_string(j, first + i * stride);
	json_close(j, ']');
}

static void write_firmware(struct json *j, const struct inventory *inv)
{
	if (!*inv->bios_vendor && !*inv->bios_version && !*inv->bios_date)
		return;
	json_key(j, "firmware");
	json_open(j, '{');
	text(j, "vendor", inv->bios_vendor);
	text(j, "version", inv->bios_version);
	text(j, "date", inv->bios_date);
	json_close(j, '}');
}

static void write_cpu(struct json *j, const struct inventory *inv)
{
	if (!*inv->cpu_model && !inv->threads)
		return;
	json_key(j, "cpu");
	json_open(j, '{');
	text(j, "model", inv->cpu_model);
	number(j, "sockets", inv->sockets);
	number(j, "cores", inv->cpu_cores);
	number(j, "threads", inv->threads);
	number(j, "mhz", inv->mhz);
	json_close(j, '}');
}

static void write_machine(struct json *j, const struct inventory *inv)
{
	text(j, "vendor", inv->vendor);
	text(j, "model", inv->model);
	text(j, "bios_uuid", inv->bios_uuid);
	text(j, "vcenter_uuid", inv->vcenter_uuid);
	write_firmware(j, inv);
	text(j, "boot", inv->boot);
	if (inv->has_secure_boot)
		json_member_bool(j, "secure_boot", inv->secure_boot);
	text(j, "hypervisor", inv->hypervisor);
	text(j, "container", inv->container);
	write_cpu(j, inv);
	number(j, "memory_installed_bytes", inv->installed_bytes);
	number(j, "swap_bytes", inv->swap_bytes);
	text(j, "os_id", inv->os_id);
	text(j, "os_version", inv->os_version);
	text(j, "init", inv->init);
	text(j, "packages", inv->packages);
	text(j, "timezone", inv->timezone);
	number(j, "boot_time", inv->boot_time);
}

static void write_disk(struct json *j, const struct inventory *inv, unsigned i, bool still)
{
	const struct block_disk *d = &inv->disk[i];

	(void)still;
	text(j, "name", d->name);
	json_member_uint(j, "size_bytes", d->size_bytes);
	text(j, "kind", d->kind);
	text(j, "model", d->model);
	number(j, "paths", d->paths);
}

static void write_nic(struct json *j, const struct inventory *inv, unsigned i, bool still)
{
	const struct inventory_nic *nic = &inv->nic[i];

	(void)still;
	text(j, "name", nic->name);
	text(j, "mac", nic->mac);
	json_member_bool(j, "up", nic->up);
	number(j, "speed_mbps", nic->speed_mbps);
	number(j, "mtu", nic->mtu);
	text(j, "driver", nic->driver);
	text(j, "master", nic->master);
	json_key(j, "ips");
	json_open(j, '[');
	for (unsigned k = 0; k < nic->ips; k++) {
		char ip[ADDR_TEXT];

		json_string(j, addr_text(&nic->ip[k], ip));
	}
	json_close(j, ']');
}

static void write_fs(struct json *j, const struct inventory *inv, unsigned i, bool still)
{
	const struct inventory_fs *f = &inv->fs[i];

	text(j, "mount", f->m.point);
	text(j, "device", f->m.source);
	text(j, "type", f->m.type);
	texts(j, "disks", f->on.disk[0], sizeof(f->on.disk[0]), f->on.disks);
	texts(j, "through", f->on.through[0], sizeof(f->on.through[0]), f->on.layers);
	if (f->has_space) {
		json_member_uint(j, "size_bytes", f->size_bytes);
		if (!still)
			json_member_uint(j, "used_bytes", f->used_bytes);
	}
}

static void write_remote(struct json *j, const struct inventory *inv, unsigned i, bool still)
{
	const struct inventory_remote *r = &inv->remote[i];

	(void)still;
	text(j, "mount", r->point);
	text(j, "type", r->type);
	text(j, "server", r->server);
	text(j, "address", r->addr);
	text(j, "path", r->path);
}

/* A list of objects; what would not fit is taken back, and a list without any with its key. */
static bool write_list(struct json *j, const char *key, const struct inventory *inv,
		       unsigned n, bool still,
		       void (*write)(struct json *, const struct inventory *, unsigned, bool))
{
	size_t limit = EXTRA_LEN - TAIL, start = j->out->n;
	struct json none = *j;

	if (!n)
		return true;
	json_key(j, key);
	json_open(j, '[');
	for (unsigned i = 0; i < n; i++) {
		struct json before = *j;
		size_t mark = j->out->n;

		json_open(j, '{');
		write(j, inv, i, still);
		json_close(j, '}');
		if (j->out->n <= limit)
			continue;
		*j = i ? before : none;
		j->out->n = i ? mark : start;
		if (i)
			json_close(j, ']');
		return false;
	}
	json_close(j, ']');
	return true;
}

void inventory_write(const struct inventory *inv, bool still, struct buf *out)
{
	struct buf b = { 0 };
	struct json j = json_to(&b);
	bool whole = !inv->truncated;

	json_open(&j, '{');
	write_machine(&j, inv);
	whole &= write_list(&j, "disks", inv, inv->disks, still, write_disk);
	whole &= write_list(&j, "nics", inv, inv->nics, still, write_nic);
	whole &= write_list(&j, "filesystems", inv, inv->filesystems, still, write_fs);
	whole &= write_list(&j, "remote_mounts", inv, inv->remotes, still, write_remote);
	if (!whole)
		json_member_bool(&j, "truncated", true);
	json_close(&j, '}');
	buf_put(out, b.p, b.n);
	buf_fini(&b);
}
