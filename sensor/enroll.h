/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enrolment: a key that never leaves this machine, and a certificate for it in exchange for a
 * token.  What it leaves is described in identity.h.  Blocks for at most ENROLL_S seconds; a
 * collector that has too many at once is asked again, for ENROLL_BUSY_S.
 */
#ifndef SENSOR_ENROLL_H
#define SENSOR_ENROLL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "sensor/identity.h"

struct proxy;

enum { ENROLL_S = 15, ENROLL_BUSY_S = 300 };

struct enroll_config {
	const char *host;
	uint16_t port;
	const char *token;
	const char *dir;	   /* made (0700) if it is not there */
	bool force;		   /* also where DIR has an identity already */
	const struct proxy *proxy; /* on the way there; NULL or without a host: none */
};

/*
 * 0 with the new identity; -EALREADY with the present one when DIR has one (and nothing was
 * done); -EINVAL for a text that is no token; -EACCES when the collector refuses; -EAGAIN
 * when it had no time for so long; another negative errno when it cannot be reached or a file
 * not be written.  Words for all of them.
 */
int enroll_run(const struct enroll_config *config, struct identity *out, struct err *e);

#endif
