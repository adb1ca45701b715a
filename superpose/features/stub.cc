#include "superpose/features/features.h"
