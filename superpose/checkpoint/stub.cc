#include "superpose/checkpoint/checkpoint.h"
