/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/authority_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "collector/authority_ask.h"
#include "collector/confine.h"
#include "common/clock.h"
#include "common/exits.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"

struct pair {
	EVP_PKEY *key;
	X509 *cert;
};

/* Reading and making */

/* NULL: systemd gave none. */
static char *given_path(void)
{
	const char *given = getenv("CREDENTIALS_DIRECTORY");
	char *path = given ? file_path(given, "ca.key") : NULL;

	if (path && access(path, F_OK) == 0)
		return path;
	free(path);
	return NULL;
}

static void set_mode(const char *path, mode_t mode)
{
	if (chmod(path, mode) < 0 && errno != ENOENT)
		log_warn("%s: its mode cannot be changed (%s): all processes of the collector "
			 "may be able to read it",
			 path, strerror(errno));
}

static X509 *make_cert(EVP_PKEY *key, const char *path, struct err *e)
{
	struct cert_order order = {
		.kind = CERT_AUTHORITY,
		.cn = "Skein authority",
		.key = key,
		.seconds = AUTHORITY_CA_S,
	};
	X509 *cert = cert_issue(&order, NULL, key, e);
	char *text = cert ? cert_text(cert) : NULL;

	if (text && file_replace(path, 0644, text, strlen(text), e) < 0) {
		X509_free(cert);
		cert = NULL;
	}
	free(text);
	return cert;
}

static int open_pair(struct pair *p, const char *key, const char *cert, struct err *e)
{
	bool have_cert = access(cert, F_OK) == 0;

	if (have_cert && access(key, F_OK) < 0)
		return err_sys(e, -errno, "%s without %s", cert, key);
	p->key = cert_key_keep(key, e);
	if (!p->key)
		return -EINVAL;
	p->cert = have_cert ? cert_read(cert, e) : make_cert(p->key, cert, e);
	if (!p->cert)
		return -EINVAL;
	if (!cert_matches(p->cert, p->cert, p->key))
		return err_set(e, -EINVAL, "%s and %s do not belong together", cert, key);
	return 0;
}

static int open_files(struct authority_files *f, const char *key, const char *cert)
{
	struct pair p = { 0 };
	int rc = open_pair(&p, key, cert, &f->why);

	EVP_PKEY_free(p.key);
	X509_free(p.cert);
	if (rc)
		return rc;
	f->key = open(key, O_RDONLY | O_CLOEXEC);
	return f->key < 0 ? err_sys(&f->why, -errno, "cannot open %s", key) : 0;
}

void authority_key_prepare(void *ctx)
{
	struct authority_files *f = ctx;
	char *key = given_path(), *cert = file_path(f->dir, "ca.crt");
	bool ours = !key;

	if (ours) {
		key = file_path(f->dir, "ca.key");
		set_mode(key, 0400);
	}
	open_files(f, key, cert);
	if (ours)
		set_mode(key, 0);
	free(key);
	free(cert);
}

static int read_pair(struct pair *p, struct authority_files *f, struct err *e)
{
	char *cert = file_path(f->dir, "ca.crt");

	if (f->key < 0)
		authority_key_prepare(f);
	if (f->key < 0) {
		*e = f->why;
	} else {
		p->key = cert_key_of_file(f->key, e);
		p->cert = p->key ? cert_read(cert, e) : NULL;
		close(f->key);
	}
	free(cert);
	return p->cert ? 0 : -EINVAL;
}

/* Answering */

static X509 *issue(const struct pair *p, const struct authority_ask *a)
{
	bool sensor = a->what == AUTHORITY_FOR_SENSOR;
	struct cert_order order = {
		.kind = sensor ? CERT_SENSOR : CERT_COLLECTOR,
		.cn = sensor ? a->sensor : CERT_COLLECTOR_NAME,
		.role = authority_role_word(a->role),
		.seconds = a->seconds,
		.key = cert_key_of_point(a->point, NULL),
	};
	X509 *cert = order.key ? cert_issue(&order, p->cert, p->key, NULL) : NULL;

	EVP_PKEY_free(order.key);
	return cert;
}

static void answer(const struct pair *p, struct authority_pace *pace, const void *bytes,
		   size_t n, struct authority_answer *out)
{
	struct authority_ask ask = { 0 };
	bool good = authority_ask_take(bytes, n, &ask);
	X509 *cert;

	memset(out, 0, sizeof(*out));
	out->number = ask.number;
	out->code = -EINVAL;
	if (!good)
		return;
	out->code = -EAGAIN;
	if (!authority_pace_take(pace, clock_us() / 1000))
		return;
	out->code = -EINVAL;
	cert = issue(p, &ask);
	if (!cert)
		return;
	out->n = (uint32_t)cert_der(cert, out->der);
	out->code = out->n ? 0 : -EINVAL;
	X509_free(cert);
}

static int serve(int fd, const struct pair *p)
{
	uint8_t bytes[sizeof(struct authority_ask) + 1]; /* what is longer shows */
	struct authority_pace pace = { 0 };
	struct authority_answer out;

	for (;;) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return EXITS_OK;
		answer(p, &pace, bytes, (size_t)n, &out);
		if (send(fd, &out, sizeof(out), MSG_NOSIGNAL) < 0)
			return EXITS_OK;
	}
}

/* OpenSSL fetches what it needs at the first use: that must be before the files are gone. */
static int rehearse(const struct pair *p, struct err *e)
{
	struct authority_ask ask = { AUTHORITY_FOR_COLLECTOR, .seconds = 1 };
	EVP_PKEY *key = cert_key_new(e);
	uint8_t der[CERT_DER];
	X509 *cert;
	int rc;

	rc = key ? cert_point(key, ask.point) : -EINVAL;
	cert = rc ? NULL : issue(p, &ask);
	if (!cert || !cert_der(cert, der))
		rc = err_set(e, -EINVAL, "the authority's key cannot be used");
	X509_free(cert);
	EVP_PKEY_free(key);
	return rc;
}

int authority_key_run(int fd, void *ctx)
{
	struct authority_files *f = ctx;
	const int keep[] = { fd, f->key };
	struct pair p = { 0 };
	struct err e = { 0 };

	child_keep(keep, 2);
	e.code = read_pair(&p, f, &e);
	if (!e.code)
		e.code = rehearse(&p, &e);
	if (!e.code)
		e.code = confine(CONFINE_AUTHORITY, NULL, &e);
	if (send(fd, &e, sizeof(e), MSG_NOSIGNAL) == sizeof(e) && !e.code)
		serve(fd, &p);
	EVP_PKEY_free(p.key);
	X509_free(p.cert);
	return e.code ? EXITS_UNREACHED : EXITS_OK;
}
