/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/authority.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "common/buf.h"
#include "common/cert.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/tls.h"

enum { RENEW_S = 90 * 86400 };

/* The paths of a pair. */
struct pair {
	char *key, *cert;
};

static struct pair pair_of(const char *dir, const char *name)
{
	return (struct pair){ .key = xasprintf("%s/%s.key", dir, name),
			      .cert = xasprintf("%s/%s.crt", dir, name) };
}

static void pair_fini(struct pair *p)
{
	free(p->key);
	free(p->cert);
}

static int write_certs(const char *path, mode_t mode, X509 *first, X509 *second, struct err *e)
{
	char *a = cert_text(first);
	char *b = second ? cert_text(second) : xstrdup("");
	char *both = xasprintf("%s%s", a, b);
	int rc = file_replace(path, mode, both, strlen(both), e);

	free(a);
	free(b);
	free(both);
	return rc;
}

static EVP_PKEY *read_or_make_key(const char *path, struct err *e)
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

static X509 *make_authority(EVP_PKEY *key, const char *path, struct err *e)
{
	struct cert_order order = {
		.kind = CERT_AUTHORITY,
		.cn = "Skein authority",
		.key = key,
		.days = AUTHORITY_DAYS,
	};
	X509 *cert = cert_issue(&order, NULL, key, e);

	if (cert && write_certs(path, 0644, cert, NULL, e) < 0) {
		X509_free(cert);
		cert = NULL;
	}
	return cert;
}

static int open_authority(struct authority *a, const struct pair *p, struct err *e)
{
	bool have_cert = access(p->cert, F_OK) == 0;

	if (have_cert && access(p->key, F_OK) < 0)
		return err_sys(e, -errno, "%s without %s", p->cert, p->key);
	a->key = read_or_make_key(p->key, e);
	if (!a->key)
		return -EINVAL;
	a->cert = have_cert ? cert_read(p->cert, e) : make_authority(a->key, p->cert, e);
	if (!a->cert)
		return -EINVAL;
	if (!cert_matches(a->cert, a->cert, a->key))
		return err_set(e, -EINVAL, "%s and %s do not belong together", p->cert,
			       p->key);
	return 0;
}

/* A collector's certificate that is there, ours, and good for a while. */
static bool is_good(const struct pair *p, const struct authority *a, EVP_PKEY *key)
{
	X509 *cert = access(p->cert, F_OK) == 0 ? cert_read(p->cert, NULL) : NULL;
	bool good = cert && cert_matches(cert, a->cert, key) &&
		    cert_expires(cert) > (int64_t)time(NULL) + RENEW_S;

	X509_free(cert);
	return good;
}

static int open_collector(const struct authority *a, const struct pair *p, struct err *e)
{
	struct cert_order order = {
		.kind = CERT_COLLECTOR,
		.cn = CERT_COLLECTOR_NAME,
		.days = AUTHORITY_COLLECTOR_DAYS,
	};
	X509 *cert;
	int rc = 0;

	order.key = read_or_make_key(p->key, e);
	if (!order.key)
		return -EINVAL;
	if (!is_good(p, a, order.key)) {
		cert = cert_issue(&order, a->cert, a->key, e);
		rc = cert ? write_certs(p->cert, 0644, cert, a->cert, e) : -EINVAL;
		X509_free(cert);
	}
	EVP_PKEY_free(order.key);
	return rc;
}

static int open_both(struct authority *a, const char *dir, struct err *e)
{
	struct pair ca = pair_of(dir, "ca"), collector = pair_of(dir, "collector");
	int rc = open_authority(a, &ca, e);

	if (!rc)
		rc = open_collector(a, &collector, e);
	pair_fini(&ca);
	pair_fini(&collector);
	return rc;
}

int authority_open(struct authority *a, const char *dir, struct err *e)
{
	char *path = file_path(dir, "ca.lock");
	int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc;

	memset(a, 0, sizeof(*a));
	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		rc = err_sys(e, -errno, "cannot lock %s", path);
	else
		rc = open_both(a, dir, e);
	if (lock >= 0)
		close(lock);
	free(path);
	if (rc) {
		authority_close(a);
		return rc;
	}
	a->text = cert_text(a->cert);
	cert_fingerprint(a->cert, a->pin);
	return 0;
}

void authority_close(struct authority *a)
{
	EVP_PKEY_free(a->key);
	X509_free(a->cert);
	free(a->text);
	memset(a, 0, sizeof(*a));
}

SSL_CTX *authority_tls(const char *dir, struct err *e)
{
	struct pair p = pair_of(dir, "collector");
	char *ca = file_path(dir, "ca.crt");
	SSL_CTX *ctx = tls_server(p.cert, p.key, ca, e);

	pair_fini(&p);
	free(ca);
	return ctx;
}

int authority_sign(const struct authority *a, const char *request, const char *sensor,
		   const char *role, char **text, uint8_t fingerprint[32], struct err *e)
{
	struct cert_order order = {
		.kind = CERT_SENSOR,
		.cn = sensor,
		.role = role,
		.days = AUTHORITY_SENSOR_DAYS,
	};
	X509 *cert;

	order.key = cert_request_key(request, e);
	if (!order.key)
		return -EINVAL;
	cert = cert_issue(&order, a->cert, a->key, e);
	EVP_PKEY_free(order.key);
	if (!cert)
		return -EINVAL;
	*text = cert_text(cert);
	cert_fingerprint(cert, fingerprint);
	X509_free(cert);
	return 0;
}
