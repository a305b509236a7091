/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS 1.3, and nothing older, for both ends of the wire: the ALPN name is WIRE_ALPN, there are
 * no tickets, no resumption and no early data.  A sensor proves itself with a certificate of
 * the collector's authority; the collector proves itself with one for CERT_COLLECTOR_NAME.
 */
#ifndef COMMON_TLS_H
#define COMMON_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/types.h>

#include "common/cert.h"
#include "common/err.h"

/* All three return NULL with words; the caller frees the context with SSL_CTX_free. */

/*
 * CHAIN is the collector's certificate and its authority's; a client may come without one, and
 * with one that has expired: what it may do then is for the caller to say (tls_peer).
 */
SSL_CTX *tls_server(const char *chain, const char *key, const char *authority, struct err *e);
/* For a sensor that is enrolled; takes references of its own. */
SSL_CTX *tls_client(X509 *authority, X509 *cert, EVP_PKEY *key, struct err *e);
/* For one that is not yet: trusts the authority whose fingerprint is PIN (copied). */
SSL_CTX *tls_client_pinned(const uint8_t pin[32], struct err *e);

/* One connection; NULL only without memory.  A bufferevent with BEV_OPT_CLOSE_ON_FREE owns it.
 */
SSL *tls_accepting(SSL_CTX *ctx);
SSL *tls_connecting(SSL_CTX *ctx);

/* After the handshake: true if both ends agreed on WIRE_ALPN. */
bool tls_agreed(SSL *ssl);

struct tls_peer {
	char cn[CERT_CN];
	char role[CERT_ROLE];
	uint8_t fingerprint[32];
	int64_t expires; /* Unix seconds */
};
/* 0, -ENOENT when the peer came without a certificate, -EINVAL when its subject is odd. */
int tls_peer(SSL *ssl, struct tls_peer *out);

/*
 * Words for a person about a handshake or connection that failed: CODE is what OpenSSL put
 * into its error queue (0 for nothing).  Returns OUT.
 */
const char *tls_words(SSL *ssl, unsigned long code, char *out, size_t cap);

#endif
