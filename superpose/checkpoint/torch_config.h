// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "superpose/base/json.h"
#include "superpose/checkpoint/pickle.h"

namespace superpose::checkpoint {

// The plain values that a training script keeps beside the weights under `model_args`, `config`, `hyper_parameters`,
// ...: a dict, or the attributes of an argparse.Namespace or of a class of settings. Of a field that several hold, the
// first in that order counts. Null when there are none.
Json read_torch_config(const PickleTree& tree);

}  // namespace superpose::checkpoint
