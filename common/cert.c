/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/mem.h"

enum { PEM_MAX = 65536, SERIAL = 16 };

static int fail(struct err *e, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	err_set(e, -EINVAL, "%s: %s", what, reason ? reason : "not what it should be");
	ERR_clear_error();
	return -EINVAL;
}

void cert_random(void *p, size_t n)
{
	if (RAND_bytes(p, (int)n) != 1) {
		fputs("skein: no random numbers from the system\n", stderr);
		exit(70);
	}
}

void cert_sha256(const void *p, size_t n, uint8_t out[32])
{
	unsigned int got = 32;

	if (EVP_Digest(p, n, out, &got, EVP_sha256(), NULL) != 1)
		abort();
}

/* Keys */

EVP_PKEY *cert_key_new(struct err *e)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	if (!key)
		fail(e, "cannot make a key");
	return key;
}

/* What was written to BIO as a string, which the caller frees; BIO is gone. */
static char *text_of(BIO *bio)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);
	char *s = xstrndup(p, (size_t)n);

	BIO_free(bio);
	return s;
}

/* A plain passphrase callback: without it OpenSSL would ask on the terminal. */
static int no_passphrase(char *out, int cap, int rw, void *ctx)
{
	(void)out, (void)cap, (void)rw, (void)ctx;
	return -1;
}

static int key_text(EVP_PKEY *key, struct buf *out, struct err *e)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *p;
	long n;

	if (!bio || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
		BIO_free(bio);
		return fail(e, "cannot write a key");
	}
	n = BIO_get_mem_data(bio, &p);
	buf_put(out, p, (size_t)n);
	BIO_free(bio);
	return 0;
}

static void forget(struct buf *b)
{
	if (b->p)
		OPENSSL_cleanse(b->p, b->n);
	buf_fini(b);
}

int cert_key_write(const char *path, EVP_PKEY *key, struct err *e)
{
	struct buf text = { 0 };
	int rc = key_text(key, &text, e);

	if (!rc)
		rc = file_replace(path, 0600, text.p, text.n, e);
	forget(&text);
	return rc;
}

EVP_PKEY *cert_key_keep(const char *path, struct err *e)
{
	EVP_PKEY *key;

	if (access(path, F_OK) == 0)
		return cert_key_read(path, e);
	key = cert_key_new(e);
	if (key && cert_key_write(path, key, e) < 0) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

int cert_pair_text(EVP_PKEY *key, X509 *cert, struct buf *out, struct err *e)
{
	char *text = cert_text(cert);
	int rc = key_text(key, out, e);

	if (!rc)
		buf_str(out, text);
	free(text);
	return rc;
}

static BIO *open_text(const char *path, struct buf *text, struct err *e)
{
	if (file_read(path, PEM_MAX, text, e) < 0)
		return NULL;
	return BIO_new_mem_buf(text->p, (int)text->n);
}

static EVP_PKEY *key_of_text(struct buf *text, const char *path, struct err *e)
{
	BIO *bio = BIO_new_mem_buf(text->p, (int)text->n);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);

	if (!key)
		fail(e, path);
	BIO_free(bio);
	forget(text);
	return key;
}

EVP_PKEY *cert_key_read(const char *path, struct err *e)
{
	struct buf text = { 0 };

	return file_read(path, PEM_MAX, &text, e) < 0 ? NULL : key_of_text(&text, path, e);
}

EVP_PKEY *cert_key_of_file(int fd, struct err *e)
{
	struct buf text = { 0 };
	int rc = lseek(fd, 0, SEEK_SET) < 0 ? -errno : file_read_from(fd, PEM_MAX, &text);

	if (rc < 0) {
		err_sys(e, rc, "a key cannot be read");
		return NULL;
	}
	return key_of_text(&text, "a key", e);
}

/* Certificates */

X509 *cert_read(const char *path, struct err *e)
{
	struct buf text = { 0 };
	BIO *bio = open_text(path, &text, e);
	X509 *cert = NULL;

	if (bio) {
		cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
		if (!cert)
			fail(e, path);
	}
	BIO_free(bio);
	buf_fini(&text);
	return cert;
}

X509 *cert_parse(const char *pem, struct err *e)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL;

	BIO_free(bio);
	if (!cert)
		fail(e, "certificate");
	return cert;
}

char *cert_text(X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());

	if (!bio || PEM_write_bio_X509(bio, cert) != 1)
		abort(); /* memory only */
	return text_of(bio);
}

static int add_name(X509_NAME *name, const char *field, const char *value)
{
	return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
					  (const unsigned char *)value, -1, -1, 0);
}

/* Requests */

char *cert_request(EVP_PKEY *key, const char *cn, struct err *e)
{
	X509_REQ *req = X509_REQ_new();
	char *text = NULL;
	BIO *bio = NULL;

	if (!req || !add_name(X509_REQ_get_subject_name(req), "CN", cn) ||
	    !X509_REQ_set_pubkey(req, key) || !X509_REQ_sign(req, key, EVP_sha256()))
		goto out;
	bio = BIO_new(BIO_s_mem());
	if (bio && PEM_write_bio_X509_REQ(bio, req) == 1)
		text = text_of(bio);
	else
		BIO_free(bio);
out:
	if (!text)
		fail(e, "cannot make a signing request");
	X509_REQ_free(req);
	return text;
}

/* Any other kind of key may be made to cost a lot of time. */
static bool is_p256(EVP_PKEY *key)
{
	char group[32];
	size_t n;

	return key && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
	       EVP_PKEY_get_group_name(key, group, sizeof(group), &n) == 1 &&
	       strcmp(group, "prime256v1") == 0;
}

EVP_PKEY *cert_request_key(const char *pem, struct err *e)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509_REQ *req = bio ? PEM_read_bio_X509_REQ(bio, NULL, no_passphrase, NULL) : NULL;
	EVP_PKEY *key = req ? X509_REQ_get_pubkey(req) : NULL;

	if (!is_p256(key) || X509_REQ_verify(req, key) != 1) {
		fail(e, "signing request");
		EVP_PKEY_free(key);
		key = NULL;
	}
	X509_REQ_free(req);
	BIO_free(bio);
	return key;
}

/* Points */

int cert_point(EVP_PKEY *key, uint8_t out[CERT_POINT])
{
	size_t n;

	if (!is_p256(key) ||
	    EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, out,
					    CERT_POINT, &n) != 1 ||
	    n != CERT_POINT || out[0] != 4) {
		ERR_clear_error();
		return -EINVAL;
	}
	return 0;
}

EVP_PKEY *cert_key_of_point(const uint8_t point[CERT_POINT], struct err *e)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	char group[] = "prime256v1";
	EVP_PKEY *key = NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point,
						  CERT_POINT),
		OSSL_PARAM_construct_end(),
	};

	if (!ctx || point[0] != 4 || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
		fail(e, "public key");
		key = NULL;
	}
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* Issuing */

struct extension {
	int nid;
	const char *value;
};
static const struct extension extensions[][6] = {
	[CERT_AUTHORITY] = {
		{ NID_basic_constraints, "critical,CA:TRUE,pathlen:0" },
		{ NID_key_usage, "critical,keyCertSign,cRLSign" },
		{ NID_subject_key_identifier, "hash" },
	},
	[CERT_COLLECTOR] = {
		{ NID_basic_constraints, "critical,CA:FALSE" },
		{ NID_key_usage, "critical,digitalSignature" },
		{ NID_ext_key_usage, "serverAuth" },
		{ NID_subject_alt_name, "DNS:" CERT_COLLECTOR_NAME },
		{ NID_authority_key_identifier, "keyid:always" },
	},
	[CERT_SENSOR] = {
		{ NID_basic_constraints, "critical,CA:FALSE" },
		{ NID_key_usage, "critical,digitalSignature" },
		{ NID_ext_key_usage, "clientAuth" },
		{ NID_authority_key_identifier, "keyid:always" },
	},
};

static int add_extensions(X509 *cert, X509 *issuer, enum cert_kind kind)
{
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	for (const struct extension *x = extensions[kind]; x->value; x++) {
		X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, x->nid, x->value);
		int ok = ext && X509_add_ext(cert, ext, -1);

		X509_EXTENSION_free(ext);
		if (!ok)
			return 0;
	}
	return 1;
}

static int set_serial(X509 *cert)
{
	uint8_t bytes[SERIAL];
	BIGNUM *n;
	int ok;

	cert_random(bytes, sizeof(bytes));
	bytes[0] = (bytes[0] & 0x7f) | 0x40; /* positive, and of one length */
	n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
	BN_free(n);
	return ok;
}

static int fill(X509 *cert, const struct cert_order *o, X509 *issuer)
{
	X509_NAME *name = X509_get_subject_name(cert);

	if (!X509_set_version(cert, X509_VERSION_3) || !set_serial(cert) ||
	    !X509_gmtime_adj(X509_getm_notBefore(cert), -CERT_SKEW_S) ||
	    !X509_time_adj_ex(X509_getm_notAfter(cert), (int)(o->seconds / 86400),
			      (long)(o->seconds % 86400), NULL) ||
	    !X509_set_pubkey(cert, o->key) || !add_name(name, "O", "Skein"))
		return 0;
	if (o->role && !add_name(name, "OU", o->role))
		return 0;
	if (!add_name(name, "CN", o->cn))
		return 0;
	return X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer : cert)) &&
	       add_extensions(cert, issuer ? issuer : cert, o->kind);
}

X509 *cert_issue(const struct cert_order *o, X509 *issuer, EVP_PKEY *issuer_key, struct err *e)
{
	X509 *cert = X509_new();

	if (!cert || !fill(cert, o, issuer) || !X509_sign(cert, issuer_key, EVP_sha256())) {
		fail(e, "cannot make a certificate");
		X509_free(cert);
		return NULL;
	}
	return cert;
}

/* Reading */

size_t cert_der(X509 *cert, uint8_t out[CERT_DER])
{
	int n = i2d_X509(cert, NULL);

	return n > 0 && n <= CERT_DER && i2d_X509(cert, &out) == n ? (size_t)n : 0;
}

X509 *cert_of_der(const uint8_t *p, size_t n, struct err *e)
{
	X509 *cert = d2i_X509(NULL, &p, (long)n);

	if (!cert)
		fail(e, "certificate");
	return cert;
}

void cert_fingerprint(X509 *cert, uint8_t out[32])
{
	unsigned int n = 32;

	if (X509_digest(cert, EVP_sha256(), out, &n) != 1)
		abort();
}

/* Only plain characters: these names go into logs, paths and the database. */
static int name_part(X509 *cert, int nid, char *out, size_t cap)
{
	X509_NAME *name = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(name, nid, -1);
	const ASN1_STRING *s;
	size_t n;

	out[0] = 0;
	if (at < 0)
		return -ENOENT;
	s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	n = (size_t)ASN1_STRING_length(s);
	if (!n || n >= cap)
		return -EINVAL;
	memcpy(out, ASN1_STRING_get0_data(s), n);
	out[n] = 0;
	if (strspn(out, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
	    n)
		return 0;
	out[0] = 0;
	return -EINVAL;
}

int cert_subject(X509 *cert, char cn[CERT_CN], char role[CERT_ROLE])
{
	name_part(cert, NID_organizationalUnitName, role, CERT_ROLE);
	return name_part(cert, NID_commonName, cn, CERT_CN) < 0 ? -EINVAL : 0;
}

static int64_t seconds_of(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

int64_t cert_begins(X509 *cert)
{
	return seconds_of(X509_get0_notBefore(cert));
}

int64_t cert_expires(X509 *cert)
{
	return seconds_of(X509_get0_notAfter(cert));
}

bool cert_matches(X509 *cert, X509 *authority, EVP_PKEY *key)
{
	EVP_PKEY *signer = X509_get0_pubkey(authority);
	bool ok = signer && X509_verify(cert, signer) == 1 &&
		  X509_check_private_key(cert, key) == 1;

	ERR_clear_error();
	return ok;
}
