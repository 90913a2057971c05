//go:build linux && cgo && (amd64 || arm64) && !libelect_system

package celect

// pkg-config need not be there: in Debian and Ubuntu these lie where the compiler looks. Elsewhere CGO_CFLAGS and
// CGO_LDFLAGS say where they are.

// #cgo LDFLAGS: -levent_openssl -levent_core -lhiredis -lcjson -lssl -lcrypto -lpthread
import "C"
