#include "superpose/kernels/kernels.h"
