// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/inspect.h"
#include <gtest/gtest.h>
