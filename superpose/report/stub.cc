#include "superpose/report/report.h"
