/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine that this sensor runs on, and the addresses that are its own: those of the
 * interfaces in the sensor's network namespace, and those that sockets of any namespace were
 * seen to use as their own end.
 */
#ifndef SENSOR_HOST_H
#define SENSOR_HOST_H

#include <stdbool.h>

#include "common/err.h"
#include "common/fact.h"

struct host;

/* NULL with words when the machine cannot be told apart from others (no machine-id). */
struct host *host_new(struct err *e);
void host_free(struct host *h);

/* Reads the interfaces again. */
void host_refresh(struct host *h);
/* An address that is certainly one of this machine's. */
void host_own(struct host *h, const struct addr *a);
/* True when what host_machine says has changed since the last call of this. */
bool host_changed(struct host *h);
/* Borrowed until the next call that changes the host. */
const struct machine *host_machine(const struct host *h);

#endif
