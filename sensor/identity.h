/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who this sensor is: what `enroll` left in its data directory.
 *
 *     DIR/identity     the identity on one line; written last, so it stands for the whole
 *     DIR/sensor.key   P-256, mode 0600
 *     DIR/sensor.crt   names identity (CN) and role (OU)
 *     DIR/ca.crt       the collector's authority
 */
#ifndef SENSOR_IDENTITY_H
#define SENSOR_IDENTITY_H

#include <openssl/types.h>

#include "common/cert.h"
#include "common/err.h"

struct identity {
	char sensor[CERT_CN];
	char role[CERT_ROLE];	 /* "host" or "mirror" */
	int64_t begins, expires; /* Unix seconds */
};

/*
 * 0; -ENOENT when DIR is not enrolled, another negative errno when the files do not fit
 * together; words in both cases say what to do.  An expired certificate is no error here.
 */
int identity_load(const char *dir, struct identity *out, struct err *e);
/* The same, and the TLS context that goes with it, which the caller frees. */
SSL_CTX *identity_tls(const char *dir, struct identity *out, struct err *e);

#endif
