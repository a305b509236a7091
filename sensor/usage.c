/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/usage.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "sensor/usage_parts.h"

enum {
	SHORTEST_MS = 1000,
	LONGEST_MS = 90000, /* what lies between may have been a suspended machine */
	LATE_MS = 60000,    /* past its end a slot is over even if no sample came */
};
static const uint64_t largest = UINT64_C(1) << 53; /* of numbers in JSON */

/* What a counter is multiplied by to be a rate, if divided by milliseconds. */
static const uint64_t disk_scale[USAGE_COUNTERS] = { 1000000, 1000000, 512000, 512000 };
static const uint64_t nic_scale[USAGE_COUNTERS] = { 1000, 1000 };
enum { DISK_COUNTERS = 4, NIC_COUNTERS = 2 };

static void series_add(struct usage_series *s, uint64_t v)
{
	s->n++;
	s->sum += v;
	if (v > s->max)
		s->max = v;
}

static uint64_t rate(uint64_t delta, uint64_t scale, uint64_t ms)
{
	unsigned __int128 v = ((unsigned __int128)delta * scale + ms / 2) / ms;

	return v < largest ? (uint64_t)v : largest;
}

/*
 * Counters of a 32-bit kernel begin again at 2^32.  One that is lower for another reason
 * belongs to a new device, or was set back: false.
 */
static bool grown_by(uint64_t before, uint64_t now, uint64_t *delta)
{
	*delta = now - before;
	if (now >= before)
		return true;
	*delta += UINT64_C(1) << 32;
	return before <= UINT32_MAX && before >= UINT64_C(3) << 30 && now < UINT64_C(1) << 30;
}

/* Processors */

enum { CPU_IDLE = 3, CPU_IOWAIT = 4 };

/* Fields may go back a little (proc_stat(5) says so of iowait): that is nothing gone by. */
static void add_cpu(struct usage_table *t, const struct usage_reading *r, bool rated)
{
	uint64_t busy = 0, all = 0;

	if (rated && t->has_cpu && r->has_cpu) {
		for (unsigned i = 0; i < USAGE_CPU_FIELDS; i++) {
			uint64_t d = r->cpu[i] > t->cpu[i] ? r->cpu[i] - t->cpu[i] : 0;

			d = d < UINT32_MAX ? d : 0; /* years: a counter was set */
			all += d;
			busy += i == CPU_IDLE || i == CPU_IOWAIT ? 0 : d;
		}
		if (all)
			series_add(&t->cpu_series, (busy * 1000 + all / 2) / all);
	}
	memcpy(t->cpu, r->cpu, sizeof(t->cpu));
	t->has_cpu = r->has_cpu;
}

/* Devices */

static struct usage_state *state_of(struct usage_family *f, const char *name, unsigned hint)
{
	if (hint < f->n && strcmp(f->state[hint].name, name) == 0)
		return &f->state[hint];
	for (unsigned i = 0; i < f->n; i++)
		if (strcmp(f->state[i].name, name) == 0)
			return &f->state[i];
	if (f->n == USAGE_DEVICES + 1)
		return NULL;
	memset(&f->state[f->n], 0, sizeof(f->state[f->n]));
	sys_copy(f->state[f->n].name, SYS_NAME, name);
	return &f->state[f->n++];
}

static void add_device(struct usage_state *s, const struct usage_device *d,
		       const uint64_t *scale, unsigned counters, uint64_t ms)
{
	for (unsigned i = 0; i < counters; i++) {
		uint64_t now = d->counter[i], delta;

		/* older kernels count on the paths of an NVMe disk alone */
		now = now > d->paths[i] ? now : d->paths[i];
		if (ms && s->has_before && grown_by(s->before[i], now, &delta))
			series_add(&s->series[i], rate(delta, scale[i], ms));
		s->before[i] = now;
	}
	s->has_before = true;
	s->seen = true;
}

/* MS is 0 where no rate can be told. */
static void add_family(struct usage_table *t, struct usage_family *f,
		       const struct usage_devices *d, const uint64_t *scale, unsigned counters,
		       uint64_t ms)
{
	for (unsigned i = 0; i < f->n; i++)
		f->state[i].seen = false;
	for (unsigned i = 0; i < d->n + (d->folded > 0); i++) {
		const struct usage_device *dev = &d->device[i < d->n ? i : USAGE_DEVICES];
		struct usage_state *s = state_of(f, dev->name, i);
		bool same = i < d->n || d->folded_hash == f->folded_hash;

		if (s)
			add_device(s, dev, scale, counters, same ? ms : 0);
		else
			t->lost++;
	}
	f->folded_hash = d->folded_hash;
	for (unsigned i = 0; i < f->n; i++)
		f->state[i].has_before &= f->state[i].seen;
}

/* Slots */

static void finish_series(struct usage_table *t, enum usage_metric metric, const char *device,
			  struct usage_series *s)
{
	struct usage_done *d = &t->done[t->done_n];

	if (s->n && t->done_n == USAGE_DONE)
		t->lost++;
	if (s->n && t->done_n < USAGE_DONE) {
		t->done_n++;
		sys_copy(d->device, SYS_NAME, device);
		d->u = (struct usage){ .metric = metric,
				       .start_ms = t->start_ms,
				       .end_ms = t->end_ms,
				       .samples = s->n,
				       .mean = (s->sum + s->n / 2) / s->n,
				       .max = s->max };
	}
	memset(s, 0, sizeof(*s));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct usage_state *)a)->name,
		      ((const struct usage_state *)b)->name);
}

static void finish_family(struct usage_table *t, struct usage_family *f,
			  enum usage_metric first, unsigned counters)
{
	unsigned kept = 0;

	qsort(f->state, f->n, sizeof(f->state[0]), by_name);
	for (unsigned m = 0; m < counters; m++)
		for (unsigned i = 0; i < f->n; i++)
			finish_series(t, first + m, f->state[i].name, &f->state[i].series[m]);
	for (unsigned i = 0; i < f->n; i++) /* those that went away make room */
		if (f->state[i].seen)
			f->state[kept++] = f->state[i];
	f->n = kept;
}

void usage_finish(struct usage_table *t)
{
	if (!t->open)
		return;
	t->open = false;
	t->lost += t->done_n; /* nobody took them */
	t->done_n = 0;
	finish_series(t, USAGE_CPU, "", &t->cpu_series);
	finish_series(t, USAGE_MEMORY, "", &t->memory_series);
	finish_family(t, &t->disks, USAGE_DISK_READ_OPS, DISK_COUNTERS);
	finish_family(t, &t->nics, USAGE_NIC_RX_BYTES, NIC_COUNTERS);
}

/* The slot that the sample belongs to: where the middle of the time lies that it tells of. */
static void enter_slot(struct usage_table *t, uint64_t now_ms, uint64_t ms)
{
	uint64_t slot = (now_ms - (now_ms > ms ? ms / 2 : 0)) / USAGE_SLOT_MS;
	uint64_t begin = slot * USAGE_SLOT_MS, end = begin + USAGE_SLOT_MS;
	uint64_t from = now_ms > ms ? now_ms - ms : 0;

	if (t->open && t->slot != slot) {
		uint64_t last = (t->slot + 1) * USAGE_SLOT_MS;

		/* the sample that goes on from there ends in the next slot: nothing is missing
		 */
		if (ms && t->end_ms + USAGE_SAMPLE_MS / 2 >= last)
			t->end_ms = last;
		usage_finish(t);
	}
	if (!t->open) {
		t->open = true;
		t->slot = slot;
		t->start_ms = from > begin ? from : begin;
		if (ms && t->start_ms - begin < USAGE_SAMPLE_MS / 2)
			t->start_ms = begin;
		t->end_ms = t->start_ms;
	}
	now_ms = now_ms < end ? now_ms : end;
	if (now_ms > t->end_ms) /* not when the clock was set back */
		t->end_ms = now_ms;
}

void usage_add(struct usage_table *t, const struct usage_reading *r)
{
	uint64_t ms = r->boot_ms - t->boot_ms;

	if (t->has_before && r->boot_ms >= t->boot_ms && ms < SHORTEST_MS)
		return;
	if (!t->has_before || r->boot_ms < t->boot_ms || ms > LONGEST_MS)
		ms = 0;
	enter_slot(t, r->now_ms, ms);
	if (ms && r->has_memory) /* as many samples as of everything else */
		series_add(&t->memory_series,
			   r->memory_bytes < largest ? r->memory_bytes : largest);
	add_cpu(t, r, ms > 0);
	add_family(t, &t->disks, &r->disks, disk_scale, DISK_COUNTERS, ms);
	add_family(t, &t->nics, &r->nics, nic_scale, NIC_COUNTERS, ms);
	t->has_before = true;
	t->now_ms = r->now_ms;
	t->boot_ms = r->boot_ms;
}

/* The meter: table and reader in one */

struct usage_meter {
	struct usage_table table;
	struct usage_reading reading;
	struct usage_reader *reader;
};

struct usage_meter *usage_new(const char *root)
{
	struct usage_meter *u = xcalloc(1, sizeof(*u));

	u->reader = usage_reader_new(root);
	return u;
}

void usage_free(struct usage_meter *u)
{
	if (u)
		usage_reader_free(u->reader);
	free(u);
}

void usage_sample(struct usage_meter *u, uint64_t now_ms, uint64_t boot_ms)
{
	u->reading.now_ms = now_ms;
	u->reading.boot_ms = boot_ms;
	usage_read(u->reader, &u->reading);
	usage_add(&u->table, &u->reading);
}

void usage_take(struct usage_meter *u, uint64_t now_ms,
		void (*fn)(void *ctx, const struct usage *record), void *ctx)
{
	struct usage_table *t = &u->table;

	if (t->open && now_ms >= (t->slot + 1) * USAGE_SLOT_MS + LATE_MS)
		usage_finish(t);
	for (unsigned i = 0; i < t->done_n; i++) {
		t->done[i].u.device = t->done[i].device;
		fn(ctx, &t->done[i].u);
	}
	t->done_n = 0;
}

void usage_close(struct usage_meter *u)
{
	usage_finish(&u->table);
}

uint64_t usage_lost(const struct usage_meter *u)
{
	return u->table.lost;
}
