/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/identity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "common/file.h"
#include "common/tls.h"

static int read_name(const char *dir, struct identity *out, struct err *e)
{
	char *path = file_path(dir, "identity");
	struct buf text = { 0 };
	int rc = 0;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		rc = err_set(e, -ENOENT,
			     "%s is not enrolled; run skein-sensor enroll "
			     "--collector HOST:PORT --token TOKEN --data %s",
			     dir, dir);
	else
		rc = file_read(path, CERT_CN, &text, e);
	if (!rc) {
		strncpy(out->sensor, buf_cstr(&text), sizeof(out->sensor) - 1);
		out->sensor[strcspn(out->sensor, "\n")] = 0;
	}
	buf_fini(&text);
	free(path);
	return rc;
}

bool identity_fits(const struct identity *id, X509 *authority, const struct identity_pair *p)
{
	char cn[CERT_CN], role[CERT_ROLE];

	return cert_subject(p->cert, cn, role) == 0 && strcmp(cn, id->sensor) == 0 &&
	       cert_matches(p->cert, authority, p->key);
}

static void close_pair(struct identity_pair *p)
{
	EVP_PKEY_free(p->key);
	X509_free(p->cert);
	*p = (struct identity_pair){ 0 };
}

/* One pair more, if there is room for it and it is good. */
static int add_pair(struct identity_keys *k, const struct identity *id, const char *key,
		    const char *cert, struct err *e)
{
	struct identity_pair p = { 0 };

	if (k->n == IDENTITY_PAIRS)
		return 0;
	p.key = cert_key_read(key, e);
	p.cert = p.key ? cert_read(cert, e) : NULL;
	if (p.cert && identity_fits(id, k->authority, &p)) {
		k->pair[k->n++] = p;
		return 0;
	}
	if (p.cert)
		err_set(e, -EINVAL, "%s and %s do not fit", key, cert);
	close_pair(&p);
	return -EINVAL;
}

/* What is not there was not renewed; what is broken is passed over. */
static void add_renewed(struct identity_keys *k, const struct identity *id, const char *dir,
			const char *name)
{
	char *folder = file_path(dir, IDENTITY_RENEWED);
	char *path = file_path(folder, name);

	if (access(path, F_OK) == 0)
		add_pair(k, id, path, path, NULL);
	free(path);
	free(folder);
}

static int add_enrolled(struct identity_keys *k, const struct identity *id, const char *dir,
			struct err *e)
{
	char *key = file_path(dir, "sensor.key");
	char *cert = file_path(dir, "sensor.crt");
	struct err why = { 0 };
	int rc = add_pair(k, id, key, cert, &why);

	free(key);
	free(cert);
	if (!rc || k->n)
		return 0;
	return err_set(e, rc,
		       "%s: identity, key and certificates do not belong together (%s); "
		       "enrol again with --force",
		       dir, why.msg);
}

void identity_close(struct identity_keys *k)
{
	for (unsigned i = 0; i < k->n; i++)
		close_pair(&k->pair[i]);
	X509_free(k->authority);
	*k = (struct identity_keys){ 0 };
}

int identity_open(const char *dir, struct identity *out, struct identity_keys *k,
		  struct err *e)
{
	char *ca = file_path(dir, "ca.crt"), cn[CERT_CN];
	int rc;

	memset(out, 0, sizeof(*out));
	memset(k, 0, sizeof(*k));
	rc = read_name(dir, out, e);
	k->authority = rc ? NULL : cert_read(ca, e);
	free(ca);
	if (!rc && !k->authority)
		rc = -EINVAL;
	if (!rc) {
		add_renewed(k, out, dir, IDENTITY_NEWEST);
		add_renewed(k, out, dir, IDENTITY_FORMER);
		rc = add_enrolled(k, out, dir, e);
	}
	if (rc) {
		identity_close(k);
		return rc;
	}
	cert_subject(k->pair[0].cert, cn, out->role);
	out->begins = cert_begins(k->pair[0].cert);
	out->expires = cert_expires(k->pair[0].cert);
	return 0;
}

int identity_load(const char *dir, struct identity *out, struct err *e)
{
	struct identity_keys k;
	int rc = identity_open(dir, out, &k, e);

	if (!rc)
		identity_close(&k);
	return rc;
}

SSL_CTX *identity_tls(const char *dir, struct identity *out, struct err *e)
{
	struct identity_keys k;
	SSL_CTX *ctx;

	if (identity_open(dir, out, &k, e) < 0)
		return NULL;
	ctx = tls_client(k.authority, k.pair[0].cert, k.pair[0].key, e);
	identity_close(&k);
	return ctx;
}

void identity_forget_renewed(const char *dir)
{
	char *folder = file_path(dir, IDENTITY_RENEWED);
	char *newest = file_path(folder, IDENTITY_NEWEST);
	char *former = file_path(folder, IDENTITY_FORMER);

	unlink(newest);
	unlink(former);
	free(newest);
	free(former);
	free(folder);
}
