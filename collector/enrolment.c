/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/enrolment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>

#include "common/clock.h"
#include "common/token.h"
#include "store/enrol.h"
#include "store/realm.h"

enum {
	GAP_MS = 60000,
	GAPS = 60
}; /* between two of one sensor: so long, or that part of a life */

static void new_identity(char out[CERT_CN])
{
	uint64_t v;

	cert_random(&v, sizeof(v));
	snprintf(out, CERT_CN, "s-%016llx", (unsigned long long)v);
}

static int add_sensor(struct hub *hub, const struct wire_enroll *m, const char *role,
		      const struct enrolment *x, uint64_t now, struct err *e)
{
	struct enrol_sensor row = { .name = x->sensor,
				    .role = role,
				    .host = m->host,
				    .fingerprint = x->cert.fingerprint,
				    .expires_ms = (uint64_t)x->cert.expires * 1000 };

	return enrol_sensor_add(hub->store, &row, now, e);
}

static int first(struct hub *hub, const struct wire_enroll *m, const struct token *t,
		 const struct addr *from, struct enrolment *out, struct err *e)
{
	struct enrol_grant grant;
	uint64_t now = clock_ms();
	uint8_t hash[32];
	int rc;

	cert_sha256(t->secret, sizeof(t->secret), hash);
	rc = enrol_token_use(hub->store, hash, from, now, &grant, e);
	if (!rc)
		rc = authority_sign(hub->authority, m->request, out->sensor, grant.role,
				    hub->life_s, &out->cert, e);
	if (!rc)
		rc = add_sensor(hub, m, grant.role, out, now, e);
	return rc ? rc : realm_inherit(hub->store, out->sensor, hash, e);
}

static int leave(struct hub *hub, struct enrolment *x, int rc, struct err *e)
{
	if (!rc)
		rc = store_commit(hub->store, e);
	if (!rc)
		return 0;
	store_rollback(hub->store);
	free(x->cert.text);
	x->cert.text = NULL;
	return rc;
}

int enrolment_first(struct hub *hub, const struct wire_enroll *m, const struct addr *from,
		    struct enrolment *out, struct err *e)
{
	struct token t;
	int rc;

	memset(out, 0, sizeof(*out));
	if (token_parse(m->token, &t) < 0 ||
	    CRYPTO_memcmp(t.pin, hub->authority->pin, sizeof(t.pin)) != 0)
		return err_set(e, -EPERM, "no token of this collector");
	new_identity(out->sensor);
	rc = store_begin(hub->store, e);
	return rc ? rc : leave(hub, out, first(hub, m, &t, from, out, e), e);
}

static int next(struct hub *hub, const char *role, const char *request, struct enrolment *out,
		struct err *e)
{
	uint64_t now = clock_ms(), gap = hub->life_s * 1000ULL / GAPS;
	int rc;

	if (!enrol_sensor_rested(hub->store, out->sensor, now, gap < GAP_MS ? gap : GAP_MS))
		return err_set(e, -EALREADY, "%s renews too often", out->sensor);
	rc = authority_sign(hub->authority, request, out->sensor, role, hub->life_s,
			    &out->cert, e);
	if (!rc)
		rc = enrol_sensor_renew(hub->store, out->sensor, out->cert.fingerprint,
					(uint64_t)out->cert.expires * 1000, now, e);
	return rc == -ENOENT ? err_set(e, -EKEYREVOKED, "%s may not speak", out->sensor) : rc;
}

int enrolment_next(struct hub *hub, const char *sensor, const char *role, const char *request,
		   struct enrolment *out, struct err *e)
{
	int rc;

	memset(out, 0, sizeof(*out));
	strncpy(out->sensor, sensor, sizeof(out->sensor) - 1);
	rc = store_begin(hub->store, e);
	return rc ? rc : leave(hub, out, next(hub, role, request, out, e), e);
}

const char *enrolment_refusal(int rc)
{
	switch (rc) {
	case -EPERM:
		return "this is no token of this collector";
	case -ENOENT:
		return "unknown token; it may have been revoked";
	case -EACCES:
		return "the token is not good from this address; "
		       "skein-collector token list shows from where";
	case -ETIMEDOUT:
		return "the token has expired; skein-collector token create makes another";
	case -EDQUOT:
		return "the token is used up; skein-collector token create makes another";
	case -EKEYREVOKED:
		return "this sensor has been revoked";
	case -EINVAL:
		return "a signing request that makes no sense";
	}
	return NULL;
}

void enrolment_put(struct buf *b, const struct hub *hub, struct enrolment *x)
{
	struct wire_cert m = { .sensor = x->sensor,
			       .certificate = x->cert.text,
			       .authority = hub->authority->text };

	wire_put_cert(b, &m);
	free(x->cert.text);
	x->cert.text = NULL;
}
