/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels on which programs in the kernel are not attached, as data: pure. */
#ifndef SENSOR_DENYLIST_H
#define SENSOR_DENYLIST_H

#include <stddef.h>

struct denied_kernel {
	const char *pattern; /* of `uname -r`, as in glob(7) */
	const char *why;
};

/*
 * Why RELEASE is denied, or NULL.  EXTRA are further patterns, separated by commas or spaces,
 * from the configuration; NULL: none.
 */
const char *denylist_why(const char *release, const char *extra);

#endif
