/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/cert.h"
#include "common/log.h"
#include "common/mem.h"
#include "sensor/spool_parts.h"

static int64_t seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* The disk */

static bool may_write(const struct spool *sp)
{
	return sp->config.dir >= 0 && seconds() >= sp->blocked_s;
}

static void block(struct spool *sp, int rc)
{
	if (!sp->blocked_s)
		log_warn("the spool cannot be written: %s; goes on in memory, %d MiB at most",
			 strerror(-rc), SPOOL_MEMORY >> 20);
	sp->blocked_s = seconds() + SPOOL_RETRY_S;
}

static void unblock(struct spool *sp)
{
	if (sp->blocked_s && !sp->counts.memory_bytes) {
		log_info("the spool can be written again");
		sp->blocked_s = 0;
	}
}

static struct spool_segment *find_droppable(struct spool *sp, bool on_disk,
					    struct spool_segment **before)
{
	*before = NULL;
	for (struct spool_segment *s = sp->head; s && s != sp->tail; s = s->next) {
		if (!s->file.epoch && s->on_disk == on_disk)
			return s;
		*before = s;
	}
	return NULL;
}

static void count_out(struct spool *sp, const struct spool_segment *s)
{
	*(s->on_disk ? &sp->counts.disk_bytes : &sp->counts.memory_bytes) -= s->bytes;
	sp->counts.batches -= s->count;
}

/* The file becomes a word of what was in it; the bytes go. */
static void bury(struct spool *sp, const struct spool_segment *s, struct spool_loss *loss)
{
	if (!s->on_disk)
		return;
	loss->file = s->file;
	loss->file.gone = true;
	loss->file.from = s->first;
	loss->file.to = s->after;
	loss->file.lost = loss->lost;
	loss->on_disk = spooldir_rename(sp->config.dir, &s->file, &loss->file) == 0;
	if (!loss->on_disk)
		spooldir_remove(sp->config.dir, &s->file);
}

/* Of what S tells and what then goes with it, no other trace may be left. */
static void settle_losses(struct spool *sp, const struct spool_segment *s)
{
	for (struct spool_loss *l = sp->losses; l && s->on_disk; l = l->next)
		if (l->told && l->holder == s->file.key.id) {
			spool_flush(sp);
			return;
		}
}

/* The oldest segment that has no numbers; false when there is none. */
static bool drop_oldest(struct spool *sp, bool on_disk)
{
	struct spool_segment *before, *s = find_droppable(sp, on_disk, &before);
	struct spool_loss loss = { 0 };

	if (!s || sp->config.only_disk)
		return false;
	settle_losses(sp, s);
	loss.from = before ? before->after : s->first;
	loss.to = s->after;
	loss.lost = s->whole;
	loss.teller = s->file.key.id;
	bury(sp, s, &loss);
	*(before ? &before->next : &sp->head) = s->next;
	count_out(sp, s);
	if (on_disk)
		sp->room += s->bytes;
	spool_segment_free(s);
	spool_lose(sp, &loss);
	spool_turn(sp);
	return true;
}

/* Above the floor there is room; below it, as much as is given up for it. */
static bool has_room(struct spool *sp, size_t need)
{
	uint64_t left, all;

	if (spooldir_free(sp->config.dir, &left, &all) || left >= sp->config.floor + need) {
		sp->room = 0;
		return true;
	}
	while (sp->room < need && drop_oldest(sp, true))
		;
	if (sp->room < need)
		return false;
	sp->room -= need;
	return true;
}

static int write_out(struct spool *sp, struct spool_segment *s, const void *p, size_t n)
{
	int rc;

	if (!has_room(sp, n))
		return -ENOSPC;
	do
		rc = spooldir_append(s->fd, s->bytes, p, n);
	while (rc == -ENOSPC && drop_oldest(sp, true));
	if (!rc)
		s->dirty = true;
	return rc;
}

/* Segments */

void spool_segment_free(struct spool_segment *s)
{
	if (s->fd >= 0)
		close(s->fd);
	buf_fini(&s->buf);
	free(s->kept);
	free(s);
}

static void unload(struct spool_segment *s)
{
	buf_fini(&s->buf);
	free(s->kept);
	s->kept = NULL;
	s->kept_n = s->kept_cap = 0;
	s->loaded = false;
}

static void seal(struct spool *sp, struct spool_segment *s)
{
	s->sealed = true;
	if (s->fd < 0)
		return;
	if (s->dirty && fdatasync(s->fd) < 0)
		block(sp, -errno);
	close(s->fd);
	s->fd = -1;
	s->dirty = false;
	if (!s->file.epoch && s->on_disk)
		unload(s);
}

/* Where there is little room, little goes at once when it has to. */
static uint64_t size_of_next(const struct spool *sp)
{
	uint64_t left, all, room;

	if (spooldir_free(sp->config.dir, &left, &all))
		return sp->part;
	room = (left > sp->config.floor ? left - sp->config.floor : 0) + sp->counts.disk_bytes;
	if (room / SPOOL_PARTS >= sp->part)
		return sp->part;
	room /= SPOOL_PARTS;
	return room > SPOOL_PART_MIN	   ? room
	       : sp->part < SPOOL_PART_MIN ? sp->part
					   : SPOOL_PART_MIN;
}

/* Behind what is in memory alone nothing is on disk, so that the order stays. */
static struct spool_segment *begin_segment(struct spool *sp, bool on_disk)
{
	struct spool_segment *s = xcalloc(1, sizeof(*s));

	s->file.key.id = sp->next_id++;
	cert_random(&s->file.key.salt, sizeof(s->file.key.salt));
	s->first = s->after = sp->weight;
	s->loaded = true;
	s->limit = sp->part;
	s->fd = -1;
	if (on_disk && may_write(sp) && !sp->counts.memory_bytes) {
		s->fd = spooldir_create(sp->config.dir, &s->file);
		s->on_disk = s->fd >= 0;
		sp->dir_dirty |= s->on_disk;
		if (s->on_disk)
			s->limit = size_of_next(sp);
		else
			block(sp, s->fd);
	}
	*(sp->tail ? &sp->tail->next : &sp->head) = s;
	sp->tail = s;
	return s;
}

static struct spool_segment *writable(struct spool *sp)
{
	if (sp->tail && !sp->tail->sealed)
		return sp->tail;
	return begin_segment(sp, true);
}

static void add_kept(struct spool_segment *s, const struct spool_kept *k)
{
	MEM_GROW(s->kept, s->kept_n, s->kept_cap);
	s->kept[s->kept_n++] = *k;
}

/* An empty segment that cannot be written was never there; another one ends here. */
static struct spool_segment *leave_disk(struct spool *sp, struct spool_segment *s)
{
	if (s->count) {
		seal(sp, s);
		return begin_segment(sp, false);
	}
	close(s->fd);
	s->fd = -1;
	spooldir_remove(sp->config.dir, &s->file);
	s->on_disk = false;
	return s;
}

static void frame(struct spool *sp, const struct spool_segment *s, struct segment_note *note,
		  const void *body, size_t n)
{
	note->index = s->count;
	note->first = s->first;
	note->before = sp->weight;
	buf_reset(&sp->frame);
	segment_put(&sp->frame, &s->file.key, note, body, n);
}

/* What is in sp->frame is S's next batch. */
static void take(struct spool *sp, struct spool_segment *s, const struct segment_note *note)
{
	struct spool_kept k = { .at = (uint32_t)s->buf.n + SEGMENT_NOTE,
				.n = note->length,
				.records = (uint32_t)note->self.records };
	struct lost loss = segment_loss(note);

	add_kept(s, &k);
	buf_put(&s->buf, sp->frame.p, sp->frame.n);
	s->count++;
	s->bytes += sp->frame.n;
	lost_merge(&s->whole, &loss);
	sp->weight += loss.records;
	s->after = sp->weight;
	*(s->on_disk ? &sp->counts.disk_bytes : &sp->counts.memory_bytes) += sp->frame.n;
	sp->counts.batches++;
	if (note->place.order)
		sp->place = note->place;
	if (s->bytes >= s->limit || s->count >= SPOOL_INDEX_MAX)
		seal(sp, s);
}

int spool_put(struct spool *sp, struct segment_note *note, const void *body, size_t n)
{
	struct spool_segment *s = writable(sp);
	int rc = 0;

	frame(sp, s, note, body, n);
	if (s->on_disk)
		rc = write_out(sp, s, sp->frame.p, sp->frame.n);
	if (!rc && !s->on_disk && sp->config.only_disk)
		rc = -EIO;
	if (rc && sp->config.only_disk)
		return rc;
	if (rc) {
		block(sp, rc);
		s = leave_disk(sp, s);
		frame(sp, s, note, body, n);
	}
	take(sp, s, note);
	return 0;
}

static bool write_whole(struct spool *sp, struct spool_segment *s)
{
	int rc = -ENOSPC;

	if (!has_room(sp, s->buf.n))
		return block(sp, rc), false;
	s->fd = spooldir_create(sp->config.dir, &s->file);
	rc = s->fd < 0 ? s->fd : spooldir_append(s->fd, 0, s->buf.p, s->buf.n);
	if (!rc && fdatasync(s->fd) < 0)
		rc = -errno;
	if (rc) {
		if (s->fd >= 0)
			close(s->fd);
		s->fd = -1;
		spooldir_remove(sp->config.dir, &s->file);
		block(sp, rc);
		return false;
	}
	sp->dir_dirty = true;
	s->on_disk = true;
	sp->counts.memory_bytes -= s->bytes;
	sp->counts.disk_bytes += s->bytes;
	if (s->sealed)
		seal(sp, s);
	return true;
}

void spool_rescue(struct spool *sp)
{
	if (!sp->counts.memory_bytes || !may_write(sp))
		return;
	for (struct spool_segment *s = sp->head; s; s = s->next)
		if (!s->on_disk && s->count && !write_whole(sp, s))
			return;
	unblock(sp);
}

/* Losses */

void spool_lose(struct spool *sp, const struct spool_loss *loss)
{
	struct spool_loss **at = &sp->losses;

	while (*at)
		at = &(*at)->next;
	*at = xmalloc(sizeof(*loss));
	**at = *loss;
	(*at)->next = NULL;
	sp->counts.lost += loss->lost.records;
	sp->news = true;
}

/* Those that no segment stands between are one. */
static struct spool_loss joined(const struct spool_loss *l)
{
	struct spool_loss sum = *l;

	for (l = l->next; l; l = l->next)
		if (!l->told && l->from == sum.from) {
			sum.to = l->to > sum.to ? l->to : sum.to;
			lost_merge(&sum.lost, &l->lost);
		}
	return sum;
}

/* What told of another loss, and is lost with this one, is told by this one now. */
static void pass_on(struct spool *sp, uint64_t teller)
{
	for (struct spool_loss *l = sp->losses; l; l = l->next)
		if (l->told && l->holder == teller)
			l->holder = sp->tail->file.key.id;
}

/* In a batch of its own: the gap must show, whatever becomes of what comes after it. */
static void tell(struct spool *sp, struct spool_loss *first)
{
	const struct spool_loss sum = joined(first);
	struct segment_note note = { .self = { sum.lost.start_ms, sum.lost.end_ms, 1 },
				     .carried = sum.lost,
				     .told_from = sum.from,
				     .told_to = sum.to };
	struct wire_writer w = { 0 };
	int rc;

	wire_writer_begin(&w, sum.lost.start_ms);
	wire_write_lost(&w, &sum.lost);
	rc = spool_put(sp, &note, w.body.p, w.body.n);
	wire_writer_fini(&w);
	if (rc)
		return;
	for (struct spool_loss *l = first; l; l = l->next)
		if (!l->told && l->from == sum.from && l->to <= sum.to) {
			l->told = true;
			l->holder = sp->tail->file.key.id;
			if (l->teller)
				pass_on(sp, l->teller);
		}
}

/* Telling takes room, and so may lose more, which comes behind. */
static void tell_all(struct spool *sp)
{
	for (struct spool_loss *l = sp->losses; l; l = l->next)
		if (!l->told)
			tell(sp, l);
	for (struct spool_loss **at = &sp->losses; *at;) {
		struct spool_loss *l = *at;

		if (l->told && !l->on_disk) {
			*at = l->next;
			free(l);
		} else {
			at = &l->next;
		}
	}
}

void spool_make_room(struct spool *sp)
{
	const struct spool_counts *c = &sp->counts;

	while (c->disk_bytes + (sp->losses ? SPOOL_WORD : 0) > sp->config.cap &&
	       drop_oldest(sp, true))
		;
	while (c->memory_bytes + (sp->losses ? SPOOL_WORD : 0) > sp->memory_cap &&
	       drop_oldest(sp, false))
		;
	tell_all(sp);
}

/* Reading again */

static void add_hole(struct spool_segment *s, const struct segment_entry *e)
{
	struct spool_kept k = { .hole = true };

	for (uint32_t i = 0; i < e->count; i++) {
		if (i == e->count - 1)
			k.lost = e->lost;
		add_kept(s, &k);
	}
}

/* What the file no longer has, to the number of batches that it once had. */
static void fill(struct spool_segment *s, const struct segment_reader *r)
{
	uint64_t before = r->known ? r->before : s->first;
	struct segment_entry rest = { .count = s->count - (uint32_t)s->kept_n };

	if (s->kept_n >= s->count)
		return;
	if (s->after > before)
		rest.lost = (struct lost){ r->end_ms ? r->end_ms : s->whole.start_ms,
					   s->whole.end_ms, s->after - before };
	add_hole(s, &rest);
}

static void read_segment(struct spool_segment *s)
{
	struct segment_reader r;
	struct segment_entry e;
	enum segment_found found;

	segment_read(&r, &s->file.key, s->buf.p, s->buf.n);
	while (s->kept_n < s->count && (found = segment_next(&r, &e)) != SEGMENT_END) {
		struct spool_kept k = { .n = e.note.length,
					.records = (uint32_t)e.note.self.records };

		if (found == SEGMENT_HOLE) {
			if (e.count > s->count - s->kept_n)
				e.count = s->count - (uint32_t)s->kept_n;
			add_hole(s, &e);
			continue;
		}
		k.at = (uint32_t)(e.body - s->buf.p);
		add_kept(s, &k);
	}
	fill(s, &r);
}

static void note_damage(struct spool *sp, struct spool_segment *s)
{
	uint64_t records = 0;
	uint32_t holes = 0;

	for (size_t i = 0; i < s->kept_n; i++) {
		holes += s->kept[i].hole;
		records += s->kept[i].lost.records;
	}
	if (holes <= s->holes)
		return;
	log_warn("%" PRIu32 " batches of the spool are damaged on disk", holes - s->holes);
	sp->counts.lost += records - s->hole_records;
	sp->counts.corrupt += holes - s->holes;
	s->holes = holes;
	s->hole_records = records;
	sp->news = true;
}

/* One at a time: what was sent and is on disk need not be in memory, too. */
void spool_load_segment(struct spool *sp, struct spool_segment *s)
{
	int rc;

	if (s->loaded)
		return;
	for (struct spool_segment *other = sp->head; other; other = other->next)
		if (other->on_disk && other->sealed)
			unload(other);
	rc = spooldir_read(sp->config.dir, &s->file, SPOOL_FILE_MAX, &s->buf);
	if (rc)
		log_warn("a part of the spool cannot be read: %s", strerror(-rc));
	read_segment(s);
	s->loaded = true;
	note_damage(sp, s);
}

/* Numbers */

/*
 * Without a file the numbers need not be durable: a kill takes both.  So where a file cannot
 * get its numbers, it goes, and its batches stay in memory.
 */
bool spool_number(struct spool *sp, struct spool_segment *s, uint64_t epoch, uint64_t base)
{
	struct spooldir_file named = s->file;
	int rc;

	named.epoch = epoch;
	named.base = base;
	rc = s->on_disk ? spooldir_rename(sp->config.dir, &s->file, &named) : 0;
	if (rc) {
		block(sp, rc);
		if (sp->config.only_disk)
			return false;
		spool_load_segment(sp, s);
		if (spooldir_remove(sp->config.dir, &s->file))
			return false;
		s->on_disk = false;
		sp->counts.disk_bytes -= s->bytes;
		sp->counts.memory_bytes += s->bytes;
	}
	s->file = named;
	if (rc)
		seal(sp, s);
	return true;
}

/* The last place that is known outlives the batch that it came with. */
static bool keep_place(struct spool *sp)
{
	if (sp->place.order == sp->placed.order)
		return true;
	if (spooldir_put_place(sp->config.dir, &sp->place))
		return false;
	sp->placed = sp->place;
	return true;
}

bool spool_remove_head(struct spool *sp)
{
	struct spool_segment *s = sp->head;

	if (s->on_disk && !keep_place(sp))
		return false;
	if (s->on_disk)
		spooldir_remove(sp->config.dir, &s->file);
	sp->head = s->next;
	if (!sp->head)
		sp->tail = NULL;
	*(s->on_disk ? &sp->counts.disk_bytes : &sp->counts.memory_bytes) -= s->bytes;
	spool_segment_free(s);
	return true;
}
