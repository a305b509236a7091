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

/* A child_fn; CTX is the data directory.  Its first message is a struct err: how it went. */
int authority_key_run(int fd, void *ctx);

#endif
