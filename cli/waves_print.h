/* SPDX-License-Identifier: Apache-2.0 */
/* Waves, cuts and firewall rules as tables, CSV and JSON, on standard output. */
#ifndef CLI_WAVES_PRINT_H
#define CLI_WAVES_PRINT_H

#include "cli/options.h"
#include "graph/cut.h"
#include "graph/firewall.h"
#include "graph/waves.h"

struct waves_print {
	const struct options *o;
	const struct graph *g;
	const struct plan *p;
	const struct waves *w;
	const struct cuts *c;
};

void waves_print_all(const struct waves_print *x);
/* One wave with its groups, why they are in it, and what it cuts; CSV has the cuts alone. */
void waves_print_one(const struct waves_print *x, const struct wave *wave);
void waves_print_firewall(const struct waves_print *x, const struct firewall *f);

#endif
