/* SPDX-License-Identifier: Apache-2.0 */
/* Environments in the order in which they move: what may break first goes first. */
#ifndef GRAPH_TIER_H
#define GRAPH_TIER_H

enum tier { TIER_DEV, TIER_TEST, TIER_STAGE, TIER_PROD, TIERS };

/*
 * By ENV, else by a word within NAME ("shop-tst", "Shop (UAT)"); production where neither
 * says anything.
 */
enum tier tier_of(const char *env, const char *name);
/*
 * NAME in lower case without the words that tell an environment, and one '-' between those
 * that are left: "Shop-TST" and "shop (prod)" are both "shop".  The caller frees it.
 */
char *tier_family(const char *name);
/*
 * The same, where ENV is known and no word tells it, without what stands for it at the end of
 * the last word: "shopt" of test and "shopp" of production are both "shop".  "": no such end.
 */
char *tier_stem(const char *env, const char *name);

#endif
