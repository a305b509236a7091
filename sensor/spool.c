/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/spool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cert.h"
#include "common/mem.h"
#include "sensor/spool_parts.h"

/* Opening and closing */

static uint64_t random_epoch(void)
{
	uint64_t v;

	do
		cert_random(&v, sizeof(v));
	while (!v);
	return v;
}

/* OLD: for what an earlier life has left. */
static void begin_epoch(struct spool *sp, bool old)
{
	sp->epoch = random_epoch();
	sp->acked = sp->sent = 0;
	sp->epoch_old = old;
	sp->epoch_here = true;
}

struct spool *spool_open(const struct spool_config *config, struct err *e)
{
	struct spool *sp = xcalloc(1, sizeof(*sp));

	sp->config = *config;
	sp->part = config->cap / 32 < SPOOL_PART ? config->cap / 32 : SPOOL_PART;
	sp->memory_cap =
		config->dir < 0 || config->cap < SPOOL_MEMORY ? config->cap : SPOOL_MEMORY;
	sp->next_id = 1;
	if (config->dir >= 0 && spool_read(sp, e)) {
		spool_free(sp);
		return NULL;
	}
	spool_turn(sp);
	spool_make_room(sp);
	spool_sync(sp);
	return sp;
}

struct spool *spool_new(size_t cap)
{
	const struct spool_config config = { .dir = -1, .cap = cap };

	return spool_open(&config, NULL);
}

static bool settled(const struct spool *sp, const struct spool_segment *s)
{
	return s->file.epoch == sp->epoch && s->file.base + s->count - 1 <= sp->acked;
}

void spool_free(struct spool *sp)
{
	if (!sp)
		return;
	spool_sync(sp);
	while (sp->head && sp->head->file.epoch && settled(sp, sp->head) &&
	       spool_remove_head(sp))
		;
	while (sp->head) {
		struct spool_segment *s = sp->head;

		sp->head = s->next;
		spool_segment_free(s);
	}
	while (sp->losses) {
		struct spool_loss *l = sp->losses;

		sp->losses = l->next;
		free(l);
	}
	if (sp->config.dir >= 0)
		close(sp->config.dir);
	buf_fini(&sp->frame);
	wire_writer_fini(&sp->hole);
	free(sp);
}

/* Adding */

int spool_add(struct spool *sp, const struct wire_writer *w, uint64_t start_ms,
	      uint64_t end_ms, const struct spool_place *place)
{
	struct segment_note note = { .self = { start_ms, end_ms, w->records } };
	int rc;

	if (!w->records && !place)
		return 0;
	if (place)
		note.place = *place;
	spool_rescue(sp);
	rc = spool_put(sp, &note, w->body.p, w->body.n);
	if (!rc)
		spool_make_room(sp);
	return rc;
}

/* What has told of a loss is on disk, or gone because it was acknowledged. */
static bool told_for_good(const struct spool *sp, const struct spool_loss *l)
{
	if (!l->told)
		return false;
	for (const struct spool_segment *s = sp->head; s; s = s->next)
		if (s->file.key.id == l->holder)
			return s->on_disk;
	return true;
}

static void forget_losses(struct spool *sp)
{
	bool removed = false;

	for (struct spool_loss **at = &sp->losses; *at;) {
		struct spool_loss *l = *at;

		if (!told_for_good(sp, l) ||
		    (l->on_disk && spooldir_remove(sp->config.dir, &l->file))) {
			at = &l->next;
			continue;
		}
		removed |= l->on_disk;
		*at = l->next;
		free(l);
	}
	if (removed) /* before anybody is told, lest it be told again */
		fsync(sp->config.dir);
}

int spool_flush(struct spool *sp)
{
	struct spool_segment *s = sp->tail;
	int rc = 0;

	if (s && s->dirty) {
		rc = fdatasync(s->fd) < 0 ? -errno : 0;
		s->dirty = rc != 0;
	}
	if (!rc && sp->dir_dirty) {
		rc = fsync(sp->config.dir) < 0 ? -errno : 0;
		sp->dir_dirty = rc != 0;
	}
	if (!rc)
		forget_losses(sp);
	return rc;
}

int spool_sync(struct spool *sp)
{
	if (sp->config.dir < 0)
		return 0;
	spool_rescue(sp);
	return spool_flush(sp);
}

/* What is kept */

bool spool_news(struct spool *sp)
{
	bool news = sp->news;

	sp->news = false;
	return news;
}

struct spool_place spool_place(const struct spool *sp)
{
	return sp->place;
}

bool spool_place_known(const struct spool *sp)
{
	return !sp->place_lost;
}

uint64_t spool_epoch(const struct spool *sp)
{
	return sp->epoch;
}

uint64_t spool_acked(const struct spool *sp)
{
	return sp->acked;
}

uint64_t spool_sent(const struct spool *sp)
{
	return sp->sent;
}

uint64_t spool_kept(const struct spool *sp)
{
	const struct spool_segment *h = sp->head;

	return h && h->file.epoch == sp->epoch ? h->file.base : sp->acked + 1;
}

bool spool_empty(const struct spool *sp)
{
	return sp->counts.batches == 0;
}

bool spool_durable(const struct spool *sp)
{
	return spool_empty(sp) || (sp->config.dir >= 0 && !sp->counts.memory_bytes);
}

bool spool_tight(const struct spool *sp)
{
	uint64_t left, all;

	if (sp->counts.disk_bytes + sp->counts.memory_bytes > sp->config.cap / 2)
		return true;
	return sp->config.dir >= 0 && !spool_empty(sp) &&
	       !spooldir_free(sp->config.dir, &left, &all) &&
	       left < sp->config.floor + SPOOL_SPARE;
}

struct spool_counts spool_counts(const struct spool *sp)
{
	return sp->counts;
}

/* Numbers */

void spool_turn(struct spool *sp)
{
	const struct spool_segment *h = sp->head;
	bool old = h && h->old;

	if (!h || !h->file.epoch) {
		if (!sp->epoch_here || sp->epoch_old != old)
			begin_epoch(sp, old);
		return;
	}
	if (h->file.epoch == sp->epoch)
		return;
	sp->epoch = h->file.epoch;
	sp->acked = sp->sent = h->file.base - 1;
	sp->epoch_old = true;
	sp->epoch_here = false;
	for (; h && h->file.epoch == sp->epoch; h = h->next)
		sp->sent = h->file.base + h->count - 1; /* as far as anybody knows */
}

/*
 * The segment that has SEQUENCE.  The next one without numbers gets them here, if this epoch
 * is the one for it.
 */
static struct spool_segment *holder(struct spool *sp, uint64_t sequence)
{
	struct spool_segment *s = sp->head;
	uint64_t next = sp->acked + 1;

	for (; s && s->file.epoch == sp->epoch; s = s->next) {
		next = s->file.base + s->count;
		if (sequence < next)
			return s;
	}
	if (!s || s->file.epoch || !s->count || sequence != next || !sp->epoch_here ||
	    s->old != sp->epoch_old)
		return NULL;
	return spool_number(sp, s, sp->epoch, next) ? s : NULL;
}

static void give(struct spool *sp, struct spool_segment *s, uint64_t sequence,
		 struct spool_batch *out)
{
	const struct spool_kept *k;

	spool_load_segment(sp, s);
	k = &s->kept[sequence - s->file.base];
	*out = (struct spool_batch){ sequence, k->records, s->buf.p + k->at, k->n };
	if (!k->hole)
		return;
	wire_writer_begin(&sp->hole, k->lost.start_ms);
	if (k->lost.records)
		wire_write_lost(&sp->hole, &k->lost);
	out->records = sp->hole.records;
	out->body = sp->hole.body.p;
	out->n = sp->hole.body.n;
}

bool spool_next(struct spool *sp, uint64_t after, struct spool_batch *out)
{
	struct spool_segment *s;

	if (after < sp->acked || after > sp->sent)
		return false;
	if (spool_sync(sp) && sp->config.only_disk)
		return false;
	s = holder(sp, after + 1);
	if (!s)
		return false;
	give(sp, s, after + 1, out);
	if (after == sp->sent)
		sp->sent++;
	return true;
}

/* Of the newest segment the beginning stays, until it is worth a new one. */
static bool may_go(const struct spool *sp, const struct spool_segment *s)
{
	return settled(sp, s) && (s->sealed || s->bytes > SPOOL_SETTLED);
}

int spool_ack(struct spool *sp, uint64_t sequence)
{
	if (sequence > sp->sent)
		return -ERANGE;
	if (sequence <= sp->acked)
		return 0;
	sp->counts.batches -= sequence - sp->acked;
	sp->acked = sequence;
	while (sp->head && sp->head->file.epoch && may_go(sp, sp->head) &&
	       spool_remove_head(sp))
		;
	spool_turn(sp);
	return 0;
}

/* The collector may have more of an earlier life than the disk has given back. */
int spool_resume(struct spool *sp, uint64_t sequence)
{
	if (sequence > sp->sent && !sp->epoch_here)
		sequence = sp->sent;
	if (sequence >= sp->acked)
		return spool_ack(sp, sequence);
	if (sequence + 1 < spool_kept(sp))
		return -ESTALE;
	sp->counts.batches += sp->acked - sequence;
	sp->acked = sequence;
	return 0;
}

void spool_restart(struct spool *sp)
{
	uint64_t old = sp->epoch, base = 1;
	struct spool_segment *s = sp->head;

	if (s && s->file.epoch == old) /* also those that were acknowledged, and are kept */
		sp->counts.batches += sp->acked + 1 - s->file.base;
	begin_epoch(sp, s && s->old);
	for (; s && s->file.epoch == old; s = s->next) {
		spool_number(sp, s, sp->epoch, base);
		base += s->count;
	}
}
