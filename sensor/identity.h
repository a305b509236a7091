/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who this sensor is: what `enroll` left in its data directory, and what came later.
 *
 *     DIR/identity     the identity on one line; written last, so it stands for the whole
 *     DIR/sensor.key   P-256, mode 0600
 *     DIR/sensor.crt   names identity (CN) and role (OU)
 *     DIR/ca.crt       the collector's authority
 *     DIR/renewed/     the courier's own (renewal.h): sensor.pem is the newest key and
 *                      certificate in one file, former.pem the one before
 */
#ifndef SENSOR_IDENTITY_H
#define SENSOR_IDENTITY_H

#include <openssl/types.h>

#include "common/cert.h"
#include "common/err.h"

#define IDENTITY_RENEWED "renewed"
#define IDENTITY_NEWEST "sensor.pem"
#define IDENTITY_FORMER "former.pem"

struct identity {
	char sensor[CERT_CN];
	char role[CERT_ROLE];	 /* "host" or "mirror" */
	int64_t begins, expires; /* Unix seconds, of the newest certificate */
};

struct identity_pair {
	EVP_PKEY *key;
	X509 *cert;
};
enum { IDENTITY_PAIRS = 2 };
struct identity_keys {
	X509 *authority;
	struct identity_pair pair[IDENTITY_PAIRS]; /* the newest first */
	unsigned n;
};

/*
 * 0; -ENOENT when DIR is not enrolled, another negative errno when the files do not fit
 * together; words in both cases say what to do.  An expired certificate is no error here.
 */
int identity_load(const char *dir, struct identity *out, struct err *e);
/* The same, with all that is good; K is the caller's to close, if this is 0. */
int identity_open(const char *dir, struct identity *out, struct identity_keys *k,
		  struct err *e);
void identity_close(struct identity_keys *k);
/* True if the pair is one, of this sensor, and signed by AUTHORITY. */
bool identity_fits(const struct identity *id, X509 *authority, const struct identity_pair *p);
/* As identity_load, and the TLS context of the newest pair, which the caller frees. */
SSL_CTX *identity_tls(const char *dir, struct identity *out, struct err *e);
/* What was renewed is of the identity before. */
void identity_forget_renewed(const char *dir);

#endif
