/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/nursery.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collector/confine.h"
#include "common/log.h"

enum { PATIENCE_MS = 5000 };

/* To the nursery: what is to be started. */
struct order {
	uint32_t job;
};

/* From it; a socket comes with the first kind. */
enum { STARTED, NOT_STARTED, OVER };
struct note {
	uint32_t kind, job;
	pid_t pid;
	int32_t status; /* negative errno for NOT_STARTED */
};

void nursery_plan(struct nursery *n, enum nursery_job job, const struct nursery_plan *plan)
{
	n->plan[job] = *plan;
}

void nursery_keep(struct nursery *n, int fd)
{
	if (n->keep_n == CHILD_KEEP - 1)
		abort();
	n->keep[n->keep_n++] = fd;
}

static int run(int fd, void *ctx)
{
	const struct nursery_plan *p = ctx;

	prctl(PR_SET_NAME, p->comm, 0, 0, 0);
	return p->fn(fd, p->ctx);
}

/* In the nursery */

struct crib {
	int fd; /* of the collector */
	struct nursery *plans;
	pid_t pid[NURSERY_JOBS];
	bool ending;
};

static void on_child(int number)
{
	(void)number; /* it ends the waiting */
}

static void say(const struct crib *c, struct note *note, int passed)
{
	(void)!child_send(c->fd, note, sizeof(*note), passed, 0);
}

static void start(struct crib *c, uint32_t job)
{
	struct note note = { .kind = NOT_STARTED, .job = job };
	struct err e = { 0 };
	struct child child;

	if (job >= NURSERY_JOBS || !c->plans->plan[job].fn || c->pid[job]) {
		note.status = -EINVAL;
		say(c, &note, -1);
		return;
	}
	note.status =
		child_start(&child, c->plans->plan[job].name, run, &c->plans->plan[job], &e);
	if (note.status < 0) {
		say(c, &note, -1);
		return;
	}
	c->pid[job] = child.pid;
	note = (struct note){ .kind = STARTED, .job = job, .pid = child.pid };
	say(c, &note, child.fd);
	close(child.fd);
}

static void reap(struct crib *c)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (uint32_t i = 0; i < NURSERY_JOBS; i++) {
			struct note note = { OVER, i, pid, status };

			if (c->pid[i] != pid)
				continue;
			c->pid[i] = 0;
			say(c, &note, -1);
		}
}

static void wait_some(struct crib *c, const sigset_t *open)
{
	struct pollfd p = { c->fd, POLLIN, 0 };
	struct order order;
	ssize_t n;

	if (ppoll(&p, 1, NULL, open) <= 0)
		return;
	n = recv(c->fd, &order, sizeof(order), MSG_DONTWAIT);
	if (n == sizeof(order))
		start(c, order.job);
	else if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		c->ending = true;
}

static void watch_children(sigset_t *before)
{
	struct sigaction sa = { .sa_handler = on_child };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, before);
	sigaction(SIGCHLD, &sa, NULL);
	sigdelset(before, SIGCHLD);
}

/* The others end with their sockets, which are the collector's; who does not is killed. */
static void end_all(struct crib *c)
{
	for (int i = 0; i < NURSERY_JOBS; i++)
		if (c->pid[i])
			kill(c->pid[i], SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static int nurse(int fd, void *ctx)
{
	struct nursery *n = ctx;
	const struct confine_files files = { .data = n->data };
	struct crib c = { .fd = fd, .plans = n };
	struct err e = { 0 };
	sigset_t open;

	prctl(PR_SET_NAME, "skein-nursery", 0, 0, 0);
	n->keep[n->keep_n] = fd;
	child_keep(n->keep, n->keep_n + 1);
	for (int i = 0; i < NURSERY_JOBS; i++)
		if (n->plan[i].before)
			n->plan[i].before(n->plan[i].ctx);
	watch_children(&open);
	if (confine(CONFINE_NURSERY, &files, &e) < 0) {
		log_err("the process that starts the others: %s", e.msg);
		return 1;
	}
	while (!c.ending) {
		reap(&c);
		wait_some(&c, &open);
	}
	end_all(&c);
	return 0;
}

/* In the collector */

int nursery_open(struct nursery *n, const char *data, struct err *e)
{
	n->data = data;
	return child_start(&n->self, "the process that starts the others", nurse, n, e);
}

/* The next note, *PASSED with it; false when there is none within MS. */
static bool hear(struct nursery *n, struct note *note, int *passed, int ms)
{
	struct pollfd p = { n->self.fd, POLLIN, 0 };
	ssize_t got;
	int rc;

	*passed = -1;
	if (n->gone || !n->self.pid)
		return false;
	do
		rc = poll(&p, 1, ms);
	while (rc < 0 && errno == EINTR);
	if (rc <= 0)
		return false;
	got = child_receive(n->self.fd, note, sizeof(*note), passed);
	if (got == sizeof(*note) && note->job < NURSERY_JOBS)
		return true;
	n->gone = got != -EAGAIN && got != -EINTR;
	return false;
}

static void take_end(struct nursery *n, const struct note *note)
{
	struct nursery_place *p = &n->place[note->job];

	if (note->kind == OVER && p->pid == note->pid) {
		p->state = NURSERY_ENDED;
		p->status = note->status;
	}
}

/* A child's reap, for struct child. */
static bool reap_child(struct child *c, int *status)
{
	struct nursery *n = c->by;
	struct nursery_place *p = &n->place[c->job];
	struct note note = { 0 };
	int passed;

	while (p->pid == c->pid && p->state == NURSERY_LIVES && hear(n, &note, &passed, 0)) {
		take_end(n, &note);
		if (passed >= 0)
			close(passed);
	}
	if (n->gone) {
		*status = SIGKILL;
		return true;
	}
	*status = p->status;
	return p->pid == c->pid && p->state == NURSERY_ENDED;
}

static int take_child(struct nursery *n, struct child *c, const struct note *note, int passed,
		      struct err *e)
{
	if (note->kind != STARTED || passed < 0)
		return err_sys(e, note->status < 0 ? note->status : -EPROTO, "cannot start %s",
			       c->name);
	n->place[note->job] = (struct nursery_place){ NURSERY_LIVES, note->pid, 0 };
	c->pid = note->pid;
	c->fd = passed;
	return 0;
}

int nursery_start(struct nursery *n, enum nursery_job job, struct child *c, struct err *e)
{
	const struct nursery_plan *plan = &n->plan[job];
	struct order order = { (uint32_t)job };
	struct note note = { 0 };
	int passed;

	if (!n->self.pid)
		return child_start(c, plan->name, run, (void *)plan, e);
	*c = (struct child){
		.name = plan->name, .fd = -1, .by = n, .job = job, .reap = reap_child
	};
	if (send(n->self.fd, &order, sizeof(order), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return err_sys(e, -errno, "cannot start %s", plan->name);
	while (hear(n, &note, &passed, PATIENCE_MS)) {
		if (note.kind != OVER && note.job == (uint32_t)job)
			return take_child(n, c, &note, passed, e);
		take_end(n, &note);
		if (passed >= 0)
			close(passed);
	}
	return err_set(e, -EPIPE, "cannot start %s: the process that starts it %s", plan->name,
		       n->gone ? "has ended" : "does not answer");
}

bool nursery_gone(struct nursery *n)
{
	struct note note = { 0 };
	int passed;

	while (hear(n, &note, &passed, 0)) {
		take_end(n, &note);
		if (passed >= 0)
			close(passed);
	}
	return n->gone;
}

void nursery_close(struct nursery *n)
{
	if (n->self.pid)
		child_stop(&n->self);
}
