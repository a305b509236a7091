/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts the front and the workers, and starts again what dies, after a pause that grows.  It
 * takes no byte of strangers and never opens the database: so it may fork at any time.  It is
 * confined as the nursery, which it comes from.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <openssl/ssl.h>

#include "collector/http_keeper.h"
#include "collector/http_tls.h"
#include "common/cur.h"
#include "common/log.h"

enum { LAST = HTTP_WORKERS }; /* the front's place behind the workers */

struct place {
	struct child child; /* its fd: of the front alone */
	struct child_rest rest;
};

struct keeper {
	int fd; /* of the collector */
	struct http_setup setup;
	struct place place[LAST + 1];
	sigset_t before;
	char *kept[3]; /* strings of the configuration */
	bool ready;    /* it has come */
	bool ending;
};

static void on_child(int number)
{
	(void)number; /* it ends the waiting */
}

static void no_signals(struct keeper *k)
{
	struct sigaction sa = { .sa_handler = on_child };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &k->before);
	sigaction(SIGCHLD, &sa, NULL);
}

static void hand_over(struct keeper *k, unsigned i)
{
	struct http_note note = { (uint8_t)i };
	struct child *w = &k->place[i].child;
	int rc = child_send(k->place[LAST].child.fd, &note, sizeof(note), w->fd, MSG_DONTWAIT);

	if (rc < 0)
		log_warn("http: the front takes no worker: %s", strerror(-rc));
	close(w->fd);
	w->fd = -1;
}

static void start_one(struct keeper *k, unsigned i)
{
	struct place *p = &k->place[i];
	struct err e = { 0 };
	int rc;

	k->setup.worker = (uint8_t)i;
	rc = i == LAST ? child_start(&p->child, "http", http_front, &k->setup, &e)
		       : child_start(&p->child, "answers", http_worker, &k->setup, &e);
	child_rest_born(&p->rest, stats_clock_ms());
	if (rc < 0) {
		log_err("%s", e.msg);
		p->rest.due_ms = p->rest.born_ms + CHILD_PAUSE_MAX_MS;
	} else if (i != LAST) {
		hand_over(k, i);
	}
}

/* The front first: the others' sockets go to it. */
static void start_due(struct keeper *k)
{
	uint64_t now = stats_clock_ms();

	for (int i = LAST; i >= 0; i--) {
		struct place *p = &k->place[i];

		if (!p->child.pid && now >= p->rest.due_ms &&
		    (i == LAST || k->place[LAST].child.pid))
			start_one(k, (unsigned)i);
	}
}

/* Kept are only those who end by themselves now, and are reaped without a word. */
static void forget_all(struct keeper *k)
{
	if (k->place[LAST].child.fd >= 0)
		close(k->place[LAST].child.fd);
	for (unsigned i = 0; i < LAST; i++)
		k->place[i] = (struct place){ .child.fd = -1 };
	k->place[LAST].child = (struct child){ .fd = -1 };
}

static void end_place(struct place *p)
{
	if (p->child.fd >= 0)
		close(p->child.fd);
	p->child.fd = -1;
	if (p->child.pid)
		kill(p->child.pid, SIGKILL);
}

/* Without its front a worker has nobody to answer. */
static void died(struct keeper *k, unsigned i, int status)
{
	struct place *p = &k->place[i];

	p->child.pid = 0;
	child_rest_died(&p->rest, stats_clock_ms());
	k->setup.stats->http_restarts++;
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		log_err("http: %s ended by signal %d; another follows",
			i == LAST ? "the front" : "a worker", WTERMSIG(status));
	else if (WIFEXITED(status))
		log_err("http: %s ended with status %d; another follows",
			i == LAST ? "the front" : "a worker", WEXITSTATUS(status));
	if (i == LAST)
		forget_all(k);
}

static void reap(struct keeper *k)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (unsigned i = 0; i <= LAST; i++)
			if (k->place[i].child.pid == pid)
				died(k, i, status);
}

/* A worker that is too slow; its place is taken by another at once. */
static void hear_front(struct keeper *k)
{
	struct http_note note;
	ssize_t n = recv(k->place[LAST].child.fd, &note, sizeof(note), MSG_DONTWAIT);

	if (n != sizeof(note) || note.worker >= LAST || !k->place[note.worker].child.pid)
		return;
	kill(k->place[note.worker].child.pid, SIGKILL);
	k->place[note.worker].rest.pause_ms = 0;
}

/* The front and the workers that are there end by themselves when they have answered. */
static void start_anew(struct keeper *k)
{
	struct err e = { 0 };
	SSL_CTX *tls = k->setup.secure ? http_tls(&k->setup.config, k->setup.dir, &e) : NULL;

	if (k->setup.secure && !tls) {
		log_err("http: %s; %s", e.msg,
			k->ready ? "the former certificate stays"
				 : "nothing answers until it is mended, and SIGHUP");
		return;
	}
	SSL_CTX_free(k->setup.tls);
	k->setup.tls = tls;
	forget_all(k);
	if (k->ready)
		log_info("http: configuration read again");
	k->ready = true;
}

static void take_config(struct keeper *k, const uint8_t *p, size_t n)
{
	struct http_config *c = &k->setup.config;
	struct cur cur = cur_of(p, n);

	for (int i = 0; i < 3; i++) {
		free(k->kept[i]);
		k->kept[i] = xstrdup(cur_zstr(&cur, HTTP_CONFIG_TEXT));
	}
	c->cert = *k->kept[0] ? k->kept[0] : NULL;
	c->key = *k->kept[1] ? k->kept[1] : NULL;
	c->names = k->kept[2];
	start_anew(k);
}

static void hear_collector(struct keeper *k)
{
	uint8_t packet[HTTP_CONFIG_PACKET];
	ssize_t n = recv(k->fd, packet, sizeof(packet), MSG_DONTWAIT);

	if (n > 0)
		take_config(k, packet, (size_t)n);
	else if (n == 0 || errno != EAGAIN)
		k->ending = true;
}

static void wait_some(struct keeper *k)
{
	struct pollfd fds[] = { { k->fd, POLLIN, 0 }, { k->place[LAST].child.fd, POLLIN, 0 } };
	struct timespec t = { .tv_sec = CHILD_PAUSE_MAX_MS / 1000 };
	uint64_t now = stats_clock_ms();
	sigset_t open = k->before;

	for (unsigned i = 0; i <= LAST; i++) {
		const struct place *p = &k->place[i];
		uint64_t ms = p->rest.due_ms > now ? p->rest.due_ms - now : 1;

		if (k->ready && !p->child.pid && ms < (uint64_t)t.tv_sec * 1000)
			t = (struct timespec){ (time_t)(ms / 1000),
					       (long)(ms % 1000) * 1000000 };
	}
	sigdelset(&open, SIGCHLD);
	if (ppoll(fds, 2, &t, &open) <= 0)
		return;
	if (fds[0].revents)
		hear_collector(k);
	if (fds[1].revents & POLLIN)
		hear_front(k);
}

int http_keeper(int fd, void *ctx)
{
	struct keeper k = { .fd = fd, .setup = *(const struct http_setup *)ctx };
	const int keep[] = { fd, k.setup.socket };

	child_keep(keep, 2);
	for (unsigned i = 0; i <= LAST; i++)
		k.place[i].child.fd = -1;
	no_signals(&k);
	while (!k.ending) {
		reap(&k);
		if (k.ready)
			start_due(&k);
		wait_some(&k);
	}
	for (unsigned i = 0; i <= LAST; i++)
		end_place(&k.place[i]);
	while (waitpid(-1, NULL, 0) > 0)
		;
	return 0;
}
