/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A spreadsheet's list of machines (CMDB, hypervisor, inventory): which column is what, and
 * which machine a row speaks of.
 *
 * The first row names the columns, in the spellings that such lists have ("Hostname", "IP
 * Address", "Business Owner", "RAM (GB)"); a column that is none of these is kept as a further
 * key under its own name.  A row speaks of the machine that has its id, else its name (whole,
 * or up to the first point), else its address; where there is none it is a new one.
 */
#ifndef CLI_SHEET_H
#define CLI_SHEET_H

#include "common/csv.h"
#include "store/import.h"

struct sheet;

struct sheet *sheet_new(void);
void sheet_free(struct sheet *s);
/* The machines that rows may speak of; without it all are new. */
int sheet_know(struct sheet *s, struct store *store, struct err *e);
/* The row of names. 0, or -EINVAL with words. */
int sheet_header(struct sheet *s, const struct csv *row, struct err *e);
/*
 * 1 with *OUT, borrowed until the next call; 0 for an empty row; -EINVAL with words for one
 * that does not say which machine it is of.  Further keys that the machine has stay, but for
 * those that the row has too.
 */
int sheet_row(struct sheet *s, const struct csv *row, struct import_machine *out,
	      struct err *e);

#endif
