#include "superpose/store/store.h"
