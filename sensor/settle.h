/* SPDX-License-Identifier: Apache-2.0 */
/* After enrolment as root on a machine where the package is installed: the service can start.
 */
#ifndef SENSOR_SETTLE_H
#define SENSOR_SETTLE_H

#include <stdint.h>

#include "common/err.h"

#define SETTLE_USER "skein-sensor"

/*
 * Gives the files of enrolment in DIR to the user of the service, if that user exists and this
 * is root; else nothing changes.
 */
int settle_owner(const char *dir, struct err *e);

/*
 * Where the package's folder for it is there and this is root: writes which collector the
 * service is to call, HOST:PORT, in sensor.d/collector.conf, and through which PROXY, with the
 * LOGIN of which file, unless they are NULL.  0 or 1 when it was written.
 */
int settle_collector(const char *host, uint16_t port, const char *proxy, const char *login,
		     struct err *e);

#endif
