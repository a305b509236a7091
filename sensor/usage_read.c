/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "sensor/blockdev.h"
#include "sensor/nicdev.h"
#include "sensor/usage_parts.h"

enum {
	LINES = 4096,	   /* of a table; further devices are not looked at */
	TABLE = 1 << 20,   /* bytes of a table */
	FRESH_MS = 600000, /* what a device is may change when another comes upon it */
};

/* What a line of a table is about, kept since to find out takes system calls. */
struct line {
	char name[SYS_NAME], device[SYS_NAME];
	enum block_role role;
};
struct lines {
	struct line *line;
	unsigned n, cap;
	uint64_t fresh_ms; /* boot time; 0: all must be looked at again */
};
struct usage_reader {
	const char *root;
	char *text; /* TABLE bytes, of which only what a table fills is ever touched */
	struct lines disks, nics;
};

struct usage_reader *usage_reader_new(const char *root)
{
	struct usage_reader *rd = xcalloc(1, sizeof(*rd));

	rd->root = root;
	rd->text = xmalloc(TABLE);
	return rd;
}

void usage_reader_free(struct usage_reader *rd)
{
	free(rd->disks.line);
	free(rd->nics.line);
	free(rd->text);
	free(rd);
}

static uint64_t hash_name(const char *s)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *s; s++) /* FNV-1a */
		h = (h ^ (uint8_t)*s) * 0x100000001b3u;
	return h;
}

struct usage_device *usage_device_of(struct usage_devices *d, const char *name)
{
	struct usage_device *other = &d->device[USAGE_DEVICES];

	for (unsigned i = 0; i < d->n; i++)
		if (strcmp(d->device[i].name, name) == 0)
			return &d->device[i];
	if (d->n < USAGE_DEVICES) {
		memset(&d->device[d->n], 0, sizeof(d->device[0]));
		sys_copy(d->device[d->n].name, SYS_NAME, name);
		return &d->device[d->n++];
	}
	if (!d->folded++) {
		memset(other, 0, sizeof(*other));
		sys_copy(other->name, SYS_NAME, "other");
	}
	d->folded_hash += hash_name(name); /* order does not matter */
	return other;
}

/* Numbers */

/* The next N numbers of a line at *P, 0 for those that are not there; how many were. */
static unsigned numbers(const char **p, uint64_t *out, unsigned n)
{
	unsigned got = 0;

	memset(out, 0, n * sizeof(*out));
	for (; got < n; got++) {
		while (**p == ' ')
			(*p)++;
		if (**p < '0' || **p > '9')
			break;
		while (**p >= '0' && **p <= '9')
			out[got] = out[got] * 10 + (uint64_t)(*(*p)++ - '0');
	}
	return got;
}

static const char *next_line(const char *p)
{
	p += strcspn(p, "\n");
	return *p ? p + 1 : p;
}

/* The word at *P, up to a blank, a colon or the line's end. */
static bool name_at(const char **p, char out[SYS_NAME])
{
	size_t n;

	*p += strspn(*p, " ");
	n = strcspn(*p, " :\n");
	if (!n || n >= SYS_NAME)
		return false;
	memcpy(out, *p, n);
	out[n] = 0;
	*p += n;
	return true;
}

/* Processors and memory */

static void read_cpu(struct usage_reader *rd, struct usage_reading *r)
{
	const char *p = rd->text;

	r->has_cpu = false;
	if (!sys_text(rd->text, 512, rd->root, "/proc/stat") || strncmp(p, "cpu ", 4) != 0)
		return;
	p += 4;
	r->has_cpu = numbers(&p, r->cpu, USAGE_CPU_FIELDS) >= 4;
}

static bool meminfo(const char *text, const char *key, uint64_t *bytes)
{
	const char *at = strstr(text, key);
	uint64_t kib;

	if (!at || (at != text && at[-1] != '\n') || !sys_number(at + strlen(key), &kib) ||
	    kib > UINT64_MAX / 1024)
		return false;
	*bytes = kib * 1024;
	return true;
}

static void read_memory(struct usage_reader *rd, struct usage_reading *r)
{
	uint64_t total, free_bytes;

	sys_text(rd->text, 4096, rd->root, "/proc/meminfo");
	r->has_memory = meminfo(rd->text, "MemTotal:", &total) &&
			meminfo(rd->text, "MemAvailable:", &free_bytes) && total >= free_bytes;
	r->memory_bytes = r->has_memory ? total - free_bytes : 0;
}

/* Tables of devices */

/* What line number I is about; what was found last time holds if the name is still the same.
 */
static const struct line *line_of(struct lines *l, unsigned i, const char *name,
				  void (*look)(const char *root, struct line *),
				  const char *root)
{
	struct line *line;

	if (i >= LINES)
		return NULL;
	if (i >= l->n) {
		MEM_GROW(l->line, l->n, l->cap);
		memset(&l->line[l->n++], 0, sizeof(*line));
	}
	line = &l->line[i];
	if (l->fresh_ms && strcmp(line->name, name) == 0)
		return line;
	sys_copy(line->name, SYS_NAME, name);
	look(root, line);
	return line;
}

/* Before a table is read, and after it: has a line come or gone, all are looked at next time.
 */
static void lines_begin(struct lines *l, uint64_t boot_ms)
{
	if (boot_ms - l->fresh_ms > FRESH_MS)
		l->fresh_ms = 0;
}

static void lines_end(struct lines *l, unsigned n, unsigned before, uint64_t boot_ms)
{
	n = n < LINES ? n : LINES;
	if (n != before)
		l->fresh_ms = 0;
	else if (!l->fresh_ms)
		l->fresh_ms = boot_ms;
	l->n = n;
}

static void look_disk(const char *root, struct line *line)
{
	line->role = block_role(root, line->name, line->device);
}

static void look_nic(const char *root, struct line *line)
{
	line->role = nic_is_card(root, line->name) ? BLOCK_DISK : BLOCK_OTHER;
	sys_copy(line->device, SYS_NAME, line->name);
}

/* Documentation/admin-guide/iostats.rst: reads, merged, sectors, ms, writes, merged, sectors.
 */
static void disk_line(struct usage_devices *d, const struct line *line, const char *p)
{
	static const unsigned field[USAGE_COUNTERS] = { 0, 4, 2, 6 };
	struct usage_device *dev;
	uint64_t v[7];

	if (numbers(&p, v, 7) < 7)
		return;
	dev = usage_device_of(d, line->device);
	for (unsigned i = 0; i < USAGE_COUNTERS; i++)
		*(line->role == BLOCK_DISK ? &dev->counter[i] : &dev->paths[i]) += v[field[i]];
}

static void read_disks(struct usage_reader *rd, struct usage_reading *r)
{
	unsigned i = 0, before = rd->disks.n;
	char name[SYS_NAME];
	uint64_t number[2];

	lines_begin(&rd->disks, r->boot_ms);
	sys_text(rd->text, TABLE, rd->root, "/proc/diskstats");
	for (const char *p = rd->text; *p; p = next_line(p)) {
		const struct line *line;

		if (numbers(&p, number, 2) < 2 || !name_at(&p, name))
			continue;
		line = line_of(&rd->disks, i++, name, look_disk, rd->root);
		if (line && line->role != BLOCK_OTHER)
			disk_line(&r->disks, line, p);
	}
	lines_end(&rd->disks, i, before, r->boot_ms);
}

/* "eth0: BYTES packets errs drop fifo frame compressed multicast BYTES ..." */
static void read_nics(struct usage_reader *rd, struct usage_reading *r)
{
	unsigned i = 0, before = rd->nics.n;
	char name[SYS_NAME];
	uint64_t v[9];

	lines_begin(&rd->nics, r->boot_ms);
	sys_text(rd->text, TABLE, rd->root, "/proc/net/dev");
	for (const char *p = rd->text; *p; p = next_line(p)) {
		const struct line *line;
		struct usage_device *dev;

		if (!name_at(&p, name) || *p != ':')
			continue;
		p++;
		if (numbers(&p, v, 9) < 9)
			continue;
		line = line_of(&rd->nics, i++, name, look_nic, rd->root);
		if (!line || line->role == BLOCK_OTHER)
			continue;
		dev = usage_device_of(&r->nics, name);
		dev->counter[0] += v[0];
		dev->counter[1] += v[8];
	}
	lines_end(&rd->nics, i, before, r->boot_ms);
}

void usage_read(struct usage_reader *rd, struct usage_reading *r)
{
	r->disks.n = r->disks.folded = r->nics.n = r->nics.folded = 0;
	r->disks.folded_hash = r->nics.folded_hash = 0;
	read_cpu(rd, r);
	read_memory(rd, r);
	read_disks(rd, r);
	read_nics(rd, r);
}
