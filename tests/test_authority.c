/* SPDX-License-Identifier: Apache-2.0 */
/* What the key's process is asked, by the collector and by one that was taken over. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "collector/authority.h"
#include "collector/authority_key.h"
#include "common/file.h"
#include "common/mem.h"
#include "tests/unit.h"

static struct authority_ask a_good_one(void)
{
	struct authority_ask q = {
		AUTHORITY_FOR_SENSOR, AUTHORITY_HOST, { 4 }, "s-0123", AUTHORITY_SENSOR_S
	};

	return q;
}

static bool takes(const struct authority_ask *q)
{
	struct authority_ask out;

	return authority_ask_take(q, sizeof(*q), &out) && memcmp(q, &out, sizeof(out)) == 0;
}

START_TEST(only_whole_questions_are_taken)
{
	struct authority_ask q = a_good_one(), out;
	uint8_t longer[sizeof(q) + 1];

	ck_assert(takes(&q));
	memcpy(longer, &q, sizeof(q));
	longer[sizeof(q)] = 0;
	for (size_t n = 0; n <= sizeof(longer); n++)
		ck_assert_int_eq(authority_ask_take(longer, n, &out), n == sizeof(q));
	for (int role = 0; role < 256; role++) {
		q.role = (uint8_t)role;
		ck_assert_int_eq(takes(&q),
				 role == AUTHORITY_HOST || role == AUTHORITY_MIRROR);
	}
	q = a_good_one();
	for (int what = 0; what < 256; what++) {
		q.what = (uint8_t)what; /* for a collector there is no name and no role */
		ck_assert_int_eq(takes(&q), what == AUTHORITY_FOR_SENSOR);
	}
	q = a_good_one();
	q.seconds = 0;
	ck_assert(!takes(&q));
	q.seconds = AUTHORITY_SENSOR_S + 1;
	ck_assert(!takes(&q));
}
END_TEST

START_TEST(names_are_plain)
{
	struct authority_ask q = a_good_one();

	for (int c = 0; c < 256; c++) {
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';

		q.sensor[2] = (char)c;
		ck_assert_int_eq(takes(&q), plain);
	}
	memset(q.sensor, 'a', sizeof(q.sensor));
	ck_assert(!takes(&q)); /* no end */
	q.sensor[CERT_CN - 1] = 0;
	ck_assert(takes(&q));
	q = a_good_one();
	q.sensor[0] = 0;
	ck_assert(!takes(&q));
	q = a_good_one();
	q.sensor[CERT_CN - 1] = 'x'; /* hidden behind the end */
	ck_assert(!takes(&q));
}
END_TEST

START_TEST(so_many_and_no_more)
{
	struct authority_pace p = { 0 };
	unsigned n = 0;

	while (authority_pace_take(&p, 1000000))
		n++;
	ck_assert_uint_eq(n, AUTHORITY_BURST);
	ck_assert(!authority_pace_take(&p, 1000000 + 1000 / AUTHORITY_RATE - 1));
	ck_assert(authority_pace_take(&p, 1000000 + 1000 / AUTHORITY_RATE));
	ck_assert(!authority_pace_take(&p, 0)); /* a clock that goes back gives nothing */
	for (n = 0; authority_pace_take(&p, 1000); n++)
		;
	ck_assert_uint_eq(n, AUTHORITY_RATE);
}
END_TEST

/* The process */

static char dir[64];
static struct authority a;

/* The key's process as a child of the test's own. */
static int begin(struct authority *of, struct err *e)
{
	static struct nursery none;

	authority_plan(of, &none, dir);
	return authority_start(of, e);
}

static void setup(void)
{
	struct err e = { 0 };

	snprintf(dir, sizeof(dir), "/tmp/skein-authority-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_msg(begin(&a, &e) == 0, "%s", e.msg);
}

static void teardown(void)
{
	char *cmd = xasprintf("rm -rf %s", dir);

	authority_close(&a);
	ck_assert_int_eq(system(cmd), 0);
	free(cmd);
}

static struct authority_answer ask(const void *p, size_t n)
{
	struct authority_answer answer;

	ck_assert_int_eq(send(a.key.fd, p, n, 0), n);
	ck_assert_int_eq(recv(a.key.fd, &answer, sizeof(answer), 0), sizeof(answer));
	return answer;
}

START_TEST(certifies_what_a_sensor_asks_for)
{
	EVP_PKEY *key = cert_key_new(NULL);
	char *request = cert_request(key, "root CN=evil", NULL);
	struct authority_certificate out;
	char cn[CERT_CN], role[CERT_ROLE];
	X509 *cert;

	ck_assert_int_eq(authority_sign(&a, request, "s-7", "mirror", 100, &out, NULL), 0);
	cert = cert_parse(out.text, NULL);
	ck_assert(cert_matches(cert, a.cert, key));
	ck_assert_int_eq(cert_subject(cert, cn, role), 0);
	ck_assert_str_eq(cn, "s-7");
	ck_assert_str_eq(role, "mirror");
	ck_assert_int_le(llabs(out.expires - time(NULL) - 100), 2);
	ck_assert_int_eq(cert_expires(cert), out.expires);
	ck_assert(!(X509_get_extension_flags(cert) & EXFLAG_CA));
	free(out.text);
	ck_assert_int_eq(authority_sign(&a, request, "s 7", "host", 100, &out, NULL), -EINVAL);
	ck_assert_int_eq(authority_sign(&a, request, "s-7", "king", 100, &out, NULL), -EINVAL);
	ck_assert_int_eq(authority_sign(&a, "-----", "s-7", "host", 100, &out, NULL), -EINVAL);
	X509_free(cert);
	EVP_PKEY_free(key);
	free(request);
}
END_TEST

/* Each byte of a good question, changed: an answer of the right size each time, and no end. */
START_TEST(survives_whatever_it_is_asked)
{
	struct authority_ask q = a_good_one();
	EVP_PKEY *key = cert_key_new(NULL);
	uint8_t bytes[1024] = { 0 };
	unsigned signed_n = 0;

	ck_assert_int_eq(cert_point(key, q.point), 0);
	ck_assert_int_eq(ask(&q, sizeof(q)).code, 0);
	for (size_t i = 0; i < sizeof(q); i++) {
		struct authority_ask bad = q;

		((uint8_t *)&bad)[i] ^= 0x40;
		signed_n += ask(&bad, sizeof(bad)).code == 0;
	}
	ck_assert_uint_lt(signed_n, 16); /* other names, shorter lives */
	for (size_t n = 1; n <= sizeof(bytes); n += 37)
		ck_assert_int_eq(ask(bytes, n).code, -EINVAL);
	memset(q.point + 1, 0xff, sizeof(q.point) - 1); /* not on the curve */
	ck_assert_int_eq(ask(&q, sizeof(q)).code, -EINVAL);
	EVP_PKEY_free(key);
}
END_TEST

START_TEST(too_many_are_put_off)
{
	struct authority_ask q = a_good_one();
	EVP_PKEY *key = cert_key_new(NULL);
	int code = 0;

	ck_assert_int_eq(cert_point(key, q.point), 0);
	for (int i = 0; i < 10 * AUTHORITY_BURST && !code; i++)
		code = ask(&q, sizeof(q)).code;
	ck_assert_int_eq(code, -EAGAIN);
	EVP_PKEY_free(key);
}
END_TEST

/* Of a question that nobody waited for any more. */
START_TEST(a_late_answer_is_nobody_elses)
{
	struct authority_ask q = a_good_one();
	EVP_PKEY *late = cert_key_new(NULL), *key = cert_key_new(NULL);
	char *request = cert_request(key, "sensor", NULL);
	struct authority_certificate out;
	X509 *cert;

	ck_assert_int_eq(cert_point(late, q.point), 0);
	ck_assert_int_eq(send(a.key.fd, &q, sizeof(q), 0), sizeof(q));
	ck_assert_int_eq(authority_sign(&a, request, "s-7", "host", 100, &out, NULL), 0);
	cert = cert_parse(out.text, NULL);
	ck_assert(cert_matches(cert, a.cert, key));
	X509_free(cert);
	EVP_PKEY_free(late);
	EVP_PKEY_free(key);
	free(request);
	free(out.text);
}
END_TEST

START_TEST(ends_with_its_socket_and_is_missed)
{
	EVP_PKEY *key = cert_key_new(NULL);
	char *request = cert_request(key, "sensor", NULL);
	struct authority_certificate out;
	struct err e = { 0 };
	int status;

	shutdown(a.key.fd, SHUT_WR);
	while (!child_reap(&a.key, &status))
		usleep(1000);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ck_assert_int_eq(authority_sign(&a, request, "s-7", "host", 100, &out, &e), -EPIPE);
	ck_assert_ptr_nonnull(strstr(e.msg, "has ended"));
	EVP_PKEY_free(key);
	free(request);
}
END_TEST

/* Its files */

START_TEST(the_key_is_made_once_and_is_nobody_elses)
{
	char *key = file_path(dir, "ca.key"), *crt = file_path(dir, "ca.crt");
	struct authority again;
	struct err e = { 0 };
	struct stat st;

	ck_assert_int_eq(stat(key, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0);
	ck_assert_int_eq(begin(&again, NULL), 0);
	ck_assert_mem_eq(again.pin, a.pin, 32);
	authority_close(&again);
	ck_assert_int_eq(unlink(key), 0);
	ck_assert_int_lt(begin(&again, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.msg, "ca.crt without"));
	authority_close(&again);
	ck_assert_int_eq(unlink(crt), 0);
	ck_assert_int_eq(authority_open(&again, dir, &e), -ENOENT);
	free(key);
	free(crt);
}
END_TEST

/* As versions before have left it. */
START_TEST(a_key_that_could_be_read_is_locked)
{
	char *key = file_path(dir, "ca.key");
	struct authority again;
	struct stat st;

	ck_assert_int_eq(chmod(key, 0600), 0);
	ck_assert_int_eq(begin(&again, NULL), 0);
	ck_assert_mem_eq(again.pin, a.pin, 32);
	ck_assert_int_eq(stat(key, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0);
	authority_close(&again);
	free(key);
}
END_TEST

START_TEST(a_key_that_systemd_hands_in_is_used)
{
	char *key = file_path(dir, "ca.key"), *sub = file_path(dir, "given");
	char *given = file_path(sub, "ca.key");
	struct authority again;

	ck_assert_int_eq(mkdir(sub, 0700), 0);
	ck_assert_int_eq(rename(key, given), 0);
	ck_assert_int_eq(chmod(given, 0400), 0);
	ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", sub, 1), 0);
	ck_assert_int_eq(begin(&again, NULL), 0);
	ck_assert_mem_eq(again.pin, a.pin, 32);
	ck_assert_int_lt(access(key, F_OK), 0);
	authority_close(&again);
	free(key);
	free(sub);
	free(given);
}
END_TEST

START_TEST(the_collectors_own_is_made_when_it_is_wanted)
{
	char *path = file_path(dir, "collector.crt"),
	     *key_path = file_path(dir, "collector.key");
	struct cert_order o = { .kind = CERT_COLLECTOR,
				.cn = CERT_COLLECTOR_NAME,
				.seconds = AUTHORITY_RENEW_S - 60 };
	char *ca = file_path(dir, "ca.key");
	EVP_PKEY *key, *ca_key;
	X509 *cert;
	char *text;

	ck_assert_int_eq(chmod(ca, 0400), 0);
	ca_key = cert_key_read(ca, NULL);
	ck_assert_int_eq(authority_certify_self(&a, dir, NULL), 1);
	ck_assert_int_eq(authority_certify_self(&a, dir, NULL), 0);
	o.key = key = cert_key_read(key_path, NULL);
	cert = cert_issue(&o, a.cert, ca_key, NULL); /* good, but not for long */
	text = cert_text(cert);
	ck_assert_int_eq(file_replace(path, 0644, text, strlen(text), NULL), 0);
	ck_assert_int_eq(authority_certify_self(&a, dir, NULL), 1);
	ck_assert_int_eq(authority_certify_self(&a, dir, NULL), 0);
	ck_assert_int_eq(unlink(key_path), 0); /* another key: another certificate */
	ck_assert_int_eq(authority_certify_self(&a, dir, NULL), 1);
	X509_free(cert);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
	free(text);
	free(ca);
	free(path);
	free(key_path);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, only_whole_questions_are_taken);
	tcase_add_test(t, names_are_plain);
	tcase_add_test(t, so_many_and_no_more);
	tcase_add_test(t, certifies_what_a_sensor_asks_for);
	tcase_add_test(t, survives_whatever_it_is_asked);
	tcase_add_test(t, too_many_are_put_off);
	tcase_add_test(t, a_late_answer_is_nobody_elses);
	tcase_add_test(t, ends_with_its_socket_and_is_missed);
	tcase_add_test(t, the_key_is_made_once_and_is_nobody_elses);
	tcase_add_test(t, a_key_that_could_be_read_is_locked);
	tcase_add_test(t, a_key_that_systemd_hands_in_is_used);
	tcase_add_test(t, the_collectors_own_is_made_when_it_is_wanted);
	return unit_run("authority", t);
}
