/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No byte of a stranger reaches a parser of batches.
 *
 * The linker puts what stands here in front of the three functions that look into one
 * (Makefile, --wrap): they count their calls in memory that the collector, a child, shares
 * with the test.  So what is proved is not that the collector says so, but that they were not
 * called: with batches in every form, by everybody who may not send one.  A last peer who may
 * shows that the counting works.
 */
#include <sqlite3.h>
#include <sys/mman.h>

#include "tests/peerkit.h"
#include "tests/unit.h"

struct counts {
	uint64_t envelopes, zipped, records;
};
static struct counts *counts;

int __real_wire_get_batch(struct cur body, struct wire_batch *out);
int __wrap_wire_get_batch(struct cur body, struct wire_batch *out);
int __wrap_wire_get_batch(struct cur body, struct wire_batch *out)
{
	counts->envelopes++;
	return __real_wire_get_batch(body, out);
}

int __real_unzip(struct unzip *u, struct cur body, void *out, size_t n);
int __wrap_unzip(struct unzip *u, struct cur body, void *out, size_t n);
int __wrap_unzip(struct unzip *u, struct cur body, void *out, size_t n)
{
	counts->zipped++;
	return __real_unzip(u, body, out, n);
}

void __real_wire_reader_begin(struct wire_reader *r, struct cur body);
void __wrap_wire_reader_begin(struct wire_reader *r, struct cur body);
void __wrap_wire_reader_begin(struct wire_reader *r, struct cur body)
{
	counts->records++;
	__real_wire_reader_begin(r, body);
}

static void setup(void)
{
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(counts != MAP_FAILED);
	kit_setup();
}

static void nothing_was_parsed(void)
{
	ck_assert_uint_eq(counts->envelopes, 0);
	ck_assert_uint_eq(counts->zipped, 0);
	ck_assert_uint_eq(counts->records, 0);
}

/* Who may send one, sends one; ends with the collector's having taken it. */
static void the_counting_works(void)
{
	struct buf b = { 0 };
	struct peer p;

	peer_open_enrolled(&p);
	put_hello(&b, 7, 7, WIRE_CAN_ZSTD);
	put_batch(&b, 7, 1, true);
	say(&p, &b);
	ck_assert_uint_eq(hear_welcome(&p), 0);
	ck_assert_uint_eq(hear_ack(&p), 1);
	peer_close(&p);
	ck_assert_uint_eq(counts->envelopes, 1);
	ck_assert_uint_eq(counts->zipped, 1);
	ck_assert_uint_ge(counts->records, 1);
}

enum { FORMS = 6 };

/* Batches as somebody might try them: alone, behind this or that, marked as optional. */
static void put_form(struct buf *b, unsigned form)
{
	struct wire_enroll enroll = { "skein1.x.y", "request", "host" };
	size_t at;

	switch (form) {
	case 0:
		break;
	case 1:
		wire_put_enroll(b, &enroll);
		break;
	case 2:
		put_hello(b, 1, 1, WIRE_CAPABILITIES);
		break;
	case 3: /* a greeting that is cut */
		at = wire_frame_begin(b, WIRE_HELLO, 0);
		buf_u16(b, WIRE_MINOR);
		wire_frame_end(b, at);
		break;
	case 4:
		at = wire_frame_begin(b, 99, WIRE_OPTIONAL);
		wire_frame_end(b, at);
		break;
	case 5:
		at = wire_frame_begin(b, WIRE_ERROR, 0);
		wire_frame_end(b, at);
		break;
	}
	for (uint64_t i = 1; i <= 8; i++) {
		at = b->n;
		put_batch(b, 1, i, i % 2);
		b->p[at + 5] = i > 4 ? WIRE_OPTIONAL : 0;
	}
}

static void hear_out(struct peer *p)
{
	struct wire_frame f;

	while (hear(p, &f))
		ck_assert_int_ne(f.type, WIRE_ACK);
}

static void try_forms(void (*open)(struct peer *p))
{
	for (unsigned form = 0; form < FORMS; form++) {
		struct buf b = { 0 };
		struct peer p;

		open(&p);
		put_form(&b, form);
		say(&p, &b);
		hear_out(&p);
		peer_close(&p);
	}
	nothing_was_parsed();
}

START_TEST(without_tls)
{
	struct identity id;

	for (unsigned form = 0; form < FORMS; form++) {
		struct buf b = { 0 };
		int fd = dial();
		char byte;

		put_form(&b, form);
		ck_assert_int_eq(write(fd, b.p, b.n), (ssize_t)b.n);
		while (read(fd, &byte, 1) > 0)
			;
		close(fd);
		buf_fini(&b);
	}
	nothing_was_parsed();
	enrol_well(&id);
	the_counting_works();
}
END_TEST

START_TEST(without_a_certificate)
{
	struct identity id;

	try_forms(peer_open_stranger);
	enrol_well(&id);
	the_counting_works();
}
END_TEST

/*
 * With ours as authority and its own certificate; the handshake is over for it before it
 * hears that this is refused.
 */
static void open_foreign(struct peer *p)
{
	char ca[128], cert[128], key[128];
	struct err e = { 0 };
	EVP_PKEY *their_key;
	X509 *ours, *theirs;
	SSL_CTX *ctx;

	snprintf(ca, sizeof(ca), "%s/ca.crt", mine);
	snprintf(cert, sizeof(cert), "%s/foreign/sensor.crt", dir);
	snprintf(key, sizeof(key), "%s/foreign/sensor.key", dir);
	theirs = cert_read(cert, &e);
	their_key = cert_key_read(key, &e);
	ours = cert_read(ca, &e);
	ctx = tls_client(ours, theirs, their_key, &e);
	ck_assert_msg(ctx != NULL, "%s", e.msg);
	X509_free(ours);
	X509_free(theirs);
	EVP_PKEY_free(their_key);
	ck_assert(peer_open(p, ctx));
}

/* An identity of another collector, whose owner knows ours. */
START_TEST(with_a_certificate_of_another_authority)
{
	char ours[96], foreign[128];
	struct identity id;
	struct err e = { 0 };

	enrol_well(&id);
	snprintf(ours, sizeof(ours), "%s", home);
	snprintf(foreign, sizeof(foreign), "%s/foreign", dir);
	ck_assert_int_eq(end_collector(SIGTERM), 0);
	snprintf(home, sizeof(home), "%s/other", dir);
	start_collector(0);
	make_token(60, 1);
	ck_assert_int_eq(enrol(foreign, token, false, &id, &e), 0);
	ck_assert_int_eq(end_collector(SIGTERM), 0);
	snprintf(home, sizeof(home), "%s", ours);
	start_collector(0);
	try_forms(open_foreign);
	the_counting_works();
}
END_TEST

static void sql(const char *text)
{
	char path[128];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/skein.db", home);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	ck_assert_int_eq(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

START_TEST(with_a_certificate_that_is_revoked)
{
	struct identity id;

	enrol_well(&id);
	sql("UPDATE sensor SET revoked = 1");
	try_forms(peer_open_enrolled);
	sql("UPDATE sensor SET revoked = 0");
	the_counting_works();
}
END_TEST

/* Known, but the greeting is missing, wrong, or not the first word. */
START_TEST(before_a_greeting)
{
	static const unsigned forms[] = { 0, 1, 3, 4, 5 };
	struct identity id;

	enrol_well(&id);
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		struct buf b = { 0 };
		struct peer p;

		peer_open_enrolled(&p);
		put_form(&b, forms[i]);
		say(&p, &b);
		hear_out(&p);
		peer_close(&p);
	}
	nothing_was_parsed();
	the_counting_works();
}
END_TEST

/* A copy of a key, while its owner is connected. */
START_TEST(after_a_greeting_that_is_refused)
{
	struct identity id;
	struct peer owner, copy;
	struct buf b = { 0 };

	enrol_well(&id);
	peer_open_enrolled(&owner);
	say_hello(&owner, 5, 7);
	ck_assert_uint_eq(hear_welcome(&owner), 0);
	peer_open_enrolled(&copy);
	put_form(&b, 2); /* of another boot */
	say(&copy, &b);
	hear_out(&copy);
	peer_close(&copy);
	nothing_was_parsed();
	peer_close(&owner);
	usleep(200000);
	the_counting_works();
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, kit_teardown);
	tcase_add_test(t, without_tls);
	tcase_add_test(t, without_a_certificate);
	tcase_add_test(t, with_a_certificate_of_another_authority);
	tcase_add_test(t, with_a_certificate_that_is_revoked);
	tcase_add_test(t, before_a_greeting);
	tcase_add_test(t, after_a_greeting_that_is_refused);
	return unit_run("barred", t);
}
