/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Skein's other programs, started from the folder where this one is.  A child ends when this
 * program does, has a process group of its own (so that Ctrl-C reaches only us, and we end
 * them in order), and says on a pipe when it is ready.
 */
#ifndef CLI_CHILD_H
#define CLI_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/err.h"

struct child {
	pid_t pid;  /* 0: not running */
	int status; /* exit status once it has ended; 128 + signal if it was killed */
};

/*
 * Starts PROGRAM with ARGV (ends with NULL); READY_FD of the child is the pipe's end that it
 * writes to, -1 for none.  The child's standard input and output are IN_FD and OUT_FD, where
 * those are not -1.
 */
int child_start(struct child *c, const char *program, const char *const *argv, int ready_fd,
		int in_fd, int out_fd, struct err *e);

/*
 * The line that the child writes when it is ready, without its end.  -ECHILD when it ended
 * instead (C->status is set and the child has said why), -ETIMEDOUT after SECONDS.
 */
int child_ready(struct child *c, int fd, char *line, size_t cap, int seconds, struct err *e);

/* True if it has ended (or was never started). */
bool child_ended(struct child *c);
/* SIGTERM, and SIGKILL if it is still there after SECONDS; returns its exit status. */
int child_stop(struct child *c, int seconds);
/* Waits to its end, at most SECONDS (then it is killed); returns its exit status. */
int child_wait(struct child *c, int seconds);

#endif
