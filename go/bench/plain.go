//go:build linux

package bench

// The function is in package celect, or in the installed libelect: weak, it need not be there when this package is linked alone.

// #include <stdint.h>
// int32_t elect_election_is_leader(const void *election) __attribute__((weak));
//
// static int32_t is_leader(uintptr_t election)
// {
//     return elect_election_is_leader((const void *)election);
// }
import "C"

// isLeader is what anybody would write who calls the library by cgo.
func isLeader(election uintptr) bool {
	return C.is_leader(C.uintptr_t(election)) == 1
}
