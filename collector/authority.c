/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/authority.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "collector/stats.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/tls.h"

enum { PATIENCE_MS = 5000 };

int authority_open(struct authority *a, const char *dir, struct err *e)
{
	char *path = file_path(dir, "ca.crt");
	int rc = 0;

	a->key = (struct child){ .fd = -1 };
	a->text = NULL;
	if (access(path, F_OK) < 0 && errno == ENOENT)
		rc = err_set(e, -ENOENT,
			     "%s is not there; start skein-collector --data %s first", path,
			     dir);
	a->cert = rc ? NULL : cert_read(path, e);
	free(path);
	if (!a->cert)
		return rc ? rc : -EINVAL;
	a->text = cert_text(a->cert);
	cert_fingerprint(a->cert, a->pin);
	return 0;
}

static int receive(const struct child *c, void *p, size_t n, struct err *e)
{
	struct pollfd in = { .fd = c->fd, .events = POLLIN };
	ssize_t got;
	int rc;

	do
		rc = poll(&in, 1, PATIENCE_MS);
	while (rc < 0 && errno == EINTR);
	got = rc > 0 ? recv(c->fd, p, n, MSG_DONTWAIT) : -1;
	if (got == (ssize_t)n)
		return 0;
	return err_set(e, -EPIPE, "the process that holds the authority's key has %s",
		       rc == 0 ? "not answered" : "ended");
}

void authority_plan(struct authority *a, struct nursery *n, const char *dir)
{
	const struct nursery_plan plan = { "authority", "skein-authority", authority_key_run,
					   &a->files, authority_key_prepare };

	*a = (struct authority){ .key.fd = -1, .files = { .dir = dir, .key = -1 } };
	a->nursery = n;
	nursery_plan(n, NURSERY_AUTHORITY, &plan);
}

int authority_start(struct authority *a, struct err *e)
{
	struct err said = { 0 };
	struct child key;
	int rc = nursery_start(a->nursery, NURSERY_AUTHORITY, &key, e);

	if (rc)
		return rc;
	rc = receive(&key, &said, sizeof(said), e);
	if (!rc && said.code)
		rc = err_set(e, said.code, "%s", said.msg);
	if (!rc)
		rc = authority_open(a, a->files.dir, e);
	a->key = key;
	child_rest_born(&a->rest, stats_clock_ms());
	return rc;
}

static void start_again(struct authority *a)
{
	struct err e = { 0 };

	if (nursery_start(a->nursery, NURSERY_AUTHORITY, &a->key, &e) < 0) {
		log_err("%s", e.msg);
		child_rest_died(&a->rest, stats_clock_ms());
		return;
	}
	child_rest_born(&a->rest, stats_clock_ms());
	a->coming = true;
}

static void hear_first_word(struct authority *a)
{
	struct err said;
	ssize_t n = recv(a->key.fd, &said, sizeof(said), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	a->coming = false;
	if (n == sizeof(said) && said.code)
		log_err("%s", said.msg);
	else if (n == sizeof(said))
		log_info("certificates are signed again");
}

bool authority_sweep(struct authority *a)
{
	int status;

	if (child_reap(&a->key, &status)) {
		child_stop(&a->key);
		a->coming = false;
		child_rest_died(&a->rest, stats_clock_ms());
		log_err("the process that holds the authority's key has ended (status %d): "
			"another follows; until then nobody is enrolled",
			status);
	}
	if (a->coming)
		hear_first_word(a);
	if (a->key.pid || stats_clock_ms() < a->rest.due_ms)
		return false;
	start_again(a);
	return true;
}

void authority_close(struct authority *a)
{
	if (a->key.pid)
		child_stop(&a->key);
	X509_free(a->cert);
	free(a->text);
	memset(a, 0, sizeof(*a));
	a->key.fd = -1;
}

/* The answer to question NUMBER: one that came too late may still be there before it. */
static int hear(const struct authority *a, uint32_t number, struct authority_answer *out,
		struct err *e)
{
	int rc;

	do
		rc = receive(&a->key, out, sizeof(*out), e);
	while (!rc && out->number != number);
	return rc;
}

/* One question, one answer: a signature takes less than a millisecond. */
static X509 *ask(struct authority *a, struct authority_ask *q, EVP_PKEY *key, struct err *e)
{
	struct authority_answer answer;
	int rc = cert_point(key, q->point);

	q->number = ++a->asked;
	if (rc)
		err_set(e, rc, "not a key of P-256");
	else if (a->coming || a->key.fd < 0)
		err_set(e, -EPIPE,
			"the process that holds the authority's key is being started");
	else if (send(a->key.fd, q, sizeof(*q), MSG_NOSIGNAL) != sizeof(*q))
		err_set(e, -EPIPE, "the process that holds the authority's key has ended");
	else if (hear(a, q->number, &answer, e) == 0) {
		if (answer.code == 0 && answer.n <= sizeof(answer.der))
			return cert_of_der(answer.der, answer.n, e);
		err_set(e, answer.code ? answer.code : -EINVAL, "%s",
			answer.code == -EAGAIN ? "too many certificates at once; again later"
					       : "the authority refuses to certify this");
	}
	return NULL;
}

/* The collector's own */

static bool is_good(const char *path, const struct authority *a, EVP_PKEY *key)
{
	X509 *cert = access(path, F_OK) == 0 ? cert_read(path, NULL) : NULL;
	bool good = cert && cert_matches(cert, a->cert, key) &&
		    cert_expires(cert) > (int64_t)time(NULL) + AUTHORITY_RENEW_S;

	X509_free(cert);
	return good;
}

static int write_chain(const char *path, X509 *cert, const char *authority, struct err *e)
{
	char *text = cert_text(cert);
	char *both = xasprintf("%s%s", text, authority);
	int rc = file_replace(path, 0644, both, strlen(both), e);

	free(text);
	free(both);
	return rc;
}

static int certify(struct authority *a, EVP_PKEY *key, const char *path, struct err *e)
{
	struct authority_ask q = { .what = AUTHORITY_FOR_COLLECTOR,
				   .seconds = AUTHORITY_COLLECTOR_S };
	X509 *cert = ask(a, &q, key, e);
	int rc = cert ? write_chain(path, cert, a->text, e) : -EINVAL;

	X509_free(cert);
	return rc ? rc : 1;
}

int authority_certify_self(struct authority *a, const char *dir, struct err *e)
{
	char *key_path = file_path(dir, "collector.key");
	char *cert_path = file_path(dir, "collector.crt");
	EVP_PKEY *key = cert_key_keep(key_path, e);
	int rc = key ? 0 : -EINVAL;

	if (key && !is_good(cert_path, a, key))
		rc = certify(a, key, cert_path, e);
	EVP_PKEY_free(key);
	free(key_path);
	free(cert_path);
	return rc;
}

SSL_CTX *authority_tls(const char *dir, struct err *e)
{
	char *chain = file_path(dir, "collector.crt");
	char *key = file_path(dir, "collector.key");
	char *ca = file_path(dir, "ca.crt");
	SSL_CTX *ctx = tls_server(chain, key, ca, e);

	free(chain);
	free(key);
	free(ca);
	return ctx;
}

/* Sensors */

int authority_sign(struct authority *a, const char *request, const char *sensor,
		   const char *role, uint32_t seconds, struct authority_certificate *out,
		   struct err *e)
{
	struct authority_ask q = { .what = AUTHORITY_FOR_SENSOR,
				   .role = authority_role_of(role),
				   .seconds = seconds };
	EVP_PKEY *key = cert_request_key(request, e);
	struct err mine = { 0 };
	X509 *cert;

	if (!key)
		return -EINVAL;
	strncpy(q.sensor, sensor, sizeof(q.sensor) - 1);
	cert = ask(a, &q, key, &mine);
	EVP_PKEY_free(key);
	if (!cert) {
		err_set(e, mine.code, "%s", mine.msg);
		return mine.code ? mine.code : -EINVAL;
	}
	out->text = cert_text(cert);
	cert_fingerprint(cert, out->fingerprint);
	out->expires = cert_expires(cert);
	X509_free(cert);
	return 0;
}
