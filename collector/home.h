/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector's data directory (mode 0700 when made here):
 *
 *     DIR/skein.db                      the database
 *     DIR/ca.key ca.crt                 the authority that sensors trust (authority_key.h; the
 *                                       key's mode is 0)
 *     DIR/collector.key collector.crt   what the collector shows them
 *     DIR/collector.lock                held by the collector that runs
 *     DIR/collector.addr                the address and port it listens on, one line
 *     DIR/collector.http                the same of HTTP, if it answers
 */
#ifndef COLLECTOR_HOME_H
#define COLLECTOR_HOME_H

#include "common/err.h"

#define HOME_DEFAULT "/var/lib/skein"

/* Makes the directory if it is not there; nothing made afterwards is readable by others. */
int home_open(const char *dir, struct err *e);

/*
 * Root becomes who owns the database in DIR, or DIR itself where there is none yet: the
 * collector needs no right of root's, and what is made must be readable by it later.  Nothing
 * where the owner is root.
 */
int home_become_owner(const char *dir, struct err *e);

/* A descriptor that holds the lock until it is closed; -EWOULDBLOCK with words if it is held.
 */
int home_lock(const char *dir, struct err *e);

/* Into DIR/NAME (above), by rename; home_forget_address removes both. */
int home_write_address(const char *dir, const char *name, const char *address, struct err *e);
void home_forget_address(const char *dir);

#endif
