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

static int check(const char *dir, X509 *cert, X509 *authority, EVP_PKEY *key,
		 struct identity *out, struct err *e)
{
	char cn[CERT_CN];

	if (cert_subject(cert, cn, out->role) < 0 || strcmp(cn, out->sensor) != 0 ||
	    !cert_matches(cert, authority, key))
		return err_set(e, -EINVAL,
			       "%s: identity, key and certificates do not belong "
			       "together; enrol again with --force",
			       dir);
	out->begins = cert_begins(cert);
	out->expires = cert_expires(cert);
	return 0;
}

int identity_load(const char *dir, struct identity *out, struct err *e)
{
	char *key_path = file_path(dir, "sensor.key");
	char *cert_path = file_path(dir, "sensor.crt");
	char *ca_path = file_path(dir, "ca.crt");
	EVP_PKEY *key = NULL;
	X509 *cert = NULL, *ca = NULL;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = read_name(dir, out, e);
	if (rc)
		goto out;
	rc = -EINVAL;
	key = cert_key_read(key_path, e);
	cert = key ? cert_read(cert_path, e) : NULL;
	ca = cert ? cert_read(ca_path, e) : NULL;
	if (ca)
		rc = check(dir, cert, ca, key, out, e);
out:
	EVP_PKEY_free(key);
	X509_free(cert);
	X509_free(ca);
	free(key_path);
	free(cert_path);
	free(ca_path);
	return rc;
}

SSL_CTX *identity_tls(const char *dir, struct identity *out, struct err *e)
{
	char *key, *cert, *ca;
	SSL_CTX *ctx;

	if (identity_load(dir, out, e) < 0)
		return NULL;
	key = file_path(dir, "sensor.key");
	cert = file_path(dir, "sensor.crt");
	ca = file_path(dir, "ca.crt");
	ctx = tls_client(ca, cert, key, e);
	free(key);
	free(cert);
	free(ca);
	return ctx;
}
