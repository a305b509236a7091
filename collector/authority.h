/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector's own certificate authority, as the collector sees it: the certificate, and a
 * process that signs with the key (authority_key.h), which is nowhere else.  It is made at the
 * first start; its fingerprint is in every token.
 */
#ifndef COLLECTOR_AUTHORITY_H
#define COLLECTOR_AUTHORITY_H

#include <stdint.h>
#include <openssl/types.h>

#include "collector/authority_ask.h"
#include "collector/authority_key.h"
#include "collector/nursery.h"
#include "common/err.h"

enum { AUTHORITY_RENEW_S = 90 * 86400 }; /* before its end the collector's is made again */

struct authority {
	struct child key; /* none where only the certificate is wanted */
	struct authority_files files;
	struct nursery *nursery;
	struct child_rest rest;
	bool coming; /* started, and its first word is not there yet */
	X509 *cert;
	char *text; /* the certificate as PEM */
	uint8_t pin[32];
	uint32_t asked;
};

/* Reads DIR/ca.crt, and starts nothing; -ENOENT with words while there is none. */
int authority_open(struct authority *a, const char *dir, struct err *e);
/* The key's process will be one of N, which makes what is missing of DIR/ca.*; both stay. */
void authority_plan(struct authority *a, struct nursery *n, const char *dir);
/* Starts it, and then does as authority_open. */
int authority_start(struct authority *a, struct err *e);
/* Now and then: starts it again when it has ended by itself.  True when it did so. */
bool authority_sweep(struct authority *a);
/* The key's process ends. */
void authority_close(struct authority *a);

/*
 * DIR/collector.* made where it is missing, does not fit or is about to end: 1 when it was
 * made, 0 when it was good.
 */
int authority_certify_self(struct authority *a, const char *dir, struct err *e);
/* A TLS context for the collector in DIR; the caller frees it. */
SSL_CTX *authority_tls(const char *dir, struct err *e);

struct authority_certificate {
	char *text; /* PEM, the caller frees it */
	uint8_t fingerprint[32];
	int64_t expires; /* Unix seconds */
};
/*
 * Certifies the key in a sensor's signing request (which proves that the sensor has it;
 * nothing else of it is used) under SENSOR and ROLE, for SECONDS from now.  -EINVAL for a
 * request that makes no sense, -EAGAIN when too many came, -EPIPE when the key's process has
 * gone.
 */
int authority_sign(struct authority *a, const char *request, const char *sensor,
		   const char *role, uint32_t seconds, struct authority_certificate *out,
		   struct err *e);

#endif
