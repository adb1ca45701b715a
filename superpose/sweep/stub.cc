#include "superpose/sweep/sweep.h"
