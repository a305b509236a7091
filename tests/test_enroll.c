/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolling where too many do it at once: by a collector that is busy so many times. */
#include "collector/authority.h"
#include "tests/peerkit.h"
#include "tests/unit.h"

/* The answer to an ENROLL: CODE, or a certificate where it is 0. */
static void answer(struct authority *a, const struct wire_frame *f, uint16_t code,
		   struct buf *out)
{
	struct wire_error error = { code, "not now" };
	struct authority_certificate cert;
	struct wire_cert m = { .sensor = "s-1", .authority = a->text };
	struct wire_enroll enroll;

	ck_assert_int_eq(f->type, WIRE_ENROLL);
	ck_assert_int_eq(wire_get_enroll(f->body, &enroll), 0);
	if (code) {
		wire_put_error(out, &error);
		return;
	}
	ck_assert_int_eq(authority_sign(a, enroll.request, m.sensor, "host", 600, &cert, NULL),
			 0);
	m.certificate = cert.text;
	wire_put_cert(out, &m);
	free(cert.text);
}

static void serve(struct authority *a, SSL_CTX *tls, int listener, uint16_t code)
{
	struct wire_frame f;
	struct buf out = { 0 };
	struct peer p = { .fd = accept(listener, NULL, NULL), .ssl = tls_accepting(tls) };

	SSL_set_fd(p.ssl, p.fd);
	ck_assert_int_eq(SSL_accept(p.ssl), 1);
	ck_assert(hear(&p, &f));
	answer(a, &f, code, &out);
	say(&p, &out);
	ck_assert(!hear(&p, &f)); /* it hangs up */
	SSL_free(p.ssl);
	close(p.fd);
}

/* In the place of the real one, with its files: BUSY times busy, then LAST, and ends. */
static pid_t take_over(unsigned busy, uint16_t last)
{
	static struct nursery none;
	struct sockaddr_in sin = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof(sin);
	struct authority a;
	SSL_CTX *tls;
	pid_t pid;

	ck_assert_int_eq(end_collector(SIGTERM), 0);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sin, &n), 0);
	port = ntohs(sin.sin_port);
	pid = fork();
	if (pid) {
		close(fd);
		return pid;
	}
	authority_plan(&a, &none, home);
	ck_assert_int_eq(authority_start(&a, NULL), 0);
	tls = authority_tls(home, NULL);
	for (unsigned i = 0; i < busy; i++)
		serve(&a, tls, fd, WIRE_E_BUSY);
	serve(&a, tls, fd, last);
	SSL_CTX_free(tls);
	authority_close(&a);
	exit(0);
}

static void ends_well(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

START_TEST(who_is_busy_is_asked_again)
{
	pid_t pid = take_over(2, 0);
	uint64_t began = clock_us();
	struct identity id;

	log_open("test", LOG_ERR_);
	enrol_well(&id);
	ck_assert_str_eq(id.sensor, "s-1");
	ck_assert_uint_ge(clock_us() - began, 250000 + 500000); /* half of what it may rest */
	ends_well(pid);
}
END_TEST

START_TEST(any_other_no_is_the_last)
{
	static const struct {
		uint16_t code;
		int rc;
	} noes[] = { { WIRE_E_REFUSED, -EACCES }, { WIRE_E_INTERNAL, -EAGAIN } };
	struct identity id;
	struct err e = { 0 };

	for (size_t i = 0; i < sizeof(noes) / sizeof(*noes); i++) {
		pid_t pid = take_over(0, noes[i].code);

		ck_assert_int_eq(enrol(mine, token, false, &id, &e), noes[i].rc);
		ck_assert_ptr_nonnull(strstr(e.msg, "not now"));
		ends_well(pid);
		start_collector(0);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, kit_setup, kit_teardown);
	tcase_add_test(t, who_is_busy_is_asked_again);
	tcase_add_test(t, any_other_no_is_the_last);
	return unit_run("enroll", t);
}
