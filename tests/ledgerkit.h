/* SPDX-License-Identifier: Apache-2.0 */
/* Two machines that tell of each other, for what is tested of the ledger. */
#ifndef TESTS_LEDGERKIT_H
#define TESTS_LEDGERKIT_H

#include "store/ledger.h"

#include "store/roster.h"
#include "tests/storekit.h"

static struct kit kit;

static const struct kit_flow curl = { .client = "10.0.0.1",
				      .server = "10.0.0.2",
				      .client_name = "curl",
				      .opens = 5,
				      .witness = WITNESS_CLIENT };
static const struct kit_flow nginx = { .client = "10.0.0.1",
				       .server = "10.0.0.2",
				       .server_name = "nginx",
				       .opens = 5,
				       .witness = WITNESS_SERVER };

static inline struct kit_flow in_minute(struct kit_flow f, unsigned minute, uint64_t opens)
{
	f.minute = minute;
	f.opens = opens;
	return f;
}

static bool closing;

static inline void setup(void)
{
	kit_open(&kit);
	kit.closing = closing;
}

static inline void teardown(void)
{
	kit_close(&kit);
}

/* Sensors A on machine a and B on machine b. */
static inline void two_machines(void)
{
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	kit_sensor(&kit, "B", "b", "10.0.0.2");
}

static inline void send_flow(const char *sensor, struct kit_flow f)
{
	kit_flow(&kit, &f);
	kit_send(&kit, sensor);
}

static inline void send_covered(const char *sensor, struct kit_flow f)
{
	kit_flow(&kit, &f);
	kit_cover(&kit, f.minute, 0, 60);
	kit_send(&kit, sensor);
}

static inline void send_cover(const char *sensor, unsigned minute, unsigned from, unsigned to)
{
	kit_cover(&kit, minute, from, to);
	kit_send(&kit, sensor);
}

/* Every level must add up to the same, or a window lies. */
static inline void expect_all(const char *want)
{
	const struct filter hours = { .since = KIT_NOW / 1000 - 7200,
				      .until = KIT_NOW / 1000 + 7200 };
	const struct filter days = { .since = KIT_NOW / 1000 / 86400 * 86400,
				     .until = KIT_NOW / 1000 / 86400 * 86400 + 86400 };
	const struct filter minutes = { .since = KIT_NOW / 1000,
					.until = KIT_NOW / 1000 + 1800 };

	kit_expect(&kit, want);
	kit_expect_in(&kit, &days, want);
	kit_expect_in(&kit, &hours, want);
	kit_expect_in(&kit, &minutes, want);
}

/* The tests of T, with minutes open and with minutes over; what main returns. */
static inline int run_both(const char *name, TCase *(*tests)(const char *name))
{
	char words[80];
	int rc;

	snprintf(words, sizeof(words), "%s, minutes open", name);
	rc = unit_run(words, tests(words));
	closing = true;
	snprintf(words, sizeof(words), "%s, minutes over", name);
	return unit_run(words, tests(words)) || rc;
}

#endif
