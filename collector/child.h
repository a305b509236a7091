/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes beside the collector, each for one dangerous or slow thing: the authority's
 * key, the answers over HTTP, datagrams of strangers.  Who starts them is the nursery
 * (nursery.h).
 *
 * A child speaks to the collector over one socket (SOCK_SEQPACKET), is killed with who started
 * it (PR_SET_PDEATHSIG) and ends when that socket does.  None is forked by a process that has
 * the store open, since SQLite may not be carried over a fork.
 */
#ifndef COLLECTOR_CHILD_H
#define COLLECTOR_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

struct child {
	const char *name; /* borrowed, for messages */
	pid_t pid;	  /* 0: there is none */
	int fd;		  /* to it; blocking; -1: there is none */
	/* Of one that another process has started (nursery.h): how its end is known. */
	bool (*reap)(struct child *c, int *status);
	void *by;
	int job;
};

/* Runs in the child, which ends with what it returns.  FD is its end of the socket. */
typedef int child_fn(int fd, void *ctx);

/*
 * The child ignores SIGINT, SIGTERM, SIGHUP and SIGUSR1: the collector says when it ends.
 * Descriptors other than those that FN is to have are FN's to close (child_keep).
 */
int child_start(struct child *c, const char *name, child_fn *fn, void *ctx, struct err *e);
enum { CHILD_KEEP = 20 };
/* In the child: closes everything above standard error but the N descriptors of KEEP, at most
 * CHILD_KEEP. */
void child_keep(const int *keep, unsigned n);
/*
 * One packet, and PASSED with it unless that is negative (SCM_RIGHTS).  FLAGS are those of
 * sendmsg(2).  0 or negative errno.
 */
int child_send(int fd, void *p, size_t n, int passed, int flags);
/*
 * The bytes of the next packet, 0 at the end, negative errno; -EAGAIN: there is none now.
 * *PASSED is a descriptor that came with it, or -1.
 */
ssize_t child_receive(int fd, void *p, size_t n, int *passed);
/* Closes the socket, waits a second for the child, then kills it.  Nothing if there is none.
 */
void child_stop(struct child *c);
/* True once it has ended, with its wait status; it has no pid then. */
bool child_reap(struct child *c, int *status);
/* The same after its socket has ended: waits for it, a second at most. */
bool child_await(struct child *c, int *status);

/*
 * When what has died is started again: after a pause that doubles each time, and is short
 * again for who has lived for a minute.  By a clock that nobody sets; all 0: at once.
 */
struct child_rest {
	uint64_t born_ms, due_ms;
	unsigned pause_ms;
};
enum { CHILD_PAUSE_MS = 100, CHILD_PAUSE_MAX_MS = 30000, CHILD_CALM_MS = 60000 };
void child_rest_born(struct child_rest *r, uint64_t now_ms);
void child_rest_died(struct child_rest *r, uint64_t now_ms);

#endif
