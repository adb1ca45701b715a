#include "superpose/geometry/geometry.h"
