//go:build linux

package celect

// Supported tells whether there is a libelect for this system.
const Supported = true
