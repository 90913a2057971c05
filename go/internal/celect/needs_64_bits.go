//go:build linux && cgo && !(amd64 || arm64)

package celect

// What is undefined here is what the compiler prints: SWIG's output holds the sizes of 64 bits.
var _ = libelect_for_Go_is_for_amd64_and_arm64_only
