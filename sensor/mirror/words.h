/* SPDX-License-Identifier: Apache-2.0 */
/* Names that many connections have, each kept once for as long as one has it; bounded. */
#ifndef SENSOR_MIRROR_WORDS_H
#define SENSOR_MIRROR_WORDS_H

#include <stdint.h>

enum { WORDS_MAX = 65536 };

struct words;
struct words *words_new(void);
void words_free(struct words *w);
/* A number for WORD, one more user of it; 0: no room (counted). */
uint32_t words_take(struct words *w, const char *word);
/* One user less; 0 is nobody's. */
void words_give(struct words *w, uint32_t id);
/* "" for 0; good until it is given back. */
const char *words_of(const struct words *w, uint32_t id);
uint64_t words_lost(const struct words *w);

#endif
