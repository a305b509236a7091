/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens, made: `skein-collector token create`, while the collector runs or before. */
#ifndef COLLECTOR_ADMIT_H
#define COLLECTOR_ADMIT_H

#include <stdint.h>

#include "common/addr.h"
#include "common/err.h"
#include "common/token.h"

enum { ADMIT_USES_MAX = 1000000, ADMIT_TTL_MAX_S = 366 * 86400 };

struct admit_order {
	const char *dir;
	const char *role;
	uint32_t ttl_s;
	unsigned uses;
	const struct addr_net *from; /* NULL: anywhere */
	const char *who;	     /* for the audit */
	const char *realm;	     /* store/realm.h; NULL or "": the one without a name */
};

int admit_token(const struct admit_order *order, char text[TOKEN_TEXT], struct err *e);

#endif
