/* SPDX-License-Identifier: Apache-2.0 */
/* The versions that go into every program, database, frame and document. */
#ifndef COMMON_VERSION_H
#define COMMON_VERSION_H

#define SKEIN_VERSION "0.1.0"

/* Wire: the major number is in the ALPN name, the minor one in HELLO (docs/wire.md). */
#define WIRE_ALPN "skein/1"
#define WIRE_MINOR 1

/* The exchange format, and every JSON document that a command prints ("version": N). */
#define JSON_VERSION 1

#endif
