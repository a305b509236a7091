/* SPDX-License-Identifier: Apache-2.0 */
/* TLS for browsers and programs: 1.2 or newer, no certificate of theirs, "http/1.1" alone. */
#ifndef COLLECTOR_HTTP_TLS_H
#define COLLECTOR_HTTP_TLS_H

#include <openssl/types.h>

#include "collector/http.h"

/*
 * With the certificate that C names, else with DIR's (collector.crt, collector.key).  NULL
 * with words; the caller frees it.
 */
SSL_CTX *http_tls(const struct http_config *c, const char *dir, struct err *e);

#endif
