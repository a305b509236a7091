/* SPDX-License-Identifier: Apache-2.0 */
/* The end of every unit test's main(): runs the one case that its tests are in. */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <check.h>

/* Exit status; CK_VERBOSITY chooses how much is said (Check's CK_ENV). */
static inline int unit_run(const char *name, TCase *t)
{
	Suite *s = suite_create(name);
	SRunner *r;
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 120);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}

#endif
