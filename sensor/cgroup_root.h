/* SPDX-License-Identifier: Apache-2.0 */
/* The root of cgroup v2, where hooks see every socket. */
#ifndef SENSOR_CGROUP_ROOT_H
#define SENSOR_CGROUP_ROOT_H

#include <stdbool.h>

#include "common/err.h"

/*
 * A descriptor of it: where it is mounted, else of a mount of our own (*OWN, which may be
 * NULL) that is in no directory and gone with its descriptor: that takes Linux 5.2 and
 * CAP_SYS_ADMIN.  Negative errno with words.
 */
int cgroup_root(bool *own, struct err *e);

#endif
