#include "superpose/fit/fit.h"
