/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conntrack, by netlink: what it says of new connections goes to a table of translations
 * (nattab.h).  Nothing is asked of a kernel that tracks no connections, and nothing is
 * changed.
 *
 * A socket belongs to the network namespace in which it was made.  That of the sensor is
 * always listened to; others where CAP_SYS_ADMIN lets it enter them, at most 64.
 */
#ifndef SENSOR_NAT_H
#define SENSOR_NAT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "sensor/nattab.h"

struct nat;

/* NULL with words: conntrack cannot be listened to here. */
struct nat *nat_open(struct nattab *table, struct err *e);
void nat_close(struct nat *n);
/*
 * Looks for other namespaces: listens in those that are new, and lets those go that nobody is
 * in any more, since a socket of ours would keep them alive.  Now and then.
 */
void nat_look(struct nat *n);
/* Readable when there is something to read: then call nat_poll. */
int nat_fd(const struct nat *n);
void nat_poll(struct nat *n);
/* Since the last call messages came faster than they were read, or a namespace was one too
 * many. */
bool nat_lost(struct nat *n);

#endif
