/* SPDX-License-Identifier: Apache-2.0 */
#include "common/tls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "common/mem.h"
#include "common/version.h"

/* As in the ClientHello: each name with its length before it. */
static const unsigned char alpn[] = "\x07" WIRE_ALPN;
enum { ALPN_LEN = sizeof(alpn) - 1 };

static SSL_CTX *fail(SSL_CTX *ctx, struct err *e, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	err_set(e, -EINVAL, "%s: %s", what, reason ? reason : "TLS set-up failed");
	ERR_clear_error();
	SSL_CTX_free(ctx);
	return NULL;
}

static SSL_CTX *context(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (!ctx)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	/* Frames have their length and batches their acknowledgement: a cut proves nothing. */
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
	/* libevent may move what it could not write; idle sessions keep no buffers. */
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	return ctx;
}

static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen,
		       const unsigned char *in, unsigned int inlen, void *arg)
{
	unsigned char *name;

	(void)ssl, (void)arg;
	if (SSL_select_next_proto(&name, outlen, alpn, ALPN_LEN, in, inlen) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = name;
	return SSL_TLSEXT_ERR_OK;
}

/*
 * The signature has been checked by then, and is again for all other errors.  A beginning that
 * lies ahead is a clock that was set, since the authority certifies from an hour ago on.
 */
static int bear_early(int ok, X509_STORE_CTX *x)
{
	if (ok || X509_STORE_CTX_get_error(x) != X509_V_ERR_CERT_NOT_YET_VALID)
		return ok;
	X509_STORE_CTX_set_error(x, X509_V_OK);
	return 1;
}

static int bear_expired(int ok, X509_STORE_CTX *x)
{
	if (ok || X509_STORE_CTX_get_error_depth(x) != 0 ||
	    X509_STORE_CTX_get_error(x) != X509_V_ERR_CERT_HAS_EXPIRED)
		return bear_early(ok, x);
	X509_STORE_CTX_set_error(x, X509_V_OK);
	return 1;
}

SSL_CTX *tls_server(const char *chain, const char *key, const char *authority, struct err *e)
{
	SSL_CTX *ctx = context(TLS_server_method());

	if (!ctx)
		return fail(ctx, e, "TLS");
	if (SSL_CTX_use_certificate_chain_file(ctx, chain) != 1)
		return fail(ctx, e, chain);
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		return fail(ctx, e, key);
	if (SSL_CTX_load_verify_file(ctx, authority) != 1)
		return fail(ctx, e, authority);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, bear_expired);
	SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
	return ctx;
}

static SSL_CTX *client_context(void)
{
	SSL_CTX *ctx = context(TLS_client_method());

	if (!ctx)
		return NULL;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, bear_early);
	if (SSL_CTX_set_alpn_protos(ctx, alpn, ALPN_LEN) != 0) { /* 0 is success here */
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

SSL_CTX *tls_client(X509 *authority, X509 *cert, EVP_PKEY *key, struct err *e)
{
	SSL_CTX *ctx = client_context();

	if (!ctx)
		return fail(ctx, e, "TLS");
	if (SSL_CTX_use_certificate(ctx, cert) != 1 || SSL_CTX_use_PrivateKey(ctx, key) != 1)
		return fail(ctx, e, "certificate and key");
	if (X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), authority) != 1)
		return fail(ctx, e, "the collector's authority");
	return ctx;
}

/* The pin, owned by its context. */
static void free_pin(void *parent, void *p, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	(void)parent, (void)ad, (void)idx, (void)argl, (void)argp;
	OPENSSL_free(p);
}

static X509 *find_pinned(STACK_OF(X509) * chain, const uint8_t pin[32])
{
	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *cert = sk_X509_value(chain, i);
		uint8_t got[32];

		cert_fingerprint(cert, got);
		if (CRYPTO_memcmp(got, pin, 32) == 0)
			return cert;
	}
	return NULL;
}

/* The one certificate with the right fingerprint is the anchor, whatever else was sent. */
static int verify_pinned(X509_STORE_CTX *x, void *pin)
{
	X509 *cert = find_pinned(X509_STORE_CTX_get0_untrusted(x), pin);
	STACK_OF(X509) *anchors = sk_X509_new_null();
	int ok = 0;

	if (cert && anchors && sk_X509_push(anchors, cert)) {
		X509_STORE_CTX_set0_trusted_stack(x, anchors);
		ok = X509_verify_cert(x) == 1;
		X509_STORE_CTX_set0_trusted_stack(x, NULL);
	} else {
		X509_STORE_CTX_set_error(x, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN);
	}
	sk_X509_free(anchors);
	return ok;
}

int tls_pin(SSL_CTX *ctx, const uint8_t pin[32])
{
	static int slot = -1;
	void *copy = OPENSSL_memdup(pin, 32);

	if (slot < 0)
		slot = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_pin);
	if (!copy || !SSL_CTX_set_ex_data(ctx, slot, copy)) {
		OPENSSL_free(copy);
		return -ENOMEM;
	}
	SSL_CTX_set_cert_verify_callback(ctx, verify_pinned, copy);
	return 0;
}

SSL_CTX *tls_client_pinned(const uint8_t pin[32], struct err *e)
{
	SSL_CTX *ctx = client_context();

	return !ctx || tls_pin(ctx, pin) < 0 ? fail(ctx, e, "TLS") : ctx;
}

SSL *tls_accepting(SSL_CTX *ctx)
{
	return SSL_new(ctx);
}

SSL *tls_connecting(SSL_CTX *ctx)
{
	SSL *ssl = SSL_new(ctx);

	if (ssl && SSL_set1_host(ssl, CERT_COLLECTOR_NAME) != 1) {
		SSL_free(ssl);
		return NULL;
	}
	return ssl;
}

bool tls_agreed(SSL *ssl)
{
	const unsigned char *name;
	unsigned int n;

	SSL_get0_alpn_selected(ssl, &name, &n);
	return name && n == ALPN_LEN - 1 && memcmp(name, alpn + 1, n) == 0;
}

int tls_peer(SSL *ssl, struct tls_peer *out)
{
	X509 *cert = SSL_get0_peer_certificate(ssl);

	if (!cert)
		return -ENOENT;
	cert_fingerprint(cert, out->fingerprint);
	out->expires = cert_expires(cert);
	return cert_subject(cert, out->cn, out->role);
}

/* What a person can do something about. */
static const struct {
	int reason;
	const char *words;
} alerts[] = {
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
	  "the collector says our certificate has expired; enrol again" },
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA,
	  "the collector does not know our certificate's authority; enrol again" },
	{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "the collector does not accept our certificate" },
	{ SSL_R_TLSV1_ALERT_DECRYPT_ERROR, "the collector does not accept our certificate" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN,
	  "the collector does not accept our certificate" },
	{ SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL,
	  "the other end does not speak " WIRE_ALPN },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "the other end does not speak TLS 1.3" },
	{ SSL_R_UNSUPPORTED_PROTOCOL, "the other end does not speak TLS 1.3" },
	{ SSL_R_WRONG_VERSION_NUMBER, "the other end does not speak TLS" },
	{ SSL_R_HTTP_REQUEST, "the other end speaks HTTP" },
};

static const char *verify_words(long verify)
{
	switch (verify) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return "the collector's certificate has expired; is this machine's clock right?";
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		return "this is not the collector that was expected (its authority is another)";
	}
	return X509_verify_cert_error_string(verify);
}

const char *tls_words(SSL *ssl, unsigned long code, char *out, size_t cap)
{
	long verify = SSL_get_verify_result(ssl);
	int reason = ERR_GET_REASON(code);
	const char *words = code ? ERR_reason_error_string(code) : NULL;

	if (code && reason == SSL_R_CERTIFICATE_VERIFY_FAILED && verify != X509_V_OK)
		words = verify_words(verify);
	for (size_t i = 0; code && i < sizeof(alerts) / sizeof(*alerts); i++)
		if (alerts[i].reason == reason && ERR_GET_LIB(code) == ERR_LIB_SSL)
			words = alerts[i].words;
	snprintf(out, cap, "%s", words ? words : "connection closed");
	return out;
}
