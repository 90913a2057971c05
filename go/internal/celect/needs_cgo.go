//go:build linux && !cgo

package celect

// What is undefined here is what the compiler prints: without cgo there is no libelect.
var _ = libelect_needs_cgo__install_gcc_libevent_dev_libcjson_dev_libhiredis_dev_libssl_dev_and_build_with_CGO_ENABLED_1
