/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of waves: made by a command, kept in the store as JSON, read again. */
#ifndef GRAPH_WAVE_RULES_H
#define GRAPH_WAVE_RULES_H

#include "common/buf.h"
#include "common/err.h"
#include "graph/waves.h"
#include "store/store.h"

#define WAVE_RULES_KEY "waves" /* of the setting */

void wave_rules_fini(struct wave_rules *r);
/* Freezes that touch become one. */
void wave_rules_freeze(struct wave_rules *r, int64_t from, int64_t to);
/* Takes the place of an older rule for the same. */
void wave_rules_shared(struct wave_rules *r, const char *what, enum service_advice advice);

/* "replicate", "replicated", "stretch" ...; false for any other word. */
bool wave_rules_advice(const char *word, enum service_advice *out);

void wave_rules_write(const struct wave_rules *r, struct buf *out);
/* -EINVAL with words for what is no such document, or a newer one. */
int wave_rules_read(const char *json, struct wave_rules *out, struct err *e);

/* From the store: all zeros where none were saved. */
int wave_rules_load(struct store *s, struct wave_rules *out, struct err *e);
int wave_rules_save(struct store *s, const struct wave_rules *r, struct err *e);

/*
 * For whoever makes or edits a plan: fills the waves of P by the saved rules.  Groups that
 * people approved or moved get the wave that the newest saved plan has for their name, if P
 * has none.
 */
int waves_refresh(struct store *s, const struct graph *g, struct plan *p, struct err *e);

#endif
