// SPDX-License-Identifier: Apache-2.0
#include "superpose/cli/cli.h"

int main(int argc, char** argv) { return superpose::cli::run(argc, argv); }
