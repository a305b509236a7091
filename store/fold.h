/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Privacy: clients outside the estate are kept as the network that they are in, so that no
 * workstation and no person's address stands in the database.  A machine of the estate, one
 * with a lease or in one of its networks, keeps its address; so does every server.
 */
#ifndef STORE_FOLD_H
#define STORE_FOLD_H

#include "common/addr.h"
#include "store/store.h"

struct fold {
	unsigned v4, v6; /* bits that stay; 0: all of them, nothing is folded */
	const struct addr_net *estate;
	unsigned estate_n;
};

/* What is told from now on; F is borrowed until the store is closed. */
void store_fold(struct store *s, const struct fold *f);

/* True if *A lies outside and was folded. */
bool fold_address(const struct fold *f, struct addr *a);

#endif
