/* SPDX-License-Identifier: Apache-2.0 */
/* The root of cgroup v2, where a hook sees every socket of the host, if it can be reached. */
#ifndef SENSOR_CGROUP_ROOT_H
#define SENSOR_CGROUP_ROOT_H

#include <stdbool.h>

#include "common/err.h"

/*
 * A descriptor of it, the caller's to close, or a negative errno with words.  Where it is
 * mounted nowhere it gets a mount of its own (*OWN, which may be NULL) that is in no
 * directory, and gone with the descriptor.
 */
int cgroup_root_open(bool *own, struct err *e);

#endif
