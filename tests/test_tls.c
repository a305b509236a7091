/* SPDX-License-Identifier: Apache-2.0 */
/* Handshakes in memory, between every kind of right and wrong client and a collector. */
#include "common/tls.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "common/file.h"
#include "common/mem.h"
#include "tests/unit.h"

static char dir[64];

/* An authority with a certificate of each kind, in files named after NAME. */
struct party {
	EVP_PKEY *ca_key, *key;
	X509 *ca, *collector, *sensor;
	char ca_path[128], chain_path[128], sensor_path[128], key_path[128];
};

static X509 *issue(enum cert_kind kind, const char *cn, EVP_PKEY *key, X509 *ca,
		   EVP_PKEY *ca_key)
{
	struct cert_order o = { kind, cn, kind == CERT_SENSOR ? "host" : NULL, key,
				30 * 86400 };
	struct err e;
	X509 *cert = cert_issue(&o, ca, ca_key, &e);

	ck_assert_ptr_nonnull(cert);
	return cert;
}

static void put(const char *path, X509 *first, X509 *second)
{
	char *a = cert_text(first), *b = second ? cert_text(second) : xstrdup("");
	char *both = xasprintf("%s%s", a, b);

	ck_assert_int_eq(file_replace(path, 0644, both, strlen(both), NULL), 0);
	free(a);
	free(b);
	free(both);
}

static void party_make(struct party *p, const char *name)
{
	snprintf(p->ca_path, sizeof(p->ca_path), "%s/%s-ca.crt", dir, name);
	snprintf(p->chain_path, sizeof(p->chain_path), "%s/%s-chain.crt", dir, name);
	snprintf(p->sensor_path, sizeof(p->sensor_path), "%s/%s-sensor.crt", dir, name);
	snprintf(p->key_path, sizeof(p->key_path), "%s/%s.key", dir, name);
	p->ca_key = cert_key_new(NULL);
	p->key = cert_key_new(NULL);
	p->ca = issue(CERT_AUTHORITY, "Skein authority", p->ca_key, NULL, p->ca_key);
	p->collector = issue(CERT_COLLECTOR, CERT_COLLECTOR_NAME, p->key, p->ca, p->ca_key);
	p->sensor = issue(CERT_SENSOR, "s-0123", p->key, p->ca, p->ca_key);
	put(p->ca_path, p->ca, NULL);
	put(p->chain_path, p->collector, p->ca);
	put(p->sensor_path, p->sensor, NULL);
	ck_assert_int_eq(cert_key_write(p->key_path, p->key, NULL), 0);
}

static void party_fini(struct party *p)
{
	EVP_PKEY_free(p->ca_key);
	EVP_PKEY_free(p->key);
	X509_free(p->ca);
	X509_free(p->collector);
	X509_free(p->sensor);
	unlink(p->ca_path);
	unlink(p->chain_path);
	unlink(p->sensor_path);
	unlink(p->key_path);
}

static struct party us, them;

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/skein-tls-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	party_make(&us, "us");
	party_make(&them, "them");
}

static void teardown(void)
{
	party_fini(&us);
	party_fini(&them);
	rmdir(dir);
}

static SSL_CTX *client(const char *authority, const char *cert_path, const char *key_path)
{
	X509 *ca = cert_read(authority, NULL), *cert = cert_read(cert_path, NULL);
	EVP_PKEY *key = cert_key_read(key_path, NULL);
	SSL_CTX *ctx = tls_client(ca, cert, key, NULL);

	X509_free(ca);
	X509_free(cert);
	EVP_PKEY_free(key);
	return ctx;
}

/* One handshake; each end's result: 0, or OpenSSL's reason. */
struct shake {
	SSL_CTX *server_ctx, *client_ctx;
	SSL *server, *client;
	unsigned long server_code, client_code;
	char words[256]; /* the client's */
	bool ok;
};

static bool step(SSL *ssl, unsigned long *code)
{
	char byte;
	int rc = SSL_do_handshake(ssl);

	if (rc == 1) /* in TLS 1.3 a server's refusal comes after the client's handshake */
		rc = SSL_read(ssl, &byte, 1);
	if (rc <= 0 && SSL_get_error(ssl, rc) == SSL_ERROR_SSL && !*code)
		*code = ERR_get_error();
	ERR_clear_error();
	return SSL_is_init_finished(ssl) && !*code;
}

static void shake_hands(struct shake *s, SSL_CTX *client)
{
	BIO *a, *b;

	memset(s, 0, sizeof(*s));
	s->server_ctx = tls_server(us.chain_path, us.key_path, us.ca_path, NULL);
	s->client_ctx = client;
	ck_assert(s->server_ctx && client);
	s->server = tls_accepting(s->server_ctx);
	s->client = tls_connecting(client);
	ck_assert_int_eq(BIO_new_bio_pair(&a, 0, &b, 0), 1);
	SSL_set_bio(s->server, a, a);
	SSL_set_bio(s->client, b, b);
	SSL_set_accept_state(s->server);
	SSL_set_connect_state(s->client);
	for (int i = 0; i < 10; i++) {
		bool c = step(s->client, &s->client_code);
		bool d = step(s->server, &s->server_code);

		s->ok = c && d;
	}
	tls_words(s->client, s->client_code, s->words, sizeof(s->words));
}

static void shake_fini(struct shake *s)
{
	SSL_free(s->server);
	SSL_free(s->client);
	SSL_CTX_free(s->server_ctx);
	SSL_CTX_free(s->client_ctx);
}

START_TEST(an_enrolled_sensor_is_known)
{
	uint8_t fingerprint[32];
	struct tls_peer peer;
	struct shake s;

	shake_hands(&s, client(us.ca_path, us.sensor_path, us.key_path));
	ck_assert_msg(s.ok, "%s", s.words);
	ck_assert(tls_agreed(s.server) && tls_agreed(s.client));
	ck_assert_int_eq(SSL_version(s.client), TLS1_3_VERSION);
	ck_assert_int_eq(tls_peer(s.server, &peer), 0);
	ck_assert_str_eq(peer.cn, "s-0123");
	ck_assert_str_eq(peer.role, "host");
	cert_fingerprint(us.sensor, fingerprint);
	ck_assert_mem_eq(peer.fingerprint, fingerprint, 32);
	shake_fini(&s);
}
END_TEST

START_TEST(the_right_pin_is_enough_to_trust)
{
	struct tls_peer peer;
	uint8_t pin[32];
	struct shake s;

	cert_fingerprint(us.ca, pin);
	shake_hands(&s, tls_client_pinned(pin, NULL));
	ck_assert_msg(s.ok, "%s", s.words);
	ck_assert_int_eq(tls_peer(s.server, &peer), -ENOENT);
	shake_fini(&s);
}
END_TEST

START_TEST(another_pin_is_refused)
{
	uint8_t pin[32];
	struct shake s;

	cert_fingerprint(them.ca, pin);
	shake_hands(&s, tls_client_pinned(pin, NULL));
	ck_assert(!s.ok);
	ck_assert_ptr_nonnull(strstr(s.words, "not the collector that was expected"));
	shake_fini(&s);
	cert_fingerprint(us.collector, pin); /* the pin is of the authority, not of the leaf */
	pin[0] ^= 1;
	shake_hands(&s, tls_client_pinned(pin, NULL));
	ck_assert(!s.ok);
	shake_fini(&s);
}
END_TEST

START_TEST(strange_certificates_are_refused)
{
	struct shake s;

	/* a sensor of another collector */
	shake_hands(&s, client(us.ca_path, them.sensor_path, them.key_path));
	ck_assert(!s.ok && s.server_code);
	ck_assert_ptr_nonnull(strstr(s.words, "enrol again"));
	shake_fini(&s);
	/* a sensor that expects another collector */
	shake_hands(&s, client(them.ca_path, us.sensor_path, us.key_path));
	ck_assert(!s.ok);
	ck_assert_ptr_nonnull(strstr(s.words, "not the collector that was expected"));
	shake_fini(&s);
	/* the collector's own certificate is not one for a sensor */
	shake_hands(&s, client(us.ca_path, us.chain_path, us.key_path));
	ck_assert(!s.ok && s.server_code);
	shake_fini(&s);
}
END_TEST

/* A certificate of the right authority, but for a sensor, does not make a collector. */
START_TEST(a_sensor_cannot_play_the_collector)
{
	X509 *ours = us.collector;
	uint8_t pin[32];
	struct shake s;

	cert_fingerprint(us.ca, pin);
	put(us.chain_path, us.sensor, us.ca);
	shake_hands(&s, tls_client_pinned(pin, NULL));
	ck_assert(!s.ok);
	shake_fini(&s);
	put(us.chain_path, ours, us.ca);
}
END_TEST

START_TEST(an_expired_certificate_is_for_the_caller_to_judge)
{
	struct cert_order o = { CERT_SENSOR, "s-0123", "host", us.key, -10 };
	X509 *old = cert_issue(&o, us.ca, us.ca_key, NULL);
	X509 *forged = cert_issue(&o, us.ca, them.ca_key, NULL);
	struct tls_peer peer;
	struct shake s;

	put(us.sensor_path, old, NULL);
	shake_hands(&s, client(us.ca_path, us.sensor_path, us.key_path));
	ck_assert(s.ok);
	ck_assert_int_eq(tls_peer(s.server, &peer), 0);
	ck_assert_str_eq(peer.cn, "s-0123");
	ck_assert_int_lt(peer.expires, (int64_t)time(NULL));
	shake_fini(&s);
	put(us.sensor_path, forged, NULL); /* and signed by another */
	shake_hands(&s, client(us.ca_path, us.sensor_path, us.key_path));
	ck_assert(!s.ok);
	shake_fini(&s);
	X509_free(old);
	X509_free(forged);
}
END_TEST

/* As CERT, but from tomorrow on, and signed with KEY. */
static X509 *of_tomorrow(X509 *cert, EVP_PKEY *key)
{
	X509 *out = X509_dup(cert);

	ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notBefore(out), 86400));
	ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notAfter(out), 2 * 86400));
	ck_assert_int_gt(X509_sign(out, key, EVP_sha256()), 0);
	return out;
}

/* A clock that went back, at either end. */
START_TEST(a_certificate_of_tomorrow_is_as_good)
{
	X509 *sensor = of_tomorrow(us.sensor, us.ca_key);
	X509 *collector = of_tomorrow(us.collector, us.ca_key);
	X509 *forged = of_tomorrow(us.collector, them.ca_key);
	uint8_t pin[32];
	struct shake s;

	cert_fingerprint(us.ca, pin);
	put(us.sensor_path, sensor, NULL);
	put(us.chain_path, collector, us.ca);
	shake_hands(&s, client(us.ca_path, us.sensor_path, us.key_path));
	ck_assert(s.ok);
	shake_fini(&s);
	shake_hands(&s, tls_client_pinned(pin, NULL));
	ck_assert(s.ok);
	shake_fini(&s);
	put(us.chain_path, forged, us.ca);
	shake_hands(&s, client(us.ca_path, us.sensor_path, us.key_path));
	ck_assert(!s.ok);
	shake_fini(&s);
	put(us.chain_path, us.collector, us.ca);
	X509_free(sensor);
	X509_free(collector);
	X509_free(forged);
}
END_TEST

START_TEST(older_tls_and_other_protocols_are_refused)
{
	SSL_CTX *old = client(us.ca_path, us.sensor_path, us.key_path);
	SSL_CTX *http = client(us.ca_path, us.sensor_path, us.key_path);
	SSL_CTX *none = SSL_CTX_new(TLS_client_method());
	struct shake s;

	SSL_CTX_set_min_proto_version(old, TLS1_2_VERSION);
	SSL_CTX_set_max_proto_version(old, TLS1_2_VERSION);
	shake_hands(&s, old);
	ck_assert(!s.ok);
	shake_fini(&s);
	SSL_CTX_set_alpn_protos(http, (const unsigned char *)"\x02h2", 3);
	shake_hands(&s, http);
	ck_assert(!s.ok);
	shake_fini(&s);
	shake_hands(&s, none); /* no ALPN at all passes TLS, and is seen afterwards */
	ck_assert(!tls_agreed(s.server));
	shake_fini(&s);
}
END_TEST

START_TEST(requests)
{
	EVP_PKEY *key = cert_key_new(NULL), *rsa = EVP_RSA_gen(2048), *got;
	char *text = cert_request(key, "x", NULL);
	struct err e = { 0 };

	got = cert_request_key(text, &e);
	ck_assert_ptr_nonnull(got);
	ck_assert_int_eq(EVP_PKEY_eq(got, key), 1);
	EVP_PKEY_free(got);
	free(text);
	text = cert_request(rsa, "x", NULL);
	ck_assert_ptr_null(cert_request_key(text, &e)); /* P-256 only */
	free(text);
	ck_assert_ptr_null(cert_request_key("", &e));
	ck_assert_ptr_null(cert_request_key("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n"
					    "-----END CERTIFICATE REQUEST-----\n",
					    &e));
	EVP_PKEY_free(key);
	EVP_PKEY_free(rsa);
}
END_TEST

START_TEST(subjects_with_odd_characters_are_refused)
{
	static const char *const names[] = { "a/b", "a b", "a\nb", "../x", "s\xc3\xa9" };
	char cn[CERT_CN], role[CERT_ROLE];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		X509 *cert = issue(CERT_SENSOR, names[i], us.key, us.ca, us.ca_key);

		ck_assert_int_eq(cert_subject(cert, cn, role), -EINVAL);
		X509_free(cert);
	}
}
END_TEST

START_TEST(keys_are_for_nobody_else)
{
	struct stat st;

	ck_assert_int_eq(stat(us.key_path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, an_enrolled_sensor_is_known);
	tcase_add_test(t, the_right_pin_is_enough_to_trust);
	tcase_add_test(t, another_pin_is_refused);
	tcase_add_test(t, strange_certificates_are_refused);
	tcase_add_test(t, a_sensor_cannot_play_the_collector);
	tcase_add_test(t, an_expired_certificate_is_for_the_caller_to_judge);
	tcase_add_test(t, a_certificate_of_tomorrow_is_as_good);
	tcase_add_test(t, older_tls_and_other_protocols_are_refused);
	tcase_add_test(t, requests);
	tcase_add_test(t, subjects_with_odd_characters_are_refused);
	tcase_add_test(t, keys_are_for_nobody_else);
	return unit_run("tls", t);
}
