#include "superpose/toy/toy.h"
