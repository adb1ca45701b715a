// SPDX-License-Identifier: Apache-2.0
// base: what every other folder stands on. No concept of the study lives here.
//
//   error.h     the one exception, Error{kind, text}, and SUPERPOSE_ASSERT for our own bugs
//   bytes.h     ByteReader and checked arithmetic: the only way parsers touch file bytes
//   files.h     mapped files, atomic writes
//   philox.h    counter-based random numbers: a draw is a pure function of what it is for
//   threads.h   a thread pool whose results do not depend on the number of threads
//   limits.h    the cores and the memory that this process may use
//   matrix.h    row-major matrix views and an owning matrix
//   aligned.h   vectors on cache-line boundaries
//   json.h      JSON values, safe parsing, fingerprints
//   names.h     the nearest known name, for messages about unknown ones
//   embedded.h  files compiled into the program
//   version.h   the program's version and the version of its numerics
//
// Unlike other folders, each of these headers may be included on its own.
#pragma once
#include "superpose/base/aligned.h"
#include "superpose/base/bytes.h"
#include "superpose/base/embedded.h"
#include "superpose/base/error.h"
#include "superpose/base/files.h"
#include "superpose/base/json.h"
#include "superpose/base/limits.h"
#include "superpose/base/matrix.h"
#include "superpose/base/names.h"
#include "superpose/base/philox.h"
#include "superpose/base/threads.h"
#include "superpose/base/version.h"
