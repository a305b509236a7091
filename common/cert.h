/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys (P-256 only), signing requests and certificates.
 *
 * A collector has an authority of its own, which signs the collector's certificate and those
 * of its sensors.  In a sensor's subject CN is its identity and OU its role.
 */
#ifndef COMMON_CERT_H
#define COMMON_CERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/types.h>

#include "common/buf.h"
#include "common/err.h"

enum {
	CERT_CN = 65,	    /* longest identity with its NUL (X.520's ub-common-name) */
	CERT_ROLE = 16,	    /* longest role with its NUL */
	CERT_SKEW_S = 3600, /* certificates begin this long ago, for clocks that are behind */
	CERT_POINT = 65,    /* a P-256 public key: 4 and both coordinates (SEC 1, 2.3.3) */
	CERT_DER = 1024,    /* room for any certificate that is made here */
};

/* The name in every collector's certificate, whatever its address is. */
#define CERT_COLLECTOR_NAME "skein-collector"

/* NULL with words when it fails; the caller frees what these return (EVP_PKEY_free,
 * X509_free). */
EVP_PKEY *cert_key_new(struct err *e);
EVP_PKEY *cert_key_read(const char *path, struct err *e);
/* From the beginning of an open one, which stays open. */
EVP_PKEY *cert_key_of_file(int fd, struct err *e);
/* The first certificate of a PEM file or text. */
X509 *cert_read(const char *path, struct err *e);
X509 *cert_parse(const char *pem, struct err *e);

/* The key in PATH, or a new one that is put there where nothing is. */
EVP_PKEY *cert_key_keep(const char *path, struct err *e);
/* Mode 0600. */
int cert_key_write(const char *path, EVP_PKEY *key, struct err *e);
/* PEM; the caller frees it. */
char *cert_text(X509 *cert);
/* Both in one file, which cert_key_read and cert_read take: appended to OUT. */
int cert_pair_text(EVP_PKEY *key, X509 *cert, struct buf *out, struct err *e);

/* A signing request for KEY, as PEM; the caller frees it.  NULL with words. */
char *cert_request(EVP_PKEY *key, const char *cn, struct err *e);
/* The key that a request asks for, if the request is signed with it and is P-256. */
EVP_PKEY *cert_request_key(const char *pem, struct err *e);

/* The public half of KEY; -EINVAL if it is none of P-256. */
int cert_point(EVP_PKEY *key, uint8_t out[CERT_POINT]);
/* A public key from it; NULL with words if it is no point of the curve. */
EVP_PKEY *cert_key_of_point(const uint8_t point[CERT_POINT], struct err *e);

enum cert_kind { CERT_AUTHORITY, CERT_COLLECTOR, CERT_SENSOR };
struct cert_order {
	enum cert_kind kind;
	const char *cn;
	const char *role; /* NULL for none */
	EVP_PKEY *key;	  /* what the certificate is about */
	int64_t seconds;  /* of its life from now on */
};
/* ISSUER is NULL for a certificate that signs itself. */
X509 *cert_issue(const struct cert_order *o, X509 *issuer, EVP_PKEY *issuer_key,
		 struct err *e);

/* DER: the number of bytes in OUT, 0 if it is longer; and back, NULL with words. */
size_t cert_der(X509 *cert, uint8_t out[CERT_DER]);
X509 *cert_of_der(const uint8_t *p, size_t n, struct err *e);

/* SHA-256 of the certificate's DER form. */
void cert_fingerprint(X509 *cert, uint8_t out[32]);
/* 0, or -EINVAL when there is no CN that fits or it has other characters than [A-Za-z0-9._-].
 */
int cert_subject(X509 *cert, char cn[CERT_CN], char role[CERT_ROLE]);
/* Unix seconds of the begin and of the end of its life; 0 where they cannot be read. */
int64_t cert_begins(X509 *cert);
int64_t cert_expires(X509 *cert);
/* True if AUTHORITY's key signed CERT, and KEY belongs to it. */
bool cert_matches(X509 *cert, X509 *authority, EVP_PKEY *key);

/* The system's own generator; it ends the process if that has failed. */
void cert_random(void *p, size_t n);
void cert_sha256(const void *p, size_t n, uint8_t out[32]);

#endif
