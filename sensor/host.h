/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine that this sensor runs on, and the addresses that are its own: those of the
 * interfaces in every network namespace in which a process with sockets was seen, and those
 * that sockets were seen to use as their own end.
 */
#ifndef SENSOR_HOST_H
#define SENSOR_HOST_H

#include <stdbool.h>

#include "common/err.h"
#include "common/fact.h"

struct host;

/*
 * A machine without machine-id or firmware UUID gets an identity that is kept in DIR, or
 * of this run only where there is no DIR; NULL with words when that cannot be written.
 */
struct host *host_new(const char *dir, struct err *e);
void host_free(struct host *h);

/*
 * Reads the interfaces of the sensor's own namespace again, and has others read again; to be
 * called once a minute.  The first call and each tenth read the inventory too (inventory.h),
 * which counts as a change when it differs, and every hour.
 */
void host_refresh(struct host *h);
/*
 * Namespace NETNS (its inode number) is one in which process TGID has sockets: its addresses
 * are read from /proc/TGID/net, without entering it, once after each refresh.
 */
void host_namespace(struct host *h, uint32_t netns, uint32_t tgid);
/*
 * Where a socket has no address yet: the lowest one of NETNS that others could reach, of the
 * family of REMOTE; loopback where none is known.
 */
struct addr host_address(struct host *h, uint32_t netns, const struct addr *remote);
/* An address that is certainly one of this machine's. */
void host_own(struct host *h, const struct addr *a);
/* True when what host_machine says has changed since the last call of this. */
bool host_changed(struct host *h);
/* Borrowed until the next call that changes the host. */
const struct machine *host_machine(const struct host *h);

#endif
