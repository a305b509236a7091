/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/http_tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "common/file.h"
#include "common/mem.h"

static const unsigned char protocol[] = "\x08http/1.1";

static int choose(SSL *ssl, const unsigned char **out, unsigned char *n,
		  const unsigned char *in, unsigned in_n, void *ctx)
{
	unsigned char *found;

	(void)ssl, (void)ctx;
	if (SSL_select_next_proto(&found, n, protocol, sizeof(protocol) - 1, in, in_n) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = found;
	return SSL_TLSEXT_ERR_OK;
}

static int fail(const char *path, const char *what, struct err *e)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	err_set(e, -EINVAL, "%s: %s: %s", path, what, reason ? reason : "cannot be read");
	ERR_clear_error();
	return -EINVAL;
}

static int load(SSL_CTX *ctx, const char *cert, const char *key, struct err *e)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		return fail(cert, "no certificate", e);
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		return fail(key, "no key of that certificate", e);
	return 0;
}

SSL_CTX *http_tls(const struct http_config *c, const char *dir, struct err *e)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	char *cert = c->cert ? xstrdup(c->cert) : file_path(dir, "collector.crt");
	char *key = c->key ? xstrdup(c->key) : file_path(dir, "collector.key");

	if (!ctx || load(ctx, cert, key, e) < 0) {
		SSL_CTX_free(ctx);
		ctx = NULL;
	} else {
		SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
		SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
						 SSL_OP_CIPHER_SERVER_PREFERENCE |
						 SSL_OP_NO_TICKET);
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
		SSL_CTX_set_alpn_select_cb(ctx, choose, NULL);
	}
	free(cert);
	free(key);
	return ctx;
}
