/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files a process may still open, make and remove, by Landlock (Linux 5.13; the kernel's
 * Documentation/userspace-api/landlock.rst): for good, and for what it starts.  What is open
 * stays usable.
 */
#ifndef COLLECTOR_LANDLOCK_H
#define COLLECTOR_LANDLOCK_H

#include <stdbool.h>

#include "common/err.h"

/* A file, or a folder with all that is below it: there is no exception to a folder. */
struct landlock_path {
	const char *path;
	bool write; /* makes and removes files there, too */
};

/* False where the kernel has none, or the service's filter keeps it from us. */
bool landlock_there(void);
/*
 * Nothing but the N paths is left; those that are not there give nothing.  0, also where
 * !landlock_there(); needs no_new_privs.
 */
int landlock_keep(const struct landlock_path *path, unsigned n, struct err *e);

#endif
