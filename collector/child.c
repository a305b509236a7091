/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 1000, STEP_MS = 10 };

static void run(int fd, pid_t parent, child_fn *fn, void *ctx)
{
	static const int ignored[] = { SIGHUP, SIGUSR1, SIGINT, SIGTERM, SIGPIPE };
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) /* it died before it could be told */
		_exit(1);
	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	_exit(fn(fd, ctx));
}

int child_start(struct child *c, const char *name, child_fn *fn, void *ctx, struct err *e)
{
	pid_t parent = getpid();
	int pair[2];

	*c = (struct child){ .name = name, .fd = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, -errno, "cannot start %s", name);
	c->pid = fork();
	if (c->pid < 0) {
		close(pair[0]);
		close(pair[1]);
		c->pid = 0;
		return err_sys(e, -errno, "cannot start %s", name);
	}
	if (c->pid == 0) {
		close(pair[0]);
		run(pair[1], parent, fn, ctx);
	}
	close(pair[1]);
	c->fd = pair[0];
	return 0;
}

static void close_range_of(unsigned from, unsigned to)
{
	if (from > to || syscall(SYS_close_range, from, to, 0) == 0)
		return;
	for (unsigned fd = from; fd <= to && fd < 1 << 16; fd++) /* before Linux 5.9 */
		close((int)fd);
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

void child_keep(const int *keep, unsigned n)
{
	int sorted[CHILD_KEEP];
	unsigned from = STDERR_FILENO + 1;

	if (n > CHILD_KEEP)
		abort();
	for (unsigned i = 0; i < n; i++)
		sorted[i] = keep[i];
	qsort(sorted, n, sizeof(*sorted), by_number);
	for (unsigned i = 0; i < n; i++) {
		if (sorted[i] < (int)from)
			continue;
		close_range_of(from, (unsigned)sorted[i] - 1);
		from = (unsigned)sorted[i] + 1;
	}
	close_range_of(from, ~0U);
}

int child_send(int fd, void *p, size_t n, int passed, int flags)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { p, n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (passed >= 0) {
		struct cmsghdr *c;

		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &passed, sizeof(int));
	}
	return sendmsg(fd, &m, flags | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

ssize_t child_receive(int fd, void *p, size_t n, int *passed)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { p, n };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	ssize_t got = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = got >= 0 ? CMSG_FIRSTHDR(&m) : NULL;

	*passed = -1;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(passed, CMSG_DATA(c), sizeof(int));
	return got < 0 ? -errno : got;
}

bool child_reap(struct child *c, int *status)
{
	if (!c->pid ||
	    !(c->reap ? c->reap(c, status) : waitpid(c->pid, status, WNOHANG) == c->pid))
		return false;
	c->pid = 0;
	return true;
}

bool child_await(struct child *c, int *status)
{
	for (int ms = 0; ms < PATIENCE_MS; ms += STEP_MS) {
		if (child_reap(c, status))
			return true;
		poll(NULL, 0, STEP_MS);
	}
	return false;
}

void child_stop(struct child *c)
{
	int status;

	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	for (int ms = 0; c->pid && !child_reap(c, &status); ms += STEP_MS) {
		if (ms >= PATIENCE_MS)
			kill(c->pid, SIGKILL);
		poll(NULL, 0, STEP_MS);
	}
}

void child_rest_born(struct child_rest *r, uint64_t now_ms)
{
	r->born_ms = now_ms;
}

void child_rest_died(struct child_rest *r, uint64_t now_ms)
{
	bool calm = now_ms - r->born_ms > CHILD_CALM_MS;

	r->pause_ms = calm || !r->pause_ms ? CHILD_PAUSE_MS : r->pause_ms * 2;
	if (r->pause_ms > CHILD_PAUSE_MAX_MS)
		r->pause_ms = CHILD_PAUSE_MAX_MS;
	r->due_ms = now_ms + r->pause_ms;
}
