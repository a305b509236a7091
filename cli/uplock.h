/* SPDX-License-Identifier: Apache-2.0 */
/* One "skein up" a data directory: DIR/up.lock is locked by it, so that "down" finds it. */
#ifndef CLI_UPLOCK_H
#define CLI_UPLOCK_H

#include <sys/types.h>

#include "common/err.h"

/*
 * The lock's descriptor, held until it is closed or the process ends; the directory is made
 * (mode 0700) if it is not there.  -EWOULDBLOCK with words when another one holds it.
 */
int uplock_take(const char *dir, struct err *e);

/*
 * The process that holds the lock of DIR, 0 when nobody does, -1 for one that cannot be named
 * (in another PID namespace, or not a "skein up" at all): never a number to give to kill(2)
 * unseen.
 */
pid_t uplock_holder(const char *dir);

#endif
