/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector's own certificate authority: made at the first start, it signs the collector's
 * certificate and those of the sensors.  Its fingerprint is in every token.
 */
#ifndef COLLECTOR_AUTHORITY_H
#define COLLECTOR_AUTHORITY_H

#include <stdint.h>
#include <openssl/types.h>

#include "common/err.h"

enum {
	AUTHORITY_DAYS = 3650,
	AUTHORITY_COLLECTOR_DAYS = 3650, /* made again at a start when it is about to end */
	AUTHORITY_SENSOR_DAYS = 365,	 /* as long as they are not renewed by themselves */
};

struct authority {
	X509 *cert;
	EVP_PKEY *key;
	char *text; /* the certificate as PEM */
	uint8_t pin[32];
};

/*
 * Reads DIR/ca.* and makes what is missing of them and of DIR/collector.*; safe to be called
 * by several processes at once.
 */
int authority_open(struct authority *a, const char *dir, struct err *e);
void authority_close(struct authority *a);

/* A TLS context for the collector in DIR; the caller frees it. */
SSL_CTX *authority_tls(const char *dir, struct err *e);

/*
 * Certifies the key in a sensor's signing request (nothing else of it is used) under SENSOR
 * and ROLE: the certificate as PEM, which the caller frees, and its fingerprint.
 */
int authority_sign(const struct authority *a, const char *request, const char *sensor,
		   const char *role, char **text, uint8_t fingerprint[32], struct err *e);

#endif
