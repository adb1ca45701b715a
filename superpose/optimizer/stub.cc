#include "superpose/optimizer/optimizer.h"
