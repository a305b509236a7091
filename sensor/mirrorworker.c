/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirrorworker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum {
	RINGS = 16,
	WAIT_MS = 100,
	LINGER_S = 10, /* what comes after the end of a connection comes soon */
	HELD_S = 60,   /* until then a listener may be learnt */
};

struct mirror_common {
	pthread_mutex_t lock;
	struct mirrorsum *sum;
};

struct mirror_worker {
	struct mirror_common *common;
	struct observer *observer;
	struct live *ring[RINGS];
	unsigned rings;
	pthread_t thread;
	pthread_mutex_t lock; /* of the observer; taken before that of the sum */
	bool running, stop;   /* STOP is atomic */
	struct err failure;
	bool failed;
};

struct mirror_common *mirror_common_new(unsigned edges, uint64_t base_ms)
{
	struct mirror_common *c = xcalloc(1, sizeof(*c));

	pthread_mutex_init(&c->lock, NULL);
	c->sum = mirrorsum_new(edges, base_ms);
	return c;
}

void mirror_common_free(struct mirror_common *c)
{
	if (!c)
		return;
	mirrorsum_free(c->sum);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static void on_over(void *ctx, const struct flow_over *f)
{
	struct mirror_common *c = ((struct mirror_worker *)ctx)->common;

	pthread_mutex_lock(&c->lock);
	mirrorsum_over(c->sum, f);
	pthread_mutex_unlock(&c->lock);
}

struct mirror_worker *mirror_worker_new(struct mirror_common *common, uint32_t max,
					uint64_t seed)
{
	struct mirror_worker *w = xcalloc(1, sizeof(*w));
	struct flowtab_sink sink = { w, on_over };

	w->common = common;
	w->observer = observer_new(max, seed, &sink);
	flowtab_hasten(observer_flows(w->observer), LINGER_S, HELD_S);
	pthread_mutex_init(&w->lock, NULL);
	return w;
}

void mirror_worker_take(struct mirror_worker *w, struct live *ring)
{
	if (w->rings < RINGS)
		w->ring[w->rings++] = ring;
	else
		live_close(ring);
}

void mirror_worker_frame(struct mirror_worker *w, const struct frame_in *frame)
{
	observer_frame(w->observer, frame);
}

static void on_frame(void *ctx, const struct frame_in *frame)
{
	observer_frame(((struct mirror_worker *)ctx)->observer, frame);
}

static bool read_rings(struct mirror_worker *w)
{
	bool good = true;

	pthread_mutex_lock(&w->lock);
	for (unsigned i = 0; i < w->rings && good; i++)
		good = live_read(w->ring[i], on_frame, w, &w->failure) >= 0;
	pthread_mutex_unlock(&w->lock);
	return good;
}

static void *work(void *ctx)
{
	struct mirror_worker *w = ctx;
	struct pollfd fd[RINGS];

	for (unsigned i = 0; i < w->rings; i++)
		fd[i] = (struct pollfd){ .fd = live_fd(w->ring[i]), .events = POLLIN };
	while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
		poll(fd, w->rings, WAIT_MS);
		if (!read_rings(w)) {
			__atomic_store_n(&w->failed, true, __ATOMIC_RELEASE);
			break;
		}
	}
	read_rings(w);
	return NULL;
}

int mirror_worker_start(struct mirror_worker *w, struct err *e)
{
	int rc = pthread_create(&w->thread, NULL, work, w);

	w->running = rc == 0;
	return rc ? err_sys(e, -rc, "a thread of the mirror") : 0;
}

void mirror_worker_stop(struct mirror_worker *w)
{
	if (!w->running)
		return;
	__atomic_store_n(&w->stop, true, __ATOMIC_RELEASE);
	pthread_join(w->thread, NULL);
	w->running = false;
}

void mirror_worker_free(struct mirror_worker *w)
{
	if (!w)
		return;
	mirror_worker_stop(w);
	for (unsigned i = 0; i < w->rings; i++)
		live_close(w->ring[i]);
	observer_free(w->observer);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

const char *mirror_worker_failure(const struct mirror_worker *w)
{
	return __atomic_load_n(&w->failed, __ATOMIC_ACQUIRE) ? w->failure.msg : NULL;
}

/* An interval of all */

static void on_live(void *ctx, const struct flow_over *f)
{
	mirrorsum_live(ctx, f);
}

static void add_counts(struct mirror_totals *t, const struct mirror_worker *w)
{
	struct observer_counts n;

	observer_count(w->observer, &n);
	t->seen.frames += n.frames;
	t->seen.bytes += n.bytes;
	for (int i = 0; i < DISSECTED_KINDS; i++)
		t->seen.kind[i] += n.kind[i];
	t->seen.fragments_lost += n.fragments_lost;
	t->seen.names_lost += n.names_lost;
	t->seen.flows.packets += n.flows.packets;
	t->seen.flows.copies += n.flows.copies;
	t->seen.flows.payload += n.flows.payload;
	t->seen.flows.connections += n.flows.connections;
	t->seen.flows.evicted += n.flows.evicted;
	t->seen.flows.gaps_lost += n.flows.gaps_lost;
	t->seen.flows.one_sided += n.flows.one_sided;
	t->seen.flows.two_sided += n.flows.two_sided;
	t->seen.flows.unseen += n.flows.unseen;
	t->seen.flows.now += n.flows.now;
	for (unsigned i = 0; i < w->rings; i++) {
		struct live_counts ring;

		live_count(w->ring[i], &ring);
		t->ring.packets += ring.packets;
		t->ring.dropped += ring.dropped;
		t->ring.freezes += ring.freezes;
	}
}

/*
 * Between the telling of a connection that is open and that of its edge nothing may close: it
 * would be in both.  So all stand still.
 */
void mirror_interval(struct mirror_common *c, struct mirror_worker *const *w, unsigned n,
		     uint64_t start_ms, uint64_t end_ms, bool last, mirrorsum_fn *fn,
		     void *ctx, struct mirror_totals *totals)
{
	memset(totals, 0, sizeof(*totals));
	for (unsigned i = 0; i < n; i++) {
		pthread_mutex_lock(&w[i]->lock);
		observer_flush(w[i]->observer);
		if (last)
			observer_finish(w[i]->observer);
		else
			flowtab_tick(observer_flows(w[i]->observer), end_ms * 1000000);
	}
	pthread_mutex_lock(&c->lock);
	mirrorsum_begin(c->sum);
	for (unsigned i = 0; i < n; i++) {
		flowtab_each(observer_flows(w[i]->observer), on_live, c->sum);
		add_counts(totals, w[i]);
	}
	mirrorsum_emit(c->sum, start_ms, end_ms, fn, ctx);
	totals->overflow = mirrorsum_overflow(c->sum);
	totals->edges = mirrorsum_count(c->sum);
	pthread_mutex_unlock(&c->lock);
	for (unsigned i = n; i-- > 0;)
		pthread_mutex_unlock(&w[i]->lock);
}

void mirror_retell(struct mirror_common *c)
{
	pthread_mutex_lock(&c->lock);
	mirrorsum_retell(c->sum);
	pthread_mutex_unlock(&c->lock);
}
