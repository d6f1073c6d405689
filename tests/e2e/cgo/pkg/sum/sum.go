// Package sum calls C with arguments of every kind: with the wrong float ABI the result is wrong.
package sum

/*
#include <math.h>
#cgo LDFLAGS: -lm

static double add(int a, float b, double c, long long d) {
	return (double)a + (double)b + sqrt(c) + (double)d;
}
*/
import "C"

// Halves is 1 + 0.5 + 4 + 1099511627776 by C's arithmetic.
func Halves() float64 {
	return float64(C.add(1, 0.5, 16, 1<<40))
}
