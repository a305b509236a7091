/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers as the front sees them: a socket each, one request at a time, queues before them.
 * One worker is kept for what takes no time, so that long queries do not delay it.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/event.h>

#include "collector/api.h"
#include "collector/http_priv.h"
#include "common/log.h"

enum { QUICK, SLOW };

static int lane_of_worker(const struct http_worker_slot *w)
{
	return w - w->front->worker < HTTP_QUICK ? QUICK : SLOW;
}

/* Whoever waits is told; the worker is none until the keeper brings another. */
static void drop_worker(struct http_worker_slot *w, const char *words)
{
	struct http_conn *c = w->conn;

	if (w->fd >= 0) {
		event_free(w->event);
		evtimer_del(w->limit);
		close(w->fd);
	}
	w->fd = -1;
	w->busy = false;
	w->conn = NULL;
	if (!c)
		return;
	c->slot = NULL;
	http_fail(c, 503, words);
}

/* The keeper ends the process and starts another. */
static void end_worker(struct http_worker_slot *w)
{
	struct http_note note = { (uint8_t)(w - w->front->worker) };

	if (send(w->front->control, &note, sizeof(note), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_warn("http: the keeper does not answer: %s", strerror(errno));
}

static void on_limit(evutil_socket_t fd, short what, void *ctx)
{
	struct http_worker_slot *w = ctx;

	(void)fd, (void)what;
	w->front->stats->http_killed++;
	end_worker(w);
	drop_worker(w, "it took too long; ask for less");
}

static void give(struct http_worker_slot *w, struct http_conn *c)
{
	const struct timeval limit = { .tv_sec = api_limit_s(c->head.path) };
	uint32_t id = ++w->front->last_id;
	uint8_t head[4] = { id >> 24, id >> 16 & 0xff, id >> 8 & 0xff, id & 0xff };

	memcpy(c->ask.p, head, sizeof(head));
	w->id = id;
	w->conn = c;
	w->busy = true;
	c->slot = w;
	http_conn_state(c, HTTP_ASKED, -1);
	w->front->stats->http_requests++;
	evtimer_add(w->limit, &limit);
	if (send(w->fd, c->ask.p, c->ask.n, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return;
	log_warn("http: a worker takes no request: %s", strerror(errno));
	end_worker(w);
	drop_worker(w, "a worker of the collector failed");
}

static void leave_queue(struct http_conn *c)
{
	TAILQ_REMOVE(&c->front->waiting[c->lane], c, waiting);
	c->front->waiting_n[c->lane]--;
}

static void feed(struct http_worker_slot *w)
{
	int lane = lane_of_worker(w);
	struct http_conn *c = TAILQ_FIRST(&w->front->waiting[lane]);

	if (!c || w->fd < 0 || w->busy)
		return;
	leave_queue(c);
	give(w, c);
}

static void on_tell(evutil_socket_t from, short what, void *ctx)
{
	static uint8_t packet[TELL_PACKET];
	struct http_worker_slot *w = ctx;
	struct http_conn *c = w->conn;
	struct tell t;
	int file;
	ssize_t n = child_receive(from, packet, sizeof(packet), &file);

	(void)what;
	if (n == -EAGAIN)
		return;
	if (n <= 0 || !tell_read(packet, (size_t)n, &t) || (!t.body && file < 0)) {
		if (file >= 0)
			close(file);
		drop_worker(w, "a worker of the collector failed; its log says why");
		return;
	}
	w->busy = false;
	w->conn = NULL;
	evtimer_del(w->limit);
	if (c && t.id == w->id) {
		c->slot = NULL;
		http_tell(c, &t, file);
	} else if (file >= 0) {
		close(file);
	}
	feed(w);
}

static void take_worker(struct http_worker_slot *w, int fd)
{
	drop_worker(w, "a worker of the collector ended");
	w->fd = fd;
	w->event = event_new(w->front->base, fd, EV_READ | EV_PERSIST, on_tell, w);
	event_add(w->event, NULL);
	feed(w);
}

static void on_control(evutil_socket_t from, short what, void *ctx)
{
	struct http_front_state *f = ctx;
	struct http_note note = { 0 };
	int fd;
	ssize_t n = child_receive(from, &note, sizeof(note), &fd);

	(void)what;
	if (n == -EAGAIN)
		return;
	if (n == sizeof(note) && fd >= 0 && note.worker < HTTP_WORKERS) {
		take_worker(&f->worker[note.worker], fd);
		return;
	}
	if (fd >= 0)
		close(fd);
	if (n > 0)
		return;
	event_del(f->noted); /* the keeper has let go */
	event_base_loopbreak(f->base);
}

void http_pool_start(struct http_front_state *f)
{
	f->noted = event_new(f->base, f->control, EV_READ | EV_PERSIST, on_control, f);
	event_add(f->noted, NULL);
	for (int i = 0; i < HTTP_WORKERS; i++) {
		f->worker[i].fd = -1;
		f->worker[i].front = f;
		f->worker[i].limit = evtimer_new(f->base, on_limit, &f->worker[i]);
	}
	TAILQ_INIT(&f->waiting[QUICK]);
	TAILQ_INIT(&f->waiting[SLOW]);
}

/* The worker that gave this ETag knows best whether it is good still. */
static struct http_worker_slot *pick(struct http_front_state *f, const struct http_conn *c)
{
	int from = c->lane == QUICK ? 0 : HTTP_QUICK;
	int to = c->lane == QUICK ? HTTP_QUICK : HTTP_WORKERS;
	struct http_worker_slot *found = NULL;

	for (int i = from; i < to; i++) {
		struct http_worker_slot *w = &f->worker[i];

		if (w->fd < 0 || w->busy)
			continue;
		if (!found || api_etag_worker(c->head.etag) == i)
			found = w;
	}
	return found;
}

void http_pool_ask(struct http_conn *c)
{
	struct http_front_state *f = c->front;
	struct http_worker_slot *w;

	c->lane = api_is_quick(c->head.path) ? QUICK : SLOW;
	w = pick(f, c);
	if (w) {
		give(w, c);
		return;
	}
	if (f->waiting_n[c->lane] >= HTTP_QUEUE) {
		f->stats->http_busy++;
		http_fail(c, 503, "too many requests wait already; try again");
		return;
	}
	TAILQ_INSERT_TAIL(&f->waiting[c->lane], c, waiting);
	f->waiting_n[c->lane]++;
}

/*
 * A change is finished, and a reading that nobody waits for any more has little time left: not
 * none, or whoever asks and hangs up, token or not, would cost a process each time.
 */
void http_pool_forget(struct http_conn *c)
{
	const struct timeval soon = { .tv_sec = HTTP_ABANDONED_S };
	struct http_worker_slot *w = c->slot;

	if (c->state == HTTP_QUEUED)
		leave_queue(c);
	c->slot = NULL;
	if (!w)
		return;
	w->conn = NULL;
	if (c->head.method == HTTP_GET || c->head.method == HTTP_HEAD)
		evtimer_add(w->limit, &soon);
}
