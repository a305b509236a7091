/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings and what they must decode to (tests/flows/make.py); every datagram of them cut at
 * every length, and with every byte changed to every other value.
 */
#include "collector/flows/foreign.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/foreignkit.h"
#include "tests/unit.h"

static const char *const names[] = {
	"damaged",	    "ipfix",
	"ipfix-frames",	    "ipfix-nat",
	"ipfix-times",	    "ipfix-withdrawn",
	"netflow5",	    "netflow9",
	"netflow9-asa",	    "netflow9-sequence",
	"netflow9-shapes",  "sflow",
	"sflow-frames",	    "softflowd-v5",
	"softflowd-v9",	    "softflowd-ipfix",
	"softflowd-biflow", "softflowd-psamp",
	"softflowd-ether",  "pmacct-sflow",
	"pmacct-ipfix",
};
enum { NAMES = sizeof(names) / sizeof(names[0]) };

static char *read_file(const char *folder, const char *name, const char *ending, size_t *n)
{
	char path[200];
	char *p = malloc(1 << 20);
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s%s", folder, name, ending);
	in = fopen(path, "rb");
	ck_assert_msg(in != NULL, "%s: cannot be opened", path);
	*n = fread(p, 1, (1 << 20) - 1, in);
	fclose(in);
	p[*n] = 0;
	return p;
}

START_TEST(recording_decodes_to_what_was_meant)
{
	size_t n, wanted_n, got_n;
	char *seed = read_file("tests/fuzz/seeds/foreign", names[_i], "", &n);
	char *wanted = read_file("tests/flows", names[_i], ".txt", &wanted_n), *got;
	struct foreign *f = foreign_new(100);
	FILE *out = open_memstream(&got, &got_n);

	foreignkit_print(out, f, (const uint8_t *)seed, n);
	fclose(out);
	ck_assert_str_eq(got, wanted);
	foreign_free(f);
	free(got);
	free(wanted);
	free(seed);
}
END_TEST

/* The promises of every flow.  Check's own words cost two system calls each: only in need. */
static void judge(const struct foreign_flow *f, void *ctx)
{
	uint64_t *n = ctx;

	if (addr_is_any(&f->src) || addr_is_any(&f->dst) || f->first_ms > f->last_ms)
		ck_abort_msg("a flow of no address, or that ends before it begins");
	if (f->has_tcp_flags && f->proto != 6)
		ck_abort_msg("flags of TCP with protocol %u", f->proto);
	if (f->has_nat && addr_eq(&f->nat_src, &f->src) && addr_eq(&f->nat_dst, &f->dst) &&
	    f->nat_sport == f->sport && f->nat_dport == f->dport)
		ck_abort_msg("a translation into the same");
	++*n;
}

/* In a place of its own, so that a read outside of it shows under the sanitizers. */
static void decode(struct foreign *f, const struct foreignkit *k, const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	uint64_t flows = 0;

	memcpy(copy, p, n);
	foreign_decode(f, &k->from, copy, n, k->now_ms, judge, &flows);
	free(copy);
	/* None is shorter than an IPv4 pair, but those that waited come out at once. */
	if (flows > (n + FOREIGN_WAITING_BYTES) / 8)
		ck_abort_msg("%zu bytes made %" PRIu64 " flows", n, flows);
}

/* With all that came before K's datagram. */
static struct foreign *state_before(const uint8_t *seed, const struct foreignkit *k)
{
	struct foreign *f = foreign_new(100);
	struct foreignkit before = foreignkit_of(seed, (size_t)(k->datagram - 4 - seed));

	while (foreignkit_next(&before))
		decode(f, &before, before.datagram, before.len);
	return f;
}

START_TEST(every_prefix_is_survived)
{
	size_t n;
	uint8_t *seed = (uint8_t *)read_file("tests/fuzz/seeds/foreign", names[_i], "", &n);
	struct foreignkit k = foreignkit_of(seed, n);

	while (foreignkit_next(&k)) {
		for (size_t len = 0; len < k.len; len++) {
			struct foreign *f = state_before(seed, &k);

			decode(f, &k, k.datagram, len);
			foreign_free(f);
		}
	}
	free(seed);
}
END_TEST

/* And then the same undamaged, so that what the damaged one left behind is used. */
static void flip(const uint8_t *seed, const struct foreignkit *k, size_t at, unsigned by)
{
	uint8_t bytes[65536];
	struct foreign *f = state_before(seed, k);

	memcpy(bytes, k->datagram, k->len);
	bytes[at] ^= (uint8_t)by;
	decode(f, k, bytes, k->len);
	decode(f, k, k->datagram, k->len);
	if (foreign_stats(f).bytes > 1 << 20)
		ck_abort_msg("more than 1 MiB is held");
	foreign_free(f);
}

START_TEST(every_changed_byte_is_survived)
{
	size_t n;
	uint8_t *seed = (uint8_t *)read_file("tests/fuzz/seeds/foreign", names[_i], "", &n);
	struct foreignkit k = foreignkit_of(seed, n);

	while (foreignkit_next(&k))
		for (size_t at = 0; at < k.len; at++)
			for (unsigned by = 1; by < 256; by++)
				flip(seed, &k, at, by);
	free(seed);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("foreign");

	tcase_add_loop_test(t, recording_decodes_to_what_was_meant, 0, NAMES);
	tcase_add_loop_test(t, every_prefix_is_survived, 0, NAMES);
	tcase_add_loop_test(t, every_changed_byte_is_survived, 0, NAMES);
	return unit_run("foreign", t);
}
