/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sensor's certificate, its first for a token and its next for the one it has: what of it
 * stands in the database, and what the authority signs, come together or not at all.
 */
#ifndef COLLECTOR_ENROLMENT_H
#define COLLECTOR_ENROLMENT_H

#include "collector/hub.h"
#include "common/addr.h"
#include "common/buf.h"
#include "common/cert.h"
#include "common/wire.h"

struct enrolment {
	char sensor[CERT_CN];
	struct authority_certificate cert;
};

/*
 * 0; -EPERM for what is no token of this collector, -ENOENT, -ETIMEDOUT, -EDQUOT and -EACCES
 * as enrol_token_use, -EINVAL for a signing request that makes no sense; -EAGAIN when too many
 * come at once and -EBUSY while another writes: again later; anything else with words in E.
 */
int enrolment_first(struct hub *hub, const struct wire_enroll *m, const struct addr *from,
		    struct enrolment *out, struct err *e);
/*
 * 0; -EALREADY when the last one was a moment ago, -EKEYREVOKED when it may not speak any
 * more; the rest as above.
 */
int enrolment_next(struct hub *hub, const char *sensor, const char *role, const char *request,
		   struct enrolment *out, struct err *e);
/* For the other end, what RC means; NULL for what is only our trouble. */
const char *enrolment_refusal(int rc);

/* The frame that answers; X is empty afterwards. */
void enrolment_put(struct buf *b, const struct hub *hub, struct enrolment *x);

#endif
