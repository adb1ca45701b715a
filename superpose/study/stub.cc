#include "superpose/study/study.h"
