// SPDX-License-Identifier: Apache-2.0
// study: the only place where concepts meet. The verbs of the command line are calls into it.
//
//   toy_run    a toy model trained (toy/) and measured (geometry/): the `toy` verb, and the work of a sweep
//   snapshot   the state of a training run in a file, to go on from
//   dial       a toy model in training whose γ a hand turns: what a page shows while it trains
//   picture    W as a page draws it: vectors in the plane, overlaps, the Gram matrix
//   live       what a sweep does now, for who looks on
//   inspect    a checkpoint's head read (checkpoint/) and measured (geometry/), with a verdict
//   compare    several checkpoints: overlap against width, norms over training, duplicates and contradictions
//   claims     the ledger: each claim of the paper against what was computed here
//   plan       a sweep from its request to its end
//   serving    a store in the browser
//   run        a whole study: sweep, fits, inspections, ledger, page
//   results    finished runs as a table, and back: what took hours, kept beside the code
//   files      study files, published tables and tolerances, compiled in
#pragma once
#include "superpose/study/claims.h"
#include "superpose/study/compare.h"
#include "superpose/study/dial.h"
#include "superpose/study/files.h"
#include "superpose/study/inspect.h"
#include "superpose/study/live.h"
#include "superpose/study/plan.h"
#include "superpose/study/results.h"
#include "superpose/study/run.h"
#include "superpose/study/serving.h"
#include "superpose/study/snapshot.h"
#include "superpose/study/toy_run.h"
