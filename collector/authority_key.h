/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that holds the authority's key, alone: it reads ca.key (or makes it, at the
 * first start), gives everything else up, and answers struct authority_ask until its socket
 * ends.
 *
 * The key is $CREDENTIALS_DIRECTORY/ca.key where systemd's LoadCredential= put one, else
 * DIR/ca.key.  That has the mode 0, so that its owner has to change the mode before he can
 * open it: none of the collector's other processes may (confine.h), and Landlock cannot keep
 * one file of a folder from who needs the others.  The certificate, DIR/ca.crt, is made beside
 * it.
 */
#ifndef COLLECTOR_AUTHORITY_KEY_H
#define COLLECTOR_AUTHORITY_KEY_H

#include "collector/child.h"

enum { AUTHORITY_CA_S = 3650 * 86400 };

struct authority_files {
	const char *dir; /* borrowed */
	int key;	 /* open for reading; -1: not yet */
	struct err why;	 /* why it is not */
};

/*
 * Makes what is missing, opens the key's file and locks it; CTX is a struct authority_files.
 * Once, before any process of the collector has taken a byte of strangers: whoever reads it
 * later has the descriptor, and needs no moment in which the file could be opened by its name.
 */
void authority_key_prepare(void *ctx);
/* A child_fn with the same CTX.  Its first message is a struct err: how it went. */
int authority_key_run(int fd, void *ctx);

#endif
