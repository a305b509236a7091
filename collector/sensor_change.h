/* SPDX-License-Identifier: Apache-2.0 */
/* The larger things that `skein-collector sensor` does; each says what it did, is written down
 * in the audit, and returns the exit status. */
#ifndef COLLECTOR_SENSOR_CHANGE_H
#define COLLECTOR_SENSOR_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

/* SINCE in seconds, 0: from the beginning; see store/purge.h. */
int sensor_purge(const char *dir, const char *sensor, int64_t since, bool quiet);
/* What it sees from now on is in realm NAME; see store/realm.h. */
int sensor_realm(const char *dir, const char *sensor, const char *name, bool quiet);

#endif
