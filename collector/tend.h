/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retention (store/retain.h) between two commits: a slice at a time, each followed by a rest
 * that is longer than it took, so that a commit waits for one slice at most.
 */
#ifndef COLLECTOR_TEND_H
#define COLLECTOR_TEND_H

#include "collector/hub.h"
#include "store/retain.h"

struct tend;

struct tend *tend_new(struct hub *hub, const struct retain *keep);
void tend_free(struct tend *t);

#endif
