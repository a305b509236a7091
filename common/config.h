/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A daemon's configuration file, as keys and values; what they mean is for its options.c,
 * which knows the options of the same names.
 */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include "common/err.h"

enum { CONFIG_LINES_MAX = 256 };

/* One "key = value"; strings of the config that it is in. */
struct config_line {
	char *file;
	int line; /* from 1 */
	char *key;
	char *value;
};

struct config {
	struct config_line line[CONFIG_LINES_MAX];
	unsigned n;
};

/*
 * Reads PATH, then the *.conf of the folder beside it (sensor.conf: sensor.d), by name; a
 * folder that is not there is empty.  0; -EINVAL for a line that is no "key = value", one in a
 * section, one that is too long, or more lines than the cap; another negative errno for a file
 * that cannot be read.  CONFIG is to be freed with config_free in all cases.
 */
int config_read(struct config *config, const char *path, struct err *e);
void config_free(struct config *config);

#endif
