/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/renewal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/tls.h"
#include "sensor/confine.h"

enum { AGAIN_MOST_MS = 3600000, AGAIN_LEAST_MS = 1000 };

struct renewal {
	struct identity id;
	struct identity_keys keys;
	unsigned used; /* of the pairs */
	uint32_t noise;
	int folder; /* DIR/renewed; -1: there is none, and why */
	int folder_error;
	EVP_PKEY *asked; /* the key of the last request */
	char *request;
};

/* Its own folder in DIR, whoever DIR belongs to. */
static int open_folder(const char *dir)
{
	char *path = file_path(dir, IDENTITY_RENEWED);
	int fd = -1, code = 0;
	uid_t uid;
	gid_t gid;

	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		code = -errno;
	if (fd >= 0 && geteuid() == 0) {
		confine_user(dir, &uid, &gid);
		if (fchown(fd, uid, gid) < 0) /* then it stays who it is */
			code = 0;
	}
	free(path);
	return fd >= 0 ? fd : code;
}

struct renewal *renewal_new(const char *dir, struct err *e)
{
	struct renewal *r = xcalloc(1, sizeof(*r));

	if (identity_open(dir, &r->id, &r->keys, e) < 0) {
		free(r);
		return NULL;
	}
	cert_random(&r->noise, sizeof(r->noise));
	r->folder = open_folder(dir);
	if (r->folder < 0) {
		r->folder_error = r->folder;
		r->folder = -1;
	}
	return r;
}

static void forget_request(struct renewal *r)
{
	EVP_PKEY_free(r->asked);
	free(r->request);
	r->asked = NULL;
	r->request = NULL;
}

void renewal_free(struct renewal *r)
{
	if (!r)
		return;
	forget_request(r);
	identity_close(&r->keys);
	if (r->folder >= 0)
		close(r->folder);
	free(r);
}

const struct identity *renewal_identity(const struct renewal *r)
{
	return &r->id;
}

int renewal_folder(const struct renewal *r)
{
	return r->folder;
}

SSL_CTX *renewal_tls(const struct renewal *r, struct err *e)
{
	const struct identity_pair *p = &r->keys.pair[r->used];

	return tls_client(r->keys.authority, p->cert, p->key, e);
}

/* When */

static int64_t life_of(int64_t begins, int64_t expires)
{
	int64_t life = expires - begins - CERT_SKEW_S;

	return life > 0 ? life : 0;
}

int64_t renewal_at(int64_t begins, int64_t expires, uint32_t noise)
{
	int64_t life = life_of(begins, expires);

	return expires - life / 3 - (int64_t)(noise % (uint64_t)(life / 30 + 1));
}

int64_t renewal_wait_ms(const struct renewal *r, int64_t now_ms)
{
	int64_t at = renewal_at(r->id.begins, r->id.expires, r->noise);

	return at * 1000 > now_ms ? at * 1000 - now_ms : 0;
}

uint32_t renewal_again_ms(const struct renewal *r)
{
	int64_t ms = life_of(r->id.begins, r->id.expires) * 1000 / 60;

	if (ms > AGAIN_MOST_MS)
		return AGAIN_MOST_MS;
	return ms < AGAIN_LEAST_MS ? AGAIN_LEAST_MS : (uint32_t)ms;
}

/* Asking */

const char *renewal_request(struct renewal *r, struct err *e)
{
	forget_request(r);
	r->asked = cert_key_new(e);
	r->request = r->asked ? cert_request(r->asked, "sensor", e) : NULL;
	return r->request;
}

/* After a kill at any point one of the two names has a whole pair that the collector takes. */
static int put_in_place(int folder, bool keep_former)
{
	if (!keep_former && renameat(folder, IDENTITY_NEWEST, folder, IDENTITY_FORMER) < 0 &&
	    errno != ENOENT)
		return -errno;
	if (renameat(folder, IDENTITY_NEWEST ".new", folder, IDENTITY_NEWEST) < 0)
		return -errno;
	return fsync(folder) < 0 ? -errno : 0;
}

static int keep(struct renewal *r, const struct identity_pair *p, struct err *e)
{
	struct buf text = { 0 };
	int rc = r->folder_error;

	if (!rc)
		rc = cert_pair_text(p->key, p->cert, &text, e);
	if (!rc)
		rc = file_write_at(r->folder, IDENTITY_NEWEST ".new", text.p, text.n);
	if (!rc)
		rc = put_in_place(r->folder, r->used != 0);
	if (text.p)
		explicit_bzero(text.p, text.n);
	buf_fini(&text);
	return rc ? err_sys(e, rc,
			    "the new certificate cannot be kept in " IDENTITY_RENEWED "/")
		  : 0;
}

/* The newest goes to the front, what was in use behind it. */
static void use(struct renewal *r, const struct identity_pair *p)
{
	struct identity_keys *k = &r->keys;
	struct identity_pair old = k->pair[r->used];

	if (k->n == IDENTITY_PAIRS) {
		EVP_PKEY_free(k->pair[1 - r->used].key);
		X509_free(k->pair[1 - r->used].cert);
	}
	k->pair[0] = *p;
	k->pair[1] = old;
	k->n = IDENTITY_PAIRS;
	r->used = 0;
	r->id.begins = cert_begins(p->cert);
	r->id.expires = cert_expires(p->cert);
}

int renewal_take(struct renewal *r, const struct wire_cert *m, struct err *e)
{
	struct identity_pair p = { .key = r->asked };
	int rc = -EPROTO;

	if (!p.key)
		return err_set(e, -EPROTO, "a certificate that was not asked for");
	p.cert = cert_parse(m->certificate, e);
	if (p.cert && identity_fits(&r->id, r->keys.authority, &p))
		rc = keep(r, &p, e);
	else
		err_set(e, rc, "a certificate that is not what was asked for");
	if (rc) {
		X509_free(p.cert);
	} else {
		r->asked = NULL;
		use(r, &p);
	}
	forget_request(r);
	return rc;
}

bool renewal_other(struct renewal *r)
{
	if (r->keys.n < IDENTITY_PAIRS)
		return false;
	r->used = 1 - r->used;
	return true;
}
