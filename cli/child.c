/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Beside our own executable, or in ../sbin of it. */
static int find(const char *program, char out[PATH_MAX], struct err *e)
{
	char self[PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return err_sys(e, -errno, "/proc/self/exe");
	self[n] = 0;
	slash = strrchr(self, '/');
	*slash = 0;
	snprintf(out, PATH_MAX, "%.*s/%s", PATH_MAX - 64, self, program);
	if (access(out, X_OK) == 0)
		return 0;
	snprintf(out, PATH_MAX, "%.*s/../sbin/%s", PATH_MAX - 64, self, program);
	if (access(out, X_OK) == 0)
		return 0;
	return err_set(e, -ENOENT, "%s is not in %s, where skein is; install or build it",
		       program, self);
}

static void become(const char *path, const char *const *argv, int ready_fd, int in_fd,
		   int out_fd)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (ready_fd >= 0)
		fcntl(ready_fd, F_SETFD, 0);
	if (in_fd >= 0)
		dup2(in_fd, STDIN_FILENO);
	if (out_fd >= 0)
		dup2(out_fd, STDOUT_FILENO);
	execv(path, (char *const *)argv);
	_exit(127);
}

int child_start(struct child *c, const char *program, const char *const *argv, int ready_fd,
		int in_fd, int out_fd, struct err *e)
{
	char path[PATH_MAX];
	int rc = find(program, path, e);

	if (rc)
		return rc;
	c->status = 0;
	fflush(NULL);
	c->pid = fork();
	if (c->pid < 0) {
		c->pid = 0;
		return err_sys(e, -errno, "%s: fork", program);
	}
	if (c->pid == 0)
		become(path, argv, ready_fd, in_fd, out_fd);
	return 0;
}

static void note(struct child *c, int status)
{
	c->pid = 0;
	c->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool child_ended(struct child *c)
{
	int status;

	if (c->pid && waitpid(c->pid, &status, WNOHANG) == c->pid)
		note(c, status);
	return !c->pid;
}

static bool ended_within(struct child *c, int ms)
{
	struct timespec pause = { .tv_nsec = 20000000 };

	for (; !child_ended(c); ms -= 20) {
		if (ms <= 0)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

int child_wait(struct child *c, int seconds)
{
	int status;

	if (!ended_within(c, seconds * 1000)) {
		kill(c->pid, SIGKILL);
		if (waitpid(c->pid, &status, 0) == c->pid)
			note(c, status);
	}
	return c->status;
}

int child_stop(struct child *c, int seconds)
{
	if (!child_ended(c))
		kill(c->pid, SIGTERM);
	return child_wait(c, seconds);
}

int child_ready(struct child *c, int fd, char *line, size_t cap, int seconds, struct err *e)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, seconds * 1000) <= 0)
		return err_set(e, -ETIMEDOUT, "not ready after %d s", seconds);
	n = read(fd, line, cap - 1);
	if (n <= 0) {
		child_wait(c, 5);
		return err_set(e, -ECHILD, "ended with status %d", c->status);
	}
	line[n] = 0;
	line[strcspn(line, "\n")] = 0;
	return 0;
}
