/* SPDX-License-Identifier: Apache-2.0 */
/* What a sensor may not say, and what makes no sense. */
#include "tests/ledgerkit.h"

/* Rights */

/* A sensor that starts again tells what is open anew; what it told before is void. */
START_TEST(a_new_spool_voids_gauges)
{
	struct kit_flow f = curl;
	struct wire_batch b;

	kit_sensor(&kit, "A", "a", "10.0.0.1");
	f.live = 3;
	send_covered("A", f);
	kit_expect(&kit, "a/curl -> 10.0.0.2/ :80 opens 5 bytes 500+50 live 3 client\n");
	kit_cover(&kit, 1, 0, 60); /* without a break in what was watched */
	b = kit_batch(&kit, 2, 1);
	ck_assert_int_eq(kit_apply(&kit, "A", &b, KIT_NOW + 30 * KIT_MINUTE), LEDGER_APPLIED);
	wire_writer_begin(&kit.w, KIT_NOW);
	kit_expect(&kit, "a/curl -> 10.0.0.2/ :80 opens 5 bytes 500+50 client\n");
}
END_TEST

/* Nothing is taken over silently: A may be a clone, a thief, or was installed again. */
START_TEST(a_machine_installed_again_waits_for_a_person)
{
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	kit_sensor(&kit, "C", "a", "10.0.0.1");
	send_flow("C", curl);
	kit_expect(&kit, "");
	ck_assert_uint_eq(kit_health(&kit).quarantined, 2);
	kit_later(&kit, 60); /* A is silent, and has its machine still */
	kit_sensor(&kit, "C", "a", "10.0.0.1");
	send_flow("C", curl);
	kit_expect(&kit, "");
	ck_assert_int_eq(roster_allow(kit.s, "ann", "C", KIT_NOW, NULL), 0);
	send_flow("C", curl);
	kit_expect(&kit, "a/curl -> 10.0.0.2/ :80 opens 5 bytes 500+50 client\n");
	send_flow("A", curl); /* it no longer speaks for anybody */
	kit_expect(&kit, "a/curl -> 10.0.0.2/ :80 opens 5 bytes 500+50 client\n");
	ck_assert_uint_eq(kit_health(&kit).quarantined, 5);
}
END_TEST

START_TEST(the_machine_of_a_revoked_sensor_is_free)
{
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	ck_assert_int_eq(roster_revoke(kit.s, "ann", "A", KIT_NOW, NULL), 0);
	kit_sensor(&kit, "C", "a", "10.0.0.1");
	send_flow("C", curl);
	kit_expect(&kit, "a/curl -> 10.0.0.2/ :80 opens 5 bytes 500+50 client\n");
}
END_TEST

/* Every machine with containers has a bridge of the same addresses. */
START_TEST(container_bridges_stay_apart)
{
	struct kit_flow f = curl;

	for (const char *sensor = "AB"; *sensor; sensor++) {
		static struct machine m;
		char name[2] = { *sensor, 0 }, id[2] = { (char)(*sensor + 'a' - 'A'), 0 };

		m = (struct machine){
			.id = id, .name = id, .os = "", .kernel = "", .arch = ""
		};
		m.addrs[m.addrs_n++] = kit_addr("172.17.0.1");
		m.addrs[m.addrs_n++] = kit_addr("172.17.0.2");
		wire_write_machine(&kit.w, &m);
		f.client = "172.17.0.1";
		f.server = "172.17.0.2";
		kit_flow(&kit, &f);
		kit_send(&kit, name);
	}
	kit_expect(&kit, "a/curl -> a/ :80 opens 5 bytes 500+50 client\n"
			 "b/curl -> b/ :80 opens 5 bytes 500+50 client\n");
}
END_TEST

START_TEST(nobody_speaks_for_others)
{
	struct kit_flow f = curl;
	struct health h;

	two_machines();
	f.client = "10.0.0.9";
	send_flow("A", f);     /* not its address */
	send_flow("A", nginx); /* the server's side is b's */
	f = curl;
	f.witness = WITNESS_MIRROR;
	send_flow("A", f);
	kit_machine(&kit, "b", "10.0.0.1"); /* another's machine */
	kit_send(&kit, "A");
	kit_expect(&kit, "");
	h = kit_health(&kit);
	ck_assert_uint_eq(h.quarantined, 4);
	ck_assert_uint_eq(h.rejected, 0);
	ck_assert_uint_eq(h.records, 2 + 3); /* machines, and processes beside the flows */
	ck_assert_uint_eq(h.sensors, 2);
}
END_TEST

START_TEST(a_host_names_its_own_processes_only)
{
	struct kit_flow f = curl;

	f.server_name = "forged";
	two_machines();
	send_flow("A", f);
	kit_expect(&kit, "a/curl -> b/ :80 opens 5 bytes 500+50 client\n");
}
END_TEST

START_TEST(poison_ends_a_batch_but_not_the_sensor)
{
	struct wire_batch b;
	struct health h;

	kit_sensor(&kit, "A", "a", "10.0.0.1");
	kit_flow(&kit, &curl);
	buf_u8(&kit.w.body, WIRE_R_FLOW);
	buf_u16(&kit.w.body, 3);
	buf_put(&kit.w.body, "\xff\xff\xff", 3);
	kit.w.records++;
	kit_flow(&kit, &curl);
	kit_cover(&kit, 0, 0, 60);
	b = kit_batch(&kit, 1, 2);
	ck_assert_int_eq(kit_apply(&kit, "A", &b, KIT_NOW), LEDGER_APPLIED);
	ck_assert_int_eq(kit_apply(&kit, "A", &b, KIT_NOW), LEDGER_KNOWN);
	kit_expect(&kit, "a/curl -> 10.0.0.2/ :80 opens 5 bytes 500+50 client\n");
	h = kit_health(&kit);
	ck_assert_uint_eq(h.records + h.quarantined + h.rejected, 1 + b.records);
	ck_assert_uint_eq(h.rejected, 4);
}
END_TEST

/* Every batch cut short anywhere, and with any byte wrong: never more than a rejected record.
 */
START_TEST(any_bytes_are_survived)
{
	struct buf good = { 0 };
	uint64_t sequence = 1;

	kit_sensor(&kit, "A", "a", "10.0.0.1");
	kit_machine(&kit, "a", "10.0.0.1");
	kit_flow(&kit, &curl);
	kit_cover(&kit, 0, 0, 60);
	buf_put(&good, kit.w.body.p, kit.w.body.n);
	for (size_t i = 0; i < good.n * 2; i++) {
		struct wire_batch b = kit_batch(&kit, 1, ++sequence);
		size_t at = i / 2;

		memcpy(kit.w.body.p, good.p, good.n);
		if (i % 2)
			b.body = cur_of(kit.w.body.p, at);
		else
			kit.w.body.p[at] ^= 0x81;
		ck_assert_int_eq(kit_apply(&kit, "A", &b, KIT_NOW), LEDGER_APPLIED);
	}
	free(kit_edges(&kit, NULL));
	buf_fini(&good);
}
END_TEST

START_TEST(senseless_records_are_rejected)
{
	struct flow f = { .witness = WITNESS_CLIENT,
			  .proto = PROTO_TCP,
			  .port = 80,
			  .client = kit_addr("10.0.0.1"),
			  .server = kit_addr("10.0.0.2"),
			  .minute = KIT_NOW / KIT_MINUTE };
	struct cover backwards = { KIT_NOW, KIT_NOW - 1, 0 };
	struct cover endless = { KIT_NOW, KIT_NOW + 7200000, 0 };

	kit_sensor(&kit, "A", "a", "10.0.0.1");
	f.c.opens = INT64_MAX;
	wire_write_flow(&kit.w, &f, 0, 0);
	f.c.opens = 1;
	f.server = kit_addr("0.0.0.0");
	wire_write_flow(&kit.w, &f, 0, 0);
	wire_write_cover(&kit.w, &backwards);
	wire_write_cover(&kit.w, &endless);
	kit_send(&kit, "A");
	kit_expect(&kit, "");
	ck_assert_uint_eq(kit_health(&kit).rejected, 4);
}
END_TEST

START_TEST(impossible_times_become_now)
{
	struct flow f = { .witness = WITNESS_CLIENT,
			  .proto = PROTO_TCP,
			  .port = 80,
			  .client = kit_addr("10.0.0.1"),
			  .server = kit_addr("10.0.0.2"),
			  .minute = 5,
			  .first_ms = UINT64_MAX / 2 + 5,
			  .last_ms = 1,
			  .c = { .opens = 1 } };
	const struct filter now = { .since = KIT_NOW / 1000 + 1800,
				    .until = KIT_NOW / 1000 + 1860 };
	struct health h;

	kit_sensor(&kit, "A", "a", "10.0.0.1");
	wire_write_flow(&kit.w, &f, 0, 0);
	kit_send(&kit, "A");
	kit_expect_in(&kit, &now, "a/ -> 10.0.0.2/ :80 opens 1 client\n");
	h = kit_health(&kit);
	ck_assert_int_eq(h.first, KIT_NOW / 1000 + 1800);
	ck_assert_int_eq(h.last, KIT_NOW / 1000 + 1800);
}
END_TEST

START_TEST(losses_show)
{
	struct lost l = { KIT_NOW - 60000, KIT_NOW, 17 };
	struct cover c = { KIT_NOW, KIT_NOW + 1000, 3 };

	kit_sensor(&kit, "A", "a", "10.0.0.1");
	wire_write_lost(&kit.w, &l);
	wire_write_cover(&kit.w, &c);
	kit_send(&kit, "A");
	ck_assert_uint_eq(kit_health(&kit).lost, 17);
	ck_assert_uint_eq(kit_health(&kit).overflow, 3);
}
END_TEST

/* NAME says whether each minute is over as soon as something came, or only read as if. */
static TCase *tests(const char *name)
{
	TCase *t = tcase_create(name);

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_new_spool_voids_gauges);
	tcase_add_test(t, a_machine_installed_again_waits_for_a_person);
	tcase_add_test(t, the_machine_of_a_revoked_sensor_is_free);
	tcase_add_test(t, container_bridges_stay_apart);
	tcase_add_test(t, nobody_speaks_for_others);
	tcase_add_test(t, a_host_names_its_own_processes_only);
	tcase_add_test(t, poison_ends_a_batch_but_not_the_sensor);
	tcase_add_test(t, any_bytes_are_survived);
	tcase_add_test(t, senseless_records_are_rejected);
	tcase_add_test(t, impossible_times_become_now);
	tcase_add_test(t, losses_show);
	return t;
}

int main(void)
{
	return run_both("what the ledger refuses", tests);
}
