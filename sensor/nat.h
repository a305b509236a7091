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
/* Listens in the namespace NETNS, too, in which process TGID is; again and again costs
 * nothing. */
void nat_enter(struct nat *n, uint32_t netns, uint32_t tgid);
/* The same for namespaces that have a name (ip-netns(8), Docker). */
void nat_enter_named(struct nat *n);
/* Readable when there is something to read: then call nat_poll. */
int nat_fd(const struct nat *n);
void nat_poll(struct nat *n);
/* Messages were lost since the last call: connections came faster than they were read. */
bool nat_lost(struct nat *n);

#endif
